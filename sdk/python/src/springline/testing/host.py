"""A host in memory and in a temporary directory."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from .. import files
from .._host import Artifact, HostBlob, HostWriter
from ..deploy import Deploy, Target
from ..directory import Node
from ..errors import Denied, Failed
from ..objects import BlobRef, EntryKind, Inline, Object, TreeEntry
from ..plugin import BuildStep, Renderer, plugin_of
from ..step import Render, Step
from .live import Lent, Live, digest_of
from .sync import Synced, sync

T = TypeVar("T", bound=Target)


@dataclass(frozen=True)
class Script:
    """An executable file of a tree that is given to the fake host."""

    data: bytes | str


@dataclass(frozen=True)
class Link:
    """A symbolic link of a tree that is given to the fake host."""

    target: str


Leaf = bytes | str | Script | Link
"""One file or symbolic link of a tree that is given to the fake host."""


@dataclass(frozen=True)
class LogLine:
    """A line that a plugin logged."""

    level: str
    """`debug`, `info`, `warn` or `error`."""
    topic: str
    """The logger's name; empty for the root logger."""
    message: str


@dataclass
class FakeHost:
    """A host with an empty input, no artifacts and an empty lent directory. Its fields are what the
    plugin is told of its call, and may be changed."""

    application: str = "example"
    environment: str | None = "test"
    revision: str = "0123456789abcdef0123456789abcdef01234567"
    commit_time: int = 1_700_000_000
    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    """The secrets that are granted."""
    lends_directory: bool = True
    """Whether a directory is lent to a deploy target."""
    live: Live = field(default_factory=Live)
    """The lent directory."""
    log: list[LogLine] = field(default_factory=list)
    """What plugins logged."""

    def __post_init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="springline-")
        self.root = Path(self._temporary.name)
        for name in ("in", "out", "artifacts"):
            (self.root / name).mkdir()
        self._artifacts: dict[str, Artifact] = {}
        self._blobs: dict[str, bytes] = {}
        self._trees: dict[str, list[TreeEntry]] = {}

    # What a test arranges.

    def add_input(self, path: str, leaf: Leaf) -> None:
        """Puts a file into the input."""
        _put(self.root / "in", path, leaf)

    def add_artifact(self, name: str, leaves: Mapping[str, Leaf]) -> str:
        """Declares an artifact of these files, and gives its digest."""
        path = self.root / "artifacts" / name
        path.mkdir(parents=True)
        for leaf in leaves:
            _put(path, leaf, leaves[leaf])
        digest = self.add_tree(leaves)
        self._artifacts[name] = Artifact(name, digest, path)
        return digest

    def add_blob(self, data: bytes | str) -> str:
        """Gives the plugin a blob, and tells its digest."""
        raw = data.encode() if isinstance(data, str) else data
        digest = digest_of(raw)
        self._blobs[digest] = raw
        return digest

    def add_tree(self, leaves: Mapping[str, Leaf]) -> str:
        """Gives the plugin a directory tree, and tells its digest, which is not the real host's."""
        entries = [self._entry(path, leaves[path]) for path in sorted(leaves)]
        digest = digest_of(repr(entries).encode())
        self._trees[digest] = entries
        return digest

    def _entry(self, path: str, leaf: Leaf) -> TreeEntry:
        if isinstance(leaf, Link):
            size, digest = len(leaf.target.encode()), self.add_blob(leaf.target)
            return TreeEntry(path, EntryKind.SYMLINK, digest, size, leaf.target)
        kind = EntryKind.EXECUTABLE if isinstance(leaf, Script) else EntryKind.FILE
        digest = self.add_blob(leaf.data if isinstance(leaf, Script) else leaf)
        return TreeEntry(path, kind, digest, len(self._blobs[digest]))

    # What a test calls.

    def run(self, plugin: BuildStep, config: Mapping[str, Any] | None = None) -> str:
        """Runs a build step with this config, and gives its summary."""
        with self._logging():
            return plugin.run(json.dumps(config or {}), _Plugged(self))

    def render(self, plugin: Renderer, config: Mapping[str, Any] | None = None) -> list[Object]:
        """Runs a renderer with this config."""
        with self._logging():
            return plugin.render(json.dumps(config or {}), _Plugged(self))

    def target(self, target: type[T], config: Mapping[str, Any] | None = None) -> T:
        """A deploy target with this config."""
        return plugin_of(target).configure(json.dumps(config or {}))

    def sync(self, target: Target, desired: Sequence[Object], owned: Sequence[str] = ()) -> Synced:
        """Brings live to desired as the real host does. `owned` is the inventory. `AssertionError`
        for what the real host would refuse."""
        with self._logging():
            return sync(target, self.as_given(desired), owned, self.deploy())

    def as_given(self, desired: Sequence[Object]) -> list[Object]:
        """Objects as a deploy target is given them: what was rendered inline is a blob."""
        return [
            Object(it.id, BlobRef(self.add_blob(it.body.data)))
            if isinstance(it.body, Inline)
            else it
            for it in desired
        ]

    def step(self) -> Step:
        """What a build step is given, to test a part of one."""
        return Step(_Plugged(self))

    def renderer(self) -> Render:
        """What a renderer is given, to test a part of one."""
        return Render(_Plugged(self))

    def deploy(self) -> Deploy:
        """What a deploy target is given, to test one of its methods."""
        return Deploy(_Plugged(self))

    # What a test looks at.

    def output(self, path: str) -> bytes:
        """The bytes of a file of the output."""
        return (self.root / "out" / path).read_bytes()

    def outputs(self) -> list[str]:
        """The paths of all files and links of the output, sorted."""
        return [entry.path for entry in files.walk(self.root / "out")]

    def is_output_executable(self, path: str) -> bool:
        """Whether a file of the output is executable."""
        return _is_executable(self.root / "out" / path)

    def body(self, object: Object) -> bytes:
        """The bytes of an object, inline or not."""
        body = object.body
        return body.data if isinstance(body, Inline) else self._blobs[body.digest]

    @contextmanager
    def _logging(self) -> Iterator[None]:
        root, handler = logging.getLogger(), _Recorder(self.log)
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)


class _Recorder(logging.Handler):
    """Records lines as the real host does, a line break starting a new one."""

    _NAMES: ClassVar = {"WARNING": "warn", "CRITICAL": "error"}

    def __init__(self, lines: list[LogLine]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        level = self._NAMES.get(record.levelname, record.levelname.lower())
        topic = "" if record.name == "root" else record.name
        self._lines += [LogLine(level, topic, line) for line in self.format(record).splitlines()]


class _Plugged:
    """The fake host as the SDK sees it."""

    def __init__(self, fake: FakeHost) -> None:
        self._fake = fake

    @property
    def root(self) -> Path:
        return self._fake.root

    def progress(self, done: int, total: int) -> None:
        pass

    def is_executable(self, path: Path) -> bool:
        return _is_executable(_existing(path))

    def set_executable(self, path: Path, executable: bool) -> None:
        _existing(path).chmod(0o755 if executable else 0o644)

    def application(self) -> str:
        return self._fake.application

    def environment(self) -> str | None:
        return self._fake.environment

    def revision(self) -> str:
        return self._fake.revision

    def commit_time(self) -> int:
        return self._fake.commit_time

    def values(self) -> str:
        return json.dumps(self._fake.values)

    def artifact(self, name: str) -> Artifact | None:
        return self._fake._artifacts.get(name)

    def artifact_names(self) -> list[str]:
        return sorted(self._fake._artifacts)

    def open_blob(self, digest: str) -> HostBlob:
        if digest not in self._fake._blobs:
            raise Failed(f"no blob {digest} was given to this call")
        return _Blob(self._fake._blobs[digest])

    def new_blob(self) -> HostWriter:
        return _Writer(self._fake)

    def walk_tree(self, digest: str) -> list[TreeEntry]:
        if digest not in self._fake._trees:
            raise Failed(f"no tree {digest} was given to this call")
        return list(self._fake._trees[digest])

    def _lent(self) -> Lent:
        if not self._fake.lends_directory:
            raise Denied("no directory was lent to this target")
        return Lent(self._fake.live, f"{self._fake.application}/{self._fake.environment or ''}")

    def inspect(self, paths: Sequence[str]) -> list[Node | None]:
        self._lent()
        return [self._fake.live.node(path) for path in paths]

    def read_live(self, path: str, offset: int, length: int) -> bytes:
        return self._lent().read(path, offset, length)

    def put_file(self, path: str, blob: str, executable: bool, expected: str) -> None:
        data = self.open_blob(blob)
        self._lent().put_file(path, data.read(0, data.size()), executable, expected)

    def put_symlink(self, path: str, target: str, expected: str) -> None:
        self._lent().put_symlink(path, target, expected)

    def remove(self, path: str, expected: str) -> None:
        self._lent().remove(path, expected)

    def adopt(self, path: str) -> None:
        self._lent().adopt(path)

    def owned(self) -> list[str]:
        return self._lent().owned()

    def secret(self, name: str) -> bytes:
        if name not in self._fake.secrets:
            raise Denied(f"the secret `{name}` was not granted to this call")
        return self._fake.secrets[name]


@dataclass(frozen=True)
class _Blob:
    data: bytes

    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


class _Writer:
    def __init__(self, fake: FakeHost) -> None:
        self._fake = fake
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data

    def finish(self) -> str:
        digest = self._fake.add_blob(bytes(self._data))
        self._data.clear()
        return digest


def _put(directory: Path, path: str, leaf: Leaf) -> None:
    if isinstance(leaf, Link):
        link = files.below(directory, path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(leaf.target)
    else:
        file = files.write(directory, path, leaf.data if isinstance(leaf, Script) else leaf)
        file.chmod(0o755 if isinstance(leaf, Script) else 0o644)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise Failed(f"{path}: there is no such file")
    return path


def _is_executable(path: Path) -> bool:
    return path.stat().st_mode & 0o111 != 0
