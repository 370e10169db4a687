package main

import "springline.dev/sdk-go/springline"

type Config struct {
	Prefix string `json:"prefix" doc:"What stands before every id." default:""`
}

var plugin = springline.Renderer(springline.Info{
	Name: "{{name}}", Version: "0.1.0", Summary: "Makes an object of every file.",
}, func(config Config, render *springline.Render) (objects []springline.Object, err error) {
	paths, err := render.Files()
	for _, path := range paths {
		data, err := render.ReadFile(path)
		if err != nil {
			return nil, err
		}
		object, err := render.Object(config.Prefix+path, data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, err
})

func main() {}
