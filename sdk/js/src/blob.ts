/** Bytes by digest: what is too large to cross as a list. */

import { Failed } from "./errors.js";
import { concatenate, toBytes } from "./files.js";
import type { BlobsHost, OpenBlob, OpenWriter } from "./host.js";
import { decode } from "./utf8.js";

/** The most that one call of the host reads or writes, in bytes. */
const CHUNK = 1 << 20;

/** A blob opened for reading. */
export class BlobReader {
  private readonly blob: OpenBlob;

  constructor(blob: OpenBlob) {
    this.blob = blob;
  }

  /** Its length in bytes. */
  get size(): number {
    return this.blob.size();
  }

  /** Its bytes, piece by piece. */
  *chunks(): Generator<Uint8Array, void> {
    for (let offset = 0; ; ) {
      const chunk = this.blob.read(offset, CHUNK);
      if (chunk.length === 0) {
        return;
      }
      yield chunk;
      offset += chunk.length;
    }
  }

  /** All its bytes. */
  bytes(): Uint8Array {
    return concatenate([...this.chunks()]);
  }

  /** Its text; none if it is not UTF-8. */
  text(): string | undefined {
    return decode(this.bytes());
  }
}

/** A blob being written. */
export class BlobWriter {
  private readonly writer: OpenWriter;

  constructor(writer: OpenWriter) {
    this.writer = writer;
  }

  /** Appends a text's bytes, or bytes. */
  write(content: string | Uint8Array): void {
    const bytes = toBytes(content);
    for (let at = 0; at < bytes.length; at += CHUNK) {
      this.writer.write(bytes.subarray(at, at + CHUNK));
    }
  }

  /** Ends the blob and returns its digest, `sha256:` and 64 hex digits. */
  finish(): string {
    return this.writer.finish();
  }
}

/** The blobs of the host, where the plugin's kind has any. */
export function blobs(host: BlobsHost | undefined): BlobsHost {
  if (host === undefined) {
    throw new Failed("this kind of plugin has no blobs");
  }
  return host;
}
