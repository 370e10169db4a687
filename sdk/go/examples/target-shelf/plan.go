package main

import (
	"cmp"
	"fmt"
	"slices"

	"springline.dev/sdk-go/springline"
)

// Plan compares what is desired with what is there. What is owned and no longer desired goes.
func (s *shelf) Plan(desired []springline.Object, owned []string) ([]springline.Change, error) {
	wanted, err := s.wanted(desired)
	if err != nil {
		return nil, err
	}
	refs, isWanted := make([]string, 0, len(wanted)+len(owned)), map[string]bool{}
	for _, file := range wanted {
		refs, isWanted[file.ref] = append(refs, file.ref), true
	}
	for _, ref := range owned {
		if !isWanted[ref] {
			refs = append(refs, ref)
		}
	}
	nodes, err := s.deploy.Directory().Inspect(refs...)
	if err != nil {
		return nil, err
	}
	var changes []springline.Change
	for at, file := range wanted {
		change, err := s.change(file, nodes[at])
		if err != nil {
			return nil, err
		}
		if change != nil {
			changes = append(changes, *change)
		}
	}
	for at := len(wanted); at < len(refs); at++ {
		change := springline.Change{Ref: refs[at], Action: springline.Delete}
		if nodes[at] != nil {
			change.Before = nodes[at].Digest
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// A file is to stand on the shelf.
type file struct {
	ref    string
	object string
	digest string
}

// wanted lists the files that the objects become, sorted by their refs.
func (s *shelf) wanted(desired []springline.Object) ([]file, error) {
	var files []file
	var invalid springline.Invalid
	for _, object := range desired {
		switch {
		case object.Tree != "":
			message := fmt.Sprintf("`%s`: a shelf takes files, not directories", object.ID)
			invalid = append(invalid, springline.Violation{Message: message})
		case object.Blob == "":
			return nil, fmt.Errorf("the body of `%s` did not arrive as a blob", object.ID)
		default:
			files = append(files, file{ref: s.config.Prefix + object.ID, object: object.ID, digest: object.Blob})
		}
	}
	if len(invalid) > 0 {
		return nil, invalid
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.ref, b.ref) })
	return files, nil
}

// change makes a file stand there; it is nil if the file does.
func (s *shelf) change(file file, node *springline.Node) (*springline.Change, error) {
	size, err := s.size(file.digest)
	if err != nil {
		return nil, err
	}
	change := &springline.Change{Ref: file.ref, Object: file.object, After: file.digest}
	if node == nil {
		change.Action, change.Summary = springline.Create, fmt.Sprintf("%d bytes", size)
		return change, nil
	}
	change.Before = node.Digest
	me := s.deploy.Application() + "/" + s.deploy.Environment()
	switch {
	case node.Owner != "" && node.Owner != me:
		return nil, springline.Conflictf("`%s` belongs to %s", file.ref, node.Owner)
	case !isFile(node):
		return nil, springline.Conflictf("`%s` is no file there", file.ref)
	case node.Kind == springline.NodeExecutable || node.Digest != file.digest:
		change.Action, change.Summary = springline.Update, fmt.Sprintf("%d -> %d bytes", node.Size, size)
	case node.Owner == me:
		return nil, nil
	default:
		change.Action = springline.Adopt
	}
	return change, nil
}

func (s *shelf) size(digest string) (int64, error) {
	blob, err := s.deploy.OpenBlob(digest)
	if err != nil {
		return 0, err
	}
	defer blob.Close()
	return blob.Size(), nil
}
