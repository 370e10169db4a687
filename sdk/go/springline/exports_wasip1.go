package springline

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"springline.dev/sdk-go/internal/abi"
)

// The exports of every kind's world, as core WebAssembly has them. Those of the other kinds are in
// a component's core module too; as its world does not name them, nothing can call them. An
// argument of a list or a text is two: where it is, and its length.

var (
	// registered is the plugin that this component is.
	registered *Plugin
	// results holds what the last call returned, until the next one.
	results abi.Linear
)

func register(plugin *Plugin) {
	if registered != nil {
		panic("a component is one plugin: " + registered.info.Name + " and " + plugin.info.Name + " are in it")
	}
	registered = plugin
	slog.SetDefault(slog.New(&logHandler{host: imports{}}))
}

//go:wasmexport springline:plugin/describe@0.1.0#describe
func exportDescribe() uint32 {
	results.Release()
	if registered == nil {
		panic("there is no plugin: put `var plugin = springline.BuildStep(…)` or the like into package main")
	}
	info, kind, schema := registered.info, registered.kind, registered.schema()
	return abi.Store(&results, func(c *abi.Coder) { visitDescription(c, &info, &kind, &schema) })
}

//go:wasmexport springline:plugin/build-step@0.1.0#run
func exportRun(config, configLength uint32) uint32 {
	text := lift(config, configLength)
	return answer(func(c *abi.Coder, summary *string) {
		c.Record(func(c *abi.Coder) { c.String(summary) })
	}, func() (string, error) {
		return registered.run(text, imports{})
	})
}

//go:wasmexport springline:plugin/renderer@0.1.0#render
func exportRender(config, configLength uint32) uint32 {
	text := lift(config, configLength)
	return answer(func(c *abi.Coder, objects *[]Object) {
		abi.List(c, objects, visitObject)
	}, func() ([]Object, error) {
		return registered.render(text, imports{})
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#identify
func exportIdentify(config, configLength, desired, desiredLength uint32) uint32 {
	objects := abi.LoadList(&results, desired, desiredLength, visitObject)
	return target(lift(config, configLength), func(c *abi.Coder, identities *[]Identity) {
		abi.List(c, identities, visitIdentity)
	}, func(target Target) ([]Identity, error) {
		return target.Identify(objects)
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#plan
func exportPlan(config, configLength, desired, desiredLength, owned, ownedLength uint32) uint32 {
	objects := abi.LoadList(&results, desired, desiredLength, visitObject)
	refs := abi.LoadList(&results, owned, ownedLength, (*abi.Coder).String)
	return target(lift(config, configLength), func(c *abi.Coder, changes *[]Change) {
		abi.List(c, changes, visitChange)
	}, func(target Target) ([]Change, error) {
		return target.Plan(objects, refs)
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#explain
func exportExplain(arguments uint32) uint32 {
	config, change := liftChange(arguments)
	return target(config, visitDifference, func(target Target) (Difference, error) {
		if explainer, ok := target.(Explainer); ok {
			return explainer.Explain(change)
		}
		return Difference{}, nil
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#apply
func exportApply(arguments uint32) uint32 {
	config, change := liftChange(arguments)
	return target(config, visitApplied, func(target Target) (Applied, error) {
		return target.Apply(change)
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#observe
func exportObserve(config, configLength, refs, refsLength uint32) uint32 {
	names := abi.LoadList(&results, refs, refsLength, (*abi.Coder).String)
	return target(lift(config, configLength), func(c *abi.Coder, observed *[]Observed) {
		abi.List(c, observed, visitObserved)
	}, func(target Target) ([]Observed, error) {
		return target.Observe(names)
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#judge
func exportJudge(config, configLength, ref, refLength, hasVersion, version, versionLength, state, stateLength uint32) uint32 {
	observed := Observed{Ref: lift(ref, refLength), State: []byte(lift(state, stateLength))}
	if hasVersion == 1 {
		observed.Version = lift(version, versionLength)
	}
	return target(lift(config, configLength), visitHealth, func(target Target) (Health, error) {
		return judge(target, observed)
	})
}

//go:wasmexport springline:plugin/deploy-target@0.1.0#owned
func exportOwned(config, configLength uint32) uint32 {
	return target(lift(config, configLength), func(c *abi.Coder, refs *[]string) {
		abi.List(c, refs, (*abi.Coder).String)
	}, func(target Target) ([]string, error) {
		if owner, ok := target.(Owner); ok {
			return owner.Owned()
		}
		return nil, nil
	})
}

// lift reads a text, or bytes.
func lift(address, length uint32) string {
	return string(results.At(address, length))
}

// liftChange reads the arguments of a function that is given a change: they are too many to cross
// one by one.
func liftChange(arguments uint32) (config string, change Change) {
	abi.Load(&results, arguments, func(c *abi.Coder) {
		c.Record(func(c *abi.Coder) {
			c.String(&config)
			visitChange(c, &change)
		})
	})
	return config, change
}

func target[T any](config string, visit func(*abi.Coder, *T), do func(Target) (T, error)) uint32 {
	return answer(visit, func() (value T, err error) {
		target, err := registered.target(config, imports{})
		if err != nil {
			return value, err
		}
		return do(target)
	})
}

// answer does what was asked for, whose arguments have been read, and writes down what came of it.
func answer[T any](visit func(*abi.Coder, *T), do func() (T, error)) uint32 {
	results.Release()
	abi.Reset()
	value, err := guarded(do)
	which, failure := uint8(0), failureOf(err)
	if err != nil {
		which = 1
	}
	return abi.Store(&results, func(c *abi.Coder) {
		c.Variant(&which,
			func(c *abi.Coder) { visit(c, &value) },
			func(c *abi.Coder) { visitFailure(c, &failure) },
		)
	})
}

// guarded makes an error of a panic, and puts its stack into the log.
func guarded[T any](do func() (T, error)) (value T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			stack := panicked()
			imports{}.log(slog.LevelError, "", fmt.Sprintf("panic: %v\n%s", cause, strings.Join(stack, "\n")))
			where := ""
			if len(stack) > 0 {
				where = " " + strings.TrimSpace(stack[0])
			}
			err = Failed(fmt.Sprintf("panic: %v%s", cause, where))
		}
	}()
	return do()
}

// panicked lists the frames of a panic that are neither Go's nor the SDK's, the innermost first.
func panicked() []string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	var lines []string
	for {
		frame, more := frames.Next()
		if isOwn(frame.Function) {
			lines = append(lines, fmt.Sprintf("  at %s (%s:%d)", frame.Function, frame.File, frame.Line))
		}
		if !more {
			return lines
		}
	}
}

// isOwn tells whether a function is of the plugin, or of a module that it depends on.
func isOwn(function string) bool {
	if strings.HasPrefix(function, "main.") {
		return true
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, module := range append(build.Deps, &build.Main) {
		below, ok := strings.CutPrefix(function, module.Path)
		if ok && module.Path != "springline.dev/sdk-go" && strings.IndexAny(below, "./") == 0 {
			return true
		}
	}
	return false
}
