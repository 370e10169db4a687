"""What a plugin's pyproject.toml says of it."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

_MOST_PARENTS = 4


@dataclass(frozen=True)
class Project:
    """The parts of `[project]` that a plugin's description is made of; empty where it says
    nothing."""

    name: str = ""
    version: str = ""
    description: str = ""


def project_of(module: str) -> Project:
    """The project that a module belongs to: the nearest pyproject.toml above it."""
    file = getattr(sys.modules.get(module), "__file__", None)
    for directory in list(Path(file).parents)[:_MOST_PARENTS] if file else ():
        manifest = directory / "pyproject.toml"
        if manifest.is_file():
            return _read(manifest)
    return Project()


def _read(manifest: Path) -> Project:
    try:
        table = tomllib.loads(manifest.read_text(encoding="utf-8")).get("project", {})
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{manifest}: {error}") from None
    return Project(**{key: str(table.get(key, "")) for key in ("name", "version", "description")})
