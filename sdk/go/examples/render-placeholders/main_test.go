package main

import (
	"reflect"
	"strings"
	"testing"

	"springline.dev/sdk-go/springline"
	"springline.dev/sdk-go/springlinetest"
)

func TestFilesArtifactsAndAManifestBecomeObjects(t *testing.T) {
	host := springlinetest.New(t)
	host.Application, host.Environment = "handbook", "site"
	host.Values = map[string]any{"port": 8080, "on": true, "name": `"x"`}
	site := host.AddArtifact("site", springlinetest.Leaf{Path: "index.html", Text: "<h1>"})
	host.AddInput("a.txt", "${application} ${environment} ${values.port} ${values.on} ${values.name}\n$ { ${artifacts.site}")
	host.AddInput("b", "\xff${")
	host.AddInput("large", strings.Repeat("x", springline.MaxInline+1))
	objects, err := host.Render(plugin, `{"prefix": "x/", "artifacts": ["site"], "manifest": true}`)
	want := []springline.Object{
		{ID: "x/a.txt", Inline: []byte("handbook site 8080 true \"x\"\n$ { " + site)},
		{ID: "x/b", Inline: []byte("\xff${")},
		{ID: "x/large", Blob: springlinetest.Digest([]byte(strings.Repeat("x", springline.MaxInline+1)))},
		{ID: "x/artifacts/site", Tree: site},
		{ID: "x/manifest.txt", Blob: springlinetest.Digest([]byte("x/a.txt\nx/b\nx/large\nx/artifacts/site\n"))},
	}
	if err != nil || !reflect.DeepEqual(objects, want) {
		t.Error(objects, err)
	}
}

func TestEverythingThatIsWrongIsTold(t *testing.T) {
	host := springlinetest.New(t)
	host.Values = map[string]any{"port": []int{}}
	host.AddInput("a.txt", "${what}\n${values.port} ${artifacts.site}\n${open\n${values}")
	_, err := host.Render(plugin, `{"artifacts": ["site"]}`)
	want := "a.txt:1: unknown placeholder `what`\na.txt:2: no value `port`\na.txt:2: no artifact `site`\n" +
		"a.txt:3: `${` without `}`\na.txt:4: unknown placeholder `values`\n/artifacts/0: no artifact `site`"
	if err == nil || err.Error() != want {
		t.Error(err)
	}
}
