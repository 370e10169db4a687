import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, decode, decodeHere, encode, encodeHere, validUpTo } from "../src/utf8.js";

/** A small generator of pseudo-random numbers, so that a failure can be repeated. */
function generator(seed: number) {
  let state = seed >>> 0;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const EDGES = ["", "\u0000", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}", "\ufeffx"];

test("both encoders and decoders agree at every edge", () => {
  for (const text of [...EDGES, EDGES.join(""), "ä".repeat(10_000)]) {
    const bytes = encode(text);
    assert.deepEqual(encodeHere(text), bytes);
    assert.equal(decodeHere(bytes), text);
    assert.equal(decode(bytes), text);
    assert.equal(validUpTo(bytes), bytes.length);
  }
});

test("half a surrogate pair is replaced, as everywhere", () => {
  for (const text of ["\ud800", "a\udc00b", "\udc00\ud800", "\ud800\u{1f600}"]) {
    assert.deepEqual(encodeHere(text), encode(text));
  }
});

test("what is not UTF-8 is told where a strict decoder tells it", () => {
  const seed = Date.now() % 2 ** 31;
  const random = generator(seed);
  const INTERESTING = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff];
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Uint8Array.from({ length: random(7) }, () => INTERESTING[random(INTERESTING.length)] ?? 0);
    const valid = validUpTo(bytes);
    assert.equal(decode(bytes) !== undefined, valid === bytes.length, `seed ${seed}: ${bytes}`);
    assert.equal(decodeHere(bytes), decode(bytes), `seed ${seed}: ${bytes}`);
    assert.notEqual(decode(bytes.subarray(0, valid)), undefined, `seed ${seed}: ${bytes}`);
  }
});

test("texts are ordered by their bytes, not by their UTF-16 units", () => {
  const seed = Date.now() % 2 ** 31;
  const random = generator(seed);
  for (let round = 0; round < 5_000; round += 1) {
    const [a, b] = [0, 1].map(() => Array.from({ length: random(4) }, () => EDGES[random(EDGES.length)]).join("")) as [string, string];
    assert.equal(Math.sign(compare(a, b)), Buffer.compare(encode(a), encode(b)), `seed ${seed}: ${JSON.stringify([a, b])}`);
  }
});
