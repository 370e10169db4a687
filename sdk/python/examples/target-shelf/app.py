"""Deploys objects as files to a directory that the operator lends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from springline import (
    Action,
    Applied,
    BlobRef,
    Change,
    Conflict,
    Deploy,
    Difference,
    Failed,
    Health,
    HealthStatus,
    Identity,
    Invalid,
    Node,
    NodeKind,
    Object,
    Observed,
    Target,
    TreeRef,
    Violation,
    deploy_target,
)

MOST_TEXT = 64 * 1024


@deploy_target(capabilities={"directory": "the shelf is a directory"})
@dataclass(frozen=True)
class Shelf(Target):
    """Puts every object on a shelf."""

    prefix: str = ""
    """What stands before the path of every file."""

    def identify(self, desired: Sequence[Object], deploy: Deploy) -> list[Identity]:
        trees = [it.id for it in desired if isinstance(it.body, TreeRef)]
        if trees:
            message = "`{}`: a shelf takes files, not directories"
            raise Invalid(*(Violation(message.format(id)) for id in trees))
        return [Identity(self.prefix + it.id, it.id) for it in desired]

    def plan(
        self, desired: Sequence[Object], owned: Sequence[str], deploy: Deploy
    ) -> Iterator[Change]:
        refs = [identity.ref for identity in self.identify(desired, deploy)]
        gone = [ref for ref in owned if ref not in refs]
        nodes = dict(zip([*refs, *gone], deploy.directory.inspect([*refs, *gone]), strict=True))
        for ref, item in zip(refs, desired, strict=True):
            yield from self._plan_one(ref, item, nodes[ref], deploy)
        for ref in gone:
            yield Change(Action.DELETE, ref, before=digest_of(nodes[ref]))

    def _plan_one(
        self, ref: str, item: Object, node: Node | None, deploy: Deploy
    ) -> Iterator[Change]:
        if not isinstance(item.body, BlobRef):
            raise Failed(f"the body of `{item.id}` did not arrive as a blob")
        digest, size = item.body.digest, deploy.blob(item.body.digest).size
        if node is None:
            yield Change(Action.CREATE, ref, item.id, summary=f"{size} bytes", after=digest)
            return
        if node.owner not in ("", owner(deploy)):
            raise Conflict(f"`{ref}` belongs to {node.owner}")
        if not node.kind.is_file:
            raise Conflict(f"`{ref}` is no file there")
        if node.kind is NodeKind.EXECUTABLE or node.digest != digest:
            summary = f"{node.size} -> {size} bytes"
            yield Change(
                Action.UPDATE, ref, item.id, summary=summary, before=node.digest, after=digest
            )
        elif not node.owner:
            yield Change(Action.ADOPT, ref, item.id, before=digest, after=digest)

    def apply(self, change: Change, deploy: Deploy) -> Applied:
        match change.action:
            case Action.DELETE:
                deploy.directory.remove(change.ref, expected=change.before)
            case Action.ADOPT:
                deploy.directory.adopt(change.ref)
            case _:
                blob = change.after or ""
                deploy.directory.put_file(change.ref, blob, expected=change.before)
        return Applied(change.after)

    def explain(self, change: Change, deploy: Deploy) -> Difference:
        live = desired = None
        node = deploy.directory.node(change.ref)
        if node and node.kind.is_file and node.size <= MOST_TEXT:
            live = text(deploy.directory.read(change.ref, MOST_TEXT))
        if change.after and (blob := deploy.blob(change.after)).size <= MOST_TEXT:
            desired = text(blob.read())
        return Difference(live, desired)

    def observe(self, refs: Sequence[str], deploy: Deploy) -> Iterator[Observed]:
        for ref, node in zip(refs, deploy.directory.inspect(refs), strict=True):
            if node is None:
                yield Observed(ref)
            else:
                yield Observed(ref, node.digest, b"file" if node.kind.is_file else b"other")

    def judge(self, observed: Observed, deploy: Deploy) -> Health:
        if observed.version is None:
            return Health(HealthStatus.MISSING, f"`{observed.ref}` is not there")
        if observed.state == b"other":
            return Health(HealthStatus.DEGRADED, f"`{observed.ref}` is no file")
        return Health()

    def owned(self, deploy: Deploy) -> list[str]:
        return deploy.directory.owned()


def owner(deploy: Deploy) -> str:
    """Who owns what this call deploys, as the marks in the directory name it."""
    return f"{deploy.context.application}/{deploy.context.environment}"


def digest_of(node: Node | None) -> str | None:
    return node.digest if node and node.digest else None


def text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
