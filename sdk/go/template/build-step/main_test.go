package main

import (
	"testing"

	"springline.dev/sdk-go/springlinetest"
)

func TestSomebodyIsGreeted(t *testing.T) {
	host := springlinetest.New(t)
	summary, err := host.Run(plugin, `{"name": "Ada"}`)
	if err != nil || summary != "1 file" {
		t.Fatal(summary, err)
	}
	if text := host.Output("hello.txt"); text != "Hello, Ada\n" {
		t.Errorf("%q", text)
	}
}
