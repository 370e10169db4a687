import { createHash } from "node:crypto";

/** The digest of some bytes, as every host writes it. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
