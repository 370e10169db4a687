package springline

import "path/filepath"

// A Render is one call of a renderer. The Dir in it is its input.
type Render struct {
	Call
	Dir
	blobs
}

func newRender(host currentHost) *Render {
	input := Dir{host: host, root: filepath.Join(host.root(), "in")}
	return &Render{Call: Call{host}, Dir: input, blobs: blobs{host}}
}

// Files are the files of an artifact.
func (r *Render) Files(artifact Artifact) Dir {
	return Dir{host: r.Dir.host, root: filepath.Join(r.Dir.host.root(), "artifacts", artifact.Name)}
}
