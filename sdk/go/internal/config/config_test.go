package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

type common struct {
	Verbose bool `json:"verbose,omitempty"`
}

type sample struct {
	common
	Title  string            `json:"title" doc:"What it is called."`
	Count  int               `json:"count" default:"3"`
	Mode   string            `json:"mode" default:"fast" enum:"fast,safe"`
	Names  []string          `json:"names" default:"[\"a\"]"`
	Limit  *uint             `json:"limit"`
	Labels map[string]string `json:"labels,omitempty"`
	Inner  struct {
		Ratio float64 `json:"ratio"`
	} `json:"inner"`
	hidden int
}

const schemaOfSample = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"additionalProperties": false,
	"required": ["title", "inner"],
	"properties": {
		"verbose": {"type": "boolean"},
		"title": {"type": "string", "description": "What it is called."},
		"count": {"type": "integer", "default": 3},
		"mode": {"type": "string", "default": "fast", "enum": ["fast", "safe"]},
		"names": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
		"limit": {"type": "integer", "minimum": 0},
		"labels": {"type": "object", "additionalProperties": {"type": "string"}},
		"inner": {
			"type": "object", "additionalProperties": false, "required": ["ratio"],
			"properties": {"ratio": {"type": "number"}}
		}
	}
}`

func TestTheSchemaSaysWhatTheTagsSay(t *testing.T) {
	var got, want any
	if err := json.Unmarshal([]byte(Schema[sample]()), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(schemaOfSample), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s", Schema[sample]())
	}
}

func TestDefaultsFillWhatIsLeftOut(t *testing.T) {
	value, problems := Decode[sample]([]byte(`{"title": "x", "inner": {"ratio": 0.5}, "limit": 7, "labels": {"a": "b"}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if value.Title != "x" || value.Count != 3 || value.Mode != "fast" || value.Names[0] != "a" {
		t.Errorf("%+v", value)
	}
	if *value.Limit != 7 || value.Labels["a"] != "b" || value.Inner.Ratio != 0.5 || value.Verbose {
		t.Errorf("%+v", value)
	}
}

func TestEveryProblemIsToldWithItsPlace(t *testing.T) {
	config := `{"count": 1.5, "mode": "slow", "names": ["a", 1, null], "inner": {"ratio": "x", "a/b": 1}, "titel": "x", "limit": -1}`
	_, problems := Decode[sample]([]byte(config))
	var told []string
	for _, problem := range problems {
		told = append(told, problem.Pointer+": "+problem.Message)
	}
	want := []string{
		"/title: this is missing",
		"/count: this is no number of this size and without a fraction",
		"/mode: this is none of fast, safe",
		"/names/1: this is no text",
		"/names/2: this is no text",
		"/limit: this is no number of this size and without a fraction",
		"/inner/ratio: this is no number",
		"/inner/a~1b: there is no key `a/b`",
		"/titel: there is no key `titel`",
	}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("%s", strings.Join(told, "\n"))
	}
}

func TestWhatIsNoObjectIsNoConfig(t *testing.T) {
	for _, text := range []string{`[]`, `null`, `1`, `{`, ``} {
		if _, problems := Decode[sample]([]byte(text)); len(problems) != 1 || problems[0].Message != "this is no object" {
			t.Errorf("%s: %v", text, problems)
		}
	}
}

func TestAWrongDefaultIsTheAuthorsMistake(t *testing.T) {
	defer func() {
		if cause, _ := recover().(string); !strings.Contains(cause, "the default `many` is no int") {
			t.Errorf("%v", cause)
		}
	}()
	Schema[struct {
		Count int `json:"count" default:"many"`
	}]()
}
