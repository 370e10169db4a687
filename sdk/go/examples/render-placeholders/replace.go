package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"springline.dev/sdk-go/springline"
)

// A replacer knows what placeholders stand for.
type replacer struct {
	render *springline.Render
	values map[string]json.RawMessage
}

// replace puts in what the placeholders of a text stand for, or tells what is wrong with them. It
// fails if the host's values can't be read.
func (r *replacer) replace(path, text string) (string, springline.Invalid, error) {
	var out strings.Builder
	var invalid springline.Invalid
	number := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		number++
		for {
			before, rest, found := strings.Cut(line, "${")
			out.WriteString(before)
			if !found {
				break
			}
			name, after, closed := strings.Cut(rest, "}")
			if !closed {
				invalid = append(invalid, springline.Violation{Message: "`${` without `}`", File: path, Line: number})
				break
			}
			value, problem, err := r.lookUp(name)
			if err != nil {
				return "", nil, err
			}
			if problem != "" {
				invalid = append(invalid, springline.Violation{Message: problem, File: path, Line: number})
			}
			out.WriteString(value)
			line = after
		}
	}
	return out.String(), invalid, nil
}

// lookUp finds what a placeholder stands for, or tells what is wrong with it.
func (r *replacer) lookUp(name string) (value, problem string, err error) {
	switch kind, key, _ := strings.Cut(name, "."); {
	case name == "application":
		return r.render.Application(), "", nil
	case name == "environment":
		return r.render.Environment(), "", nil
	case kind == "values" && kind != name:
		return r.value(key)
	case kind == "artifacts" && kind != name:
		artifact, ok := r.render.Artifact(key)
		if !ok {
			return "", fmt.Sprintf("no artifact `%s`", key), nil
		}
		return artifact.Digest, "", nil
	}
	return "", fmt.Sprintf("unknown placeholder `%s`", name), nil
}

// value is a text of the environment's values as it is, a number or a truth value as JSON has it.
func (r *replacer) value(key string) (value, problem string, err error) {
	if r.values == nil {
		if err := r.render.Values(&r.values); err != nil {
			return "", "", err
		}
	}
	text := string(r.values[key])
	switch {
	case strings.HasPrefix(text, `"`):
		err = json.Unmarshal(r.values[key], &value)
		return value, "", err
	case text == "" || text == "null" || strings.ContainsAny(text[:1], "[{"):
		return "", fmt.Sprintf("no value `%s`", key), nil
	}
	return text, "", nil
}
