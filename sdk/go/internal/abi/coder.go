package abi

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// A Coder visits a value: it loads it from linear memory, stores it there, or measures the room
// that its type takes. Every method takes the place of the next field, aligned as its type wants.
type Coder struct {
	mode   mode
	memory Memory
	next   uint32
	align  uint32
}

type mode uint8

const (
	measuring mode = iota
	loading
	storing
)

// A Memory is the linear memory. Addresses in it are 32 bits wide, whatever the machine.
type Memory interface {
	// At is the memory of that length at an address.
	At(address, length uint32) []byte
	// Allocate finds room that stays until the host has read it.
	Allocate(size, align uint32) uint32
	// Publish gives the address of bytes, which stay until the host has read them.
	Publish(bytes []byte) uint32
}

// Load reads the value at an address.
func Load(memory Memory, address uint32, visit func(*Coder)) {
	visit(&Coder{mode: loading, memory: memory, next: address, align: 1})
}

// Store writes a value to room that it finds, and gives its address.
func Store(memory Memory, visit func(*Coder)) uint32 {
	size, align := Measure(visit)
	address := memory.Allocate(size, align)
	visit(&Coder{mode: storing, memory: memory, next: address, align: 1})
	return address
}

// Measure tells the size and the alignment of the type that is visited.
func Measure(visit func(*Coder)) (size, align uint32) {
	c := Coder{align: 1}
	visit(&c)
	return alignUp(c.next, c.align), c.align
}

func alignUp(address, align uint32) uint32 {
	return (address + align - 1) &^ (align - 1)
}

// place takes the room of the next field.
func (c *Coder) place(size, align uint32) uint32 {
	address := alignUp(c.next, align)
	c.next = address + size
	c.align = max(c.align, align)
	return address
}

// within is a coder of the same memory at another address.
func (c *Coder) within(address uint32) *Coder {
	return &Coder{mode: c.mode, memory: c.memory, next: address, align: 1}
}

// U8 visits an 8-bit number.
func (c *Coder) U8(value *uint8) {
	at := c.place(1, 1)
	switch c.mode {
	case loading:
		*value = c.memory.At(at, 1)[0]
	case storing:
		c.memory.At(at, 1)[0] = *value
	}
}

// U32 visits a 32-bit number.
func (c *Coder) U32(value *uint32) {
	at := c.place(4, 4)
	switch c.mode {
	case loading:
		*value = binary.LittleEndian.Uint32(c.memory.At(at, 4))
	case storing:
		binary.LittleEndian.PutUint32(c.memory.At(at, 4), *value)
	}
}

// U64 visits a 64-bit number.
func (c *Coder) U64(value *uint64) {
	at := c.place(8, 8)
	switch c.mode {
	case loading:
		*value = binary.LittleEndian.Uint64(c.memory.At(at, 8))
	case storing:
		binary.LittleEndian.PutUint64(c.memory.At(at, 8), *value)
	}
}

// S32 visits a signed 32-bit number.
func (c *Coder) S32(value *int32) {
	bits := uint32(0)
	if c.mode == storing {
		bits = uint32(*value)
	}
	c.U32(&bits)
	if c.mode == loading {
		*value = int32(bits)
	}
}

// Bool visits a truth value.
func (c *Coder) Bool(value *bool) {
	bits := uint8(0)
	if c.mode == storing && *value {
		bits = 1
	}
	c.U8(&bits)
	if c.mode == loading {
		*value = bits != 0
	}
}

// String visits a text. What is no UTF-8 can't cross; it is replaced by U+FFFD.
func (c *Coder) String(value *string) {
	var bytes []byte
	if c.mode == storing {
		bytes = []byte(strings.ToValidUTF8(*value, "\uFFFD"))
	}
	c.Bytes(&bytes)
	if c.mode == loading {
		*value = string(bytes)
	}
}

// Bytes visits a list<u8>.
func (c *Coder) Bytes(value *[]byte) {
	address, length := uint32(0), uint32(0)
	if c.mode == storing {
		address, length = c.memory.Publish(*value), uint32(len(*value))
	}
	c.Record(func(c *Coder) {
		c.U32(&address)
		c.U32(&length)
	})
	if c.mode == loading {
		*value = append([]byte(nil), c.memory.At(address, length)...)
	}
}

// Enum visits an enum of at most 256 cases.
func Enum[E ~uint8](c *Coder, value *E) {
	bits := uint8(*value)
	c.U8(&bits)
	*value = E(bits)
}

// Record visits a record or a tuple, whose fields are visited in their order.
func (c *Coder) Record(fields func(*Coder)) {
	size, align := Measure(fields)
	at := c.place(size, align)
	if c.mode != measuring {
		fields(c.within(at))
	}
}

// Variant visits a variant. Each case has a visitor of its payload, or nil if it has none.
func (c *Coder) Variant(which *uint8, cases ...func(*Coder)) {
	size, align := uint32(0), uint32(1)
	for _, payload := range cases {
		if payload != nil {
			payloadSize, payloadAlign := Measure(payload)
			size, align = max(size, payloadSize), max(align, payloadAlign)
		}
	}
	payloadAt := alignUp(1, align)
	at := c.place(alignUp(payloadAt+size, align), align)
	if c.mode == measuring {
		return
	}
	c.within(at).U8(which)
	if int(*which) >= len(cases) {
		panic(fmt.Sprintf("case %d of a variant of %d: the host speaks another contract", *which, len(cases)))
	}
	if payload := cases[*which]; payload != nil {
		payload(c.within(at + payloadAt))
	}
}

// Option visits an option; nil is none.
func Option[T any](c *Coder, value **T, payload func(*Coder, *T)) {
	is, some := uint8(0), new(T)
	if c.mode == storing && *value != nil {
		is, some = 1, *value
	}
	c.Variant(&is, nil, func(c *Coder) { payload(c, some) })
	if c.mode == loading {
		*value = nil
		if is == 1 {
			*value = some
		}
	}
}

// Text visits an option<string> whose none is the empty text.
func (c *Coder) Text(value *string) {
	var some *string
	if c.mode == storing && *value != "" {
		some = value
	}
	Option(c, &some, (*Coder).String)
	if c.mode == loading {
		*value = ""
		if some != nil {
			*value = *some
		}
	}
}

// List visits a list of anything but bytes.
func List[T any](c *Coder, values *[]T, item func(*Coder, *T)) {
	var address, length uint32
	if c.mode == storing {
		address, length = StoreList(c.memory, *values, item)
	}
	c.Record(func(c *Coder) {
		c.U32(&address)
		c.U32(&length)
	})
	if c.mode == loading {
		*values = LoadList(c.memory, address, length, item)
	}
}

// LoadList reads the items of a list.
func LoadList[T any](memory Memory, address, length uint32, item func(*Coder, *T)) []T {
	values := make([]T, length)
	size, _ := measureItem(item)
	for at := range values {
		Load(memory, address+uint32(at)*size, func(c *Coder) { item(c, &values[at]) })
	}
	return values
}

// StoreList writes the items of a list to room that it finds.
func StoreList[T any](memory Memory, values []T, item func(*Coder, *T)) (address, length uint32) {
	size, align := measureItem(item)
	length = uint32(len(values))
	address = memory.Allocate(length*size, align)
	for at := range values {
		item(&Coder{mode: storing, memory: memory, next: address + uint32(at)*size, align: 1}, &values[at])
	}
	return address, length
}

func measureItem[T any](item func(*Coder, *T)) (size, align uint32) {
	return Measure(func(c *Coder) { item(c, new(T)) })
}
