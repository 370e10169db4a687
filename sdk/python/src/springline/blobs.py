"""Bytes by digest: what is too large to cross as one value."""

from __future__ import annotations

import io
from types import TracebackType
from typing import TYPE_CHECKING

from ._host import CHUNK, HostBlob, HostWriter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER = 64 * 1024


class BlobReader(io.RawIOBase):
    """A blob opened for reading: a binary file that can seek."""

    def __init__(self, blob: HostBlob) -> None:
        super().__init__()
        self._blob = blob
        self._at = 0

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self._blob.size()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._blob.read(self._at, min(len(view), CHUNK))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        chunks = []
        while chunk := self._blob.read(self._at, CHUNK):
            chunks.append(chunk)
            self._at += len(chunk)
        return b"".join(chunks)


class BlobWriter(io.BufferedIOBase):
    """A blob being written: a binary file that has a `digest` once it is closed::

    with render.blob_writer() as blob:
        shutil.copyfileobj(source, blob)
    yield Object.blob("large.bin", blob.digest)
    """

    def __init__(self, writer: HostWriter) -> None:
        super().__init__()
        self._writer = writer
        self._buffer = bytearray()
        self._digest: str | None = None

    @property
    def digest(self) -> str:
        """The digest, `sha256:` and 64 hex digits. The blob must have been closed."""
        if self._digest is None:
            raise ValueError("a blob has a digest once it is closed")
        return self._digest

    @property
    def name(self) -> str:
        """A name for messages, as other files have one."""
        return "<blob>"

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        if self.closed:
            raise ValueError("this blob is closed")
        view = memoryview(data).cast("B")
        self._buffer += view
        if len(self._buffer) >= _BUFFER:
            self.flush()
        return len(view)

    def flush(self) -> None:
        for start in range(0, len(self._buffer), CHUNK):
            self._writer.write(bytes(self._buffer[start : start + CHUNK]))
        self._buffer.clear()

    def close(self) -> None:
        """Ends the blob; it has a digest from now on."""
        if not self.closed:
            super().close()
            self._digest = self._writer.finish()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            # What is half written gets no digest.
            self._buffer.clear()
            super().close()

    def __del__(self) -> None:
        # Unlike a file, a blob that was dropped is not finished.
        pass
