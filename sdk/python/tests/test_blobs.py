"""Blobs as files."""

import io
import shutil
import zipfile

import pytest

from springline import Failed, Object
from springline.testing import FakeHost, digest_of

LARGE = bytes(range(256)) * 8 * 1024 + b"end"


def test_a_blob_is_written_as_a_file_and_has_a_digest() -> None:
    host = FakeHost()
    render = host.renderer()
    with render.blob_writer() as blob:
        shutil.copyfileobj(io.BytesIO(LARGE), blob)
        with pytest.raises(ValueError, match="once it is closed"):
            print(blob.digest)
    assert blob.digest == digest_of(LARGE)
    with pytest.raises(ValueError, match="closed"):
        blob.write(b"more")

    with render.blob_writer() as blob, io.TextIOWrapper(blob, encoding="utf-8") as text:
        text.write("één")
    assert host.body(Object.blob("x", blob.digest)) == "één".encode()


def test_other_libraries_write_into_a_blob() -> None:
    host = FakeHost()
    with host.renderer().blob_writer() as blob, zipfile.ZipFile(blob, "w") as archive:
        archive.writestr("a.txt", "text")
    data = io.BytesIO(host.body(Object.blob("x", blob.digest)))
    assert zipfile.ZipFile(data).read("a.txt") == b"text"


def test_a_blob_that_failed_half_way_has_no_digest() -> None:
    host = FakeHost()
    with pytest.raises(ZeroDivisionError), host.renderer().blob_writer() as blob:
        blob.write(b"half")
        print(1 / 0)
    assert blob.closed
    with pytest.raises(ValueError, match="once it is closed"):
        print(blob.digest)


def test_a_blob_is_read_as_a_file() -> None:
    host = FakeHost()
    digest = host.add_blob(LARGE)
    blob = host.deploy().blob(digest)
    assert blob.size == len(LARGE)
    assert blob.read() == LARGE
    assert (blob.seek(-3, io.SEEK_END), blob.read(2), blob.read(9)) == (len(LARGE) - 3, b"en", b"d")
    assert (blob.seek(1), blob.read(2)) == (1, b"\x01\x02")
    text = io.TextIOWrapper(io.BufferedReader(host.deploy().blob(host.add_blob("a\nb"))))
    assert list(text) == ["a\n", "b"]
    with pytest.raises(Failed, match="no blob sha256:0"):
        host.deploy().blob("sha256:0")
