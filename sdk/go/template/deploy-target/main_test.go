package main

import (
	"testing"

	"springline.dev/sdk-go/springline"
	"springline.dev/sdk-go/springlinetest"
)

func TestFilesComeAndGo(t *testing.T) {
	host := springlinetest.New(t)
	target, err := host.Target(plugin, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	first, err := host.Sync(target, []springline.Object{{ID: "a.txt", Inline: []byte("text")}}, nil)
	if err != nil || host.Live("a.txt") != "text" {
		t.Fatal(first, err)
	}
	if _, err := host.Sync(target, nil, first.Owned); err != nil || len(host.LivePaths()) != 0 {
		t.Error(host.LivePaths(), err)
	}
}
