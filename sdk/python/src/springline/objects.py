"""What renderers make and deploy targets deploy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MOST_INLINE = 1 << 20
"""The most bytes that an object carries itself; more goes through a blob."""


@dataclass(frozen=True)
class Inline:
    """A body that is these bytes, at most 1 MiB. A deploy target is never given one: what was
    rendered inline arrives as a `BlobRef`."""

    data: bytes


@dataclass(frozen=True)
class BlobRef:
    """A body that is the blob of this digest."""

    digest: str


@dataclass(frozen=True)
class TreeRef:
    """A body that is the directory tree of this digest."""

    digest: str


Body = Inline | BlobRef | TreeRef


@dataclass(frozen=True)
class Object:
    """A desired object: a manifest, a file, a directory."""

    id: str
    """What it is called: unique within a render, stable between renders. Parts separated by `/`,
    none empty, `.` or `..`; no control characters; at most 1,024 bytes."""
    body: Body

    @classmethod
    def inline(cls, id: str, data: bytes | str) -> Object:
        """An object of these bytes, at most 1 MiB; text as UTF-8."""
        return cls(id, Inline(data.encode() if isinstance(data, str) else data))

    @classmethod
    def blob(cls, id: str, digest: str) -> Object:
        """An object whose bytes are the blob of this digest."""
        return cls(id, BlobRef(digest))

    @classmethod
    def tree(cls, id: str, digest: str) -> Object:
        """An object that is the directory tree of this digest."""
        return cls(id, TreeRef(digest))


class EntryKind(Enum):
    """What an entry of a tree is."""

    FILE = 0
    EXECUTABLE = 1
    SYMLINK = 2


@dataclass(frozen=True)
class TreeEntry:
    """A file or a symbolic link of a tree; directories are implied by the paths."""

    path: str
    """Its path below the tree's root, never absolute, without `.` and `..`."""
    kind: EntryKind
    digest: str
    """The digest of its bytes; for a symbolic link, of its target."""
    size: int
    """Its length in bytes."""
    link: str = ""
    """Where a symbolic link points, relative to the link; empty for a file."""
