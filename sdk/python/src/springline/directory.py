"""The directory that the operator lends to a deploy target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ._host import CHUNK, Host

_BATCH = 1_000
"""The most paths that are inspected in one call of the host."""


class NodeKind(Enum):
    """What is at a path."""

    FILE = 0
    EXECUTABLE = 1
    SYMLINK = 2
    DIRECTORY = 3
    OTHER = 4

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file, executable or not."""
        return self in (NodeKind.FILE, NodeKind.EXECUTABLE)


@dataclass(frozen=True)
class Node:
    """What is at a path, as it is now."""

    path: str
    """Its path, as asked for."""
    kind: NodeKind
    digest: str = ""
    """The digest of a file's bytes or of a link's target; empty for what is neither."""
    size: int = 0
    """Its length in bytes."""
    link: str = ""
    """Where a symbolic link points; empty for anything else."""
    owner: str = ""
    """Who owns it, `APPLICATION/ENVIRONMENT`; empty if nobody does."""


class Directory:
    """A directory outside the sandbox, lent by the operator's file. A target that uses it asks for
    the capability `directory`. Paths are relative to it and can't leave it, through symbolic links
    neither. What an application owns in it is marked in the directory itself.

    `expected` is the digest that `inspect` last gave for the path, none for nothing there.
    Everything here raises `Denied` if no directory was lent or a path would leave it, `Conflict` if
    something else than expected is there or it belongs to another application, and `Failed` for
    what the operating system reports.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    def inspect(self, paths: Sequence[str]) -> list[Node | None]:
        """What is at each of these paths, in their order; none where there is nothing."""
        nodes: list[Node | None] = []
        for start in range(0, len(paths), _BATCH):
            nodes += self._host.inspect(paths[start : start + _BATCH])
        return nodes

    def node(self, path: str) -> Node | None:
        """What is at this path; none if nothing is."""
        return self._host.inspect([path])[0]

    def read(self, path: str, most: int) -> bytes:
        """The bytes of the file at `path`, the first `most` of them."""
        data = bytearray()
        while len(data) < most:
            chunk = self._host.read_live(path, len(data), min(most - len(data), CHUNK))
            if not chunk:
                break
            data += chunk
        return bytes(data)

    def put_file(
        self, path: str, blob: str, *, executable: bool = False, expected: str | None
    ) -> None:
        """Puts a file with the bytes of this blob at `path`, as a whole or not at all. Parents are
        made. The path is marked as owned first."""
        self._host.put_file(path, blob, executable, expected or "")

    def put_symlink(self, path: str, target: str, *, expected: str | None) -> None:
        """Puts a symbolic link at `path`, in the same way. A target that would lead out of the
        directory is denied."""
        self._host.put_symlink(path, target, expected or "")

    def remove(self, path: str, *, expected: str | None) -> None:
        """Removes the file or link at `path`, its mark, and the parents that this leaves empty and
        that Springline made. Nothing there is a success."""
        self._host.remove(path, expected or "")

    def adopt(self, path: str) -> None:
        """Marks what is at `path` as owned without touching it."""
        self._host.adopt(path)

    def owned(self) -> list[str]:
        """Every path marked as owned by this application and environment, sorted."""
        return self._host.owned()
