// Step-checklist gathers the task lists of all Markdown files into one.
package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"springline.dev/sdk-go/springline"
)

type Config struct {
	Title   string   `json:"title" doc:"What stands at the top of the list."`
	Exclude []string `json:"exclude" doc:"Files that are not read." default:"[]"`
	Script  bool     `json:"script" doc:"Whether a script tells if all is done." default:"true"`
}

var plugin = springline.BuildStep(springline.Info{
	Name:    "step-checklist",
	Version: "0.1.0",
	Summary: "Gathers the task lists of all Markdown files into one.",
}, run)

func main() {}

func run(config Config, step *springline.Step) (string, error) {
	log := step.Logger().With(springline.TopicKey, "checklist")
	paths, err := step.Files()
	if err != nil {
		return "", err
	}
	var items []item
	var invalid springline.Invalid
	for _, path := range paths {
		if !strings.HasSuffix(path, ".md") || slices.Contains(config.Exclude, path) {
			continue
		}
		log.Info("reading " + path)
		text, err := step.ReadFile(path)
		if err != nil {
			return "", err
		}
		if err := step.Copy(path, "sources/"+path); err != nil {
			return "", err
		}
		if !utf8.Valid(text) {
			invalid = append(invalid, springline.Violation{Message: "not UTF-8", File: path})
			continue
		}
		found, wrong := parse(path, string(text))
		items, invalid = append(items, found...), append(invalid, wrong...)
	}
	if len(invalid) > 0 {
		return "", invalid
	}
	if len(items) == 0 {
		log.Warn("no items")
	}
	return write(config, step, items)
}

// write writes the list and the script, and sums up.
func write(config Config, step *springline.Step, items []item) (string, error) {
	done := 0
	for _, item := range items {
		if item.done {
			done++
		}
	}
	summary := fmt.Sprintf("%d of %d done", done, len(items))
	var list strings.Builder
	fmt.Fprintf(&list, "%s (%s)\n", config.Title, step.Application())
	for _, item := range items {
		fmt.Fprintln(&list, item)
	}
	fmt.Fprintln(&list, summary)
	if err := step.WriteFile("checklist.txt", []byte(list.String())); err != nil || !config.Script {
		return summary, err
	}
	code := 0
	if done < len(items) {
		code = 1
	}
	if err := step.WriteFile("check.sh", fmt.Appendf(nil, "#!/bin/sh\nexit %d\n", code)); err != nil {
		return "", err
	}
	return summary, step.SetExecutable("check.sh", true)
}
