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

// ArtifactFiles are the files of an artifact.
func (r *Render) ArtifactFiles(artifact Artifact) Dir {
	return Dir{host: r.Dir.host, root: filepath.Join(r.Dir.host.root(), "artifacts", artifact.Name)}
}

// Object is an object of these bytes: in itself up to [MaxInline], else through a blob.
func (r *Render) Object(id string, data []byte) (Object, error) {
	if len(data) <= MaxInline {
		return Object{ID: id, Inline: data}, nil
	}
	blob := r.NewBlob()
	if _, err := blob.Write(data); err != nil {
		return Object{}, err
	}
	digest, err := blob.Finish()
	return Object{ID: id, Blob: digest}, err
}
