package springline

// A Target is a deploy target with its config: it knows how desired objects become live ones. The
// host drives it change by change, so waves, time-outs, cancelling, progress and history are the
// host's. Every call gets a fresh instance: nothing stays in a plugin between calls.
//
// A target may also be an [Explainer], a [Judge] and an [Owner].
type Target interface {
	// Identify tells which live objects the desired ones become. It must depend on its arguments
	// and the trees in them alone.
	Identify(desired []Object) ([]Identity, error)
	// Plan tells what has to change for live to become desired; nothing if nothing has. Owned are
	// the live objects that this application owns here, from the inventory. It changes nothing.
	Plan(desired []Object, owned []string) ([]Change, error)
	// Apply applies one change. Applying it twice must come to the same as once; if live is no
	// longer what the change was planned on, that is a [Conflict].
	Apply(change Change) (Applied, error)
	// Observe tells how the live objects are, in the order of refs.
	Observe(refs []string) ([]Observed, error)
}

// An Explainer tells what a change would do, as text. Without it there is no text.
type Explainer interface {
	Explain(change Change) (Difference, error)
}

// A Judge judges one observed object. Without it, what is there is healthy.
type Judge interface {
	Judge(observed Observed) (Health, error)
}

// An Owner finds the live objects that carry this application's and environment's mark on the target
// itself: how the inventory is found again after the host's state was lost. Without it there are no
// marks.
type Owner interface {
	Owned() ([]string, error)
}

// An Identity is a live object that a desired one becomes; a desired object may become many.
type Identity struct {
	// The live object's name on the target, stable for ever: what the inventory keeps.
	Ref string
	// The id of the desired object.
	Object string
}

// An Action is what a change does.
type Action uint8

// What a change may do.
const (
	// Create makes what is missing.
	Create Action = iota
	// Update makes what differs equal.
	Update
	// Delete removes what is owned and no longer desired. The host refuses it for anything else.
	Delete
	// Adopt takes over what is there already and equal, without writing it.
	Adopt
	// Deferred can't be planned before the earlier waves have landed; it is planned again then.
	Deferred
)

// String is the action's name in the contract.
func (a Action) String() string {
	return nameOf(a, "create", "update", "delete", "adopt", "deferred")
}

// A Change is one step from live to desired, applied on its own.
type Change struct {
	// The live object.
	Ref string
	// The id of the desired object; empty for a delete.
	Object string
	// What is done.
	Action Action
	// When: waves are applied in ascending order, deletes in descending order after them.
	Wave int32
	// One line that says what differs, such as `mode: 644 -> 755`; may be empty.
	Summary string
	// What identifies the live object before the change, such as a digest; empty if it is absent.
	Before string
	// What will identify it afterwards; empty for a delete.
	After string
	// The target's own notes for Apply; opaque to the host, at most 64 KiB.
	State []byte
}

// Applied is a change that was applied.
type Applied struct {
	// What identifies the live object now; empty after a delete.
	After string
	// Anything worth telling; may be empty.
	Message string
}

// A Difference is text to compare, for people.
type Difference struct {
	// The live object as it is; nil if it is absent or no text.
	Live *string
	// The object as desired; nil if it goes or is no text.
	Desired *string
}

// Observed is a live object as it is.
type Observed struct {
	// The live object.
	Ref string
	// What identifies its state, as in [Change.Before]; empty if it is absent.
	Version string
	// The target's own notes for Judge.
	State []byte
}

// A Health is how a live object is, and why.
type Health struct {
	// How it is.
	Status HealthStatus
	// Why; may be empty for a healthy one.
	Message string
}

// A HealthStatus is how a live object is.
type HealthStatus uint8

// How a live object may be.
const (
	Healthy HealthStatus = iota
	Progressing
	Degraded
	Missing
	Suspended
	Unknown
)

// String is the status's name in the contract.
func (s HealthStatus) String() string {
	return nameOf(s, "healthy", "progressing", "degraded", "missing", "suspended", "unknown")
}

func nameOf[E ~uint8](value E, names ...string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return "?"
}

// A Deploy is what a deploy target reaches in one call.
type Deploy struct {
	Call
	blobs
}

func newDeploy(host currentHost) *Deploy {
	return &Deploy{Call: Call{host}, blobs: blobs{host}}
}

// Directory is the directory lent by the operator. It takes the capability `directory`.
func (d *Deploy) Directory() Directory {
	return Directory{host: d.host}
}

func judge(target Target, observed Observed) (Health, error) {
	switch judge, ok := target.(Judge); {
	case ok:
		return judge.Judge(observed)
	case observed.Version == "":
		return Health{Status: Missing}, nil
	}
	return Health{Status: Healthy}, nil
}
