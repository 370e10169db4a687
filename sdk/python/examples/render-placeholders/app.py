"""Renders a directory, with `${…}` replaced in its text files."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from springline import Invalid, Object, Render, Violation, renderer

PLACEHOLDER = re.compile(r"\$\{([^}\n]*)(\}?)")


@dataclass(frozen=True)
class Config:
    prefix: str = ""
    """What stands before the id of every object."""
    artifacts: list[str] = field(default_factory=list)
    """Artifacts whose directories are rendered as well."""
    manifest: bool = False
    """Whether to add an object `manifest.txt` that lists the others."""


@renderer
def placeholders(config: Config, render: Render) -> list[Object]:
    """Renders a directory, with `${…}` replaced in its text files."""
    violations: list[Violation] = []
    objects = [
        render.object(config.prefix + path, replaced(path, render, violations))
        for path in render.files()
    ]
    for index, name in enumerate(config.artifacts):
        if artifact := render.context.artifact(name):
            objects.append(Object.tree(f"{config.prefix}artifacts/{name}", artifact.digest))
        else:
            pointer = f"/artifacts/{index}"
            violations.append(Violation(f"no artifact `{name}`", pointer=pointer))
    if violations:
        raise Invalid(*violations)

    if config.manifest:
        with render.blob_writer() as blob:
            for item in objects:
                blob.write(f"{item.id}\n".encode())
        objects.append(Object.blob(f"{config.prefix}manifest.txt", blob.digest))
    return objects


def replaced(path: str, render: Render, violations: list[Violation]) -> bytes:
    """The bytes of a file with its placeholders replaced, if it is text."""
    data = render.read(path)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    return "".join(parts(path, text, render, violations)).encode()


def parts(path: str, text: str, render: Render, violations: list[Violation]) -> Iterator[str]:
    """The text piece by piece: what is between placeholders, and what they stand for."""
    end = 0
    for found in PLACEHOLDER.finditer(text):
        yield text[end : found.start()]
        end = found.end()
        try:
            if not found[2]:
                raise LookupError("`${` without `}`")
            yield value(found[1], render)
        except LookupError as error:
            line = 1 + text.count("\n", 0, found.start())
            violations.append(Violation(error.args[0], file=path, line=line))
    yield text[end:]


def value(name: str, render: Render) -> str:
    """What a placeholder stands for; `LookupError` if for nothing."""
    match name.split(".", 1):
        case ["application"]:
            return render.context.application
        case ["environment"]:
            return render.environment
        case ["values", key]:
            found = render.values.get(key)
            if not isinstance(found, str | int | float):
                raise LookupError(f"no value `{key}`")
            return found if isinstance(found, str) else json.dumps(found)
        case ["artifacts", artifact]:
            if there := render.context.artifact(artifact):
                return there.digest
            raise LookupError(f"no artifact `{artifact}`")
    raise LookupError(f"unknown placeholder `{name}`")
