//go:build !wasip1

package springlinetest_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"springline.dev/sdk-go/springline"
	"springline.dev/sdk-go/springlinetest"
)

// step is a build step that does what a test wants.
func step(do func(step *springline.Step) error) *springline.Plugin {
	return springline.BuildStep(springline.Info{Name: "a-step"}, func(_ springline.NoConfig, step *springline.Step) (string, error) {
		return "done", do(step)
	})
}

func run(t *testing.T, host *springlinetest.Host, do func(step *springline.Step) error) {
	t.Helper()
	summary, err := host.Run(step(do), `{}`)
	if err != nil || summary != "done" {
		t.Fatal(summary, err)
	}
}

func TestFilesAreWalkedInTheOrderOfTheirBytes(t *testing.T) {
	host := springlinetest.New(t)
	for _, path := range []string{"b", "a/b", "a.md", "a/B", "a-b", "é", "😀", "�"} {
		host.AddInput(path, path)
	}
	host.AddInputLeaf(springlinetest.Leaf{Path: "a/link", Link: "../b"})
	run(t, host, func(step *springline.Step) error {
		files, err := step.Walk()
		var paths []string
		for _, file := range files {
			if file.Symlink != (file.Path == "a/link") {
				t.Errorf("%+v", file)
			}
			paths = append(paths, file.Path)
		}
		want := []string{"a-b", "a.md", "a/B", "a/b", "a/link", "b", "é", "�", "😀"}
		if !slices.Equal(paths, want) {
			t.Errorf("%q", paths)
		}
		return err
	})
}

func TestWhatIsWrittenIsTheOutput(t *testing.T) {
	host := springlinetest.New(t)
	host.AddInputLeaf(springlinetest.Leaf{Path: "run", Text: "x", Executable: true})
	run(t, host, func(step *springline.Step) error {
		is, err := step.IsExecutable("run")
		if !is || err != nil {
			t.Error(is, err)
		}
		if _, err := step.IsExecutable("nowhere"); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return errors.Join(step.WriteFile("a/b/c", []byte("x")), step.WriteFile("a/run", nil), step.SetExecutable("a/run", true))
	})
	if paths := host.Outputs(); !slices.Equal(paths, []string{"a/b/c", "a/run"}) {
		t.Error(paths)
	}
	if host.Output("a/b/c") != "x" || host.IsOutputExecutable("a/b/c") || !host.IsOutputExecutable("a/run") {
		t.Error("the output is not what was written")
	}
}

func TestFilesAreTheRegularOnesAndCopiedAsTheyAre(t *testing.T) {
	host := springlinetest.New(t)
	large := strings.Repeat("0123456789abcdef", 200_000)
	host.AddInputLeaf(springlinetest.Leaf{Path: "bin/run", Text: large, Executable: true})
	host.AddInput("plain", "text")
	host.AddInputLeaf(springlinetest.Leaf{Path: "gone", Link: "nowhere"})
	run(t, host, func(step *springline.Step) error {
		if paths, err := step.Files(); !slices.Equal(paths, []string{"bin/run", "plain"}) {
			t.Error(paths, err)
		}
		return errors.Join(step.Copy("bin/run", "deep/er/run"), step.Copy("plain", "plain"))
	})
	if host.Output("deep/er/run") != large || !host.IsOutputExecutable("deep/er/run") || host.IsOutputExecutable("plain") {
		t.Error("the copy is another file")
	}
}

func TestWhatIsWrongWithAFileIsAViolation(t *testing.T) {
	host := springlinetest.New(t)
	host.AddInput("bad.md", "one\ntwo \xff")
	host.AddInput("good.md", "� é")
	run(t, host, func(step *springline.Step) error {
		_, read := step.ReadFile("gone.md")
		_, text := step.ReadText("gone.md")
		for _, err := range []error{read, text, step.Copy("gone.md", "x")} {
			var violation springline.Violation
			if !errors.As(err, &violation) || err.Error() != "gone.md: there is no such file" || !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
		if _, err := step.ReadText("bad.md"); err == nil || err.Error() != "bad.md:2: this is not UTF-8" {
			t.Error(err)
		}
		good, err := step.ReadText("good.md")
		if good != "� é" {
			t.Error(good)
		}
		return err
	})
}

func TestAnObjectHasFewBytesInItself(t *testing.T) {
	host := springlinetest.New(t)
	most, more := bytes.Repeat([]byte("1"), springline.MaxInline), bytes.Repeat([]byte("2"), springline.MaxInline+1)
	objects, err := host.Render(springline.Renderer(springline.Info{}, func(_ springline.NoConfig, render *springline.Render) ([]springline.Object, error) {
		first, err := render.Object("most", most)
		second, again := render.Object("more", more)
		return []springline.Object{first, second}, errors.Join(err, again)
	}), `{}`)
	want := []springline.Object{{ID: "most", Inline: most}, {ID: "more", Blob: springlinetest.Digest(more)}}
	if err != nil || !reflect.DeepEqual(objects, want) {
		t.Error(len(objects), err)
	}
}

func TestLinesOfTheLogHaveTopicsAndAttributes(t *testing.T) {
	host := springlinetest.New(t)
	run(t, host, func(step *springline.Step) error {
		log := step.Logger()
		log.Debug("plain")
		log.With(springline.TopicKey, "links").Warn("dead link", "file", "a b.md", "line", 3)
		log.WithGroup("pages").WithGroup("all").Info("read", "count", 2, slog.Group("size", "bytes", 10))
		log.With("by", `say "x"`).Error("two\nlines")
		return nil
	})
	want := []string{
		"debug plain",
		`warn links: dead link file="a b.md" line=3`,
		"info pages: read all.count=2 all.size.bytes=10",
		"error two",
		`error lines by="say \"x\""`,
	}
	if !slices.Equal(host.Log(), want) {
		t.Errorf("%s", strings.Join(host.Log(), "\n"))
	}
}

func TestTheContextIsTheTests(t *testing.T) {
	host := springlinetest.New(t)
	host.Application, host.Environment, host.CommitTime = "handbook", "", 86400
	host.Values = map[string]any{"port": 8080}
	host.Secrets["token"] = "s3cret"
	run(t, host, func(step *springline.Step) error {
		var values struct{ Port int }
		if err := step.Values(&values); err != nil || values.Port != 8080 {
			t.Error(values, err)
		}
		if step.Environment() != "" || step.Application() != "handbook" {
			t.Error(step.Environment(), step.Application())
		}
		if at := step.CommitTime().Format("2006-01-02"); at != "1970-01-02" {
			t.Error(at)
		}
		if secret, err := step.Secret("token"); string(secret) != "s3cret" {
			t.Error(err)
		}
		var denied springline.Denied
		if _, err := step.Secret("other"); !errors.As(err, &denied) {
			t.Error(err)
		}
		return nil
	})
}

func TestAConfigIsReadStrictly(t *testing.T) {
	type config struct {
		Name string `json:"name"`
	}
	plugin := springline.BuildStep(springline.Info{}, func(config config, _ *springline.Step) (string, error) {
		return config.Name, nil
	})
	host := springlinetest.New(t)
	if summary, err := host.Run(plugin, `{"name": "Ada"}`); summary != "Ada" || err != nil {
		t.Error(summary, err)
	}
	var invalid springline.Invalid
	_, err := host.Run(plugin, `{"nmae": "Ada"}`)
	if !errors.As(err, &invalid) || err.Error() != "/name: this is missing\n/nmae: there is no key `nmae`" {
		t.Error(err)
	}
}

func TestBlobsAreReadAndWrittenInPieces(t *testing.T) {
	host := springlinetest.New(t)
	large := strings.Repeat("0123456789abcdef", 200_000)
	plugin := springline.Renderer(springline.Info{}, func(_ springline.NoConfig, render *springline.Render) ([]springline.Object, error) {
		writer := render.NewBlob()
		if _, err := io.Copy(writer, strings.NewReader(large)); err != nil {
			return nil, err
		}
		digest, err := writer.Finish()
		if err != nil {
			return nil, err
		}
		blob, err := render.OpenBlob(digest)
		if err != nil {
			return nil, err
		}
		if all, err := io.ReadAll(blob); string(all) != large || err != nil {
			t.Error(len(all), err)
		}
		if all, err := blob.Bytes(); string(all) != large || err != nil {
			t.Error(len(all), err)
		}
		tail := make([]byte, 20)
		if read, err := blob.ReadAt(tail, blob.Size()-16); read != 16 || err != io.EOF || !bytes.HasPrefix(tail, []byte("0123")) {
			t.Error(read, err)
		}
		_, err = render.OpenBlob("sha256:other")
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		site, _ := render.Artifact("site")
		page, err := render.ArtifactFiles(site).ReadFile("index.html")
		return []springline.Object{{ID: "large", Blob: digest}, {ID: "page", Inline: page}, {ID: "site", Tree: site.Digest}}, err
	})
	site := host.AddArtifact("site", springlinetest.Leaf{Path: "index.html", Text: "<h1>"})
	objects, err := host.Render(plugin, `{}`)
	want := []springline.Object{
		{ID: "large", Blob: springlinetest.Digest([]byte(large))},
		{ID: "page", Inline: []byte("<h1>")},
		{ID: "site", Tree: site},
	}
	if err != nil || !reflect.DeepEqual(objects, want) {
		t.Error(objects, err)
	}
}

// bare is a target with nothing but what a target must have.
type bare struct{ deploy *springline.Deploy }

func (b bare) Identify(desired []springline.Object) (identities []springline.Identity, err error) {
	for _, object := range desired {
		identities = append(identities, springline.Identity{Ref: object.ID, Object: object.ID})
	}
	return identities, nil
}

func (b bare) Plan(desired []springline.Object, owned []string) (changes []springline.Change, err error) {
	for _, object := range desired {
		nodes, err := b.deploy.Directory().Inspect(object.ID)
		if err != nil {
			return nil, err
		}
		if nodes[0] == nil {
			changes = append(changes, springline.Change{Ref: object.ID, Object: object.ID, After: object.Blob})
		}
	}
	return changes, nil
}

func (b bare) Apply(change springline.Change) (springline.Applied, error) {
	err := b.deploy.Directory().PutFile(change.Ref, change.After, false, change.Before)
	return springline.Applied{After: change.After}, err
}

func (b bare) Observe([]string) ([]springline.Observed, error) { return nil, nil }

func TestASyncIsDrivenAsTheHostDrivesIt(t *testing.T) {
	plugin := springline.DeployTarget(springline.Info{}, func(_ springline.NoConfig, deploy *springline.Deploy) (springline.Target, error) {
		return bare{deploy}, nil
	})
	host := springlinetest.New(t)
	target, err := host.Target(plugin, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	synced, err := host.Sync(target, []springline.Object{{ID: "a/b", Inline: []byte("text")}}, nil)
	if err != nil || len(synced.Changes) != 1 || !slices.Equal(synced.Owned, []string{"a/b"}) {
		t.Fatal(synced, err)
	}
	if node := host.LiveNode("a/b"); host.Live("a/b") != "text" || node.Owner != "example/test" {
		t.Errorf("%+v", node)
	}

	host.Lent = false
	var denied springline.Denied
	if _, err := host.Sync(target, []springline.Object{{ID: "c"}}, nil); !errors.As(err, &denied) {
		t.Error(err)
	}
}

func TestTheLentDirectoryIsGuarded(t *testing.T) {
	host := springlinetest.New(t)
	host.PutLiveOwned("theirs", "x", "other/site")
	host.PutLive("file", "x")
	blob := host.AddBlob("new")
	plugin := springline.DeployTarget(springline.Info{}, func(_ springline.NoConfig, deploy *springline.Deploy) (springline.Target, error) {
		directory := deploy.Directory()
		there := springlinetest.Digest([]byte("x"))
		var conflict springline.Conflict
		var denied springline.Denied
		for _, err := range []error{
			directory.PutFile("theirs", blob, false, there),
			directory.PutFile("file", blob, false, ""),
			directory.PutFile("file/below", blob, false, ""),
			directory.Remove("file", blob),
			directory.Adopt("nothing"),
		} {
			if !errors.As(err, &conflict) {
				t.Error(err)
			}
		}
		for _, err := range []error{
			directory.PutFile("../out", blob, false, ""),
			directory.PutSymlink("a/link", "../../out", ""),
		} {
			if !errors.As(err, &denied) {
				t.Error(err)
			}
		}
		return nil, errors.Join(directory.PutFile("file", blob, true, there), directory.Remove("nothing", ""))
	})
	if _, err := host.Target(plugin, `{}`); err != nil {
		t.Error(err)
	}
	if host.LiveNode("file").Kind != springline.NodeExecutable || host.Live("file") != "new" {
		t.Error("the file was not replaced")
	}
}
