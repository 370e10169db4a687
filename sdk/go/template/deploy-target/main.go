package main

import (
	"slices"

	"springline.dev/sdk-go/springline"
)

var plugin = springline.DeployTarget(springline.Info{
	Name: "{{name}}", Version: "0.1.0", Summary: "Puts every object into a directory.",
	Capabilities: []springline.Capability{{Name: "directory", Reason: "objects become files in it"}},
}, func(_ springline.NoConfig, deploy *springline.Deploy) (springline.Target, error) {
	return target{deploy.Directory()}, nil
})

func main() {}

type target struct{ directory springline.Directory }

func (t target) Identify(desired []springline.Object) (identities []springline.Identity, err error) {
	for _, object := range desired {
		if object.Blob == "" {
			return nil, springline.Violation{Message: "`" + object.ID + "` is no file"}
		}
		identities = append(identities, springline.Identity{Ref: object.ID, Object: object.ID})
	}
	return identities, nil
}

func (t target) Plan(desired []springline.Object, owned []string) (changes []springline.Change, err error) {
	refs := make([]string, len(desired))
	for at, object := range desired {
		refs[at] = object.ID
	}
	there, err := t.directory.Inspect(refs...)
	if err != nil {
		return nil, err
	}
	for at, object := range desired {
		change := springline.Change{Ref: object.ID, Object: object.ID, After: object.Blob}
		if there[at] != nil {
			change.Action, change.Before = springline.Update, there[at].Digest
		}
		if change.Before != change.After {
			changes = append(changes, change)
		}
	}
	nodes, err := t.directory.Inspect(owned...)
	for at, node := range nodes {
		if slices.Contains(refs, owned[at]) {
			continue
		}
		change := springline.Change{Ref: owned[at], Action: springline.Delete}
		if node != nil {
			change.Before = node.Digest
		}
		changes = append(changes, change)
	}
	return changes, err
}

func (t target) Apply(change springline.Change) (springline.Applied, error) {
	if change.Action == springline.Delete {
		return springline.Applied{}, t.directory.Remove(change.Ref, change.Before)
	}
	err := t.directory.PutFile(change.Ref, change.After, false, change.Before)
	return springline.Applied{After: change.After}, err
}

func (t target) Observe(refs []string) (observed []springline.Observed, err error) {
	nodes, err := t.directory.Inspect(refs...)
	for at, node := range nodes {
		observed = append(observed, springline.Observed{Ref: refs[at]})
		if node != nil {
			observed[at].Version = node.Digest
		}
	}
	return observed, err
}

func (t target) Owned() ([]string, error) {
	return t.directory.Owned()
}
