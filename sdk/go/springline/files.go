package springline

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
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

// ReadFile reads a file. If there is none, that is a [Violation] that names it.
func (d Dir) ReadFile(path string) ([]byte, error) {
	data, err := os.ReadFile(d.Path(path))
	return data, named(err, path)
}

// named makes a violation of an error that says there is no file.
func named(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return noFile{Violation{Message: "there is no such file", File: path}}
	}
	return err
}

// A noFile is a violation that is [fs.ErrNotExist] as well.
type noFile struct{ Violation }

func (e noFile) Unwrap() error        { return e.Violation }
func (e noFile) Is(target error) bool { return target == fs.ErrNotExist }

// ReadText reads a file of text. If it is not UTF-8, that is a [Violation] that names it and the line.
func (d Dir) ReadText(path string) (string, error) {
	data, err := d.ReadFile(path)
	if err != nil {
		return "", err
	}
	line := 1
	for rest := data; len(rest) > 0; {
		char, size := utf8.DecodeRune(rest)
		if char == utf8.RuneError && size == 1 {
			return "", Violation{Message: "this is not UTF-8", File: path, Line: line}
		}
		if char == '\n' {
			line++
		}
		rest = rest[size:]
	}
	return string(data), nil
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

// Files lists the paths of the regular files among them.
func (d Dir) Files() ([]string, error) {
	files, err := d.Walk()
	paths := make([]string, 0, len(files))
	for _, file := range files {
		if !file.Symlink {
			paths = append(paths, file.Path)
		}
	}
	return paths, err
}
