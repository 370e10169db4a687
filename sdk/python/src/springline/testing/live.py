"""The directory that the fake host lends: in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ..directory import Node, NodeKind
from ..errors import Conflict, Denied, Failed
from ..files import is_clean, leads_out


def digest_of(data: bytes) -> str:
    """The digest of some bytes, as every host writes it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class _File:
    kind: NodeKind
    data: bytes
    owner: str


class Live:
    """The files and links of a lent directory; directories are implied. The functions are what a
    test arranges and looks at."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def __iter__(self) -> Iterator[str]:
        """The paths of all files and links, sorted."""
        return iter(sorted(self._files))

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def __getitem__(self, path: str) -> bytes:
        """The bytes of a file, the target of a link."""
        return self._files[path].data

    def put(
        self, path: str, data: bytes | str, *, executable: bool = False, owner: str = ""
    ) -> None:
        """Puts a file there over whatever is, as a person would; nobody owns it unless `owner` says
        `APPLICATION/ENVIRONMENT`."""
        kind = NodeKind.EXECUTABLE if executable else NodeKind.FILE
        self._files[path] = _File(kind, _bytes(data), owner)

    def put_symlink(self, path: str, target: str, *, owner: str = "") -> None:
        """Puts a symbolic link there over whatever is."""
        self._files[path] = _File(NodeKind.SYMLINK, target.encode(), owner)

    def edit(self, path: str, data: bytes | str) -> None:
        """Changes the bytes of a file; its mode and owner stay."""
        self._files[path].data = _bytes(data)

    def delete(self, path: str) -> None:
        """Removes a file."""
        del self._files[path]

    def node(self, path: str) -> Node | None:
        """What is there; none if nothing is."""
        file = self._files.get(path)
        if file is None:
            is_directory = any(other.startswith(f"{path}/") for other in self._files)
            return Node(path, NodeKind.DIRECTORY) if is_directory else None
        link = file.data.decode() if file.kind is NodeKind.SYMLINK else ""
        return Node(path, file.kind, digest_of(file.data), len(file.data), link, file.owner)


class Lent:
    """The same directory as a plugin may use it: with `expected`, and for one owner."""

    def __init__(self, live: Live, owner: str) -> None:
        self._live = live
        self._files = live._files
        self._owner = owner

    def read(self, path: str, offset: int, length: int) -> bytes:
        file = self._files.get(path)
        if file is None or not file.kind.is_file:
            raise Failed(f"{path}: there is no such file")
        return file.data[offset : offset + length]

    def put_file(self, path: str, data: bytes, executable: bool, expected: str) -> None:
        self._check(path, expected)
        self._live.put(path, data, executable=executable, owner=self._owner)

    def put_symlink(self, path: str, target: str, expected: str) -> None:
        if leads_out(path, target):
            raise Denied(f"{path}: a link to `{target}` leads out of the directory")
        self._check(path, expected)
        self._live.put_symlink(path, target, owner=self._owner)

    def remove(self, path: str, expected: str) -> None:
        if self._live.node(path) is not None:
            self._check(path, expected)
            del self._files[path]

    def adopt(self, path: str) -> None:
        node = self._live.node(path)
        self._check(path, node.digest if node else "")
        if path not in self._files:
            raise Conflict(f"{path}: there is nothing")
        self._files[path].owner = self._owner

    def owned(self) -> list[str]:
        return [path for path in self._live if self._files[path].owner == self._owner]

    def _check(self, path: str, expected: str) -> None:
        """Whether the owner may write there, and what is there is what was expected."""
        if not is_clean(path):
            raise Denied(f"{path}: this leaves the directory")
        parts = path.split("/")
        for end in range(1, len(parts)):
            if (parent := "/".join(parts[:end])) in self._files:
                raise Conflict(f"{path}: {parent} is no directory")
        node = self._live.node(path)
        there = node.digest if node and node.kind is not NodeKind.DIRECTORY else ""
        if node and node.kind is NodeKind.DIRECTORY:
            there = "a directory"
        if there != expected:
            raise Conflict(f"{path}: expected {expected or 'nothing'}, found {there or 'nothing'}")
        if node and node.owner not in ("", self._owner):
            raise Conflict(f"{path}: belongs to {node.owner}")


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data
