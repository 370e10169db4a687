// Garbage asks the host for much while Go's collector is at work, or panics.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"sync"

	"springline.dev/sdk-go/springline"
)

type Config struct {
	Mode string `json:"mode" default:"files" enum:"files,large,panic,goroutine"`
}

var plugin = springline.BuildStep(springline.Info{
	Name: "garbage", Version: "0.1.0", Summary: "Makes garbage.",
}, run)

func main() {}

func run(config Config, step *springline.Step) (string, error) {
	// The collector starts again as soon as the heap has grown by a hundredth.
	debug.SetGCPercent(1)
	switch config.Mode {
	case "large":
		return large(step)
	case "panic":
		var none []int
		return fmt.Sprint(none[len(config.Mode)]), nil
	case "goroutine":
		var group sync.WaitGroup
		group.Add(1)
		go func() { panic("nobody can catch this") }()
		group.Wait()
	}
	return every(step)
}

// every reads, writes and asks about every file, many at once.
func every(step *springline.Step) (string, error) {
	files, err := step.Walk()
	if err != nil {
		return "", err
	}
	failures := make([]error, len(files))
	for from := 0; from < len(files); from += 50 {
		var group sync.WaitGroup
		for at := from; at < min(from+50, len(files)); at++ {
			group.Add(1)
			go func() {
				defer group.Done()
				failures[at] = one(step, at, files[at].Path)
			}()
		}
		group.Wait()
	}
	if err := errors.Join(failures...); err != nil {
		return "", err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	if memory.NumGC < 20 {
		return "", fmt.Errorf("the collector ran %d times only", memory.NumGC)
	}
	return fmt.Sprintf("%d files", len(files)), nil
}

func one(step *springline.Step, number int, path string) error {
	data, err := step.ReadFile(path)
	if err != nil {
		return err
	}
	var garbage any
	for range 3 {
		if err := json.Unmarshal(fmt.Appendf(nil, `{"text": %q, "list": [1, [2]]}`, data), &garbage); err != nil {
			return err
		}
	}
	deep(number % 300)
	if name := step.Application(); name != "garbage" {
		return fmt.Errorf("the application is %q", name)
	}
	if is, err := step.IsExecutable(path); is || err != nil {
		return fmt.Errorf("%s: %v, %w", path, is, err)
	}
	if _, err := step.IsExecutable(path + "/nothing"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s/nothing: %w", path, err)
	}
	step.Logger().With(springline.TopicKey, fmt.Sprint("topic ", number%10)).Debug("read", "path", path)
	return step.WriteFile(path, bytes.ToUpper(data))
}

// deep makes the stack grow, and so move.
func deep(levels int) int {
	var room [64]int
	if levels > 0 {
		room[levels%len(room)] = deep(levels - 1)
	}
	return room[0] + levels
}

// large takes answers of the host of several mebibytes.
func large(step *springline.Step) (string, error) {
	var values map[string]string
	if err := step.Values(&values); err != nil {
		return "", err
	}
	total := 0
	for _, value := range values {
		total += len(value)
	}
	return fmt.Sprintf("%d bytes", total), nil
}
