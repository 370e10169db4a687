"""The schema of a config, and the way from JSON into it."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

import pytest

from springline import Invalid, Violation
from springline.config import parse, schema


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Link:
    """Where something leads."""

    url: str
    next: "Link | None" = None


@dataclass(frozen=True)
class Base:
    title: str
    """What stands
    at the top."""


@dataclass(frozen=True)
class Config(Base):
    """What is made.

    And more that no schema needs.
    """

    root_object: str | None = None
    """The object at the top."""
    class_: Literal["a", "b"] = "a"
    count: int = field(default=3, metadata={"description": "How many.", "schema": {"minimum": 1}})
    ratio: float = 0.5
    tags: list[str] = field(default_factory=list)
    sizes: tuple[int, ...] = (1, 2)
    links: dict[str, Link] = field(default_factory=lambda: {"home": Link("/")})
    color: Color = Color.RED
    anything: Any = None
    either: int | list[str] = 0

    def __post_init__(self) -> None:
        if self.title == "odd":
            raise ValueError("the title is odd")
        if self.count > 9:
            raise Invalid(Violation("too many", pointer="/count"))


def violations(value: Any) -> list[tuple[str, str | None]]:
    with pytest.raises(Invalid) as caught:
        parse(Config, value)
    return [(it.message, it.pointer) for it in caught.value.violations]


def test_a_dataclass_is_a_schema() -> None:
    assert schema(Config) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "What is made.",
        "properties": {
            "title": {"type": "string", "description": "What stands at the top."},
            "root-object": {
                "type": ["string", "null"],
                "description": "The object at the top.",
                "default": None,
            },
            "class": {"enum": ["a", "b"], "default": "a"},
            "count": {"type": "integer", "description": "How many.", "default": 3, "minimum": 1},
            "ratio": {"type": "number", "default": 0.5},
            "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            "sizes": {"type": "array", "items": {"type": "integer"}, "default": [1, 2]},
            "links": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/Link"},
                "default": {"home": {"url": "/", "next": None}},
            },
            "color": {"enum": ["red", "blue"], "default": "red"},
            "anything": {"default": None},
            "either": {
                "anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}],
                "default": 0,
            },
        },
        "required": ["title"],
        "additionalProperties": False,
        "$defs": {
            "Link": {
                "type": "object",
                "description": "Where something leads.",
                "properties": {
                    "url": {"type": "string"},
                    "next": {
                        "anyOf": [{"$ref": "#/$defs/Link"}, {"type": "null"}],
                        "default": None,
                    },
                },
                "required": ["url"],
                "additionalProperties": False,
            }
        },
    }


def test_json_becomes_the_dataclass() -> None:
    config = parse(
        Config,
        {
            "title": "T",
            "root-object": "site",
            "class": "b",
            "count": 4.0,
            "ratio": 2,
            "tags": ["x"],
            "sizes": [],
            "links": {"a": {"url": "/a", "next": {"url": "/b"}}},
            "color": "blue",
            "anything": [1, {"k": None}],
            "either": ["y"],
        },
    )
    assert config == Config(
        title="T",
        root_object="site",
        class_="b",
        count=4,
        ratio=2.0,
        tags=["x"],
        sizes=(),
        links={"a": Link("/a", Link("/b"))},
        color=Color.BLUE,
        anything=[1, {"k": None}],
        either=["y"],
    )
    assert isinstance(config.count, int)
    assert isinstance(config.ratio, float)
    assert parse(Config, {"title": "T"}) == Config("T")


def test_everything_wrong_is_told_with_its_place() -> None:
    assert violations(
        {
            "titel": "T",
            "count": True,
            "ratio": "1",
            "tags": [1, "ok", None],
            "links": {"a/b": {"url": 1}},
            "class": "c",
            "color": "green",
            "either": [1],
        }
    ) == [
        ("unknown key `titel`", "/titel"),
        ("`title` is missing", ""),
        ("expected one of `a`, `b`, found `c`", "/class"),
        ("expected an integer, found a boolean", "/count"),
        ("expected a number, found a string", "/ratio"),
        ("expected a string, found an integer", "/tags/0"),
        ("expected a string, found null", "/tags/2"),
        ("expected a string, found an integer", "/links/a~1b/url"),
        ("expected one of `red`, `blue`, found `green`", "/color"),
        ("expected a string, found an integer", "/either/0"),
    ]
    assert violations([]) == [("expected an object, found an array", "")]
    assert violations({"title": "T", "either": "x"}) == [
        ("expected an integer or an array, found a string", "/either")
    ]


def test_what_no_schema_says_is_checked_by_the_class() -> None:
    assert violations({"title": "odd"}) == [("the title is odd", "")]
    assert violations({"title": "T", "count": 10}) == [("too many", "/count")]


def test_what_has_no_schema_is_named() -> None:
    @dataclass
    class Bad:
        when: set[int]

    with pytest.raises(TypeError, match=r"Bad\.when`: set\[int\] can't be in a config"):
        schema(Bad)
    with pytest.raises(TypeError, match="must be a dataclass"):
        schema(str)


def test_two_dataclasses_of_one_name_are_told() -> None:
    @dataclass
    class Inner:
        a: str

    first = Inner

    def another() -> type:
        @dataclass
        class Inner:
            b: int

        return Inner

    @dataclass
    class Outer:
        one: first  # type: ignore[valid-type]
        two: list[another()]  # type: ignore[valid-type]

    with pytest.raises(TypeError, match="Inner and .*Inner have one name"):
        schema(Outer)
