package springline

import (
	"io/fs"
	"log/slog"
	"sync"
	"unsafe"

	"springline.dev/sdk-go/internal/abi"
)

// The real host. It is a type and not the interface, and its methods are hidden from reflection, so
// that a component imports only the functions that its plugin uses: the linker drops the others. A
// world does not have them all.
type (
	currentHost   = imports
	currentBlob   = importedBlob
	currentWriter = importedWriter
)

// imports is the host behind the imports. It holds nothing: the host knows which call it is.
type imports struct{}

var (
	// gate lets one goroutine ask at a time: until an answer is copied, it is in the arena.
	gate sync.Mutex
	// area is where the host puts an answer of more than one value.
	area [8]uint64
	// sinks are the open ones by topic.
	sinks = map[string]uint32{}
)

// ask calls the host, which writes its answer to the place that it is given, and reads the answer.
func ask(call func(answer unsafe.Pointer), visit func(*abi.Coder)) {
	gate.Lock()
	defer gate.Unlock()
	abi.Reset()
	call(unsafe.Pointer(&area))
	abi.Load(&abi.Linear{}, uint32(uintptr(unsafe.Pointer(&area))), visit)
	abi.Reset()
}

func askText(call func(answer unsafe.Pointer)) (text string) {
	ask(call, func(c *abi.Coder) { c.String(&text) })
	return text
}

// try asks for what may be refused, with an error of which every case is a text.
func try(call func(answer unsafe.Pointer), value func(*abi.Coder), refusals ...func(text string) error) error {
	refused, which, text := uint8(0), uint8(0), ""
	cases := make([]func(*abi.Coder), len(refusals))
	for at := range cases {
		cases[at] = func(c *abi.Coder) { c.String(&text) }
	}
	ask(call, func(c *abi.Coder) {
		c.Variant(&refused, value, func(c *abi.Coder) { c.Variant(&which, cases...) })
	})
	if refused == 0 {
		return nil
	}
	return refusals[which](text)
}

func failed(text string) error   { return Failed(text) }
func denied(text string) error   { return Denied(text) }
func conflict(text string) error { return Conflict(text) }
func notFound(text string) error { return &askError{text, fs.ErrNotExist} }

func tryBlob(call func(answer unsafe.Pointer), value func(*abi.Coder)) error {
	return try(call, value, notFound, failed, failed)
}

func tryDirectory(call func(answer unsafe.Pointer), value func(*abi.Coder)) error {
	return try(call, value, denied, conflict, failed, failed)
}

func (imports) log(level slog.Level, topic, message string) {
	gate.Lock()
	defer gate.Unlock()
	severity := uint32(3)
	switch {
	case level < slog.LevelInfo:
		severity = 0
	case level < slog.LevelWarn:
		severity = 1
	case level < slog.LevelError:
		severity = 2
	}
	logWrite(sink(topic), severity, valid(message))
}

func (imports) progress(done, total uint64) {
	gate.Lock()
	defer gate.Unlock()
	logProgress(sink(""), done, total)
}

func sink(topic string) uint32 {
	handle, ok := sinks[topic]
	if !ok {
		handle = logSink(valid(topic))
		sinks[topic] = handle
	}
	return handle
}

func (imports) root() string { return "/" }

func (imports) isExecutable(path string) (is bool, err error) {
	value := func(c *abi.Coder) { c.Bool(&is) }
	err = tryMode("is-executable", path, func(answer unsafe.Pointer) { filesIsExecutable(valid(path), answer) }, value)
	return is, err
}

func (imports) setExecutable(path string, executable bool) error {
	call := func(answer unsafe.Pointer) { filesSetExecutable(valid(path), executable, answer) }
	return tryMode("set-executable", path, call, nil)
}

func tryMode(operation, path string, call func(answer unsafe.Pointer), value func(*abi.Coder)) error {
	refused, why := uint8(0), uint8(0)
	ask(call, func(c *abi.Coder) {
		c.Variant(&refused, value, func(c *abi.Coder) { c.U8(&why) })
	})
	if refused == 0 {
		return nil
	}
	return &fs.PathError{Op: operation, Path: path, Err: []error{fs.ErrNotExist, fs.ErrPermission}[why&1]}
}

func (imports) application() string { return askText(contextApplication) }
func (imports) revision() string    { return askText(contextRevision) }
func (imports) values() string      { return askText(contextValues) }
func (imports) commitTime() int64   { return contextCommitTime() }

func (imports) environment() (name string) {
	ask(contextEnvironment, func(c *abi.Coder) { c.Text(&name) })
	return name
}

func (imports) artifact(name string) (digest string, ok bool) {
	type desired struct{ name, digest string }
	var some *desired
	ask(func(answer unsafe.Pointer) { contextArtifact(valid(name), answer) }, func(c *abi.Coder) {
		abi.Option(c, &some, func(c *abi.Coder, artifact *desired) {
			c.Record(func(c *abi.Coder) {
				c.String(&artifact.name)
				c.String(&artifact.digest)
			})
		})
	})
	if some == nil {
		return "", false
	}
	return some.digest, true
}

func (imports) artifactNames() (names []string) {
	ask(contextArtifactNames, func(c *abi.Coder) { abi.List(c, &names, (*abi.Coder).String) })
	return names
}

func (imports) secret(name string) (value []byte, err error) {
	err = try(func(answer unsafe.Pointer) { secretsGet(valid(name), answer) },
		func(c *abi.Coder) { c.Bytes(&value) }, denied, failed)
	return value, err
}

// importedBlob and importedWriter are handles of the host.
type (
	importedBlob   uint32
	importedWriter uint32
)

func (imports) openBlob(digest string) (importedBlob, error) {
	var handle uint32
	err := tryBlob(func(answer unsafe.Pointer) { blobsOpen(valid(digest), answer) },
		func(c *abi.Coder) { c.U32(&handle) })
	return importedBlob(handle), err
}

func (b importedBlob) Size() uint64 { return blobSize(uint32(b)) }
func (b importedBlob) Close()       { blobDrop(uint32(b)) }

func (b importedBlob) Read(offset uint64, length uint32) (bytes []byte, err error) {
	err = tryBlob(func(answer unsafe.Pointer) { blobRead(uint32(b), offset, length, answer) },
		func(c *abi.Coder) { c.Bytes(&bytes) })
	return bytes, err
}

func (imports) newBlob() importedWriter { return importedWriter(writerNew()) }

func (w importedWriter) Write(bytes []byte) error {
	text := unsafe.String(unsafe.SliceData(bytes), len(bytes)) // A list<u8> crosses like a text.
	return tryBlob(func(answer unsafe.Pointer) { writerWrite(uint32(w), text, answer) }, nil)
}

func (w importedWriter) Finish() (digest string, err error) {
	err = tryBlob(func(answer unsafe.Pointer) { writerFinish(uint32(w), answer) },
		func(c *abi.Coder) { c.String(&digest) })
	return digest, err
}

func (w importedWriter) Close() { writerDrop(uint32(w)) }

func (imports) walkTree(digest string) (entries []TreeEntry, err error) {
	err = tryBlob(func(answer unsafe.Pointer) { treesWalk(valid(digest), answer) },
		func(c *abi.Coder) { abi.List(c, &entries, visitTreeEntry) })
	return entries, err
}

func (imports) inspect(paths []string) (nodes []*Node, err error) {
	var arguments abi.Linear
	address, length := abi.StoreList(&arguments, paths, (*abi.Coder).String)
	err = tryDirectory(func(answer unsafe.Pointer) { directoryInspect(address, length, answer) }, func(c *abi.Coder) {
		abi.List(c, &nodes, func(c *abi.Coder, node **Node) { abi.Option(c, node, visitNode) })
	})
	arguments.Release() // And so hold what the host has read until now.
	return nodes, err
}

func (imports) readLive(path string, offset uint64, length uint32) (bytes []byte, err error) {
	err = tryDirectory(func(answer unsafe.Pointer) { directoryRead(valid(path), offset, length, answer) },
		func(c *abi.Coder) { c.Bytes(&bytes) })
	return bytes, err
}

func (imports) putFile(path, blob string, executable bool, expected string) error {
	return tryDirectory(func(answer unsafe.Pointer) {
		directoryPutFile(valid(path), valid(blob), executable, valid(expected), answer)
	}, nil)
}

func (imports) putSymlink(path, target, expected string) error {
	return tryDirectory(func(answer unsafe.Pointer) {
		directoryPutSymlink(valid(path), valid(target), valid(expected), answer)
	}, nil)
}

func (imports) remove(path, expected string) error {
	return tryDirectory(func(answer unsafe.Pointer) { directoryRemove(valid(path), valid(expected), answer) }, nil)
}

func (imports) adopt(path string) error {
	return tryDirectory(func(answer unsafe.Pointer) { directoryAdopt(valid(path), answer) }, nil)
}

func (imports) owned() (paths []string, err error) {
	err = tryDirectory(directoryOwned, func(c *abi.Coder) { abi.List(c, &paths, (*abi.Coder).String) })
	return paths, err
}
