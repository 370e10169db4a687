package springline

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"springline.dev/sdk-go/internal/abi"
)

// The sizes are those that wit-parser computes of wit/.
func TestTypesTakeTheRoomThatTheContractGivesThem(t *testing.T) {
	for _, wanted := range []struct {
		name        string
		size, align uint32
		visit       func(*abi.Coder)
	}{
		{"violation", 40, 4, func(c *abi.Coder) { visitViolation(c, &Violation{}) }},
		{"error", 32, 8, func(c *abi.Coder) { visitFailure(c, &failure{}) }},
		{"object", 20, 4, func(c *abi.Coder) { visitObject(c, &Object{}) }},
		{"description", 44, 4, func(c *abi.Coder) { visitDescription(c, &Info{}, new(Kind), new(string)) }},
		{"change", 64, 4, func(c *abi.Coder) { visitChange(c, &Change{}) }},
		{"difference", 24, 4, func(c *abi.Coder) { visitDifference(c, &Difference{}) }},
		{"applied", 20, 4, func(c *abi.Coder) { visitApplied(c, &Applied{}) }},
		{"observed", 28, 4, func(c *abi.Coder) { visitObserved(c, &Observed{}) }},
		{"health", 12, 4, func(c *abi.Coder) { visitHealth(c, &Health{}) }},
		{"entry", 40, 8, func(c *abi.Coder) { visitTreeEntry(c, &TreeEntry{}) }},
		{"node", 48, 8, func(c *abi.Coder) { visitNode(c, &Node{}) }},
	} {
		if size, align := abi.Measure(wanted.visit); size != wanted.size || align != wanted.align {
			t.Errorf("%s: %d bytes aligned to %d", wanted.name, size, align)
		}
	}
}

// What crosses is written by hand, for this contract.
func TestTheSDKIsOfTheContractThatIsThere(t *testing.T) {
	wit := "../../../wit"
	if _, err := os.Stat(filepath.Join(wit, "types.wit")); err != nil {
		t.Skip("this SDK stands alone, without Springline's wit/")
	}
	code, err := os.ReadFile("wire.go")
	if err != nil {
		t.Fatal(err)
	}
	if stamp := "// wit: " + fingerprint(t, wit) + "\n"; !strings.Contains(string(code), stamp) {
		t.Errorf("wit/ has changed: bring the imports, the exports and wire.go up to it, and set\n%s", stamp)
	}
}

// fingerprint is the SHA-256 of every WIT file of Springline, each with its path.
func fingerprint(t *testing.T, wit string) string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.wit", "deps/host/*.wit"} {
		found, err := filepath.Glob(filepath.Join(wit, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	hash := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%s\x00%s\x00", filepath.ToSlash(strings.TrimPrefix(file, filepath.FromSlash(wit+"/"))), text)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

func TestErrorsAreSortedByTheirTypes(t *testing.T) {
	missing := Violation{Message: "no title", File: "a.md", Line: 3}
	long := Violation{Message: "too long", Pointer: "/title"}
	for _, wanted := range []struct {
		err   error
		which uint8
		text  string
		count int
	}{
		{missing, isInvalid, "", 1},
		{Invalid{missing, long}, isInvalid, "", 2},
		{fmt.Errorf("page: %w", errors.Join(missing, errors.New("other"), Invalid{long})), isInvalid, "", 2},
		{fmt.Errorf("shelf: %w", Denied("not lent")), isDenied, "shelf: not lent", 0},
		{Conflictf("`%s` has changed", "a"), isConflict, "`a` has changed", 0},
		{Transient{Message: "busy", RetryAfter: 2 * time.Second}, isTransient, "busy", 0},
		{Failed("broken"), isFailed, "broken", 0},
		{os.ErrNotExist, isFailed, "file does not exist", 0},
		{Invalid{}, isInvalid, "", 1},
		{fmt.Errorf("page: %w", Invalid(nil)), isInvalid, "", 1},
	} {
		failure := failureOf(wanted.err)
		if failure.which != wanted.which || failure.message != wanted.text || len(failure.violations) != wanted.count {
			t.Errorf("%v became %+v", wanted.err, failure)
		}
	}
	if wait := failureOf(Transient{Message: "busy", RetryAfter: 2 * time.Second}).retryAfter; wait == nil || *wait != 2000 {
		t.Errorf("%v", wait)
	}
	text := Invalid{missing, long, {Message: "empty"}}.Error()
	if text != "a.md:3: no title\n/title: too long\nempty" {
		t.Errorf("%q", text)
	}
}
