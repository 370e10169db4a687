"""What a deploy target is given, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from ._host import Host
from .blobs import BlobReader, BlobWriter
from .directory import Directory
from .objects import Object, TreeEntry
from .step import _Call


@dataclass(frozen=True)
class Identity:
    """Which live object a desired one becomes; a desired object may become many."""

    ref: str
    """The live object's name on the target, stable for ever: what the inventory keeps."""
    object: str
    """The id of the desired object."""


class Action(Enum):
    """What a change does."""

    CREATE = 0
    """Makes what is missing."""
    UPDATE = 1
    """Makes what differs equal."""
    DELETE = 2
    """Removes what is owned and no longer desired. The host refuses it for anything else."""
    ADOPT = 3
    """Takes over what is there already and equal, without writing it."""
    DEFERRED = 4
    """Can't be planned before the earlier waves have landed; is planned again then."""


@dataclass(frozen=True)
class Change:
    """One step from live to desired, applied on its own."""

    action: Action
    """What is done."""
    ref: str
    """The live object."""
    object: str = ""
    """The id of the desired object; empty for a delete."""
    wave: int = 0
    """When: waves are applied in ascending order, deletes in descending order after them."""
    summary: str = ""
    """One line that says what differs, such as `mode: 644 -> 755`; may be empty."""
    before: str | None = None
    """What identifies the live object before the change, such as a digest; none if absent."""
    after: str | None = None
    """What will identify it afterwards; none for a delete."""
    state: bytes = b""
    """The target's own notes for `apply`; opaque to the host, at most 64 KiB."""


@dataclass(frozen=True)
class Applied:
    """A change that was applied."""

    after: str | None = None
    """What identifies the live object now; none after a delete."""
    message: str = ""
    """Anything worth telling; may be empty."""


@dataclass(frozen=True)
class Difference:
    """Text to compare, for people."""

    live: str | None = None
    """The live object as it is; none if it is absent or no text."""
    desired: str | None = None
    """The object as desired; none if it goes or is no text."""


@dataclass(frozen=True)
class Observed:
    """A live object as it is."""

    ref: str
    """The live object."""
    version: str | None = None
    """What identifies its state, as in `Change.before`; none if it is absent."""
    state: bytes = b""
    """The target's own notes for `judge`."""


class HealthStatus(Enum):
    """How a live object is."""

    HEALTHY = 0
    PROGRESSING = 1
    DEGRADED = 2
    MISSING = 3
    SUSPENDED = 4
    UNKNOWN = 5


@dataclass(frozen=True)
class Health:
    """How a live object is, and why."""

    status: HealthStatus = HealthStatus.HEALTHY
    """How it is."""
    message: str = ""
    """Why; may be empty for a healthy one."""


class Deploy(_Call):
    """What a deploy target reaches in one call."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._directory = Directory(host)

    @property
    def directory(self) -> Directory:
        """The directory lent by the operator. Takes the capability `directory`."""
        return self._directory

    def blob(self, digest: str) -> BlobReader:
        """Opens the blob of this digest: the body of a desired object, or a file of its tree;
        `Failed` if no such one was given to this call."""
        return BlobReader(self._host.open_blob(digest))

    def blob_writer(self) -> BlobWriter:
        """Starts a blob."""
        return BlobWriter(self._host.new_blob())

    def tree(self, digest: str) -> list[TreeEntry]:
        """Every file and symbolic link of the tree of this digest, sorted by path; `Failed` if no
        such one was given to this call."""
        return self._host.walk_tree(digest)


class Target(ABC):
    """A deploy target: knows how desired objects become live ones. A dataclass that derives from it
    and carries `@deploy_target`; its fields are its config (`with` in the operator's file).

    The host drives it change by change, so waves, time-outs, cancelling, progress and history are
    the host's. Every call gets a fresh instance: nothing stays in a plugin between calls.
    """

    @abstractmethod
    def identify(self, desired: Sequence[Object], deploy: Deploy) -> Iterable[Identity]:
        """Which live objects the desired ones become. Must depend on its arguments and the trees in
        them alone. `Invalid` for objects that can't be deployed here."""

    @abstractmethod
    def plan(
        self, desired: Sequence[Object], owned: Sequence[str], deploy: Deploy
    ) -> Iterable[Change]:
        """What has to change for live to become desired; empty if nothing has. `owned` are the live
        objects that this application owns here. Changes nothing."""

    @abstractmethod
    def apply(self, change: Change, deploy: Deploy) -> Applied:
        """Applies one change. Applying it twice must come to the same as once. `Conflict` if live
        is no longer what the change was planned on."""

    @abstractmethod
    def observe(self, refs: Sequence[str], deploy: Deploy) -> Iterable[Observed]:
        """The live objects as they are, in the order of `refs`."""

    def explain(self, change: Change, deploy: Deploy) -> Difference:
        """What a change would do, as text. Changes nothing. Without it, there is no text."""
        return Difference()

    def judge(self, observed: Observed, deploy: Deploy) -> Health:
        """Judges one observed object. Without it, what is there is healthy."""
        return Health(HealthStatus.MISSING if observed.version is None else HealthStatus.HEALTHY)

    def owned(self, deploy: Deploy) -> Iterable[str]:
        """The live objects that carry this application's and environment's mark on the target
        itself: how the inventory is found again after the host's state was lost. Without it, there
        are no marks."""
        return ()
