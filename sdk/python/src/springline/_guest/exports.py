"""What a component exports, from the plugin that a decorator declared."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from componentize_py_types import Err
from wit_world.imports import types

from ..deploy import Action, Change, Deploy, Observed, Target
from ..errors import Conflict, Denied, Error, Invalid, Transient
from ..objects import BlobRef, Inline, Object, TreeRef
from ..plugin import BuildStep, DeployTarget, Plugin, Renderer
from . import traces
from .imports import Imports

R = TypeVar("R")


def describe_of(plugin: Plugin) -> type:
    """The class that exports `describe`."""
    from wit_world.exports import describe

    said = plugin.description
    description = describe.Description(
        name=said.name,
        version=said.version,
        summary=said.summary,
        kind=describe.Kind(said.kind.value),
        config_schema=said.config_schema,
        capabilities=[describe.Capability(*item) for item in said.capabilities.items()],
    )

    class Describe:
        def describe(self) -> describe.Description:
            return description

    return Describe


def build_step_of(plugin: BuildStep) -> type:
    """The class that exports `build-step`."""
    from wit_world.exports import build_step

    class Exports:
        def run(self, input: build_step.Input) -> build_step.Outputs:
            return build_step.Outputs(_answer(lambda: plugin.run(input.config, Imports())))

    return Exports


def renderer_of(plugin: Renderer) -> type:
    """The class that exports `renderer`."""
    from wit_world.exports import renderer

    class Exports:
        def render(self, input: renderer.Input) -> list[types.Object]:
            objects = _answer(lambda: plugin.render(input.config, Imports()))
            return [types.Object(object.id, _body(object)) for object in objects]

    return Exports


def deploy_target_of(plugin: DeployTarget[Target]) -> type:
    """The class that exports `deploy-target`."""
    from wit_world.exports import deploy_target as wit

    def call(config: str, method: Callable[[Target, Deploy], R]) -> R:
        return _answer(lambda: method(plugin.configure(config), Deploy(Imports())))

    def to_wit(change: Change) -> wit.Change:
        return wit.Change(
            ref=change.ref,
            object=change.object,
            action=wit.Action(change.action.value),
            wave=change.wave,
            summary=change.summary,
            before=change.before,
            after=change.after,
            state=change.state,
        )

    def from_wit(change: wit.Change) -> Change:
        return Change(
            action=Action(change.action.value),
            ref=change.ref,
            object=change.object,
            wave=change.wave,
            summary=change.summary,
            before=change.before,
            after=change.after,
            state=change.state,
        )

    class Exports:
        def identify(self, config: str, desired: list[types.Object]) -> list[wit.Identity]:
            objects = [_object(object) for object in desired]
            found = call(config, lambda it, deploy: list(it.identify(objects, deploy)))
            return [wit.Identity(it.ref, it.object) for it in found]

        def plan(self, input: wit.PlanInput) -> list[wit.Change]:
            objects = [_object(object) for object in input.desired]
            changes = call(
                input.config, lambda it, deploy: list(it.plan(objects, input.owned, deploy))
            )
            return [to_wit(change) for change in changes]

        def explain(self, config: str, change: wit.Change) -> wit.Difference:
            told = call(config, lambda it, deploy: it.explain(from_wit(change), deploy))
            return wit.Difference(told.live, told.desired)

        def apply(self, config: str, change: wit.Change) -> wit.Applied:
            applied = call(config, lambda it, deploy: it.apply(from_wit(change), deploy))
            return wit.Applied(applied.after, applied.message)

        def observe(self, config: str, refs: list[str]) -> list[wit.Observed]:
            observed = call(config, lambda it, deploy: list(it.observe(refs, deploy)))
            return [wit.Observed(it.ref, it.version, it.state) for it in observed]

        def judge(self, config: str, object: wit.Observed) -> wit.Health:
            observed = Observed(object.ref, object.version, object.state)
            health = call(config, lambda it, deploy: it.judge(observed, deploy))
            return wit.Health(wit.HealthStatus(health.status.value), health.message)

        def owned(self, config: str) -> list[str]:
            return call(config, lambda it, deploy: list(it.owned(deploy)))

    return Exports


def _answer(call: Callable[[], R]) -> R:
    """Makes a call, and of what it raises an error of the contract. An exception that is no
    `springline.Error` is a mistake in the plugin: its traceback goes to the log."""
    try:
        return call()
    except Error as error:
        raise Err(_error(error)) from None
    except BaseException as error:
        logging.error(traces.short(error))
        place = traces.place(error)
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, ImportError):
            told += "; import at the top of a file: a component has nothing to import from later"
        raise Err(types.Error_Failed(f"{told} ({place})" if place else told)) from None


def _error(error: Error) -> types.Error:
    if isinstance(error, Invalid):
        return types.Error_Invalid(
            [types.Violation(it.message, it.file, it.line, it.pointer) for it in error.violations]
        )
    if isinstance(error, Denied):
        return types.Error_Denied(str(error))
    if isinstance(error, Conflict):
        return types.Error_Conflict(str(error))
    if isinstance(error, Transient):
        wait = error.retry_after
        milliseconds = None if wait is None else max(0, round(wait.total_seconds() * 1000))
        return types.Error_Transient(types.Transient(str(error), milliseconds))
    return types.Error_Failed(str(error))


def _body(object: Object) -> types.Body:
    body = object.body
    if isinstance(body, Inline):
        return types.Body_Inline(body.data)
    return (
        types.Body_Blob(body.digest) if isinstance(body, BlobRef) else types.Body_Tree(body.digest)
    )


def _object(object: types.Object) -> Object:
    body = object.body
    if isinstance(body, types.Body_Inline):
        return Object(object.id, Inline(body.value))
    if isinstance(body, types.Body_Blob):
        return Object(object.id, BlobRef(body.value))
    return Object(object.id, TreeRef(body.value))
