package main

import "springline.dev/sdk-go/springline"

type Config struct {
	Name string `json:"name" doc:"Who is greeted."`
}

var plugin = springline.BuildStep(springline.Info{
	Name: "{{name}}", Version: "0.1.0", Summary: "Greets somebody.",
}, func(config Config, step *springline.Step) (string, error) {
	return "1 file", step.WriteFile("hello.txt", []byte("Hello, "+config.Name+"\n"))
})

func main() {}
