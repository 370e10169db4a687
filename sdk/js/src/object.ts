/** Rendered desired objects. */

import { toBytes } from "./files.js";

/** The bytes of an object. */
export type Body =
  /** The bytes themselves, for what is small: up to 1 MiB. */
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  /** The digest of a blob, as `BlobWriter.finish` gave it. */
  | { readonly kind: "blob"; readonly digest: string }
  /** The digest of a directory tree: an artifact's, or one given to the call. */
  | { readonly kind: "tree"; readonly digest: string };

/** A rendered desired object, a manifest. */
export interface DesiredObject {
  /**
   * What it is called: unique within a render, stable between renders. Parts separated by `/`,
   * none empty, `.` or `..`; no control characters; at most 1,024 bytes.
   */
  readonly id: string;
  /** Its bytes. */
  readonly body: Body;
}

/** The most that an object may carry inline, in bytes. */
export const MOST_INLINE = 1 << 20;

/** An object of these bytes, at most 1 MiB. */
export function inline(id: string, content: string | Uint8Array): DesiredObject {
  return { id, body: { kind: "inline", bytes: toBytes(content) } };
}

/** An object whose bytes are the blob of this digest. */
export function blob(id: string, digest: string): DesiredObject {
  return { id, body: { kind: "blob", digest } };
}

/** An object that is the directory tree of this digest. */
export function tree(id: string, digest: string): DesiredObject {
  return { id, body: { kind: "tree", digest } };
}
