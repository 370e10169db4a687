package springline

import (
	"strings"
	"unsafe"
)

// The functions of springline:host as core WebAssembly has them. Where an answer is no single
// number, the host writes it to the last argument.

// valid is a text as it may cross.
func valid(text string) string {
	return strings.ToValidUTF8(text, "\uFFFD")
}

//go:wasmimport springline:host/log@0.1.0 [constructor]sink
func logSink(topic string) uint32

//go:wasmimport springline:host/log@0.1.0 [method]sink.write
func logWrite(sink, level uint32, message string)

//go:wasmimport springline:host/log@0.1.0 [method]sink.progress
func logProgress(sink uint32, done, total uint64)

//go:wasmimport springline:host/context@0.1.0 application
func contextApplication(answer unsafe.Pointer)

//go:wasmimport springline:host/context@0.1.0 environment
func contextEnvironment(answer unsafe.Pointer)

//go:wasmimport springline:host/context@0.1.0 revision
func contextRevision(answer unsafe.Pointer)

//go:wasmimport springline:host/context@0.1.0 commit-time
func contextCommitTime() int64

//go:wasmimport springline:host/context@0.1.0 values
func contextValues(answer unsafe.Pointer)

//go:wasmimport springline:host/context@0.1.0 artifact
func contextArtifact(name string, answer unsafe.Pointer)

//go:wasmimport springline:host/context@0.1.0 artifact-names
func contextArtifactNames(answer unsafe.Pointer)

//go:wasmimport springline:host/files@0.1.0 is-executable
func filesIsExecutable(path string, answer unsafe.Pointer)

//go:wasmimport springline:host/files@0.1.0 set-executable
func filesSetExecutable(path string, executable bool, answer unsafe.Pointer)

//go:wasmimport springline:host/secrets@0.1.0 get
func secretsGet(name string, answer unsafe.Pointer)

//go:wasmimport springline:host/blobs@0.1.0 open
func blobsOpen(digest string, answer unsafe.Pointer)

//go:wasmimport springline:host/blobs@0.1.0 [method]blob.size
func blobSize(blob uint32) uint64

//go:wasmimport springline:host/blobs@0.1.0 [method]blob.read
func blobRead(blob uint32, offset uint64, length uint32, answer unsafe.Pointer)

//go:wasmimport springline:host/blobs@0.1.0 [resource-drop]blob
func blobDrop(blob uint32)

//go:wasmimport springline:host/blobs@0.1.0 [constructor]writer
func writerNew() uint32

//go:wasmimport springline:host/blobs@0.1.0 [method]writer.write
func writerWrite(writer uint32, bytes string, answer unsafe.Pointer)

//go:wasmimport springline:host/blobs@0.1.0 [method]writer.finish
func writerFinish(writer uint32, answer unsafe.Pointer)

//go:wasmimport springline:host/blobs@0.1.0 [resource-drop]writer
func writerDrop(writer uint32)

//go:wasmimport springline:host/trees@0.1.0 walk
func treesWalk(digest string, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 inspect
func directoryInspect(paths, length uint32, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 read
func directoryRead(path string, offset uint64, length uint32, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 put-file
func directoryPutFile(path, blob string, executable bool, expected string, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 put-symlink
func directoryPutSymlink(path, target, expected string, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 remove
func directoryRemove(path, expected string, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 adopt
func directoryAdopt(path string, answer unsafe.Pointer)

//go:wasmimport springline:host/directory@0.1.0 owned
func directoryOwned(answer unsafe.Pointer)
