package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"springline.dev/sdk-go/springline"
	"springline.dev/sdk-go/springlinetest"
)

func shelfOf(t *testing.T, host *springlinetest.Host, config string) springline.Target {
	t.Helper()
	target, err := host.Target(plugin, config)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func object(id, text string) springline.Object {
	return springline.Object{ID: id, Inline: []byte(text)}
}

func lines(changes []springline.Change) (lines []string) {
	for _, change := range changes {
		lines = append(lines, fmt.Sprintf("%s %s %s", change.Action, change.Ref, change.Summary))
	}
	return lines
}

func TestFilesComeChangeAndGo(t *testing.T) {
	host := springlinetest.New(t)
	shelf := shelfOf(t, host, `{"prefix": "a/"}`)
	host.PutLive("a/there", "same")
	first, err := host.Sync(shelf, []springline.Object{object("there", "same"), object("new", "one")}, nil)
	if err != nil || !slices.Equal(lines(first.Changes), []string{"create a/new 3 bytes", "adopt a/there "}) {
		t.Fatal(first, err)
	}
	second, err := host.Sync(shelf, []springline.Object{object("new", "three")}, first.Owned)
	if err != nil || !slices.Equal(lines(second.Changes), []string{"update a/new 3 -> 5 bytes", "delete a/there "}) {
		t.Fatal(second, err)
	}
	if !slices.Equal(host.LivePaths(), []string{"a/new"}) || host.Live("a/new") != "three" {
		t.Error(host.LivePaths())
	}
}

func TestWhatIsAnothersIsLeftAlone(t *testing.T) {
	host := springlinetest.New(t)
	host.PutLiveOwned("x", "text", "other/site")
	host.PutLive("d/y", "text")
	shelf := shelfOf(t, host, `{}`)
	for id, message := range map[string]string{"x": "`x` belongs to other/site", "d": "`d` is no file there"} {
		_, err := host.Sync(shelf, []springline.Object{object(id, "mine")}, nil)
		var conflict springline.Conflict
		if !errors.As(err, &conflict) || err.Error() != message {
			t.Error(err)
		}
	}
	_, err := host.Sync(shelf, []springline.Object{{ID: "t", Tree: host.AddTree()}}, nil)
	if err == nil || err.Error() != "`t`: a shelf takes files, not directories" {
		t.Error(err)
	}
}

func TestAChangeIsExplainedAndItsOutcomeJudged(t *testing.T) {
	host := springlinetest.New(t)
	host.PutLive("x", "old")
	host.PutLive("d/y", "text")
	shelf := shelfOf(t, host, `{}`)
	change := springline.Change{Ref: "x", After: host.AddBlob("new"), Before: springlinetest.Digest([]byte("old"))}
	difference, err := shelf.(springline.Explainer).Explain(change)
	if err != nil || *difference.Live != "old" || *difference.Desired != "new" {
		t.Fatal(difference, err)
	}
	change.After = host.AddBlob("\xff")
	difference, err = shelf.(springline.Explainer).Explain(change)
	if err != nil || difference.Desired != nil {
		t.Error("what is no text was shown")
	}
	observed, err := shelf.Observe([]string{"x", "d", "gone"})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range []string{"healthy ", "degraded `d` is no file", "missing `gone` is not there"} {
		health, err := shelf.(springline.Judge).Judge(observed[at])
		if err != nil || fmt.Sprintf("%s %s", health.Status, health.Message) != want {
			t.Error(health, err)
		}
	}
}
