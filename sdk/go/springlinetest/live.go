//go:build !wasip1

package springlinetest

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"springline.dev/sdk-go/springline"
)

// A liveFile is a file or a link of the lent directory; directories are implied.
type liveFile struct {
	kind  springline.NodeKind
	data  string // A file's bytes, a link's target.
	owner string
}

// PutLive puts a file that is nobody's into the lent directory.
func (h *Host) PutLive(path, text string) {
	h.PutLiveOwned(path, text, "")
}

// PutLiveOwned puts a file of an owner, `APPLICATION/ENVIRONMENT`, into the lent directory.
func (h *Host) PutLiveOwned(path, text, owner string) {
	h.live[path] = liveFile{kind: springline.NodeFile, data: text, owner: owner}
}

// RemoveLive removes a file from the lent directory.
func (h *Host) RemoveLive(path string) {
	delete(h.live, path)
}

// Live is the text of a file of the lent directory; the test fails if there is none.
func (h *Host) Live(path string) string {
	h.t.Helper()
	file, ok := h.live[path]
	if !ok {
		h.t.Fatalf("nothing is at %s", path)
	}
	return file.data
}

// LivePaths are the paths of all files and links of the lent directory, sorted.
func (h *Host) LivePaths() []string {
	return slices.Sorted(maps.Keys(h.live))
}

// LiveNode is what is at a path of the lent directory; nil if nothing is.
func (h *Host) LiveNode(path string) *springline.Node {
	if file, ok := h.live[path]; ok {
		node := &springline.Node{Path: path, Kind: file.kind, Digest: Digest([]byte(file.data)),
			Size: uint64(len(file.data)), Owner: file.owner}
		if file.kind == springline.NodeSymlink {
			node.Link = file.data
		}
		return node
	}
	for other := range h.live {
		if strings.HasPrefix(other, path+"/") {
			return &springline.Node{Path: path, Kind: springline.NodeDirectory}
		}
	}
	return nil
}

func (f fake) lent() error {
	if f.Lent {
		return nil
	}
	return springline.Denied("no directory was lent to this target")
}

func (f fake) Inspect(paths []string) ([]*springline.Node, error) {
	nodes := make([]*springline.Node, len(paths))
	for at, path := range paths {
		nodes[at] = f.LiveNode(path)
	}
	return nodes, f.lent()
}

func (f fake) ReadLive(path string, offset uint64, length uint32) ([]byte, error) {
	if err := f.lent(); err != nil {
		return nil, err
	}
	file, ok := f.live[path]
	if !ok || file.kind == springline.NodeSymlink {
		return nil, fmt.Errorf("%s: there is no such file", path)
	}
	return part([]byte(file.data), offset, length), nil
}

func (f fake) PutFile(path, blob string, executable bool, expected string) error {
	data, ok := f.blobs[blob]
	if !ok {
		return fmt.Errorf("no blob %s was given to this call: %w", blob, fs.ErrNotExist)
	}
	kind := springline.NodeFile
	if executable {
		kind = springline.NodeExecutable
	}
	return f.place(path, liveFile{kind: kind, data: string(data), owner: f.owner()}, expected)
}

func (f fake) PutSymlink(at, target, expected string) error {
	if strings.HasPrefix(target, "/") || strings.HasPrefix(path.Join(path.Dir(at), target), "..") {
		return springline.Denied(fmt.Sprintf("%s: a link to `%s` leads out of the directory", at, target))
	}
	return f.place(at, liveFile{kind: springline.NodeSymlink, data: target, owner: f.owner()}, expected)
}

func (f fake) place(path string, file liveFile, expected string) error {
	if err := f.check(path, expected); err != nil {
		return err
	}
	f.live[path] = file
	return nil
}

func (f fake) Remove(path, expected string) error {
	if f.LiveNode(path) == nil {
		return f.lent()
	}
	if err := f.check(path, expected); err != nil {
		return err
	}
	delete(f.live, path)
	return nil
}

func (f fake) Adopt(path string) error {
	file, ok := f.live[path]
	if !ok {
		return springline.Conflict(path + ": there is nothing")
	}
	if err := f.check(path, Digest([]byte(file.data))); err != nil {
		return err
	}
	file.owner = f.owner()
	f.live[path] = file
	return nil
}

func (f fake) Owned() ([]string, error) {
	var paths []string
	for path, file := range f.live {
		if file.owner == f.owner() {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths, f.lent()
}

// check tells whether the application may write at a path, and what is there is as expected.
func (f fake) check(at, expected string) error {
	if err := f.lent(); err != nil {
		return err
	}
	if at == "" || strings.HasPrefix(at, "/") || path.Clean(at) != at || strings.HasPrefix(at, "..") {
		return springline.Denied(at + ": this leaves the directory")
	}
	for parent := path.Dir(at); parent != "."; parent = path.Dir(parent) {
		if _, ok := f.live[parent]; ok {
			return springline.Conflict(fmt.Sprintf("%s: %s is no directory", at, parent))
		}
	}
	there, owner := "", ""
	if node := f.LiveNode(at); node != nil {
		there, owner = node.Digest, node.Owner
		if node.Kind == springline.NodeDirectory {
			there = "a directory"
		}
	}
	if there != expected {
		return springline.Conflict(fmt.Sprintf("%s: expected %q, found %q", at, expected, there))
	}
	if owner != "" && owner != f.owner() {
		return springline.Conflict(fmt.Sprintf("%s: belongs to %s", at, owner))
	}
	return nil
}
