package springline

import "springline.dev/sdk-go/internal/config"

// Info is a plugin's own account of itself.
type Info struct {
	// Its name, such as `step-site`.
	Name string
	// Its version (semver).
	Version string
	// What it does, in a sentence.
	Summary string
	// The powers that it needs beyond files and logs. What is not named here is denied.
	Capabilities []Capability
}

// A Capability is a power that an operator has to grant.
type Capability struct {
	// Its name: the interface of springline:host that it is, such as `directory`.
	Name string
	// Why it is needed, in a sentence that an operator can judge.
	Reason string
}

// A Kind is a kind of plugin.
type Kind uint8

// The kinds of plugins.
const (
	KindBuildStep Kind = iota
	KindRenderer
	KindDeployTarget
)

// A Plugin is what a component is. It is made by [BuildStep], [Renderer] or [DeployTarget], once and
// in a variable of package main:
//
//	var plugin = springline.BuildStep(info, run)
//
//	func main() {}
//
// That is all that a component takes; in tests, package springlinetest calls the plugin.
type Plugin struct {
	info   Info
	kind   Kind
	schema func() string
	run    func(config string, host currentHost) (string, error)
	render func(config string, host currentHost) ([]Object, error)
	target func(config string, host currentHost) (Target, error)
}

// NoConfig is the config of a plugin that has none.
type NoConfig struct{}

// BuildStep makes a plugin of a function that turns the input into the output and returns one line
// for the person who waits, such as `42 pages`; it may be empty.
//
// C is a struct. From its tags, and those of the structs in it, the JSON Schema of the config is
// made: `json:"key"` names the key, `doc:"…"` says what it is, `enum:"a,b"` lists what a text may be,
// `default:"…"` is the value, as JSON or as plain text, where it is left out. A key is required
// unless it has a default, `json:",omitempty"` or `json:",omitzero"`, or is a pointer. Unknown keys
// are refused.
func BuildStep[C any](info Info, run func(config C, step *Step) (string, error)) *Plugin {
	plugin := newPlugin[C](info, KindBuildStep)
	plugin.run = func(text string, host currentHost) (string, error) {
		config, err := decode[C](text)
		if err != nil {
			return "", err
		}
		return run(config, newStep(host))
	}
	return plugin
}

// Renderer makes a plugin of a function that turns the input, and the artifacts, into desired
// objects. Their order means nothing. C is as in [BuildStep].
func Renderer[C any](info Info, render func(config C, render *Render) ([]Object, error)) *Plugin {
	plugin := newPlugin[C](info, KindRenderer)
	plugin.render = func(text string, host currentHost) ([]Object, error) {
		config, err := decode[C](text)
		if err != nil {
			return nil, err
		}
		return render(config, newRender(host))
	}
	return plugin
}

// DeployTarget makes a plugin of a function that makes a [Target] of a config. It is called before
// every call of the target. C is as in [BuildStep].
func DeployTarget[C any](info Info, target func(config C, deploy *Deploy) (Target, error)) *Plugin {
	plugin := newPlugin[C](info, KindDeployTarget)
	plugin.target = func(text string, host currentHost) (Target, error) {
		config, err := decode[C](text)
		if err != nil {
			return nil, err
		}
		return target(config, newDeploy(host))
	}
	return plugin
}

func newPlugin[C any](info Info, kind Kind) *Plugin {
	plugin := &Plugin{info: info, kind: kind, schema: config.Schema[C]}
	register(plugin)
	return plugin
}

// decode reads a config, or says everything that is wrong with it.
func decode[C any](text string) (C, error) {
	value, problems := config.Decode[C]([]byte(text))
	var all Invalid
	for _, problem := range problems {
		all = append(all, Violation{Message: problem.Message, Pointer: problem.Pointer})
	}
	if len(all) > 0 {
		return value, all
	}
	return value, nil
}
