package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Decode reads a config into a T, with its defaults, and tells everything that is wrong with it.
func Decode[T any](text []byte) (T, []Problem) {
	var value T
	var d decoder
	d.into(text, reflect.ValueOf(&value).Elem(), "")
	return value, d.problems
}

type decoder struct {
	problems []Problem
}

func (d *decoder) problem(pointer, format string, arguments ...any) {
	d.problems = append(d.problems, Problem{Message: fmt.Sprintf(format, arguments...), Pointer: pointer})
}

// into reads one value. What is made of others is taken apart here, so that every problem is told,
// with its place.
func (d *decoder) into(text json.RawMessage, value reflect.Value, pointer string) {
	kind := value.Type()
	isNull := bytes.Equal(bytes.TrimSpace(text), []byte("null"))
	switch {
	case readsItself(kind) || kind.Kind() == reflect.Interface:
		d.leaf(text, value, pointer)
	case kind.Kind() == reflect.Pointer:
		if isNull {
			d.problem(pointer, "this is `null`: leave it out")
			return
		}
		value.Set(reflect.New(kind.Elem()))
		d.into(text, value.Elem(), pointer)
	case kind.Kind() == reflect.Struct:
		d.object(text, value, pointer)
	case kind.Kind() == reflect.Slice && !isNull:
		d.list(text, value, pointer)
	case kind.Kind() == reflect.Map && kind.Key().Kind() == reflect.String && !isNull:
		d.table(text, value, pointer)
	default:
		d.leaf(text, value, pointer)
	}
}

func (d *decoder) leaf(text json.RawMessage, value reflect.Value, pointer string) {
	isNull := bytes.Equal(bytes.TrimSpace(text), []byte("null"))
	err := json.Unmarshal(text, value.Addr().Interface())
	if err != nil || isNull && value.Kind() != reflect.Interface {
		d.problem(pointer, "this is no %s", noun(value.Type()))
	}
}

func (d *decoder) list(text json.RawMessage, value reflect.Value, pointer string) {
	var items []json.RawMessage
	if json.Unmarshal(text, &items) != nil {
		d.problem(pointer, "this is no list")
		return
	}
	value.Set(reflect.MakeSlice(value.Type(), len(items), len(items)))
	for at, item := range items {
		d.into(item, value.Index(at), pointer+"/"+strconv.Itoa(at))
	}
}

func (d *decoder) table(text json.RawMessage, value reflect.Value, pointer string) {
	entries, ok := d.entries(text, pointer)
	if !ok {
		return
	}
	value.Set(reflect.MakeMapWithSize(value.Type(), len(entries)))
	for _, name := range sorted(entries) {
		entry := reflect.New(value.Type().Elem()).Elem()
		d.into(entries[name], entry, pointer+"/"+escaped(name))
		value.SetMapIndex(reflect.ValueOf(name).Convert(value.Type().Key()), entry)
	}
}

func (d *decoder) object(text json.RawMessage, value reflect.Value, pointer string) {
	entries, ok := d.entries(text, pointer)
	if !ok {
		return
	}
	for _, key := range keys(value.Type()) {
		at := pointer + "/" + escaped(key.name)
		entry, isThere := entries[key.name]
		delete(entries, key.name)
		switch {
		case isThere:
		case key.fallback != nil:
			entry = key.fallback
		case key.required:
			d.problem(at, "this is missing")
			continue
		default:
			continue
		}
		field := value.FieldByIndex(key.index)
		d.into(entry, field, at)
		if key.enum != nil && !slices.Contains(key.enum, fmt.Sprint(reflect.Indirect(field))) {
			d.problem(at, "this is none of %s", strings.Join(key.enum, ", "))
		}
	}
	for _, name := range sorted(entries) {
		d.problem(pointer+"/"+escaped(name), "there is no key `%s`", name)
	}
}

func (d *decoder) entries(text json.RawMessage, pointer string) (map[string]json.RawMessage, bool) {
	var entries map[string]json.RawMessage
	if json.Unmarshal(text, &entries) != nil || entries == nil {
		d.problem(pointer, "this is no object")
		return nil, false
	}
	return entries, true
}

func sorted(entries map[string]json.RawMessage) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// escaped is a part of a JSON pointer.
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func noun(kind reflect.Type) string {
	switch kind.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "text"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "object"
	}
	return "number of this size and without a fraction"
}
