"""Files: a walk that is the same everywhere, and errors that name what they are about."""

import os
from pathlib import Path

import pytest

from springline import Entry, Failed, Invalid
from springline.files import is_clean, leads_out, read, read_text, walk, write


def test_a_walk_is_sorted_by_bytes_and_does_not_follow_links(tmp_path: Path) -> None:
    for path in ["b/x", "b.txt", "a", "Z", "é", "\U0001f600", "\uffee"]:
        write(tmp_path, path, b"")
    (tmp_path / "b/up").symlink_to("../..")
    paths = [entry.path for entry in walk(tmp_path)]
    assert paths == ["Z", "a", "b.txt", "b/up", "b/x", "é", "\uffee", "\U0001f600"]
    assert paths == sorted(paths, key=str.encode)
    assert walk(tmp_path)[3] == Entry("b/up", "../..")


def test_a_name_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))).touch()
    with pytest.raises(Failed, match="is not UTF-8"):
        walk(tmp_path)


def test_errors_name_the_file_and_the_line(tmp_path: Path) -> None:
    write(tmp_path, "bad.md", b"one\ntwo \xff")
    with pytest.raises(Invalid, match=r"^bad\.md:2: this is not UTF-8$"):
        read_text(tmp_path, "bad.md")
    with pytest.raises(Invalid, match=r"^gone\.md: there is no such file$"):
        read(tmp_path, "gone.md")


def test_text_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "a/b", "één\r\n")
    assert read(tmp_path, "a/b") == "één\r\n".encode()
    assert read_text(tmp_path, "a/b") == "één\r\n"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a//b", "a\nb", "a\\b"])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    assert not is_clean(path)
    with pytest.raises(Invalid):
        write(tmp_path, path, b"")
    assert list(tmp_path.iterdir()) == []


def test_links_that_lead_out_are_told_from_those_that_do_not() -> None:
    out = [("a", ".."), ("a/b", "../../c"), ("a", "/etc"), ("a/b", "c/../../../d")]
    inside = [("a", "b"), ("a/b", "../c"), ("a/b", "c/.././../d")]
    assert all(leads_out(path, target) for path, target in out)
    assert not any(leads_out(path, target) for path, target in inside)
