from springline.testing import FakeHost

from app import {{module}}


def test_greets() -> None:
    host = FakeHost()
    assert host.run({{module}}, {"name": "Ada"}) == "1 file"
    assert host.output("hello.txt") == b"Hello, Ada\n"
