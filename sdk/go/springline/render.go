package springline

import "path/filepath"

// A Render is one call of a renderer. The Dir in it is its input; the files of artifacts are in the
// [Artifact].
type Render struct {
	Call
	Dir
	blobs
}

func newRender(host currentHost) *Render {
	input := Dir{host: host, root: filepath.Join(host.root(), "in")}
	return &Render{Call: Call{host}, Dir: input, blobs: blobs{host}}
}
