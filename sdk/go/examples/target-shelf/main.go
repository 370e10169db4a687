// Target-shelf puts every object into a directory as a file.
package main

import (
	"fmt"
	"unicode/utf8"

	"springline.dev/sdk-go/springline"
)

type Config struct {
	Prefix string `json:"prefix" doc:"What stands before every id." default:""`
}

var plugin = springline.DeployTarget(springline.Info{
	Name:         "target-shelf",
	Version:      "0.1.0",
	Summary:      "Puts every object into a directory as a file.",
	Capabilities: []springline.Capability{{Name: "directory", Reason: "the shelf is a directory"}},
}, func(config Config, deploy *springline.Deploy) (springline.Target, error) {
	return &shelf{config, deploy}, nil
})

func main() {}

type shelf struct {
	config Config
	deploy *springline.Deploy
}

func (s *shelf) Identify(desired []springline.Object) ([]springline.Identity, error) {
	wanted, err := s.wanted(desired)
	identities := make([]springline.Identity, len(wanted))
	for at, file := range wanted {
		identities[at] = springline.Identity{Ref: file.ref, Object: file.object}
	}
	return identities, err
}

func (s *shelf) Apply(change springline.Change) (springline.Applied, error) {
	directory := s.deploy.Directory()
	var err error
	switch change.Action {
	case springline.Create, springline.Update:
		err = directory.PutFile(change.Ref, change.After, false, change.Before)
	case springline.Adopt:
		err = directory.Adopt(change.Ref)
	case springline.Delete:
		err = directory.Remove(change.Ref, change.Before)
	default:
		err = fmt.Errorf("a shelf plans no change that is %s", change.Action)
	}
	return springline.Applied{After: change.After}, err
}

// maxText is the size of the largest file that is shown, in bytes.
const maxText = 64 << 10

func (s *shelf) Explain(change springline.Change) (difference springline.Difference, err error) {
	if difference.Live, err = s.liveText(change.Ref); err != nil || change.After == "" {
		return difference, err
	}
	difference.Desired, err = s.desiredText(change.After)
	return difference, err
}

func (s *shelf) liveText(ref string) (*string, error) {
	nodes, err := s.deploy.Directory().Inspect(ref)
	if err != nil || nodes[0] == nil || !isFile(nodes[0]) || nodes[0].Size > maxText {
		return nil, err
	}
	data, err := s.deploy.Directory().ReadFile(ref)
	return text(data), err
}

func (s *shelf) desiredText(digest string) (*string, error) {
	blob, err := s.deploy.OpenBlob(digest)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	if blob.Size() > maxText {
		return nil, nil
	}
	data, err := blob.Bytes()
	return text(data), err
}

// text is data as text, if it is some.
func text(data []byte) *string {
	if !utf8.Valid(data) {
		return nil
	}
	text := string(data)
	return &text
}

func (s *shelf) Observe(refs []string) ([]springline.Observed, error) {
	nodes, err := s.deploy.Directory().Inspect(refs...)
	if err != nil {
		return nil, err
	}
	observed := make([]springline.Observed, len(refs))
	for at, node := range nodes {
		observed[at].Ref = refs[at]
		switch {
		case node == nil:
		case isFile(node):
			observed[at].Version, observed[at].State = node.Digest, []byte("file")
		default:
			observed[at].Version, observed[at].State = node.Digest, []byte("other")
		}
	}
	return observed, nil
}

func (s *shelf) Judge(observed springline.Observed) (springline.Health, error) {
	switch string(observed.State) {
	case "":
		return springline.Health{Status: springline.Missing, Message: fmt.Sprintf("`%s` is not there", observed.Ref)}, nil
	case "other":
		return springline.Health{Status: springline.Degraded, Message: fmt.Sprintf("`%s` is no file", observed.Ref)}, nil
	}
	return springline.Health{Status: springline.Healthy}, nil
}

func (s *shelf) Owned() ([]string, error) {
	return s.deploy.Directory().Owned()
}

func isFile(node *springline.Node) bool {
	return node.Kind == springline.NodeFile || node.Kind == springline.NodeExecutable
}
