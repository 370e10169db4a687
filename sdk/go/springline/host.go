package springline

import "log/slog"

// A Host is what the SDK needs of a host: the functions of springline:host, as
// wit/deps/host/host.wit documents them. There are two: the real one behind the imports of a
// component, and the fake one of package springlinetest everywhere else. A plugin calls neither.
type Host interface {
	Log(level slog.Level, topic, message string)
	Progress(done, total uint64)

	// Root is where in, out and artifacts are: / in a component.
	Root() string
	IsExecutable(path string) (bool, error)
	SetExecutable(path string, executable bool) error

	Application() string
	Environment() string
	Revision() string
	CommitTime() int64
	Values() string
	Artifact(name string) (digest string, ok bool)
	ArtifactNames() []string
	Secret(name string) ([]byte, error)

	OpenBlob(digest string) (HostBlob, error)
	NewBlob() HostWriter
	WalkTree(digest string) ([]TreeEntry, error)

	Inspect(paths []string) ([]*Node, error)
	ReadLive(path string, offset uint64, length uint32) ([]byte, error)
	PutFile(path, blob string, executable bool, expected string) error
	PutSymlink(path, target, expected string) error
	Remove(path, expected string) error
	Adopt(path string) error
	Owned() ([]string, error)
}

// A HostBlob is an open blob.
type HostBlob interface {
	Size() uint64
	Read(offset uint64, length uint32) ([]byte, error)
	Close()
}

// A HostWriter is a blob being written.
type HostWriter interface {
	Write(bytes []byte) error
	Finish() (digest string, err error)
	Close()
}
