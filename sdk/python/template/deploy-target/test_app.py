from springline import Action, Object
from springline.testing import FakeHost

from app import Files


def test_files_are_put_and_removed() -> None:
    host = FakeHost()
    target = host.target(Files)
    first = host.sync(target, [Object.inline("a.txt", "text")])
    assert [(it.action, it.ref) for it in first.changes] == [(Action.CREATE, "a.txt")]
    assert host.live["a.txt"] == b"text"

    second = host.sync(target, [], first.owned)
    assert [(it.action, it.ref) for it in second.changes] == [(Action.DELETE, "a.txt")]
    assert list(host.live) == []
