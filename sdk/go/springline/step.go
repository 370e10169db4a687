package springline

import (
	"io"
	"os"
	"path/filepath"
)

// A Step is one run of a build step. The Dir in it is its input.
type Step struct {
	Call
	Dir
}

func newStep(host currentHost) *Step {
	return &Step{Call: Call{host}, Dir: Dir{host: host, root: filepath.Join(host.root(), "in")}}
}

// Output is the directory whose files become the output.
func (s *Step) Output() Dir {
	return Dir{host: s.Dir.host, root: filepath.Join(s.Dir.host.root(), "out")}
}

// WriteFile writes a file of the output. Directories above it are made.
func (s *Step) WriteFile(path string, data []byte) error {
	file, err := s.Create(path)
	if err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// Create makes a file of the output, to be written bit by bit. Directories above it are made.
func (s *Step) Create(path string) (*os.File, error) {
	at := s.Output().Path(path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return nil, err
	}
	return os.Create(at)
}

// Copy copies a file of the input to the output, its executable bit as well. Directories above it are
// made.
func (s *Step) Copy(from, to string) error {
	source, err := os.Open(s.Path(from))
	if err != nil {
		return named(err, from)
	}
	defer source.Close()
	isExecutable, err := s.IsExecutable(from)
	if err != nil {
		return err
	}
	target, err := s.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}
	if err := target.Close(); err != nil || !isExecutable {
		return err
	}
	return s.SetExecutable(to, true)
}

// SetExecutable makes a file of the output executable, or not.
func (s *Step) SetExecutable(path string, executable bool) error {
	return s.Dir.host.setExecutable(s.Output().Path(path), executable)
}
