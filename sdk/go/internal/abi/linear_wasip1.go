package abi

import "unsafe"

// Linear is the linear memory of this component. Go's collector does not move what is in it, so
// that an address stays good for as long as something holds the bytes: published and allocated
// memory is held until [Linear.Release].
type Linear struct {
	held []unsafe.Pointer
}

// At is the memory of that length at an address.
func (*Linear) At(address, length uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(nil, address)), length)
}

// Allocate finds room that stays until it is released.
func (l *Linear) Allocate(size, _ uint32) uint32 {
	if size == 0 {
		return 8 // Never read: what is aligned and not null will do.
	}
	// Pairs of words are aligned for every type.
	return l.hold(unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8))))
}

// Publish gives the address of bytes and holds them until they are released.
func (l *Linear) Publish(bytes []byte) uint32 {
	if len(bytes) == 0 {
		return 8
	}
	return l.hold(unsafe.Pointer(unsafe.SliceData(bytes)))
}

func (l *Linear) hold(memory unsafe.Pointer) uint32 {
	l.held = append(l.held, memory)
	return uint32(uintptr(memory))
}

// Release lets go of everything that was published and allocated.
func (l *Linear) Release() {
	clear(l.held)
	l.held = l.held[:0]
}
