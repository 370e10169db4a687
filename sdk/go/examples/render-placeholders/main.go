// Render-placeholders makes an object of every file, with what the environment says put in.
package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"springline.dev/sdk-go/springline"
)

type Config struct {
	Prefix    string   `json:"prefix" doc:"What stands before every id." default:""`
	Artifacts []string `json:"artifacts" doc:"Artifacts that become objects themselves." default:"[]"`
	Manifest  bool     `json:"manifest" doc:"Whether an object lists the ids of the others." default:"false"`
}

var plugin = springline.Renderer(springline.Info{
	Name:    "render-placeholders",
	Version: "0.1.0",
	Summary: "Makes an object of every file, with what the environment says put in.",
}, render)

func main() {}

func render(config Config, render *springline.Render) ([]springline.Object, error) {
	paths, err := render.Files()
	if err != nil {
		return nil, err
	}
	var objects []springline.Object
	var invalid springline.Invalid
	replacer := replacer{render: render}
	for _, path := range paths {
		data, err := render.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if utf8.Valid(data) {
			text, wrong, err := replacer.replace(path, string(data))
			if err != nil {
				return nil, err
			}
			data, invalid = []byte(text), append(invalid, wrong...)
		}
		object, err := render.Object(config.Prefix+path, data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	for at, name := range config.Artifacts {
		artifact, ok := render.Artifact(name)
		if !ok {
			message := fmt.Sprintf("no artifact `%s`", name)
			invalid = append(invalid, springline.Violation{Message: message, Pointer: fmt.Sprintf("/artifacts/%d", at)})
			continue
		}
		objects = append(objects, springline.Object{ID: config.Prefix + "artifacts/" + name, Tree: artifact.Digest})
	}
	if len(invalid) > 0 {
		return nil, invalid
	}
	if config.Manifest {
		manifest, err := manifestOf(render, config.Prefix, objects)
		return append(objects, manifest), err
	}
	return objects, nil
}

// manifestOf lists the ids of the objects, one a line.
func manifestOf(render *springline.Render, prefix string, objects []springline.Object) (springline.Object, error) {
	blob := render.NewBlob()
	var ids strings.Builder
	for _, object := range objects {
		fmt.Fprintln(&ids, object.ID)
	}
	if _, err := blob.Write([]byte(ids.String())); err != nil {
		return springline.Object{}, err
	}
	digest, err := blob.Finish()
	return springline.Object{ID: prefix + "manifest.txt", Blob: digest}, err
}
