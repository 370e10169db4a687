/** Blobs, and the bodies of objects. */

import { Writer, open } from "springline:host/blobs@0.1.0";
import type { BlobsHost } from "../host.js";
import type { DesiredObject } from "../object.js";
import { imported } from "./failure.js";

export const blobsHost: BlobsHost = {
  open(digest) {
    const blob = imported(() => open(digest));
    return {
      size: () => Number(blob.size()),
      read: (offset, length) => imported(() => blob.read(offset, length)),
    };
  },
  create() {
    const writer = new Writer();
    return {
      write: (bytes) => imported(() => writer.write(bytes)),
      finish: () => imported(() => writer.finish()),
    };
  },
};

/** A body as it crosses. */
export type WitObject = { id: string; body: { tag: "inline"; val: Uint8Array } | { tag: "blob" | "tree"; val: string } };

export function lowerObject({ id, body }: DesiredObject): WitObject {
  return { id, body: body.kind === "inline" ? { tag: "inline", val: body.bytes } : { tag: body.kind, val: body.digest } };
}

export function liftObject({ id, body }: WitObject): DesiredObject {
  return {
    id,
    body: body.tag === "inline" ? { kind: "inline", bytes: body.val } : { kind: body.tag, digest: body.val },
  };
}
