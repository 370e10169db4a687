"""What componentize-py makes a component of: it imports the plugin's module `app`, and exports the
plugin that a decorator declared in it, or in what it imports.

    componentize-py -d wit -w build-step-plugin componentize -p . -p sdk/src springline.component
"""

from __future__ import annotations

import importlib
import logging

# Codecs are imported by name, when they are first used. Once the component is built that is too
# late.
from encodings import (  # noqa: F401
    ascii,
    cp1252,
    idna,
    iso8859_15,
    latin_1,
    punycode,
    unicode_escape,
    utf_8,
    utf_8_sig,
    utf_16,
    utf_16_be,
    utf_16_le,
    utf_32,
    utf_32_be,
    utf_32_le,
)

from wit_world import exports as world

from ._guest import exports, traces
from ._guest.logs import SinkHandler
from .plugin import BuildStep, DeployTarget, Plugin, Renderer, declared


def _plugin() -> Plugin:
    """The one plugin that is declared."""
    importlib.import_module("app")
    plugins = declared()
    if len(plugins) != 1:
        there = "no plugin" if not plugins else f"{len(plugins)} plugins"
        raise TypeError(
            f"`app` declares {there}, and a component is one: put @build_step, @renderer or"
            " @deploy_target on one thing in it"
        )
    return plugins[0]


def _export(plugin: Plugin) -> tuple[str, type]:
    """The name and the class of what a plugin of this kind exports."""
    if isinstance(plugin, BuildStep):
        return "BuildStep", exports.build_step_of(plugin)
    if isinstance(plugin, Renderer):
        return "Renderer", exports.renderer_of(plugin)
    assert isinstance(plugin, DeployTarget)
    return "DeployTarget", exports.deploy_target_of(plugin)


_made = _plugin()
_name = _made.description.kind.name.replace("_", "-").lower()
if not hasattr(world, "".join(part.title() for part in _name.split("-"))):
    raise TypeError(f"`app` declares a {_name}: build it with `--world {_name}-plugin`")

# componentize-py looks for classes of these names in this module.
Describe = exports.describe_of(_made)
globals().update([_export(_made)])

traces.remember_sources()
# The host's log, from the first call on; while the component is built there is no host.
logging.basicConfig(level=logging.DEBUG, handlers=[SinkHandler()], format="%(message)s", force=True)
