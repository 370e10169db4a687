"""The decorators that make a plugin, and what they make."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar, get_type_hints, overload

from ._host import Host
from ._project import project_of
from ._schema import first_paragraph, schema
from .config import NoConfig, parse
from .deploy import Target
from .objects import Object
from .step import Render, Step

C = TypeVar("C")
T = TypeVar("T", bound=Target)

StepFunction = Callable[[Any, Step], str | None] | Callable[[Step], str | None]
"""`(config, step)` or `(step)`; gives the summary for the person who waits, such as `42 pages`."""
RenderFunction = Callable[[Any, Render], Iterable[Object]] | Callable[[Render], Iterable[Object]]
"""`(config, render)` or `(render)`; gives the objects, and may well be a generator."""


class Kind(Enum):
    """The kinds of plugin."""

    BUILD_STEP = 0
    RENDERER = 1
    DEPLOY_TARGET = 2


@dataclass(frozen=True)
class Description:
    """A plugin's own account of itself."""

    name: str
    """Its name: that of the project, unless the decorator says otherwise."""
    version: str
    """Its version (semver): that of the project, unless the decorator says otherwise."""
    summary: str
    """What it does: the first paragraph of the docstring, of the function or else of the module,
    or the project's description, unless the decorator says otherwise."""
    kind: Kind
    """Its kind."""
    config_schema: str
    """The JSON Schema of its config."""
    capabilities: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The powers it needs beyond files and logs, each with the reason."""


class Plugin:
    """A plugin that a decorator made."""

    description: Description

    def _configure(self, config: type[C], text: str) -> C:
        return parse(config, json.loads(text))


class BuildStep(Plugin):
    """A build step made by `@build_step`."""

    def __init__(self, run: StepFunction, config: type, description: Description) -> None:
        self.description = description
        self._config = config
        self._run: Callable[..., str | None] = _with_config(run)

    def run(self, config: str, host: Host) -> str:
        """Parses the config, a JSON text, and runs the step; gives its summary."""
        return self._run(self._configure(self._config, config), Step(host)) or ""


class Renderer(Plugin):
    """A renderer made by `@renderer`."""

    def __init__(self, render: RenderFunction, config: type, description: Description) -> None:
        self.description = description
        self._config = config
        self._render: Callable[..., Iterable[Object]] = _with_config(render)

    def render(self, config: str, host: Host) -> list[Object]:
        """Parses the config, a JSON text, and renders."""
        return list(self._render(self._configure(self._config, config), Render(host)))


class DeployTarget(Plugin, Generic[T]):
    """What `@deploy_target` knows of a target."""

    def __init__(self, target: type[T], description: Description) -> None:
        self.description = description
        self._target = target

    def configure(self, config: str) -> T:
        """Parses the config, a JSON text, which is the target."""
        return self._configure(self._target, config)


_declared: list[Plugin] = []


def declared() -> list[Plugin]:
    """Every plugin that a decorator made in this process."""
    return list(_declared)


def plugin_of(target: type[T]) -> DeployTarget[T]:
    """What `@deploy_target` made of this class."""
    plugin = target.__dict__.get("__springline__")
    if not isinstance(plugin, DeployTarget):
        raise TypeError(f"`{target.__qualname__}` carries no @deploy_target")
    return plugin


@overload
def build_step(function: StepFunction, /) -> BuildStep: ...
@overload
def build_step(
    *,
    name: str | None = None,
    version: str | None = None,
    summary: str | None = None,
    capabilities: Mapping[str, str] | None = None,
) -> Callable[[StepFunction], BuildStep]: ...


def build_step(function: StepFunction | None = None, /, **said: Any) -> Any:
    """Makes a function a build step: `(config, step)` or `(step)`. The config is a dataclass, which
    its annotation names."""

    def make(function: StepFunction) -> BuildStep:
        config = _config_of(function)
        described = _describe(function, Kind.BUILD_STEP, config, **said)
        return _declare(BuildStep(function, config, described))

    return make if function is None else make(function)


@overload
def renderer(function: RenderFunction, /) -> Renderer: ...
@overload
def renderer(
    *,
    name: str | None = None,
    version: str | None = None,
    summary: str | None = None,
    capabilities: Mapping[str, str] | None = None,
) -> Callable[[RenderFunction], Renderer]: ...


def renderer(function: RenderFunction | None = None, /, **said: Any) -> Any:
    """Makes a function a renderer: `(config, render)` or `(render)`. The config is a dataclass,
    which its annotation names."""

    def make(function: RenderFunction) -> Renderer:
        config = _config_of(function)
        described = _describe(function, Kind.RENDERER, config, **said)
        return _declare(Renderer(function, config, described))

    return make if function is None else make(function)


@overload
def deploy_target(target: type[T], /) -> type[T]: ...
@overload
def deploy_target(
    *,
    name: str | None = None,
    version: str | None = None,
    summary: str | None = None,
    capabilities: Mapping[str, str] | None = None,
) -> Callable[[type[T]], type[T]]: ...


def deploy_target(target: type[T] | None = None, /, **said: Any) -> Any:
    """Makes a dataclass that derives from `Target` a deploy target; its fields are the config."""

    def make(target: type[T]) -> type[T]:
        described = _describe(target, Kind.DEPLOY_TARGET, target, **said)
        plugin = _declare(DeployTarget(target, described))
        target.__springline__ = plugin  # type: ignore[attr-defined]
        return target

    return make if target is None else make(target)


P = TypeVar("P", bound=Plugin)


def _declare(plugin: P) -> P:
    _declared.append(plugin)
    return plugin


def _describe(
    thing: Any,
    kind: Kind,
    config: type,
    *,
    name: str | None = None,
    version: str | None = None,
    summary: str | None = None,
    capabilities: Mapping[str, str] | None = None,
) -> Description:
    project = project_of(thing.__module__)
    module_doc = inspect.getmodule(thing)
    docs = (thing.__doc__, module_doc.__doc__ if module_doc else None, project.description)
    return Description(
        name=name or project.name or thing.__name__.lower().replace("_", "-"),
        version=version or project.version or "0.0.0",
        summary=summary or next((text for doc in docs if (text := first_paragraph(doc))), ""),
        kind=kind,
        config_schema=json.dumps(schema(config)),
        capabilities=dict(capabilities or {}),
    )


def _config_of(function: Callable[..., Any]) -> type:
    """The type of a function's config: what the first of its two arguments is annotated with."""
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) == 1:
        return NoConfig
    if len(parameters) != 2:
        raise TypeError(f"`{function.__qualname__}` takes a config and the call, or the call alone")
    config = get_type_hints(function).get(parameters[0])
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise TypeError(
            f"`{function.__qualname__}`: annotate `{parameters[0]}` with the config's dataclass"
        )
    return config


def _with_config(function: Callable[..., Any]) -> Callable[..., Any]:
    if len(inspect.signature(function).parameters) == 2:
        return function
    return lambda _config, call: function(call)
