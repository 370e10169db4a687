/**
 * Makes StarlingMonkey's builds reproducible. While a component is built, the engine is started and
 * its memory kept; started by the clock and with chance of its own, it is another one every time.
 * Here is an engine for which both are constants, made once and kept beside the package.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What the engine is told through while it is built, and what the stubs would take from it. */
const NEEDED = ["environ_get", "environ_sizes_get", "args_get", "args_sizes_get", "proc_exit"];
const PREVIEW1 = "wasi_snapshot_preview1";

/** What `random_get(pointer, length)` becomes: it writes `(167 * index + 89) & 255` and succeeds. */
const CONSTANT_CHANCE = [
  0x00, // no locals
  ...[0x02, 0x40, 0x03, 0x40], // block, loop
  ...[0x20, 0x01, 0x45, 0x0d, 0x01], // length is 0: leave
  ...[0x20, 0x01, 0x41, 0x01, 0x6b, 0x21, 0x01], // length -= 1
  ...[0x20, 0x00, 0x20, 0x01, 0x6a], // pointer + length
  ...[0x20, 0x01, 0x41, 0xa7, 0x01, 0x6c, 0x41, 0xd9, 0x00, 0x6a], // length * 167 + 89
  ...[0x3a, 0x00, 0x00], // store the byte
  ...[0x0c, 0x00, 0x0b, 0x0b], // repeat, end, end
  ...[0x41, 0x00, 0x0b], // 0: success
];

/** What `clock_time_get(clock, precision, pointer)` becomes: every clock shows one second. */
const CONSTANT_CLOCK = [
  0x00, // no locals
  ...[0x20, 0x02, 0x42, 0x80, 0x94, 0xeb, 0xdc, 0x03], // pointer, 1,000,000,000
  ...[0x37, 0x03, 0x00], // store 64 bits
  ...[0x41, 0x00, 0x0b], // 0: success
];

/**
 * The path of the engine.
 * @param {string} directory Where componentize-js is installed.
 * @param {string} version Its version.
 * @param {string} witPath Packages with a world `plugin`.
 * @param {string} work Where the engine goes if it can't be kept.
 * @returns {Promise<string>}
 */
export async function steadyEngine(directory, version, witPath, work) {
  const name = `starlingmonkey-${version}-1.wasm`;
  const kept = join(directory, "../../.cache/springline-js");
  if (existsSync(join(kept, name))) {
    return join(kept, name);
  }
  const { splicer } = await import(pathToFileURL(join(directory, "lib/spidermonkey-embedding-splicer.js")).href);
  const engine = readFileSync(join(directory, "lib/starlingmonkey_embedding.wasm"));
  hide(engine, (name) => name, hidden);
  const stubbed = Buffer.from(splicer.stubWasi(engine, ["stdio", "http", "fetch-event"], undefined, witPath, "plugin"));
  hide(stubbed, hidden, (name) => name);
  const quiet = replaceFunction(stubbed, "random_get", Uint8Array.from(CONSTANT_CHANCE));
  const steady = replaceFunction(quiet, "clock_time_get", Uint8Array.from(CONSTANT_CLOCK));
  try {
    mkdirSync(kept, { recursive: true });
    const beside = join(kept, `${process.pid}.wasm`);
    writeFileSync(beside, steady);
    renameSync(beside, join(kept, name));
    return join(kept, name);
  } catch {
    writeFileSync(join(work, name), steady);
    return join(work, name);
  }
}

/** @param {string} name */
function hidden(name) {
  return `-${name.slice(1)}`;
}

/**
 * Renames imports, so that they are not stubbed, and back.
 * @param {Buffer} module
 * @param {(name: string) => string} from
 * @param {(name: string) => string} to
 */
function hide(module, from, to) {
  for (const name of NEEDED) {
    const at = module.indexOf(imported(from(name)));
    if (at < 0) {
      throw new Error(`this version of componentize-js is not known: its engine does not import ${name}`);
    }
    imported(to(name)).copy(module, at);
  }
}

/** @param {string} name */
function imported(name) {
  return Buffer.concat([PREVIEW1, name].map((text) => Buffer.from([text.length, ...Buffer.from(text)])));
}

/**
 * A module with another body for the function of this name.
 * @param {Buffer} module
 * @param {string} name
 * @param {Uint8Array} body
 */
function replaceFunction(module, name, body) {
  const sections = [...read(module)];
  const index = functionNamed(sections, name);
  let imports = 0;
  const parts = sections.map(({ id, content }) => {
    if (id === 2) {
      imports = importedFunctions(content);
    }
    return id === 10 ? [id, replaceBody(content, index - imports, body)] : [id, content];
  });
  const bytes = parts.map(([id, content]) => Buffer.concat([Buffer.from([Number(id)]), sized(/** @type {Buffer} */ (content))]));
  return Buffer.concat([module.subarray(0, 8), ...bytes]);
}

/** @param {Buffer} module */
function* read(module) {
  const cursor = new Cursor(module, 8);
  while (!cursor.done) {
    yield { id: cursor.byte(), content: cursor.bytes() };
  }
}

/**
 * The index of a function, by the custom section `name`.
 * @param {{ id: number, content: Buffer }[]} sections
 * @param {string} wanted
 */
function functionNamed(sections, wanted) {
  for (const { content } of sections.filter(({ id }) => id === 0)) {
    const cursor = new Cursor(content);
    if (cursor.bytes().toString() !== "name") {
      continue;
    }
    while (!cursor.done) {
      const [id, names] = [cursor.byte(), new Cursor(cursor.bytes())];
      for (let left = id === 1 ? names.number() : 0; left > 0; left -= 1) {
        const [index, name] = [names.number(), names.bytes().toString()];
        if (name === wanted) {
          return index;
        }
      }
    }
  }
  throw new Error(`this version of componentize-js is not known: no function is called ${wanted}`);
}

/** @param {Buffer} content */
function importedFunctions(content) {
  const cursor = new Cursor(content);
  let functions = 0;
  for (let left = cursor.number(); left > 0; left -= 1) {
    cursor.bytes();
    cursor.bytes();
    if (cursor.byte() !== 0) {
      throw new Error("this version of componentize-js is not known: its engine imports more than functions");
    }
    cursor.number();
    functions += 1;
  }
  return functions;
}

/**
 * @param {Buffer} content
 * @param {number} index
 * @param {Uint8Array} body
 */
function replaceBody(content, index, body) {
  const cursor = new Cursor(content);
  const count = cursor.number();
  for (let at = 0; at < index; at += 1) {
    cursor.bytes();
  }
  const before = content.subarray(0, cursor.at);
  cursor.bytes();
  if (index >= count) {
    throw new Error("this version of componentize-js is not known: the function has no body");
  }
  return Buffer.concat([before, sized(Buffer.from(body)), content.subarray(cursor.at)]);
}

/**
 * Bytes with their length before them.
 * @param {Buffer} bytes
 */
function sized(bytes) {
  const length = [];
  for (let left = bytes.length; length.length === 0 || left > 0; left = Math.floor(left / 128)) {
    length.push((left % 128) | (left >= 128 ? 128 : 0));
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** Reads what modules are made of. */
class Cursor {
  /**
   * @param {Buffer} buffer
   * @param {number} at
   */
  constructor(buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  get done() {
    return this.at >= this.buffer.length;
  }

  byte() {
    this.at += 1;
    return this.buffer.readUInt8(this.at - 1);
  }

  /** A number in LEB128. */
  number() {
    let [number, factor] = [0, 1];
    for (;;) {
      const byte = this.byte();
      number += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) {
        return number;
      }
    }
  }

  /** Bytes with their length before them. */
  bytes() {
    const length = this.number();
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }
}
