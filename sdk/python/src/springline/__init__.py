"""Write Springline plugins in Python.

A plugin is a module with one decorator in it: `build_step` or `renderer` on a function, or
`deploy_target` on a dataclass that derives from `Target`. `componentize-py` makes a component of it
that the host runs; `springline.testing` runs it natively, against a fake host.

    @dataclass
    class Config:
        name: str
        \"\"\"Who is greeted.\"\"\"

    @build_step
    def hello(config: Config, step: Step) -> str:
        \"\"\"Greets somebody.\"\"\"
        step.write("hello.txt", f"Hello, {config.name}\\n")
        return "1 file"

Logs are those of the `logging` module; a logger's name is the topic of its lines.
"""

from ._host import Artifact
from .blobs import BlobReader, BlobWriter
from .config import NoConfig
from .context import Context
from .deploy import (
    Action,
    Applied,
    Change,
    Deploy,
    Difference,
    Health,
    HealthStatus,
    Identity,
    Observed,
    Target,
)
from .directory import Directory, Node, NodeKind
from .errors import Conflict, Denied, Error, Failed, Invalid, Transient, Violation
from .files import Entry
from .objects import BlobRef, Body, EntryKind, Inline, Object, TreeEntry, TreeRef
from .plugin import build_step, deploy_target, renderer
from .step import Render, Step

__all__ = [
    "Action",
    "Applied",
    "Artifact",
    "BlobReader",
    "BlobRef",
    "BlobWriter",
    "Body",
    "Change",
    "Conflict",
    "Context",
    "Denied",
    "Deploy",
    "Difference",
    "Directory",
    "Entry",
    "EntryKind",
    "Error",
    "Failed",
    "Health",
    "HealthStatus",
    "Identity",
    "Inline",
    "Invalid",
    "NoConfig",
    "Node",
    "NodeKind",
    "Object",
    "Observed",
    "Render",
    "Step",
    "Target",
    "Transient",
    "TreeEntry",
    "TreeRef",
    "Violation",
    "build_step",
    "deploy_target",
    "renderer",
]
