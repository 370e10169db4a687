import pytest

import app
from springline import Invalid, Violation
from springline.testing import FakeHost, Link, LogLine, Script


def test_tasks_are_listed_and_sources_kept() -> None:
    host = FakeHost(application="shop")
    host.add_input("b.md", "# Two\r\n- [ ] later  \r\n\t- [X] now\n- [x]none\n")
    host.add_input("a/run.md", Script("- [x] first"))
    host.add_input("notes.txt", "- [?] no Markdown")
    host.add_input("link.md", Link("b.md"))
    host.add_input("draft.md", "- [?] left out")

    assert host.run(app.checklist, {"title": "Release", "exclude": ["draft.md"]}) == "2 of 3 done"
    assert host.output("checklist.txt").decode().splitlines() == [
        "Release (shop)",
        "[x] a/run.md:1 first",
        "[ ] b.md:2 later",
        "[x] b.md:3 now",
        "2 of 3 done",
    ]
    assert host.output("check.sh") == b"#!/bin/sh\nexit 1\n"
    assert host.outputs() == ["check.sh", "checklist.txt", "sources/a/run.md", "sources/b.md"]
    assert host.is_output_executable("check.sh")
    assert host.is_output_executable("sources/a/run.md")
    assert not host.is_output_executable("sources/b.md")
    assert host.log[0] == LogLine("info", "checklist", "reading a/run.md")


def test_everything_wrong_is_told_at_once() -> None:
    host = FakeHost()
    host.add_input("a.md", "- [-] half\n\n- [ö] odd\n")
    host.add_input("b.md", b"\xff")
    with pytest.raises(Invalid) as caught:
        host.run(app.checklist, {"title": "T"})
    assert caught.value.violations == (
        Violation("unknown mark `-`: use `[ ]` or `[x]`", file="a.md", line=1),
        Violation("unknown mark `ö`: use `[ ]` or `[x]`", file="a.md", line=3),
        Violation("not UTF-8", file="b.md"),
    )


def test_no_task_at_all_is_a_warning() -> None:
    host = FakeHost()
    assert host.run(app.checklist, {"title": "T", "script": False}) == "0 of 0 done"
    assert host.outputs() == ["checklist.txt"]
    assert host.log == [LogLine("warn", "checklist", "no items")]


def test_the_config_is_checked() -> None:
    with pytest.raises(Invalid) as caught:
        FakeHost().run(app.checklist, {"titel": "T", "exclude": ["a", 1]})
    assert caught.value.violations == (
        Violation("unknown key `titel`", pointer="/titel"),
        Violation("`title` is missing", pointer=""),
        Violation("expected a string, found an integer", pointer="/exclude/1"),
    )
