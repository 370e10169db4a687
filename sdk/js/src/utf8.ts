/** UTF-8, strictly: what is not UTF-8 is told, never replaced. */

const CHUNK = 4096;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The bytes of a text. */
export function encode(text: string): Uint8Array {
  return typeof TextEncoder === "function" ? new TextEncoder().encode(text) : encodeHere(text);
}

/** The text of some bytes; none if they are not UTF-8. A byte order mark is kept. */
export function decode(bytes: Uint8Array): string | undefined {
  if (typeof TextDecoder !== "function") {
    return decodeHere(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Compares by the bytes of the texts in UTF-8: the order of paths everywhere in Springline. */
export function compare(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) {
      // Surrogates stand for what is above every other UTF-16 unit.
      const [highX, highY] = [isSurrogate(x), isSurrogate(y)];
      return highX === highY ? x - y : highX ? 1 : -1;
    }
  }
  return a.length - b.length;
}

/** How many of the bytes, from the start, are UTF-8. */
export function validUpTo(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const length = sequence(bytes, at);
    if (length === 0) {
      return at;
    }
    at += length;
  }
  return at;
}

/** The length of the well-formed sequence that starts here, 0 if there is none. */
function sequence(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) {
    return 1;
  }
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) {
    return 0;
  }
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) {
    return 0;
  }
  for (let next = at + 2; next < at + length; next += 1) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) {
      return 0;
    }
  }
  return length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** As {@link encode}, for engines without a `TextEncoder`: what they have natively is fast. */
export function encodeHere(text: string): Uint8Array {
  const binary = unescape(encodeURIComponent(text.replace(LONE_SURROGATE, "\ufffd")));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}

/** As {@link decode}, for engines without a `TextDecoder`. */
export function decodeHere(bytes: Uint8Array): string | undefined {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  try {
    return decodeURIComponent(escape(parts.join("")));
  } catch {
    return undefined;
  }
}
