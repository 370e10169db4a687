// Package config makes a JSON Schema of a struct, and reads a config into it as strictly as the
// schema says.
package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// A Problem is one thing that is wrong with a config.
type Problem struct {
	// What is wrong.
	Message string
	// Where, a JSON pointer.
	Pointer string
}

// A key is a field of a struct as a config has it.
type key struct {
	name     string
	doc      string
	enum     []string
	fallback json.RawMessage
	required bool
	index    []int
	kind     reflect.Type
}

// keys lists the fields of a struct. It panics where a tag is wrong, which every use of the plugin
// then shows.
func keys(of reflect.Type) []key {
	var all []key
	for _, field := range reflect.VisibleFields(of) {
		tag, isTagged := field.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if !field.IsExported() || field.Anonymous && !isTagged || name == "-" || isInside(of, field) {
			continue
		}
		if name == "" {
			name = field.Name
		}
		key := key{name: name, doc: field.Tag.Get("doc"), index: field.Index, kind: field.Type}
		if enum, ok := field.Tag.Lookup("enum"); ok {
			key.enum = strings.Split(enum, ",")
		}
		key.fallback = fallback(of, field)
		isOptional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		key.required = key.fallback == nil && !isOptional && field.Type.Kind() != reflect.Pointer
		all = append(all, key)
	}
	return all
}

// isInside tells whether a promoted field comes from an embedded struct that has a key of its own.
func isInside(of reflect.Type, field reflect.StructField) bool {
	for depth := 1; depth < len(field.Index); depth++ {
		if _, isTagged := of.FieldByIndex(field.Index[:depth]).Tag.Lookup("json"); isTagged {
			return true
		}
	}
	return false
}

// fallback is the value of a field's tag `default` as JSON; nil if it has none.
func fallback(of reflect.Type, field reflect.StructField) json.RawMessage {
	text, ok := field.Tag.Lookup("default")
	if !ok {
		return nil
	}
	if isText(field.Type) && !strings.HasPrefix(text, `"`) {
		quoted, _ := json.Marshal(text)
		return quoted
	}
	if err := json.Unmarshal([]byte(text), reflect.New(field.Type).Interface()); err != nil {
		panic(fmt.Sprintf("%s.%s: the default `%s` is no %s: %v", of, field.Name, text, field.Type, err))
	}
	return json.RawMessage(text)
}

var (
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText tells whether JSON has a string for a type.
func isText(kind reflect.Type) bool {
	return kind.Kind() == reflect.String || reflect.PointerTo(kind).Implements(textReader)
}

// readsItself tells whether a type has its own way from JSON.
func readsItself(kind reflect.Type) bool {
	return reflect.PointerTo(kind).Implements(jsonReader) || reflect.PointerTo(kind).Implements(textReader)
}
