// Package abi is the canonical ABI of the component model, as far as the contract in wit/ uses it:
// how values lie in linear memory, and the memory that the host writes its answers to.
//
// A type is described once, by a function that visits its fields in the order of the WIT, and is
// loaded, stored and measured by that one description:
//
//	func (e *Entry) visit(c *abi.Coder) {
//		c.Record(func(c *abi.Coder) {
//			c.String(&e.Path)
//			c.U64(&e.Size)
//		})
//	}
package abi
