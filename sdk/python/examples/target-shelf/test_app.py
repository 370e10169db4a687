import pytest

from app import Shelf
from springline import Action, Conflict, Denied, Difference, Health, HealthStatus, Invalid, Object
from springline.testing import FakeHost

ME = "example/test"
DESIRED = [Object.inline("a.txt", "one"), Object.inline("b/c.txt", "two")]


def test_a_sync_puts_updates_and_removes_files() -> None:
    host = FakeHost()
    shelf = host.target(Shelf, {"prefix": "s/"})
    first = host.sync(shelf, DESIRED)
    assert [(it.action, it.ref, it.summary) for it in first.changes] == [
        (Action.CREATE, "s/a.txt", "3 bytes"),
        (Action.CREATE, "s/b/c.txt", "3 bytes"),
    ]
    assert list(host.live) == first.owned == list(shelf.owned(host.deploy()))
    assert host.sync(shelf, DESIRED, first.owned).changes == []

    host.live.put("s/a.txt", "drifted", executable=True, owner=ME)
    second = host.sync(shelf, DESIRED[:1], first.owned)
    assert [(it.action, it.ref, it.summary) for it in second.changes] == [
        (Action.UPDATE, "s/a.txt", "7 -> 3 bytes"),
        (Action.DELETE, "s/b/c.txt", ""),
    ]
    assert {path: host.live[path] for path in host.live} == {"s/a.txt": b"one"}


def test_what_is_there_and_equal_is_adopted() -> None:
    host = FakeHost()
    host.live.put("a.txt", "one")
    synced = host.sync(host.target(Shelf), DESIRED[:1])
    assert [it.action for it in synced.changes] == [Action.ADOPT]
    node = host.live.node("a.txt")
    assert node and node.owner == ME


def test_what_is_anothers_or_no_file_is_a_conflict() -> None:
    host = FakeHost()
    host.live.put("a.txt", "one", owner="other/prod")
    with pytest.raises(Conflict, match=r"^`a\.txt` belongs to other/prod$"):
        host.sync(host.target(Shelf), DESIRED)
    host.live.delete("a.txt")
    host.live.put("a.txt/file", "in the way")
    with pytest.raises(Conflict, match=r"^`a\.txt` is no file there$"):
        host.sync(host.target(Shelf), DESIRED)


def test_directories_are_refused() -> None:
    host = FakeHost()
    site = Object.tree("site", host.add_tree({"index.html": "<h1>"}))
    with pytest.raises(Invalid, match=r"^`site`: a shelf takes files, not directories$"):
        host.target(Shelf).identify([site], host.deploy())


def test_texts_are_compared_and_bytes_are_not() -> None:
    host, shelf = FakeHost(), Shelf()
    host.live.put("a.txt", b"\xff")
    [change] = shelf.plan(host.as_given(DESIRED[:1]), [], host.deploy())
    assert shelf.explain(change, host.deploy()) == Difference(None, "one")
    host.live.put("a.txt", "x" * (64 * 1024))
    assert shelf.explain(change, host.deploy()).live == "x" * (64 * 1024)
    host.live.put("a.txt", "x" * (64 * 1024 + 1))
    assert shelf.explain(change, host.deploy()).live is None


def test_health_is_judged() -> None:
    host, shelf = FakeHost(), Shelf()
    host.live.put("file", "x")
    host.live.put_symlink("link", "file")
    seen = shelf.observe(["file", "link", "gone"], host.deploy())
    assert [shelf.judge(it, host.deploy()) for it in seen] == [
        Health(),
        Health(HealthStatus.DEGRADED, "`link` is no file"),
        Health(HealthStatus.MISSING, "`gone` is not there"),
    ]


def test_a_stale_plan_is_a_conflict_and_no_directory_is_denied() -> None:
    host, shelf = FakeHost(), Shelf()
    [change] = shelf.plan(host.as_given(DESIRED[:1]), [], host.deploy())
    host.live.put("a.txt", "quicker")
    with pytest.raises(Conflict):
        shelf.apply(change, host.deploy())
    host.lends_directory = False
    with pytest.raises(Denied):
        shelf.apply(change, host.deploy())
