"""A dataclass as a plugin's config: its JSON Schema, and the way from JSON into it.

A field's key is its name in kebab-case (`root_object` is `root-object`). Its description is the
string below it, as for documentation tools, or `field(metadata={"description": …})`;
`field(metadata={"schema": {"minimum": 1}})` adds what the annotation can't say. Unknown keys are
refused. `__post_init__` may raise `ValueError` or `Invalid` for what no schema says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin

from ._fields import SCALARS, alternatives_of, fields_of
from ._schema import schema
from .errors import Invalid, Violation

__all__ = ["NoConfig", "parse", "schema"]

C = TypeVar("C")


@dataclasses.dataclass(frozen=True)
class NoConfig:
    """A config without anything in it."""


def parse(config: type[C], value: Any) -> C:
    """Makes a config of JSON; `Invalid` with every violation and its place."""
    parser = _Parser()
    parsed: C = parser.dataclass(config, value, "")
    if parser.violations:
        raise Invalid(*parser.violations)
    return parsed


class _Parser:
    """Collects what is wrong. What is wrong itself parses as anything at all."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def wrong(self, message: str, pointer: str) -> None:
        self.violations.append(Violation(message, pointer=pointer))

    def dataclass(self, config: type, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            return self.wrong(f"expected an object, found {_name(value)}", pointer)
        before = len(self.violations)
        fields = fields_of(config)
        keys = [field.key for field in fields]
        for key in value:
            if key not in keys:
                self.wrong(f"unknown key `{key}`", f"{pointer}/{_escape(key)}")
        arguments = {}
        for field in fields:
            if field.key in value:
                place = f"{pointer}/{_escape(field.key)}"
                arguments[field.name] = self.any(field.kind, value[field.key], place)
            elif field.is_required:
                self.wrong(f"`{field.key}` is missing", pointer)
        if len(self.violations) > before:
            return None
        return self._construct(config, arguments, pointer)

    def _construct(self, config: type, arguments: dict[str, Any], pointer: str) -> Any:
        try:
            return config(**arguments)
        except Invalid as error:
            for found in error.violations:
                place = pointer + (found.pointer or "")
                self.violations.append(dataclasses.replace(found, pointer=place))
        except ValueError as error:
            self.wrong(str(error), pointer)
        return None

    def any(self, kind: Any, value: Any, pointer: str) -> Any:
        if kind is Any:
            return value
        if alternatives := alternatives_of(kind):
            return self._union(alternatives, value, pointer)
        if kind in SCALARS:
            return self._scalar(kind, value, pointer)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            return self._one_of(arguments, value, pointer)
        if origin in (list, Sequence):
            return self._items(list, arguments[0], value, pointer)
        if origin is tuple:
            return self._items(tuple, arguments[0], value, pointer)
        if origin in (dict, Mapping):
            return self._entries(arguments[1], value, pointer)
        if issubclass(kind, Enum):
            found = self._one_of(tuple(member.value for member in kind), value, pointer)
            return None if found is None else kind(found)
        return self.dataclass(kind, value, pointer)

    def _scalar(self, kind: Any, value: Any, pointer: str) -> Any:
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        # A bool is an int in Python, and is none in JSON.
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            self.wrong(f"expected {_article(SCALARS[kind])}, found {_name(value)}", pointer)
        return value

    def _one_of(self, choices: tuple[Any, ...], value: Any, pointer: str) -> Any:
        for choice in choices:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        names = ", ".join(f"`{choice}`" for choice in choices)
        return self.wrong(f"expected one of {names}, found `{value}`", pointer)

    def _items(self, make: Callable[[list[Any]], Any], kind: Any, value: Any, pointer: str) -> Any:
        if not isinstance(value, list):
            return self.wrong(f"expected an array, found {_name(value)}", pointer)
        return make([self.any(kind, item, f"{pointer}/{at}") for at, item in enumerate(value)])

    def _entries(self, kind: Any, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            return self.wrong(f"expected an object, found {_name(value)}", pointer)
        return {
            key: self.any(kind, item, f"{pointer}/{_escape(key)}") for key, item in value.items()
        }

    def _union(self, alternatives: tuple[Any, ...], value: Any, pointer: str) -> Any:
        """The first alternative that fits. If none does, the violations of the one that went
        furthest are the most telling."""
        nearest: list[Violation] = []
        for kind in alternatives:
            attempt = _Parser()
            parsed = attempt.any(kind, value, pointer)
            if not attempt.violations:
                return parsed
            if not nearest or len(attempt.violations[0].pointer or "") > len(pointer):
                nearest = attempt.violations
        if all(violation.pointer == pointer for violation in nearest):
            names = " or ".join(_describe(kind) for kind in alternatives)
            return self.wrong(f"expected {names}, found {_name(value)}", pointer)
        self.violations += nearest
        return None


def _describe(kind: Any) -> str:
    if kind in SCALARS:
        return _article(SCALARS[kind])
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in get_args(kind))
    return "an array" if origin in (list, tuple, Sequence) else "an object"


def _article(name: str) -> str:
    return name if name == "null" else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _name(value: Any) -> str:
    """What a JSON value is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return _article(SCALARS.get(type(value), type(value).__name__))


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
