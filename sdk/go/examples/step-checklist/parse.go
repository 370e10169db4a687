package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"springline.dev/sdk-go/springline"
)

// An item is a line of a task list.
type item struct {
	path string
	line int
	done bool
	text string
}

func (i item) String() string {
	mark := ' '
	if i.done {
		mark = 'x'
	}
	return fmt.Sprintf("[%c] %s:%d %s", mark, i.path, i.line, i.text)
}

// parse finds the items of a file, and what is wrong with some.
func parse(path, text string) (items []item, invalid springline.Invalid) {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		mark, text, ok := split(strings.TrimSuffix(line, "\r"))
		if !ok {
			continue
		}
		switch mark {
		case ' ', 'x', 'X':
			items = append(items, item{path: path, line: number, done: mark != ' ', text: text})
		default:
			message := fmt.Sprintf("unknown mark `%c`: use `[ ]` or `[x]`", mark)
			invalid = append(invalid, springline.Violation{Message: message, File: path, Line: number})
		}
	}
	return items, invalid
}

// split takes an item apart, if the line is one: `- [M] TEXT`.
func split(line string) (mark rune, text string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "- [")
	if !ok {
		return 0, "", false
	}
	mark, size := utf8.DecodeRuneInString(rest)
	text, ok = strings.CutPrefix(rest[size:], "] ")
	return mark, strings.TrimRight(text, " \t"), ok
}
