"""The real host: `springline:host` through its generated bindings.

Everything is imported while the component is built: a component has no files to import from later.
A world lacks the interfaces that its kind has no use for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from componentize_py_types import Err
from wit_world.imports import context, log, secrets

from .._host import Artifact, HostBlob, HostWriter
from ..directory import Node, NodeKind
from ..errors import Conflict, Denied, Failed
from ..objects import EntryKind, TreeEntry

with suppress(ImportError):
    from wit_world.imports import files
with suppress(ImportError):
    from wit_world.imports import blobs, trees
with suppress(ImportError):
    from wit_world.imports import directory


class Imports:
    """The host behind the imports. It holds nothing: the host knows which call it is."""

    root = Path("/")

    def progress(self, done: int, total: int) -> None:
        with log.Sink("") as sink:
            sink.progress(done, total)

    def is_executable(self, path: Path) -> bool:
        try:
            return files.is_executable(str(path))
        except Err as error:
            _fail_mode(path, error)

    def set_executable(self, path: Path, executable: bool) -> None:
        try:
            files.set_executable(str(path), executable)
        except Err as error:
            _fail_mode(path, error)

    def application(self) -> str:
        return context.application()

    def environment(self) -> str | None:
        return context.environment()

    def revision(self) -> str:
        return context.revision()

    def commit_time(self) -> int:
        return context.commit_time()

    def values(self) -> str:
        return context.values()

    def artifact(self, name: str) -> Artifact | None:
        found = context.artifact(name)
        if found is None:
            return None
        return Artifact(found.name, found.digest, self.root / "artifacts" / found.name)

    def artifact_names(self) -> list[str]:
        return context.artifact_names()

    def open_blob(self, digest: str) -> HostBlob:
        try:
            return _Blob(blobs.open(digest))
        except Err as error:
            _fail(error)

    def new_blob(self) -> HostWriter:
        return _Writer(blobs.Writer())

    def walk_tree(self, digest: str) -> list[TreeEntry]:
        try:
            entries = trees.walk(digest)
        except Err as error:
            _fail(error)
        return [
            TreeEntry(it.path, EntryKind(it.kind.value), it.digest, it.size, it.link)
            for it in entries
        ]

    def inspect(self, paths: Sequence[str]) -> list[Node | None]:
        try:
            nodes = directory.inspect(list(paths))
        except Err as error:
            _fail(error)
        return [None if node is None else _node(node) for node in nodes]

    def read_live(self, path: str, offset: int, length: int) -> bytes:
        try:
            return directory.read(path, offset, length)
        except Err as error:
            _fail(error)

    def put_file(self, path: str, blob: str, executable: bool, expected: str) -> None:
        try:
            directory.put_file(path, blob, executable, expected)
        except Err as error:
            _fail(error)

    def put_symlink(self, path: str, target: str, expected: str) -> None:
        try:
            directory.put_symlink(path, target, expected)
        except Err as error:
            _fail(error)

    def remove(self, path: str, expected: str) -> None:
        try:
            directory.remove(path, expected)
        except Err as error:
            _fail(error)

    def adopt(self, path: str) -> None:
        try:
            directory.adopt(path)
        except Err as error:
            _fail(error)

    def owned(self) -> list[str]:
        try:
            return directory.owned()
        except Err as error:
            _fail(error)

    def secret(self, name: str) -> bytes:
        try:
            return secrets.get(name)
        except Err as error:
            _fail(error)


class _Blob:
    def __init__(self, blob: blobs.Blob) -> None:
        self._blob = blob

    def size(self) -> int:
        return self._blob.size()

    def read(self, offset: int, length: int) -> bytes:
        try:
            return self._blob.read(offset, length)
        except Err as error:
            _fail(error)


class _Writer:
    def __init__(self, writer: blobs.Writer) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
        except Err as error:
            _fail(error)

    def finish(self) -> str:
        try:
            return self._writer.finish()
        except Err as error:
            _fail(error)


def _node(node: directory.Node) -> Node:
    kind = NodeKind(node.kind.value)
    return Node(node.path, kind, node.digest, node.size, node.link, node.owner)


def _fail(error: Err[object]) -> NoReturn:
    """The SDK's error for one of the host's: a case's class is named `VARIANT_CASE`."""
    case = type(error.value).__name__.rpartition("_")[2]
    message = str(getattr(error.value, "value", error.value))
    raise {"Denied": Denied, "Conflict": Conflict}.get(case, Failed)(message) from None


def _fail_mode(path: Path, error: Err[files.ModeError]) -> NoReturn:
    missing = error.value.name == "NOT_FOUND"
    why = "there is no such file" if missing else "this is no file, or may not be changed"
    raise Failed(f"{path}: {why}") from None
