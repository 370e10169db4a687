package springline

import (
	"time"

	"springline.dev/sdk-go/internal/abi"
)

// The types of the contract as they cross: each visitor has the fields of a WIT type in the order
// of wit/. They, the imports and the exports are written by hand, for the wit/ of this fingerprint:
//
// wit: bcf4de1cb105c6ddaf03fa372b45e4c679056e1c82ad99e55bc8a5f3e0a6dce0

func visitViolation(c *abi.Coder, v *Violation) {
	var line *uint32
	if v.Line > 0 {
		line = new(uint32)
		*line = uint32(v.Line)
	}
	c.Record(func(c *abi.Coder) {
		c.String(&v.Message)
		c.Text(&v.File)
		abi.Option(c, &line, (*abi.Coder).U32)
		c.Text(&v.Pointer)
	})
}

// A failure is an error of the contract.
type failure struct {
	which      uint8
	violations []Violation
	message    string
	retryAfter *uint64
}

// The cases of an error in the contract.
const (
	isInvalid uint8 = iota
	isDenied
	isConflict
	isTransient
	isFailed
)

// failureOf sorts an error into the cases of the contract.
func failureOf(err error) failure {
	if err == nil {
		return failure{}
	}
	if all := violations(err); len(all) > 0 {
		return failure{which: isInvalid, violations: all}
	}
	if _, ok := find[Invalid](err); ok {
		return failure{which: isInvalid, violations: []Violation{{Message: "the plugin does not say what is wrong"}}}
	}
	as := failure{which: isFailed, message: err.Error()}
	if _, ok := find[Denied](err); ok {
		as.which = isDenied
	} else if _, ok := find[Conflict](err); ok {
		as.which = isConflict
	} else if transient, ok := find[Transient](err); ok {
		as.which = isTransient
		if transient.RetryAfter > 0 {
			as.retryAfter = new(uint64)
			*as.retryAfter = uint64(transient.RetryAfter / time.Millisecond)
		}
	}
	return as
}

func visitFailure(c *abi.Coder, f *failure) {
	message := func(c *abi.Coder) { c.String(&f.message) }
	c.Variant(&f.which,
		func(c *abi.Coder) { abi.List(c, &f.violations, visitViolation) },
		message,
		message,
		func(c *abi.Coder) {
			c.Record(func(c *abi.Coder) {
				c.String(&f.message)
				abi.Option(c, &f.retryAfter, (*abi.Coder).U64)
			})
		},
		message,
	)
}

func visitObject(c *abi.Coder, o *Object) {
	which := uint8(0)
	switch {
	case o.Tree != "":
		which = 2
	case o.Blob != "":
		which = 1
	}
	c.Record(func(c *abi.Coder) {
		c.String(&o.ID)
		c.Variant(&which,
			func(c *abi.Coder) { c.Bytes(&o.Inline) },
			func(c *abi.Coder) { c.String(&o.Blob) },
			func(c *abi.Coder) { c.String(&o.Tree) },
		)
	})
}

func visitCapability(c *abi.Coder, capability *Capability) {
	c.Record(func(c *abi.Coder) {
		c.String(&capability.Name)
		c.String(&capability.Reason)
	})
}

func visitDescription(c *abi.Coder, info *Info, kind *Kind, schema *string) {
	c.Record(func(c *abi.Coder) {
		c.String(&info.Name)
		c.String(&info.Version)
		c.String(&info.Summary)
		abi.Enum(c, kind)
		c.String(schema)
		abi.List(c, &info.Capabilities, visitCapability)
	})
}

func visitIdentity(c *abi.Coder, identity *Identity) {
	c.Record(func(c *abi.Coder) {
		c.String(&identity.Ref)
		c.String(&identity.Object)
	})
}

func visitChange(c *abi.Coder, change *Change) {
	c.Record(func(c *abi.Coder) {
		c.String(&change.Ref)
		c.String(&change.Object)
		abi.Enum(c, &change.Action)
		c.S32(&change.Wave)
		c.String(&change.Summary)
		c.Text(&change.Before)
		c.Text(&change.After)
		c.Bytes(&change.State)
	})
}

func visitDifference(c *abi.Coder, difference *Difference) {
	c.Record(func(c *abi.Coder) {
		abi.Option(c, &difference.Live, (*abi.Coder).String)
		abi.Option(c, &difference.Desired, (*abi.Coder).String)
	})
}

func visitApplied(c *abi.Coder, applied *Applied) {
	c.Record(func(c *abi.Coder) {
		c.Text(&applied.After)
		c.String(&applied.Message)
	})
}

func visitObserved(c *abi.Coder, observed *Observed) {
	c.Record(func(c *abi.Coder) {
		c.String(&observed.Ref)
		c.Text(&observed.Version)
		c.Bytes(&observed.State)
	})
}

func visitHealth(c *abi.Coder, health *Health) {
	c.Record(func(c *abi.Coder) {
		abi.Enum(c, &health.Status)
		c.String(&health.Message)
	})
}

func visitTreeEntry(c *abi.Coder, entry *TreeEntry) {
	c.Record(func(c *abi.Coder) {
		c.String(&entry.Path)
		abi.Enum(c, &entry.Kind)
		c.String(&entry.Digest)
		c.U64(&entry.Size)
		c.String(&entry.Link)
	})
}

func visitNode(c *abi.Coder, node *Node) {
	c.Record(func(c *abi.Coder) {
		c.String(&node.Path)
		abi.Enum(c, &node.Kind)
		c.String(&node.Digest)
		c.U64(&node.Size)
		c.String(&node.Link)
		c.String(&node.Owner)
	})
}
