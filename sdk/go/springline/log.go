package springline

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// TopicKey is the key of the attribute that stands in front of a line of the log.
const TopicKey = "topic"

// A logHandler writes records to the log of the host, attributes behind the message.
type logHandler struct {
	host       currentHost
	topic      string
	prefix     string
	attributes string
}

// Enabled lets every level through: the host's limits do the rest.
func (h *logHandler) Enabled(context.Context, slog.Level) bool {
	return true
}

func (h *logHandler) Handle(_ context.Context, record slog.Record) error {
	line := *h
	record.Attrs(func(attribute slog.Attr) bool {
		line.add(line.prefix, attribute)
		return true
	})
	h.host.log(record.Level, line.topic, record.Message+line.attributes)
	return nil
}

func (h *logHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	next := *h
	for _, attribute := range attributes {
		next.add(next.prefix, attribute)
	}
	return &next
}

// WithGroup makes the first group the topic where there is none, and puts the names of the others in
// front of the keys.
func (h *logHandler) WithGroup(name string) slog.Handler {
	next := *h
	switch {
	case name == "":
	case h.topic == "":
		next.topic = name
	default:
		next.prefix += name + "."
	}
	return &next
}

func (h *logHandler) add(prefix string, attribute slog.Attr) {
	value := attribute.Value.Resolve()
	switch {
	case attribute.Equal(slog.Attr{}):
	case attribute.Key == TopicKey && prefix == "":
		h.topic = value.String()
	case value.Kind() == slog.KindGroup:
		if attribute.Key != "" {
			prefix += attribute.Key + "."
		}
		for _, inner := range value.Group() {
			h.add(prefix, inner)
		}
	default:
		h.attributes += " " + prefix + attribute.Key + "=" + quoted(value.String())
	}
}

// quoted puts a value with spaces in it into quotes.
func quoted(value string) string {
	if value == "" || slices.ContainsFunc([]byte(value), func(b byte) bool { return b <= ' ' || b == '"' || b == '=' }) {
		return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
	}
	return value
}
