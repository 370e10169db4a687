"""The JSON Schema of a config."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from ._fields import SCALARS, alternatives_of, fields_of


def schema(config: type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a config. `TypeError` for an annotation that has none."""
    builder = _Schema()
    body = builder.of_dataclass(config)
    top: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}
    if builder.definitions:
        top["$defs"] = {name: builder.definitions[name] for name in sorted(builder.definitions)}
    return top


class _Schema:
    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, type] = {}

    def of_dataclass(self, config: type) -> dict[str, Any]:
        if not dataclasses.is_dataclass(config):
            raise TypeError(f"`{config.__qualname__}` is a config and must be a dataclass")
        docs = _attribute_docs(config)
        properties: dict[str, Any] = {}
        required = []
        for field in fields_of(config):
            made = self.of(field.kind, f"{config.__qualname__}.{field.name}")
            description = field.field.metadata.get("description", docs.get(field.name))
            if description:
                made = {**made, "description": description}
            if field.is_required:
                required.append(field.key)
            else:
                made = {**made, "default": to_json(field.default())}
            properties[field.key] = {**made, **field.field.metadata.get("schema", {})}
        body: dict[str, Any] = {"type": "object"}
        if description := _own_doc(config):
            body["description"] = description
        body["properties"] = properties
        if required:
            body["required"] = required
        return {**body, "additionalProperties": False}

    def of(self, kind: Any, place: str) -> dict[str, Any]:
        if kind is Any:
            return {}
        if kind in SCALARS:
            return {"type": SCALARS[kind]}
        if alternatives := alternatives_of(kind):
            return self._of_union(alternatives, place)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (list, Sequence) and arguments:
            return {"type": "array", "items": self.of(arguments[0], place)}
        if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            return {"type": "array", "items": self.of(arguments[0], place)}
        if origin in (dict, Mapping) and arguments[0] is str:
            return {"type": "object", "additionalProperties": self.of(arguments[1], place)}
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [member.value for member in kind]}
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return self._reference(kind)
        raise TypeError(
            f"`{place}`: {kind!r} can't be in a config; there are str, int, float, bool, None, Any,"
            " list[T], tuple[T, ...], dict[str, T], T | U, Literal, enums and dataclasses"
        )

    def _of_union(self, alternatives: tuple[Any, ...], place: str) -> dict[str, Any]:
        if all(kind in SCALARS for kind in alternatives):
            return {"type": [SCALARS[kind] for kind in alternatives]}
        return {"anyOf": [self.of(kind, place) for kind in alternatives]}

    def _reference(self, kind: type) -> dict[str, Any]:
        name = kind.__name__
        other = self.kinds.setdefault(name, kind)
        if other is not kind:
            both = " and ".join(f"{it.__module__}.{it.__qualname__}" for it in (other, kind))
            raise TypeError(f"{both} have one name, by which a schema tells them: rename one")
        if name not in self.definitions:
            self.definitions[name] = {}  # In case it contains itself.
            self.definitions[name] = self.of_dataclass(kind)
        return {"$ref": f"#/$defs/{name}"}


def to_json(value: Any) -> Any:
    """A value of a config as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.key: to_json(getattr(value, field.name)) for field in fields_of(type(value))}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def _own_doc(config: type) -> str | None:
    """The first paragraph of a class's docstring, unless `dataclass` made it."""
    doc = config.__dict__.get("__doc__")
    if not doc or doc.startswith(f"{config.__name__}("):
        return None
    return first_paragraph(doc)


def first_paragraph(doc: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(doc or "").split("\n\n", 1)[0].split())


def _attribute_docs(config: type) -> dict[str, str]:
    """The strings below the fields of a class and of its bases, by field; empty where the source
    can't be read."""
    docs: dict[str, str] = {}
    for base in reversed(config.__mro__):
        if dataclasses.is_dataclass(base):
            docs.update(_docs_in_source(base))
    return docs


def _docs_in_source(config: type) -> dict[str, str]:
    module = sys.modules.get(config.__module__)
    try:
        tree = ast.parse(inspect.getsource(module)) if module else None
    except (OSError, TypeError, SyntaxError):
        return {}
    # Of several classes of one name, the last is the one that the module has.
    found = [
        node
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.ClassDef) and node.name == config.__name__
    ]
    body = found[-1].body if found else []
    docs = {}
    for pair in itertools.pairwise(body):
        match pair:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                docs[name] = " ".join(doc.split())
    return docs
