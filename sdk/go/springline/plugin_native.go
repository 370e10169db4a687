//go:build !wasip1

package springline

import "fmt"

// register has nothing to do: a test calls the plugin itself.
func register(*Plugin) {}

// Info is the plugin's own account of itself.
func (p *Plugin) Info() Info { return p.info }

// Kind is the plugin's kind.
func (p *Plugin) Kind() Kind { return p.kind }

// ConfigSchema is the JSON Schema of the plugin's config.
func (p *Plugin) ConfigSchema() string { return p.schema() }

// Run calls a build step.
func (p *Plugin) Run(host Host, config string) (summary string, err error) {
	p.expect(KindBuildStep)
	return p.run(config, currentHost{host})
}

// Render calls a renderer.
func (p *Plugin) Render(host Host, config string) ([]Object, error) {
	p.expect(KindRenderer)
	return p.render(config, currentHost{host})
}

// Target configures a deploy target.
func (p *Plugin) Target(host Host, config string) (Target, error) {
	p.expect(KindDeployTarget)
	return p.target(config, currentHost{host})
}

func (p *Plugin) expect(kind Kind) {
	if p.kind != kind {
		panic(fmt.Sprintf("%s is no plugin of this kind", p.info.Name))
	}
}
