package config

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Schema is the JSON Schema (2020-12) of T, a struct.
func Schema[T any]() string {
	kind := reflect.TypeFor[T]()
	if kind.Kind() != reflect.Struct {
		panic(fmt.Sprintf("%s: a config is a struct", kind))
	}
	schema := of(kind)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	text, err := json.Marshal(schema)
	if err != nil {
		panic(err)
	}
	return string(text)
}

type schema = map[string]any

func of(kind reflect.Type) schema {
	switch {
	case isText(kind):
		return schema{"type": "string"}
	case kind.Kind() != reflect.Pointer && readsItself(kind):
		return schema{} // Whatever it takes.
	}
	switch kind.Kind() {
	case reflect.Pointer:
		return of(kind.Elem())
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return schema{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	case reflect.Slice, reflect.Array:
		return schema{"type": "array", "items": of(kind.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": of(kind.Elem())}
	case reflect.Struct:
		return ofStruct(kind)
	case reflect.Interface:
		return schema{}
	}
	panic(fmt.Sprintf("%s: a config can't have this type", kind))
}

func ofStruct(kind reflect.Type) schema {
	properties, required := schema{}, []string{}
	for _, key := range keys(kind) {
		property := of(key.kind)
		if key.doc != "" {
			property["description"] = key.doc
		}
		if key.fallback != nil {
			property["default"] = key.fallback
		}
		if key.enum != nil {
			property["enum"] = key.enum
		}
		if key.required {
			required = append(required, key.name)
		}
		properties[key.name] = property
	}
	object := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}
