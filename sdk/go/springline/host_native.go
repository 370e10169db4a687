//go:build !wasip1

package springline

import "log/slog"

// The host of a test, with the methods that the real one has.
type (
	currentHost   struct{ Host }
	currentBlob   = HostBlob
	currentWriter = HostWriter
)

func (h currentHost) log(level slog.Level, topic, message string) { h.Host.Log(level, topic, message) }
func (h currentHost) progress(done, total uint64)                 { h.Host.Progress(done, total) }
func (h currentHost) root() string                                { return h.Host.Root() }
func (h currentHost) isExecutable(path string) (bool, error)      { return h.Host.IsExecutable(path) }
func (h currentHost) setExecutable(path string, executable bool) error {
	return h.Host.SetExecutable(path, executable)
}
func (h currentHost) application() string                      { return h.Host.Application() }
func (h currentHost) environment() string                      { return h.Host.Environment() }
func (h currentHost) revision() string                         { return h.Host.Revision() }
func (h currentHost) commitTime() int64                        { return h.Host.CommitTime() }
func (h currentHost) values() string                           { return h.Host.Values() }
func (h currentHost) artifact(name string) (string, bool)      { return h.Host.Artifact(name) }
func (h currentHost) artifactNames() []string                  { return h.Host.ArtifactNames() }
func (h currentHost) secret(name string) ([]byte, error)       { return h.Host.Secret(name) }
func (h currentHost) openBlob(digest string) (HostBlob, error) { return h.Host.OpenBlob(digest) }
func (h currentHost) newBlob() HostWriter                      { return h.Host.NewBlob() }
func (h currentHost) walkTree(digest string) ([]TreeEntry, error) {
	return h.Host.WalkTree(digest)
}
func (h currentHost) inspect(paths []string) ([]*Node, error) { return h.Host.Inspect(paths) }
func (h currentHost) readLive(path string, offset uint64, length uint32) ([]byte, error) {
	return h.Host.ReadLive(path, offset, length)
}
func (h currentHost) putFile(path, blob string, executable bool, expected string) error {
	return h.Host.PutFile(path, blob, executable, expected)
}
func (h currentHost) putSymlink(path, target, expected string) error {
	return h.Host.PutSymlink(path, target, expected)
}
func (h currentHost) remove(path, expected string) error { return h.Host.Remove(path, expected) }
func (h currentHost) adopt(path string) error            { return h.Host.Adopt(path) }
func (h currentHost) owned() ([]string, error)           { return h.Host.Owned() }
