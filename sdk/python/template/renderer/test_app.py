from springline import Object
from springline.testing import FakeHost

from app import {{module}}


def test_every_file_has_the_header() -> None:
    host = FakeHost()
    host.add_input("a.txt", "text\n")
    objects = host.render({{module}}, {"header": "# ours"})
    assert objects == [Object.inline("a.txt", "# ours\ntext\n")]
