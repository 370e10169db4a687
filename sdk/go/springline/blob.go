package springline

import (
	"errors"
	"io"
)

// chunk is the most that one call of the host reads or writes, in bytes.
const chunk = 1 << 20

// A Blob is bytes that are known by their digest, opened for reading. It is an [io.Reader] and an
// [io.ReaderAt].
type Blob struct {
	host currentBlob
	next int64
}

// Size is its length in bytes.
func (b *Blob) Size() int64 {
	return int64(b.host.Size())
}

// ReadAt reads from an offset, as [io.ReaderAt] has it.
func (b *Blob) ReadAt(buffer []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("a blob has no bytes before its first")
	}
	read := 0
	for read < len(buffer) {
		bytes, err := b.host.Read(uint64(offset)+uint64(read), uint32(min(len(buffer)-read, chunk)))
		if err != nil {
			return read, err
		}
		if len(bytes) == 0 {
			return read, io.EOF
		}
		read += copy(buffer[read:], bytes)
	}
	return read, nil
}

// Read reads on.
func (b *Blob) Read(buffer []byte) (int, error) {
	read, err := b.ReadAt(buffer[:min(len(buffer), chunk)], b.next)
	b.next += int64(read)
	if err == io.EOF && read > 0 {
		err = nil
	}
	return read, err
}

// Bytes reads all of it.
func (b *Blob) Bytes() ([]byte, error) {
	bytes := make([]byte, b.Size())
	read, err := b.ReadAt(bytes, 0)
	if err == io.EOF {
		err = nil
	}
	return bytes[:read], err
}

// Close lets go of it. Nothing is lost if that is left out: the call's end does it too.
func (b *Blob) Close() error {
	b.host.Close()
	return nil
}

// A BlobWriter takes the bytes of a blob.
type BlobWriter struct {
	host currentWriter
}

// Write appends bytes.
func (w *BlobWriter) Write(bytes []byte) (int, error) {
	written := 0
	for written < len(bytes) {
		part := bytes[written:min(len(bytes), written+chunk)]
		if err := w.host.Write(part); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}

// Finish ends the blob and returns its digest, `sha256:` and 64 hex digits. The writer is done with.
func (w *BlobWriter) Finish() (digest string, err error) {
	digest, err = w.host.Finish()
	w.host.Close()
	return digest, err
}
