//go:build !wasip1

package springlinetest

import (
	"fmt"
	"maps"
	"slices"
	"sort"

	"springline.dev/sdk-go/springline"
)

// Synced is what a sync did.
type Synced struct {
	// The changes, in the order in which they were applied.
	Changes []springline.Change
	// The live objects that are owned afterwards, sorted: the next sync's inventory.
	Owned []string
}

// Sync brings live to desired as the real host does: it identifies, plans, applies change by change
// in waves, and deletes last. Owned is the inventory. The bodies of the objects arrive as blobs. It
// fails for a change that the real host would refuse, and if a second plan finds anything left.
func (h *Host) Sync(target springline.Target, desired []springline.Object, owned []string) (Synced, error) {
	desired = slices.Clone(desired)
	for at := range desired {
		if desired[at].Blob == "" && desired[at].Tree == "" {
			desired[at].Blob, desired[at].Inline = h.AddBlob(string(desired[at].Inline)), nil
		}
	}
	identities, err := target.Identify(desired)
	if err != nil {
		return Synced{}, err
	}
	wanted := map[string]bool{}
	for _, identity := range identities {
		wanted[identity.Ref] = true
	}
	changes, err := target.Plan(slices.Clone(desired), slices.Clone(owned))
	if err != nil {
		return Synced{}, err
	}
	sort.SliceStable(changes, func(a, b int) bool { return order(changes[a]) < order(changes[b]) })
	for _, change := range changes {
		if err := apply(target, change, wanted, owned); err != nil {
			return Synced{}, err
		}
	}
	synced := Synced{Changes: changes, Owned: slices.Sorted(maps.Keys(wanted))}
	left, err := target.Plan(desired, slices.Clone(synced.Owned))
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("not converged: %v", left)
	}
	return synced, err
}

// order is when a change is applied: in ascending waves, deletes in descending ones behind them.
func order(change springline.Change) int64 {
	if change.Action == springline.Delete {
		return 1<<33 - int64(change.Wave)
	}
	return int64(change.Wave)
}

func apply(target springline.Target, change springline.Change, wanted map[string]bool, owned []string) error {
	switch {
	case change.Action != springline.Delete && !wanted[change.Ref]:
		return fmt.Errorf("`%s` was not identified", change.Ref)
	case change.Action == springline.Delete && (wanted[change.Ref] || !slices.Contains(owned, change.Ref)):
		return fmt.Errorf("`%s` may not be deleted", change.Ref)
	}
	applied, err := target.Apply(change)
	if err == nil && applied.After != change.After {
		err = fmt.Errorf("`%s` became something else than planned", change.Ref)
	}
	return err
}
