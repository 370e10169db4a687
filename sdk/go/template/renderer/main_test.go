package main

import (
	"testing"

	"springline.dev/sdk-go/springlinetest"
)

func TestEveryFileIsAnObject(t *testing.T) {
	host := springlinetest.New(t)
	host.AddInput("a/b.txt", "text")
	objects, err := host.Render(plugin, `{"prefix": "x/"}`)
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	if objects[0].ID != "x/a/b.txt" || string(objects[0].Inline) != "text" {
		t.Errorf("%+v", objects[0])
	}
}
