"""The fields of a dataclass that is a config, as the schema and the parser see them."""

from __future__ import annotations

import dataclasses
import types
from dataclasses import MISSING
from typing import Any, Union, get_args, get_origin, get_type_hints

SCALARS: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    key: str
    kind: Any
    field: dataclasses.Field[Any]

    @property
    def is_required(self) -> bool:
        return self.field.default is MISSING and self.field.default_factory is MISSING

    def default(self) -> Any:
        factory = self.field.default_factory
        return factory() if factory is not MISSING else self.field.default


def key_of(name: str) -> str:
    """The key of a field of this name."""
    return name.strip("_").replace("_", "-")


def fields_of(config: type) -> list[Field]:
    hints = get_type_hints(config)
    return [
        Field(field.name, key_of(field.name), hints[field.name], field)
        for field in dataclasses.fields(config)
        if field.init
    ]


def alternatives_of(kind: Any) -> tuple[Any, ...] | None:
    """The members of a union; none if this is no union."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else None
