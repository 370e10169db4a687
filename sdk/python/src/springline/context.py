"""What a call is about."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from ._host import Artifact, Host


class Context:
    """What a call is about. Every answer is traced: a result depends on it only if it was asked."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def application(self) -> str:
        """The application's name."""
        return self._host.application()

    @property
    def environment(self) -> str | None:
        """The environment's name; none in a build step, which serves every environment."""
        return self._host.environment()

    @property
    def revision(self) -> str:
        """The revision, as git prints it. Asking for it makes the result depend on every commit;
        prefer the digest of an artifact."""
        return self._host.revision()

    @property
    def commit_time(self) -> datetime:
        """When the revision was committed, in UTC. The wall clock is a constant in a plugin."""
        return datetime.fromtimestamp(self._host.commit_time(), UTC)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The environment's values, empty where there are none."""
        values: dict[str, Any] = json.loads(self._host.values())
        return values

    @property
    def artifacts(self) -> list[Artifact]:
        """Every artifact, sorted by name."""
        found = map(self._host.artifact, self.artifact_names)
        return [artifact for artifact in found if artifact is not None]

    @property
    def artifact_names(self) -> list[str]:
        """The names of the application's artifacts, sorted."""
        return self._host.artifact_names()

    def artifact(self, name: str) -> Artifact | None:
        """The artifact of that name; none if the application declares no such one."""
        return self._host.artifact(name)
