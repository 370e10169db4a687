"""Files of a directory that a call was given.

They are ordinary files: `pathlib` and `open` serve as well. What is here adds errors that name the
file, and an order that is the same everywhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import Failed, Invalid, Violation

_LONGEST = 1024


@dataclass(frozen=True, order=True)
class Entry:
    """A file or a symbolic link below a directory."""

    path: str
    """Its path below the directory, parts separated by `/`."""
    link: str | None = None
    """Where it points, if it is a symbolic link."""


def walk(directory: Path) -> list[Entry]:
    """Every file and symbolic link below this directory, sorted by the bytes of the path. Links
    are not followed."""
    entries: list[Entry] = []
    _collect(directory, "", entries)
    return sorted(entries, key=lambda entry: entry.path)


def _collect(directory: Path, prefix: str, entries: list[Entry]) -> None:
    with os.scandir(directory) as found:
        for item in found:
            path = _text(prefix + item.name)
            if item.is_symlink():
                entries.append(Entry(path, _text(os.readlink(item.path))))
            elif item.is_dir(follow_symlinks=False):
                _collect(directory / item.name, f"{path}/", entries)
            else:
                entries.append(Entry(path))


def _text(path: str) -> str:
    # Python smuggles bytes that are no UTF-8 through names as lone surrogates.
    if any("\ud800" <= char <= "\udfff" for char in path):
        raise Failed(f"the name {path!r} is not UTF-8")
    return path


def read(directory: Path, path: str) -> bytes:
    """The bytes of the file at `path` below `directory`; `Invalid`, naming it, if there is none."""
    try:
        return below(directory, path).read_bytes()
    except FileNotFoundError:
        raise Invalid(Violation("there is no such file", file=path)) from None


def read_text(directory: Path, path: str) -> str:
    """The text of the file at `path` below `directory`, line ends as they are; `Invalid`, naming
    the file and the line, if it is not UTF-8."""
    data = read(directory, path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise Invalid(Violation("this is not UTF-8", file=path, line=line)) from None


def write(directory: Path, path: str, data: bytes | str) -> Path:
    """Writes a file at `path` below `directory`, text as UTF-8; parents are made."""
    target = below(directory, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data.encode() if isinstance(data, str) else data)
    return target


def below(directory: Path, path: str) -> Path:
    """`path` below `directory`; `Invalid` if it has a part that might lead out."""
    if not is_clean(path):
        raise Invalid(
            f"`{path}` is no path below a directory: its parts may not be empty, `.` or `..`"
        )
    return directory / path


def is_clean(path: str) -> bool:
    """Whether this is a path below a root: parts separated by `/`, none empty, `.` or `..`,
    without control characters and backslashes, at most 1,024 bytes."""
    return (
        len(path.encode("utf-8", "surrogatepass")) <= _LONGEST
        and not any(char == "\\" or _is_control(char) for char in path)
        and all(part not in ("", ".", "..") for part in path.split("/"))
    )


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def leads_out(path: str, target: str) -> bool:
    """Whether a symbolic link at `path` to `target` would lead out of the root that `path` is
    below."""
    depth = path.count("/")
    for part in target.split("/"):
        if part == "..":
            if depth == 0:
                return True
            depth -= 1
        elif part not in ("", "."):
            depth += 1
    return target.startswith("/")
