"""The part of the SDK that is only in a component, on the bindings that componentize-py generates:
natively, with a host of a few functions."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("componentize_py", reason="pip install componentize-py==0.25.1")

SDK = Path(__file__).parents[1]
WIT = SDK.parents[1] / "wit"

HOST = """
import sys
from wit_world.imports import context, log

class Sink:
    def __init__(self, topic): self.topic = topic
    def write(self, level, message): print(level.name, self.topic, message, sep="|")

log.Sink = Sink
context.application = lambda: "shop"
"""


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bindings of all kinds at once."""
    directory = tmp_path_factory.mktemp("bindings")
    worlds = [f"--world={kind}-plugin" for kind in ("build-step", "renderer", "deploy-target")]
    tool = [sys.executable, "-c", "import componentize_py; componentize_py.script()"]
    command = [*tool, "-q", "-d", str(WIT), *worlds, "bindings", str(directory)]
    subprocess.run(command, check=True)
    return directory


def run(bindings: Path, project: Path, app: str, then: str) -> subprocess.CompletedProcess[str]:
    """Imports a plugin as componentize-py does, and runs a few lines after it."""
    # Where componentize-py would mount it: tracebacks leave that out.
    home = project / "app.py"
    home.write_text(app)
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1.2.3"\n')
    code = f"{HOST}\nfrom springline import component\n{then}"
    path = ":".join(map(str, (project, SDK / "src", bindings)))
    return subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )


STEP = """
import logging
from dataclasses import dataclass
from datetime import timedelta
from springline import *

@dataclass
class Config:
    how: str = "well"

@build_step
def step(config: Config, step: Step) -> str:
    "Does it."
    logging.getLogger("topic").info("in %s", step.context.application)
    match config.how:
        case "invalid":
            raise Invalid(Violation("m", file="f", line=1), Violation("n", pointer="/p"))
        case "denied": raise Denied("d")
        case "conflict": raise Conflict("c")
        case "transient": raise Transient("t", retry_after=timedelta(seconds=1.5))
        case "failed": raise Failed("f")
        case "mistake": deep(0)
        case "exit": raise SystemExit(1)
    return "done"

def deep(n):
    return 1 / n
"""

CALLS = """
import json
from componentize_py_types import Err
from wit_world.exports.build_step import Input
from wit_world.imports import types as t

def call(**config):
    try:
        return component.BuildStep().run(Input(json.dumps(config))).summary
    except Err as error:
        return error.value
"""


def test_a_step_is_exported_and_its_errors_are_those_of_the_contract(
    bindings: Path, tmp_path: Path
) -> None:
    then = (
        CALLS
        + """
said = component.Describe().describe()
assert (said.name, said.version, said.summary) == ("mine", "1.2.3", "Does it."), said
assert said.kind.name == "BUILD_STEP" and said.capabilities == []
assert call() == "done"
assert call(how="invalid") == t.Error_Invalid(
    [t.Violation("m", "f", 1, None), t.Violation("n", None, None, "/p")]
)
assert call(how="denied") == t.Error_Denied("d")
assert call(how="conflict") == t.Error_Conflict("c")
assert call(how="transient") == t.Error_Transient(t.Transient("t", 1500))
assert call(how="failed") == t.Error_Failed("f")
assert call(how="exit") == t.Error_Failed("SystemExit: 1"), call(how="exit")
assert call(who="x") == t.Error_Invalid([t.Violation("unknown key `who`", None, None, "/who")])
assert call(how="mistake") == t.Error_Failed("ZeroDivisionError: division by zero")
"""
    )
    done = run(bindings, tmp_path, STEP, then)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "INFO|topic|in shop"
    trace = "\n".join(lines[-6:])
    assert "ERROR||" in trace
    assert "app.py:27 in deep\n    return 1 / n\nZeroDivisionError: division by zero" in trace
    assert "springline" not in trace


TARGET = """
from dataclasses import dataclass
from springline import *

@deploy_target(capabilities={"directory": "why"})
@dataclass
class Shelf(Target):
    prefix: str = ""
    def identify(self, desired, deploy):
        return [Identity(self.prefix + it.id, it.id) for it in desired]
    def plan(self, desired, owned, deploy):
        body = desired[0].body
        yield Change(Action.UPDATE, "r", "o", 2, "s", "b", body.digest, b"x")
    def apply(self, change, deploy):
        deploy.directory.put_file(change.ref, change.after, expected=change.before)
        return Applied(change.after, change.action.name)
    def observe(self, refs, deploy):
        return [Observed(ref, node and node.owner) for ref, node
                in zip(refs, deploy.directory.inspect(refs))]
"""


def test_a_target_is_exported_method_by_method(bindings: Path, tmp_path: Path) -> None:
    then = """
from componentize_py_types import Err
from wit_world.exports import deploy_target as w
from wit_world.imports import directory, types as t
target = component.DeployTarget()
config = '{"prefix": "p/"}'
desired = [t.Object("o", t.Body_Blob("sha256:1"))]
assert target.identify(config, desired) == [w.Identity("p/o", "o")]
[change] = target.plan(w.PlanInput(config, desired, []))
assert change == w.Change("r", "o", w.Action.UPDATE, 2, "s", "b", "sha256:1", b"x")
put = []
directory.put_file = lambda *arguments: put.append(arguments)
assert target.apply(config, change) == w.Applied("sha256:1", "UPDATE")
assert put == [("r", "sha256:1", False, "b")]
def refuse(*arguments): raise Err(directory.DirectoryError_Conflict("else"))
directory.put_file = refuse
try: raise AssertionError(target.apply(config, change))
except Err as error: assert error.value == t.Error_Conflict("else")
node = directory.Node("r", directory.NodeKind.OTHER, "", 0, "", "me")
directory.inspect = lambda paths: [node, None]
seen = target.observe(config, ["r", "q"])
assert seen == [w.Observed("r", "me", b""), w.Observed("q", None, b"")]
assert target.judge(config, w.Observed("q", None, b"")) == w.Health(w.HealthStatus.MISSING, "")
assert target.explain(config, change) == w.Difference(None, None)
assert target.owned(config) == []
said = component.Describe().describe()
assert [(it.name, it.reason) for it in said.capabilities] == [("directory", "why")]
"""
    done = run(bindings, tmp_path, TARGET, then)
    assert done.returncode == 0, done.stderr


def test_a_module_without_a_plugin_or_with_two_is_refused(bindings: Path, tmp_path: Path) -> None:
    done = run(bindings, tmp_path, "", "")
    assert "`app` declares no plugin, and a component is one" in done.stderr
    done = run(bindings, tmp_path, STEP + "\n@build_step\ndef two(s: Step) -> None: pass\n", "")
    assert "`app` declares 2 plugins" in done.stderr
