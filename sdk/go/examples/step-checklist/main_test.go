package main

import (
	"slices"
	"testing"

	"springline.dev/sdk-go/springlinetest"
)

func TestTasksAreCollectedAndCounted(t *testing.T) {
	host := springlinetest.New(t)
	host.Application = "handbook"
	host.AddInput("b.md", "- [x] done\n")
	host.AddInput("c.txt", "- [ ] no page\n")
	host.AddInputLeaf(springlinetest.Leaf{Path: "a.md", Text: "# Title\n  - [ ] open \r\n", Executable: true})
	host.AddInputLeaf(springlinetest.Leaf{Path: "link.md", Link: "a.md"})
	summary, err := host.Run(plugin, `{"title": "To do"}`)
	if err != nil || summary != "1 of 2 done" {
		t.Fatal(summary, err)
	}
	if list := host.Output("checklist.txt"); list != "To do (handbook)\n[ ] a.md:2 open\n[x] b.md:1 done\n1 of 2 done\n" {
		t.Errorf("%q", list)
	}
	if paths := host.Outputs(); !slices.Equal(paths, []string{"check.sh", "checklist.txt", "sources/a.md", "sources/b.md"}) {
		t.Error(paths)
	}
	if !host.IsOutputExecutable("sources/a.md") || host.IsOutputExecutable("sources/b.md") || !host.IsOutputExecutable("check.sh") {
		t.Error("the executable bits are not those of the input")
	}
	if script := host.Output("check.sh"); script != "#!/bin/sh\nexit 1\n" {
		t.Errorf("%q", script)
	}
	if log := host.Log(); !slices.Equal(log, []string{"info checklist: reading a.md", "info checklist: reading b.md"}) {
		t.Errorf("%q", log)
	}
}

func TestEverythingThatIsWrongIsTold(t *testing.T) {
	host := springlinetest.New(t)
	host.AddInput("a.md", "- [?] what\n- [] no task\n")
	host.AddInput("b.md", "\xff")
	_, err := host.Run(plugin, `{"title": "To do"}`)
	if err == nil || err.Error() != "a.md:1: unknown mark `?`: use `[ ]` or `[x]`\nb.md: not UTF-8" {
		t.Error(err)
	}
}

func TestAnItemIsADashAMarkAndAText(t *testing.T) {
	for _, wanted := range []struct {
		line, text string
		mark       rune
		ok         bool
	}{
		{"\t- [X] a b\t ", "a b", 'X', true},
		{"- [ ] ", "", ' ', true},
		{"- [ö] x", "x", 'ö', true},
		{line: ""}, {line: "- x"}, {line: "- [x]"}, {line: "- [xx] y"}, {line: "* [x] y"}, {line: "- ["}, {line: "-[x] y"},
	} {
		mark, text, ok := split(wanted.line)
		if ok != wanted.ok || ok && (mark != wanted.mark || text != wanted.text) {
			t.Errorf("%q: %q %q %v", wanted.line, mark, text, ok)
		}
	}
}
