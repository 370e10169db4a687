//go:build !wasip1

// Package springlinetest is a host in memory and in a temporary directory, for tests without
// WebAssembly.
//
//	func TestGreets(t *testing.T) {
//		host := springlinetest.New(t)
//		host.AddInput("others.txt", "Grace")
//		summary, err := host.Run(plugin, `{"name": "Ada"}`)
//		…
//	}
package springlinetest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"springline.dev/sdk-go/springline"
)

// A Host is a fake host. Its methods fail the test where the test is at fault. The fields say what a
// call is about and may be changed.
type Host struct {
	// The application's name, `example`.
	Application string
	// The environment's name, `test`; empty for none, as in a build.
	Environment string
	// The revision.
	Revision string
	// When the revision was committed, in seconds since 1970.
	CommitTime int64
	// The environment's values, anything that is an object in JSON; nil for none.
	Values any
	// The secrets that are granted, by name.
	Secrets map[string]string
	// Whether a directory is lent; true.
	Lent bool

	t         testing.TB
	directory string
	artifacts map[string]string
	blobs     map[string][]byte
	trees     map[string][]springline.TreeEntry
	live      map[string]liveFile
	log       []string
}

// A Leaf is a file or a symbolic link of a tree that is given to the host.
type Leaf struct {
	// Its path below the tree's root.
	Path string
	// Its text, for a file.
	Text string
	// Whether it may be executed.
	Executable bool
	// Where it points, for a symbolic link; then the others mean nothing.
	Link string
}

// New is a host with an empty input, no artifacts, a lent directory, and the environment `test` of
// the application `example`.
func New(t testing.TB) *Host {
	t.Helper()
	host := &Host{
		Application: "example",
		Environment: "test",
		Revision:    "0123456789abcdef0123456789abcdef01234567",
		CommitTime:  1_700_000_000,
		Secrets:     map[string]string{},
		Lent:        true,
		t:           t,
		directory:   t.TempDir(),
		artifacts:   map[string]string{},
		blobs:       map[string][]byte{},
		trees:       map[string][]springline.TreeEntry{},
		live:        map[string]liveFile{},
	}
	for _, name := range []string{"in", "out", "artifacts"} {
		host.must(os.Mkdir(host.at(name), 0o755))
	}
	return host
}

// Digest is the digest of some bytes, as every host writes it.
func Digest(data []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data))
}

func (h *Host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *Host) at(parts ...string) string {
	return filepath.Join(append([]string{h.directory}, parts...)...)
}

// AddInput puts a file into the input.
func (h *Host) AddInput(path, text string) {
	h.t.Helper()
	h.put("in", Leaf{Path: path, Text: text})
}

// AddInputLeaf puts an executable file or a symbolic link into the input.
func (h *Host) AddInputLeaf(leaf Leaf) {
	h.t.Helper()
	h.put("in", leaf)
}

func (h *Host) put(below string, leaf Leaf) {
	h.t.Helper()
	at := h.at(below, filepath.FromSlash(leaf.Path))
	h.must(os.MkdirAll(filepath.Dir(at), 0o755))
	mode := os.FileMode(0o644)
	switch {
	case leaf.Link != "":
		h.must(os.Symlink(leaf.Link, at))
		return
	case leaf.Executable:
		mode = 0o755
	}
	h.must(os.WriteFile(at, []byte(leaf.Text), mode))
}

// AddArtifact declares an artifact of these files, and gives its digest.
func (h *Host) AddArtifact(name string, leaves ...Leaf) string {
	h.t.Helper()
	h.must(os.MkdirAll(h.at("artifacts", name), 0o755))
	for _, leaf := range leaves {
		h.put(filepath.Join("artifacts", name), leaf)
	}
	h.artifacts[name] = h.AddTree(leaves...)
	return h.artifacts[name]
}

// AddBlob gives the plugin a blob, and tells its digest.
func (h *Host) AddBlob(text string) string {
	digest := Digest([]byte(text))
	h.blobs[digest] = []byte(text)
	return digest
}

// AddTree gives the plugin a directory tree, and tells its digest.
func (h *Host) AddTree(leaves ...Leaf) string {
	var entries []springline.TreeEntry
	for _, leaf := range leaves {
		entry := springline.TreeEntry{Path: leaf.Path, Kind: springline.EntryFile, Link: leaf.Link}
		text := leaf.Text
		switch {
		case leaf.Link != "":
			entry.Kind, text = springline.EntrySymlink, leaf.Link
		case leaf.Executable:
			entry.Kind = springline.EntryExecutable
		}
		entry.Digest, entry.Size = h.AddBlob(text), uint64(len(text))
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b springline.TreeEntry) int { return strings.Compare(a.Path, b.Path) })
	digest := Digest(fmt.Append(nil, entries))
	h.trees[digest] = entries
	return digest
}

// Run runs a build step with a config, a JSON object.
func (h *Host) Run(plugin *springline.Plugin, config string) (summary string, err error) {
	return plugin.Run(fake{h}, config)
}

// Render runs a renderer with a config, a JSON object.
func (h *Host) Render(plugin *springline.Plugin, config string) ([]springline.Object, error) {
	return plugin.Render(fake{h}, config)
}

// Target is a deploy target with a config, a JSON object.
func (h *Host) Target(plugin *springline.Plugin, config string) (springline.Target, error) {
	return plugin.Target(fake{h}, config)
}

// Output is the text of a file of the output; the test fails if there is none.
func (h *Host) Output(path string) string {
	h.t.Helper()
	data, err := os.ReadFile(h.at("out", filepath.FromSlash(path)))
	h.must(err)
	return string(data)
}

// IsOutputExecutable tells whether a file of the output may be executed.
func (h *Host) IsOutputExecutable(path string) bool {
	h.t.Helper()
	is, err := isExecutable(h.at("out", filepath.FromSlash(path)))
	h.must(err)
	return is
}

// Outputs are the paths of all files and links of the output, sorted.
func (h *Host) Outputs() []string {
	h.t.Helper()
	var paths []string
	root := h.at("out")
	h.must(filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, filepath.ToSlash(path[len(root)+1:]))
		}
		return err
	}))
	slices.Sort(paths)
	return paths
}

// Blob is the bytes of a blob, of whoever wrote it; the test fails if there is none.
func (h *Host) Blob(digest string) []byte {
	h.t.Helper()
	data, ok := h.blobs[digest]
	if !ok {
		h.t.Fatalf("there is no blob %s", digest)
	}
	return data
}

// Log is what was logged, as `LEVEL TEXT` a line, the topic and a colon before the text.
func (h *Host) Log() []string {
	return h.log
}

// values is the environment's values as JSON.
func (h *Host) values() string {
	if h.Values == nil {
		return "{}"
	}
	text, err := json.Marshal(h.Values)
	h.must(err)
	return string(text)
}

// owner is whose what is deployed is.
func (h *Host) owner() string {
	return h.Application + "/" + h.Environment
}
