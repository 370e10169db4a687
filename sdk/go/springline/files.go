package springline

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Dir is a directory that a call was given. Paths in it are relative and separated by `/`. They
// are plain files: [Dir.Path] and [Dir.FS] are for everything of packages os and io/fs.
type Dir struct {
	host currentHost
	root string
}

// A File is a regular file or a symbolic link below a directory.
type File struct {
	// Its path below the directory, separated by `/`.
	Path string
	// Whether it is a symbolic link. What it points to is not looked at.
	Symlink bool
}

// Path is the path of a file for package os.
func (d Dir) Path(path string) string {
	return filepath.Join(d.root, filepath.FromSlash(path))
}

// FS is the directory for package io/fs.
func (d Dir) FS() fs.FS {
	return os.DirFS(d.root)
}

// ReadFile reads a file.
func (d Dir) ReadFile(path string) ([]byte, error) {
	return os.ReadFile(d.Path(path))
}

// IsExecutable tells whether a regular file may be executed. Symbolic links are followed.
func (d Dir) IsExecutable(path string) (bool, error) {
	return d.host.isExecutable(d.Path(path))
}

// Walk lists every regular file and symbolic link of the directory and those below it, sorted by the
// bytes of their paths.
func (d Dir) Walk() ([]File, error) {
	var files []File
	err := filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		isLink := entry.Type()&fs.ModeSymlink != 0
		if isLink || entry.Type().IsRegular() {
			below := strings.TrimPrefix(filepath.ToSlash(path[len(d.root):]), "/")
			files = append(files, File{Path: below, Symlink: isLink})
		}
		return nil
	})
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, err
}
