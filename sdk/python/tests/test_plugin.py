"""What the decorators make, and how a fake host calls it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from springline import (
    Denied,
    Error,
    Invalid,
    Object,
    Render,
    Step,
    Target,
    Transient,
    Violation,
    build_step,
    deploy_target,
    renderer,
)
from springline.plugin import Kind
from springline.testing import FakeHost, Link, LogLine, Script


@dataclass
class Config:
    name: str


@build_step
def greet(config: Config, step: Step) -> str:
    """Greets
    somebody.

    At length.
    """
    step.write("hello.txt", f"Hello, {config.name}")
    return "1 file"


@build_step(name="other", version="2.0.0", summary="Copies.", capabilities={"secrets": "signs"})
def copy(step: Step) -> None:
    for path in step.files():
        step.write(path, step.read(path), executable=step.is_executable(path))


def test_a_function_is_a_plugin() -> None:
    said = greet.description
    # The project is this package: that of the nearest pyproject.toml.
    assert (said.name, said.version) == ("springline-sdk", "0.1.0")
    assert (said.summary, said.kind) == ("Greets somebody.", Kind.BUILD_STEP)
    assert json.loads(said.config_schema)["required"] == ["name"]
    host = FakeHost()
    assert host.run(greet, {"name": "Ada"}) == "1 file"
    assert host.output("hello.txt") == b"Hello, Ada"


def test_the_decorator_may_say_otherwise_and_the_config_be_left_out() -> None:
    said = copy.description
    assert (said.name, said.version, said.summary) == ("other", "2.0.0", "Copies.")
    assert said.capabilities == {"secrets": "signs"}
    assert json.loads(said.config_schema)["properties"] == {}
    host = FakeHost()
    host.add_input("bin/run", Script("#!/bin/sh\n"))
    host.add_input("text", "t")
    host.add_input("link", Link("text"))
    assert host.run(copy) == ""
    assert host.outputs() == ["bin/run", "text"]
    assert [host.is_output_executable(path) for path in host.outputs()] == [True, False]
    with pytest.raises(Invalid, match="unknown key `x`"):
        host.run(copy, {"x": 1})


def test_a_renderer_may_be_a_generator() -> None:
    @renderer
    def render(call: Render) -> Iterator[Object]:
        yield call.object("small", "s")
        yield call.object("large", b"l" * (1 << 20) + b"l")
        yield Object.tree("site", call.artifact("site").digest)

    host = FakeHost()
    with pytest.raises(Invalid, match="no artifact `site`; there are none"):
        host.render(render)
    digest = host.add_artifact("site", {"index.html": "<h1>"})
    small, large, site = host.render(render)
    assert (small, site) == (Object.inline("small", b"s"), Object.tree("site", digest))
    assert host.body(large) == b"l" * (1 << 20) + b"l"


def test_a_call_is_told_its_context() -> None:
    host = FakeHost(application="shop", environment=None, values={"a": 1}, secrets={"key": b"k"})
    call = host.renderer()
    with pytest.raises(Invalid, match="no environment"):
        print(call.environment)
    assert (call.context.application, call.values, call.secret("key")) == ("shop", {"a": 1}, b"k")
    assert call.context.commit_time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert call.values is call.context.values
    with pytest.raises(Denied, match="`other` was not granted"):
        call.secret("other")
    host.add_artifact("b", {})
    host.add_artifact("a", {"bin/x": Script("s"), "l": Link("bin/x")})
    assert call.context.artifact_names == ["a", "b"]
    assert (call.artifacts[0].path / "l").read_bytes() == b"s"


def test_logs_are_those_of_the_logging_module() -> None:
    @build_step
    def log(step: Step) -> None:
        logging.getLogger("topic").debug("one\ntwo %s", 2)
        logging.warning("careful")
        logging.critical("bad")

    host = FakeHost()
    host.run(log)
    assert host.log == [
        LogLine("debug", "topic", "one"),
        LogLine("debug", "topic", "two 2"),
        LogLine("warn", "", "careful"),
        LogLine("error", "", "bad"),
    ]


def test_what_can_be_no_plugin_is_told() -> None:
    with pytest.raises(TypeError, match="annotate `config` with the config's dataclass"):

        @build_step
        def untyped(config, step):  # type: ignore[no-untyped-def]
            pass

    with pytest.raises(TypeError, match="takes a config and the call"):

        @build_step  # type: ignore[arg-type]
        def nothing() -> None:
            pass

    with pytest.raises(TypeError, match="must be a dataclass"):

        @deploy_target
        class Plain(Target):
            pass


def test_errors_say_what_they_are() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Invalid()
    many = Invalid(
        Violation("no title", file="a.md", line=3), Violation("too long", pointer="/title"), "empty"
    )
    assert str(many) == "a.md:3: no title\n/title: too long\nempty"
    assert Transient("busy", retry_after=timedelta(seconds=1)).retry_after == timedelta(seconds=1)
    assert all(issubclass(kind, Error) for kind in (Invalid, Transient, Denied))
