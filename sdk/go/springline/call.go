package springline

import (
	"encoding/json"
	"log/slog"
	"time"
)

// A Call is what every kind of call is about. Each answer is traced: a result depends on it only if
// it was asked for.
//
// Its methods, and those of all that embeds it, import no more than the world of each kind has: where
// a plugin uses reflection, the linker keeps them all.
type Call struct {
	host currentHost
}

// Application is the application's name.
func (c Call) Application() string {
	return c.host.application()
}

// Environment is the environment's name; empty in a build step, which serves every environment.
func (c Call) Environment() string {
	return c.host.environment()
}

// Revision is the revision, as git prints it. Asking for it makes the result depend on every commit;
// prefer the digest of an artifact.
func (c Call) Revision() string {
	return c.host.revision()
}

// CommitTime is when the revision was committed. The clock of package time is a constant.
func (c Call) CommitTime() time.Time {
	return time.Unix(c.host.commitTime(), 0).UTC()
}

// Values reads the environment's `values` of springline.yaml into a struct or a map.
func (c Call) Values(into any) error {
	return json.Unmarshal([]byte(c.host.values()), into)
}

// An Artifact is an artifact of this application, as desired by the revision. A renderer has its files:
// [Render.ArtifactFiles].
type Artifact struct {
	// Its name in springline.yaml.
	Name string
	// The digest of its directory tree.
	Digest string
}

// Artifact finds the artifact of that name.
func (c Call) Artifact(name string) (artifact Artifact, ok bool) {
	digest, ok := c.host.artifact(name)
	if !ok {
		return Artifact{}, false
	}
	return Artifact{Name: name, Digest: digest}, true
}

// ArtifactNames are the names of the application's artifacts, sorted.
func (c Call) ArtifactNames() []string {
	return c.host.artifactNames()
}

// Secret is the value of the secret that the operator granted under this name. A call that reads one
// is observed, not pure: its result is never kept for another call. It takes the capability
// `secrets`.
func (c Call) Secret(name string) ([]byte, error) {
	return c.host.secret(name)
}

// Progress tells how far the work is: done of total units, total 0 where it is not known.
func (c Call) Progress(done, total uint64) {
	c.host.progress(done, total)
}

// Logger writes to the call's log. In a component it is also the default one of package slog. The
// attribute [TopicKey], or else the name of a group, stands in front of its lines:
//
//	log := step.Logger().With(springline.TopicKey, "links")
//	log.Info("reading index.md")
func (c Call) Logger() *slog.Logger {
	return slog.New(&logHandler{host: c.host})
}

// blobs is what reads and writes blobs and trees.
type blobs struct {
	store currentHost
}

// OpenBlob opens the blob of this digest: the body of a desired object, a file of a tree, or one
// that this call wrote.
func (b blobs) OpenBlob(digest string) (*Blob, error) {
	opened, err := b.store.openBlob(digest)
	if err != nil {
		return nil, err
	}
	return &Blob{host: opened}, nil
}

// NewBlob starts a blob, for what is larger than [MaxInline].
func (b blobs) NewBlob() *BlobWriter {
	return &BlobWriter{host: b.store.newBlob()}
}

// WalkTree lists every file and symbolic link of the tree of this digest, sorted by path.
func (b blobs) WalkTree(digest string) ([]TreeEntry, error) {
	return b.store.walkTree(digest)
}
