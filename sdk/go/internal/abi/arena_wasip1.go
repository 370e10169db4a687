package abi

import "unsafe"

// The host writes the lists and texts of its answers, and of the arguments of a call, to memory
// that it asks a realloc function for. It asks in the middle of a host call, or before a call, when
// this component may not call out, and Go's runtime calls out whenever it likes: the collector reads
// a clock. So these functions must not touch the runtime: no allocation, no growing of the stack,
// no write barrier. They hand out parts of an arena that is there from the start. It takes address
// space only: pages that are never written never become real.
//
// What the host wrote is copied out of the arena before anything else is asked of the host, so that
// every host call finds it empty: [Lock] and [Reset].

// arenaSize bounds one answer of the host, and the arguments of one call.
const arenaSize = 24 << 20

// adapterSize is more than the WASI adapter asks for, once: its stack and its state, a page of 64 KiB
// each. It asks before Go's runtime is up, at the runtime's first call of WASI. The adapter's own
// way, memory.grow, is not open: Go takes all memory above its own for its own.
const adapterSize = 4 << 16

var (
	arena       [arenaSize]byte
	arenaUsed   uint32
	adapter     [adapterSize]byte
	adapterUsed uint32
)

//go:wasmexport cabi_import_realloc
//go:nosplit
func importRealloc(old, oldSize, align, size uint32) uint32 {
	return arenaRealloc(old, oldSize, align, size)
}

//go:wasmexport cabi_export_realloc
//go:nosplit
func exportRealloc(old, oldSize, align, size uint32) uint32 {
	return arenaRealloc(old, oldSize, align, size)
}

//go:nosplit
func arenaRealloc(old, oldSize, align, size uint32) uint32 {
	if old != 0 && size <= oldSize {
		return old
	}
	base := uint32(uintptr(unsafe.Pointer(&arena)))
	at := (base+arenaUsed+align-1)&^(align-1) - base
	if size > arenaSize || at > arenaSize-size {
		arenaExhausted()
	}
	arenaUsed = at + size
	for i := range oldSize {
		*(*byte)(unsafe.Add(nil, base+at+i)) = *(*byte)(unsafe.Add(nil, old+i))
	}
	return base + at
}

//go:wasmexport cabi_realloc_adapter
//go:nosplit
func adapterRealloc(_, _, align, size uint32) uint32 {
	base := uint32(uintptr(unsafe.Pointer(&adapter)))
	at := (base+adapterUsed+align-1)&^(align-1) - base
	if size > uint32(len(adapter)) || at > uint32(len(adapter))-size {
		arenaExhausted()
	}
	adapterUsed = at + size
	return base + at
}

// arenaExhausted traps: the host gave more than fits into the arena. Its name is what there is to
// see of it.
func arenaExhausted()

// Reset empties the arena. What the host wrote must have been copied.
func Reset() {
	arenaUsed = 0
}
