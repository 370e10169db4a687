package springline

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The host acts on the class of an error, never on its text. The class is that of the first error
// below, as [errors.As] finds it; an error of any other type is [Failed] with its text.

// Invalid says that the input is wrong: trying again changes nothing, mending it does. [Violation]
// is the error of a single one.
type Invalid []Violation

// Error lists every violation with its place, one a line.
func (e Invalid) Error() string {
	lines := make([]string, len(e))
	for at, violation := range e {
		lines[at] = violation.Error()
	}
	return strings.Join(lines, "\n")
}

// A Violation is one thing wrong with the input, precise enough to mend it.
type Violation struct {
	// What is wrong, and what would be right.
	Message string
	// The file it is in, below the input; empty if it is in the config.
	File string
	// The line in that file, from 1; 0 for none.
	Line int
	// The place in the config, a JSON pointer such as `/values/0`; empty if it is in a file.
	Pointer string
}

// Error is the message behind its place.
func (v Violation) Error() string {
	switch {
	case v.File != "" && v.Line > 0:
		return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.Message)
	case v.File != "":
		return v.File + ": " + v.Message
	case v.Pointer != "":
		return v.Pointer + ": " + v.Message
	}
	return v.Message
}

// Denied says that a power that the call needs was not granted.
type Denied string

func (e Denied) Error() string { return string(e) }

// Conflict says that live is not what the change was planned on: it is planned again.
type Conflict string

func (e Conflict) Error() string { return string(e) }

// Conflictf is a [Conflict] with a formatted text.
func Conflictf(format string, arguments ...any) error {
	return Conflict(fmt.Sprintf(format, arguments...))
}

// Transient says that something outside failed in a way that passes.
type Transient struct {
	// What happened.
	Message string
	// How long to wait before the next try; 0 leaves it to the host.
	RetryAfter time.Duration
}

func (e Transient) Error() string { return e.Message }

// Failed says that trying again is no use.
type Failed string

func (e Failed) Error() string { return string(e) }

// violations gathers those that an error is made of, those that [errors.Join] put together included.
func violations(err error) []Violation {
	switch err := err.(type) {
	case Invalid:
		return err
	case Violation:
		return []Violation{err}
	case interface{ Unwrap() error }:
		return violations(err.Unwrap())
	case interface{ Unwrap() []error }:
		var all []Violation
		for _, part := range err.Unwrap() {
			all = append(all, violations(part)...)
		}
		return all
	}
	return nil
}

// find finds an error of a type among those that err wraps.
func find[E error](err error) (found E, ok bool) {
	ok = errors.As(err, &found)
	return found, ok
}

// An askError is the host's own account of why it did not do something, and the error of package
// io/fs that it comes to.
type askError struct {
	text string
	is   error
}

func (e *askError) Error() string        { return e.text }
func (e *askError) Is(target error) bool { return e.is != nil && e.is == target }
