package springline

// An Object is a desired object, a manifest. Of its bodies exactly one is meant: that of Tree if it
// is set, else that of Blob, else Inline.
type Object struct {
	// What it is called: unique within a render, stable between renders. Parts separated by `/`,
	// none empty, `.` or `..`; no control characters; at most 1,024 bytes.
	ID string
	// Its bytes, if they are few: up to [MaxInline].
	Inline []byte
	// The digest of a blob, as [BlobWriter.Finish] gave it.
	Blob string
	// The digest of a directory tree: an artifact's, or one given to the call.
	Tree string
}

// MaxInline is how many bytes an object may have in itself, without a blob.
const MaxInline = 1 << 20

// A TreeEntry is a file or a symbolic link of a tree; directories are implied by the paths.
type TreeEntry struct {
	// Its path below the tree's root, never absolute, without `.` and `..`.
	Path string
	// What it is.
	Kind EntryKind
	// The digest of its bytes; for a symbolic link, of its target.
	Digest string
	// Its length in bytes.
	Size uint64
	// Where a symbolic link points, relative to the link; empty for a file.
	Link string
}

// An EntryKind is what an entry of a tree is.
type EntryKind uint8

// What an entry of a tree may be.
const (
	EntryFile EntryKind = iota
	EntryExecutable
	EntrySymlink
)
