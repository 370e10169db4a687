"""One sync, as the real host drives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..deploy import Action, Change, Deploy, Target
from ..objects import Object


@dataclass(frozen=True)
class Synced:
    """What a sync did."""

    changes: list[Change] = field(default_factory=list)
    """The changes, in the order in which they were applied."""
    owned: list[str] = field(default_factory=list)
    """The live objects that are owned afterwards, sorted: the next sync's inventory."""


def sync(target: Target, desired: Sequence[Object], owned: Sequence[str], deploy: Deploy) -> Synced:
    """Identifies, plans, and applies change by change in waves, deletes last. `AssertionError` for
    what the real host would refuse, and for a second plan that finds anything left to do."""
    wanted = {identity.ref for identity in target.identify(desired, deploy)}
    changes = sorted(target.plan(desired, owned, deploy), key=_order)
    for change in changes:
        if change.action is Action.DELETE:
            may_go = change.ref in owned and change.ref not in wanted
            assert may_go, f"`{change.ref}` may not be deleted"
        else:
            assert change.ref in wanted, f"`{change.ref}` was not identified"
        applied = target.apply(change, deploy)
        as_planned = applied.after == change.after
        assert as_planned, f"`{change.ref}` became something else than planned"
    left = list(target.plan(desired, sorted(wanted), deploy))
    assert not left, f"not converged: {left}"
    return Synced(changes, sorted(wanted))


def _order(change: Change) -> tuple[bool, int]:
    is_delete = change.action is Action.DELETE
    return is_delete, -change.wave if is_delete else change.wave
