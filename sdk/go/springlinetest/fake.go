//go:build !wasip1

package springlinetest

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"springline.dev/sdk-go/springline"
)

// fake is a host as the SDK sees it.
type fake struct {
	*Host
}

func (f fake) Log(level slog.Level, topic, message string) {
	if topic != "" {
		topic += ": "
	}
	for line := range strings.Lines(message) {
		text := strings.TrimSuffix(line, "\n")
		f.log = append(f.log, fmt.Sprintf("%s %s%s", strings.ToLower(level.String()), topic, text))
	}
}

func (f fake) Progress(uint64, uint64) {}

func (f fake) Root() string { return f.directory }

func (f fake) IsExecutable(path string) (bool, error) { return isExecutable(path) }

func isExecutable(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, &fs.PathError{Op: "is-executable", Path: path, Err: fs.ErrPermission}
	}
	return info.Mode()&0o111 != 0, nil
}

func (f fake) SetExecutable(path string, executable bool) error {
	if _, err := isExecutable(path); err != nil {
		return err
	}
	if executable {
		return os.Chmod(path, 0o755)
	}
	return os.Chmod(path, 0o644)
}

func (f fake) Application() string { return f.Host.Application }
func (f fake) Environment() string { return f.Host.Environment }
func (f fake) Revision() string    { return f.Host.Revision }
func (f fake) CommitTime() int64   { return f.Host.CommitTime }
func (f fake) Values() string      { return f.values() }

func (f fake) Artifact(name string) (string, bool) {
	digest, ok := f.artifacts[name]
	return digest, ok
}

func (f fake) ArtifactNames() []string {
	return slices.Sorted(maps.Keys(f.artifacts))
}

func (f fake) Secret(name string) ([]byte, error) {
	value, ok := f.Secrets[name]
	if !ok {
		return nil, springline.Denied(fmt.Sprintf("no secret `%s` was granted", name))
	}
	return []byte(value), nil
}

func (f fake) OpenBlob(digest string) (springline.HostBlob, error) {
	data, ok := f.blobs[digest]
	if !ok {
		return nil, fmt.Errorf("no blob %s was given to this call: %w", digest, fs.ErrNotExist)
	}
	return openBlob(data), nil
}

func (f fake) NewBlob() springline.HostWriter {
	return &writer{host: f.Host}
}

func (f fake) WalkTree(digest string) ([]springline.TreeEntry, error) {
	entries, ok := f.trees[digest]
	if !ok {
		return nil, fmt.Errorf("no tree %s was given to this call: %w", digest, fs.ErrNotExist)
	}
	return slices.Clone(entries), nil
}

// openBlob is a blob opened for reading.
type openBlob []byte

func (b openBlob) Size() uint64 { return uint64(len(b)) }
func (b openBlob) Close()       {}

func (b openBlob) Read(offset uint64, length uint32) ([]byte, error) {
	return part(b, offset, length), nil
}

// part is up to length bytes from an offset.
func part(data []byte, offset uint64, length uint32) []byte {
	from := min(offset, uint64(len(data)))
	return slices.Clone(data[from:min(from+uint64(length), uint64(len(data)))])
}

// writer is a blob being written.
type writer struct {
	host *Host
	data []byte
}

func (w *writer) Close() {}

func (w *writer) Write(bytes []byte) error {
	w.data = append(w.data, bytes...)
	return nil
}

func (w *writer) Finish() (string, error) {
	digest := w.host.AddBlob(string(w.data))
	w.data = nil
	return digest, nil
}
