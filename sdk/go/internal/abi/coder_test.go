package abi

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
)

// memory is a linear memory that grows at its end.
type memory struct{ bytes []byte }

func (m *memory) At(address, length uint32) []byte { return m.bytes[address : address+length] }

func (m *memory) Allocate(size, align uint32) uint32 {
	at := alignUp(uint32(len(m.bytes)), align)
	m.bytes = append(m.bytes, make([]byte, int(at+size)-len(m.bytes))...)
	return at
}

func (m *memory) Publish(data []byte) uint32 {
	at := m.Allocate(uint32(len(data)), 1)
	copy(m.bytes[at:], data)
	return at
}

type everything struct {
	Small  uint8
	Signed int32
	Large  uint64
	Flag   bool
	Text   string
	Bytes  []byte
	Some   *uint64
	None   *string
	Empty  string
	Lines  []string
	Which  uint8
	Second uint64
}

func (e *everything) visit(c *Coder) {
	c.Record(func(c *Coder) {
		c.U8(&e.Small)
		c.S32(&e.Signed)
		c.U64(&e.Large)
		c.Bool(&e.Flag)
		c.String(&e.Text)
		c.Bytes(&e.Bytes)
		Option(c, &e.Some, (*Coder).U64)
		Option(c, &e.None, (*Coder).String)
		c.Text(&e.Empty)
		List(c, &e.Lines, (*Coder).String)
		c.Variant(&e.Which, nil, func(c *Coder) { c.U64(&e.Second) })
	})
}

func TestWhatIsStoredIsLoaded(t *testing.T) {
	some := uint64(1) << 63
	value := everything{Small: 255, Signed: -2, Large: 1<<64 - 1, Flag: true, Text: "größe", Bytes: []byte{0, 255},
		Some: &some, Lines: []string{"", "a", "日本"}, Which: 1, Second: 7}
	m := &memory{bytes: make([]byte, 3)}
	at := Store(m, value.visit)
	var loaded everything
	Load(m, at, loaded.visit)
	if !reflect.DeepEqual(loaded, value) {
		t.Errorf("%+v became %+v", value, loaded)
	}
}

// The bytes are written down by hand from the canonical ABI: fields at their alignment, a variant's
// payload at the alignment of its widest case.
func TestBytesAreThoseOfTheCanonicalABI(t *testing.T) {
	text, number, which := "hi", uint64(0x1122334455667788), uint8(1)
	m := &memory{bytes: make([]byte, 8)}
	at := Store(m, func(c *Coder) {
		c.Record(func(c *Coder) {
			c.U8(&which)
			c.String(&text)
			c.Variant(&which, nil, func(c *Coder) { c.U64(&number) })
		})
	})
	want := []byte{
		1, 0, 0, 0, // The u8, and up to the text.
		40, 0, 0, 0, 2, 0, 0, 0, // Where the text is, and its length.
		0, 0, 0, 0, // Up to the variant.
		1, 0, 0, 0, 0, 0, 0, 0, // Its case, and up to the payload.
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		'h', 'i',
	}
	if at != 8 || !bytes.Equal(m.bytes[at:], want) {
		t.Errorf("at %d: % x", at, m.bytes[at:])
	}
}

func TestSizesAndAlignments(t *testing.T) {
	var text string
	var number uint64
	var small uint8
	cases := []struct {
		name        string
		visit       func(*Coder)
		size, align uint32
	}{
		{"string", func(c *Coder) { c.String(&text) }, 8, 4},
		{"option<string>", func(c *Coder) { c.Text(&text) }, 12, 4},
		{"record { u8, u64, u8 }", func(c *Coder) {
			c.Record(func(c *Coder) { c.U8(&small); c.U64(&number); c.U8(&small) })
		}, 24, 8},
		{"variant { none, u8 }", func(c *Coder) { c.Variant(&small, nil, func(c *Coder) { c.U8(&small) }) }, 2, 1},
		{"enum", func(c *Coder) { Enum(c, &small) }, 1, 1},
	}
	for _, wanted := range cases {
		if size, align := Measure(wanted.visit); size != wanted.size || align != wanted.align {
			t.Errorf("%s: %d bytes aligned to %d", wanted.name, size, align)
		}
	}
}

func TestWhatIsNoTextIsReplaced(t *testing.T) {
	text := "a\xffb"
	m := &memory{}
	at := Store(m, func(c *Coder) { c.String(&text) })
	Load(m, at, func(c *Coder) { c.String(&text) })
	if text != "a\uFFFDb" {
		t.Errorf("%q", text)
	}
}

func TestListsOfRecordsKeepTheirStride(t *testing.T) {
	type pair struct {
		Small uint8
		Text  string
	}
	visit := func(c *Coder, p *pair) {
		c.Record(func(c *Coder) { c.U8(&p.Small); c.String(&p.Text) })
	}
	pairs := []pair{{1, "one"}, {2, ""}, {3, "three"}}
	m := &memory{}
	address, length := StoreList(m, pairs, visit)
	if loaded := LoadList(m, address, length, visit); !slices.Equal(loaded, pairs) {
		t.Errorf("%v", loaded)
	}
}

func TestAnUnknownCaseIsNotGuessed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("case 9 of 1 was read")
		}
	}()
	which := uint8(0)
	Load(&memory{bytes: []byte{9}}, 0, func(c *Coder) { c.Variant(&which, nil) })
}
