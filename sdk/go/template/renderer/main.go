package main

import "springline.dev/sdk-go/springline"

type Config struct {
	Prefix string `json:"prefix" doc:"What stands before every id." default:""`
}

var plugin = springline.Renderer(springline.Info{
	Name: "{{name}}", Version: "0.1.0", Summary: "Makes an object of every file.",
}, func(config Config, render *springline.Render) (objects []springline.Object, err error) {
	files, err := render.Walk()
	for _, file := range files {
		data, err := render.ReadFile(file.Path)
		if err != nil {
			return nil, err
		}
		objects = append(objects, springline.Object{ID: config.Prefix + file.Path, Inline: data})
	}
	return objects, err
})

func main() {}
