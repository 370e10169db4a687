"""Tracebacks in the plugin's own files, inside a component, where no source is left to read."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from pathlib import Path

_MOST_FRAMES = 8
_SDK = str(Path(__file__).parents[1])
# componentize-py mounts each directory of the Python path under a number.
_MOUNT = re.compile(r"^/\d+/")


def remember_sources() -> None:
    """Keeps the lines of every module that is not Python's own, for tracebacks to show."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and _MOUNT.match(file) and file.endswith(".py") and not file.startswith(_SDK):
            lines = linecache.getlines(file)
            # Without a time, an entry is never checked against a file.
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def place(error: BaseException) -> str:
    """Where in the plugin an exception comes from, such as `app.py:12`; empty if nowhere."""
    frames = _frames(error)
    own = [frame for frame in frames if _MOUNT.match(frame.filename)]
    return f"{_relative(own[-1].filename)}:{own[-1].lineno}" if own else ""


def short(error: BaseException) -> str:
    """The traceback of an exception from the plugin's first frame on, what caused it first."""
    parts = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts += [short(cause), "which led to:"]
    frames = _frames(error)
    if len(frames) > _MOST_FRAMES:
        parts.append(f"… {len(frames) - _MOST_FRAMES} calls")
    for frame in frames[-_MOST_FRAMES:]:
        parts.append(f"{_relative(frame.filename)}:{frame.lineno} in {frame.name}")
        if frame.line:
            parts.append(f"    {frame.line}")
    parts += [line.rstrip("\n") for line in traceback.format_exception_only(error)]
    return "\n".join(parts)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an exception without those of the SDK."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(_SDK)]


def _relative(file: str) -> str:
    return _MOUNT.sub("", file)
