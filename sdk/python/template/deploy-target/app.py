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
    Node,
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
        there = deploy.directory.inspect([item.id for item in desired])
        for item, node in zip(desired, there, strict=True):
            before, after = digest_of(node), blob_of(item.body)
            if before != after:
                action = Action.UPDATE if before else Action.CREATE
                yield Change(action, item.id, item.id, before=before, after=after)
        gone = sorted(set(owned) - {item.id for item in desired})
        for ref, node in zip(gone, deploy.directory.inspect(gone), strict=True):
            yield Change(Action.DELETE, ref, before=digest_of(node))

    def apply(self, change: Change, deploy: Deploy) -> Applied:
        if change.after is None:
            deploy.directory.remove(change.ref, expected=change.before)
        else:
            deploy.directory.put_file(change.ref, change.after, expected=change.before)
        return Applied(change.after)

    def observe(self, refs: Sequence[str], deploy: Deploy) -> Iterator[Observed]:
        for ref, node in zip(refs, deploy.directory.inspect(refs), strict=True):
            yield Observed(ref, digest_of(node))

    def owned(self, deploy: Deploy) -> list[str]:
        return deploy.directory.owned()


def digest_of(node: Node | None) -> str | None:
    """The digest of what is there; none where nothing is, or a directory."""
    return node.digest if node and node.digest else None


def blob_of(body: Body) -> str:
    if isinstance(body, BlobRef):
        return body.digest
    raise Invalid("only files can be put into a directory")
