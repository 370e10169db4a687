package springline

// A Directory lies outside the sandbox and is lent to a deploy target by the operator's file. Paths
// are relative to it and can't leave it, through symbolic links neither. What an application owns in
// it is marked in the directory itself.
//
// Where an argument is named expected, it is the digest that [Directory.Inspect] last gave for the
// path, empty for nothing there; anything else there is a [Conflict].
type Directory struct {
	host currentHost
}

// A Node is what is at a path, as it is now.
type Node struct {
	// Its path, as asked for.
	Path string
	// What it is.
	Kind NodeKind
	// The digest of a file's bytes or of a link's target; empty for what is neither.
	Digest string
	// Its length in bytes.
	Size uint64
	// Where a symbolic link points; empty for anything else.
	Link string
	// Who owns it, `APPLICATION/ENVIRONMENT`; empty if nobody does.
	Owner string
}

// A NodeKind is what is at a path.
type NodeKind uint8

// What may be at a path.
const (
	NodeFile NodeKind = iota
	NodeExecutable
	NodeSymlink
	NodeDirectory
	NodeOther
)

// inspected is how many paths are looked at by one call of the host.
const inspected = 1000

// Inspect tells what is at each of these paths, in their order; nil where there is nothing.
func (d Directory) Inspect(paths ...string) ([]*Node, error) {
	nodes := make([]*Node, 0, len(paths))
	for len(paths) > 0 {
		part := paths[:min(len(paths), inspected)]
		found, err := d.host.inspect(part)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, found...)
		paths = paths[len(part):]
	}
	return nodes, nil
}

// ReadFile reads a file.
func (d Directory) ReadFile(path string) ([]byte, error) {
	var data []byte
	for {
		part, err := d.host.readLive(path, uint64(len(data)), chunk)
		if err != nil || len(part) == 0 {
			return data, err
		}
		data = append(data, part...)
	}
}

// PutFile puts a file with the bytes of a blob at a path, as a whole or not at all. Parents are made,
// and the path is marked as owned first.
func (d Directory) PutFile(path, blob string, executable bool, expected string) error {
	return d.host.putFile(path, blob, executable, expected)
}

// PutSymlink puts a symbolic link at a path, in the same way. A target that would lead out of the
// directory is denied.
func (d Directory) PutSymlink(path, target, expected string) error {
	return d.host.putSymlink(path, target, expected)
}

// Remove removes the file or link at a path, its mark, and the parents that this leaves empty and
// that Springline made. Nothing there is a success.
func (d Directory) Remove(path, expected string) error {
	return d.host.remove(path, expected)
}

// Adopt marks what is at a path as owned without touching it.
func (d Directory) Adopt(path string) error {
	return d.host.adopt(path)
}

// Owned lists every path marked as owned by this application and environment, sorted.
func (d Directory) Owned() ([]string, error) {
	return d.host.owned()
}
