"""Why a call did not succeed. The host acts on the kind of an error, never on its text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Violation:
    """One thing wrong with the input, precise enough to mend it."""

    message: str
    """What is wrong, and what would be right."""
    file: str | None = None
    """The file it is in, by its path below the input; none if it is in the config."""
    line: int | None = None
    """The line in that file, from 1."""
    pointer: str | None = None
    """The place in the config, a JSON pointer such as `/values/0`; none if it is in a file."""

    def __str__(self) -> str:
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}:{self.line}"
            return f"{place}: {self.message}"
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class Error(Exception):
    """What a plugin raises on purpose. Every other exception is reported as `Failed`, with a
    traceback in the log."""


class Invalid(Error):
    """The input is wrong: trying again changes nothing, mending it does."""

    def __init__(self, *violations: Violation | str) -> None:
        if not violations:
            raise ValueError("Invalid needs at least one violation")
        self.violations = tuple(Violation(it) if isinstance(it, str) else it for it in violations)
        super().__init__("\n".join(map(str, self.violations)))


class Denied(Error):
    """A power that the call needs was not granted."""


class Conflict(Error):
    """Live is not what the change was planned on: it is planned again."""


class Transient(Error):
    """Something outside failed in a way that passes: the call is tried again."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """How long to wait before the next try; none leaves it to the host."""


class Failed(Error):
    """Anything else: trying again is no use."""
