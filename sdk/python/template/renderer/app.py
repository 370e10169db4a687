from collections.abc import Iterator
from dataclasses import dataclass

from springline import Object, Render, renderer


@dataclass
class Config:
    header: str = ""
    """The first line of every file."""


@renderer
def {{module}}(config: Config, render: Render) -> Iterator[Object]:
    """Renders every file below a header."""
    for path in render.files():
        yield render.object(path, f"{config.header}\n{render.read_text(path)}")
