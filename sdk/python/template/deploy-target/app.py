from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from springline import (
    Action,
    Applied,
    BlobRef,
    Body,
    Change,
    Deploy,
    Identity,
    Invalid,
    Object,
    Observed,
    Target,
    deploy_target,
)


@deploy_target(capabilities={"directory": "writes what it deploys there"})
@dataclass
class Files(Target):
    """Puts every object into a directory as a file."""

    def identify(self, desired: Sequence[Object], deploy: Deploy) -> Iterator[Identity]:
        for item in desired:
            yield Identity(ref=item.id, object=item.id)

    def plan(
        self, desired: Sequence[Object], owned: Sequence[str], deploy: Deploy
    ) -> Iterator[Change]:
        for item in desired:
            node, digest = deploy.directory.node(item.id), digest_of(item.body)
            before = node.digest if node else None
            if before != digest:
                action = Action.UPDATE if node else Action.CREATE
                yield Change(action, item.id, item.id, before=before, after=digest)
        for ref in sorted(set(owned) - {item.id for item in desired}):
            node = deploy.directory.node(ref)
            yield Change(Action.DELETE, ref, before=node.digest if node else None)

    def apply(self, change: Change, deploy: Deploy) -> Applied:
        if change.after is None:
            deploy.directory.remove(change.ref, expected=change.before)
        else:
            deploy.directory.put_file(change.ref, change.after, expected=change.before)
        return Applied(change.after)

    def observe(self, refs: Sequence[str], deploy: Deploy) -> Iterator[Observed]:
        for ref, node in zip(refs, deploy.directory.inspect(refs), strict=True):
            yield Observed(ref, node.digest if node else None)

    def owned(self, deploy: Deploy) -> list[str]:
        return deploy.directory.owned()


def digest_of(body: Body) -> str:
    if isinstance(body, BlobRef):
        return body.digest
    raise Invalid("only files can be put into a directory")
