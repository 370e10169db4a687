"""What a build step and a renderer are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import files
from ._host import Artifact, Host
from .blobs import BlobWriter
from .context import Context
from .errors import Invalid
from .files import Entry
from .objects import MOST_INLINE, Object


class _Call:
    """What every kind of call can do."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._context = Context(host)

    @property
    def context(self) -> Context:
        """What the call is about."""
        return self._context

    def progress(self, done: int, total: int = 0) -> None:
        """Says how far the work is: `done` of `total` units, `total` 0 where it is not known."""
        self._host.progress(done, total)

    def secret(self, name: str) -> bytes:
        """The value of the secret that the operator granted under this name; `Denied` if there is
        none. The plugin must ask for the capability `secrets`. A call that reads one is observed,
        not pure."""
        return self._host.secret(name)


class _Reading(_Call):
    """A call that reads `/in`."""

    @property
    def input(self) -> Path:
        """The directory that is read: `/in` in a plugin."""
        return self._host.root / "in"

    def walk(self) -> list[Entry]:
        """Every file and symbolic link of the input, sorted by path. Links are not followed."""
        return files.walk(self.input)

    def files(self) -> list[str]:
        """The path of every regular file of the input, sorted."""
        return [entry.path for entry in self.walk() if entry.link is None]

    def read(self, path: str) -> bytes:
        """The bytes of a file of the input; `Invalid`, naming it, if there is none."""
        return files.read(self.input, path)

    def read_text(self, path: str) -> str:
        """The text of a file of the input; `Invalid` if there is none, or it is not UTF-8."""
        return files.read_text(self.input, path)

    def is_executable(self, path: str) -> bool:
        """Whether a file of the input is executable. Symbolic links are followed."""
        return self._host.is_executable(files.below(self.input, path))


class Step(_Reading):
    """One run of a build step: a directory to read, and one to write."""

    @property
    def output(self) -> Path:
        """The directory that is written: `/out` in a plugin. Nothing of it is kept if the step
        fails."""
        return self._host.root / "out"

    def write(self, path: str, data: bytes | str, *, executable: bool = False) -> None:
        """Writes a file of the output, text as UTF-8; parents are made."""
        target = files.write(self.output, path, data)
        if executable:
            self._host.set_executable(target, True)

    def set_executable(self, path: str, executable: bool = True) -> None:
        """Makes a file of the output executable, or not."""
        self._host.set_executable(files.below(self.output, path), executable)


class Render(_Reading):
    """One run of a renderer: a directory of the source, and the artifacts."""

    @property
    def environment(self) -> str:
        """The environment's name; `Invalid` outside an environment."""
        environment = self.context.environment
        if environment is None:
            raise Invalid("there is no environment to render for")
        return environment

    @property
    def values(self) -> dict[str, Any]:
        """The environment's values, empty where there are none."""
        return self.context.values

    @property
    def artifacts(self) -> list[Artifact]:
        """Every artifact, sorted by name."""
        return self.context.artifacts

    def artifact(self, name: str) -> Artifact:
        """The artifact of that name; `Invalid`, telling the names there are, if the application
        declares no such one."""
        artifact = self.context.artifact(name)
        if artifact is None:
            names = self.context.artifact_names
            there = f"there are: {', '.join(names)}" if names else "there are none"
            raise Invalid(f"the application declares no artifact `{name}`; {there}")
        return artifact

    def blob_writer(self) -> BlobWriter:
        """Starts a blob, for an object that is made piece by piece."""
        return BlobWriter(self._host.new_blob())

    def object(self, id: str, data: bytes | str) -> Object:
        """An object of these bytes, however many; text as UTF-8."""
        raw = data.encode() if isinstance(data, str) else data
        if len(raw) <= MOST_INLINE:
            return Object.inline(id, raw)
        with self.blob_writer() as blob:
            blob.write(raw)
        return Object.blob(id, blob.digest)
