/** Files of the directories that a call was given. Paths are relative to one of them. */

import { FileError, Invalid } from "./errors.js";
import type { FilesHost } from "./host.js";
import { compare, decode, encode, validUpTo } from "./utf8.js";

const CHUNK = 1 << 20;
// StarlingMonkey has no Unicode tables: `\p{Cc}` is a syntax error there.
const CONTROL_OR_BACKSLASH = /[\u0000-\u001f\u007f-\u009f\\]/;

/** A file or a symbolic link below a directory. */
export interface Entry {
  /** Its path below the directory, parts separated by `/`. */
  readonly path: string;
  /** Where it points, if it is a symbolic link. */
  readonly link?: string;
}

/** A directory that may be read. */
export class ReadableDirectory {
  protected readonly host: FilesHost;
  /** Its absolute path, such as `/in`. */
  readonly root: string;

  constructor(host: FilesHost, root: string) {
    this.host = host;
    this.root = root;
  }

  /** Every file and symbolic link, sorted by the UTF-8 bytes of the path. Links are not followed. */
  walk(): Entry[] {
    const entries: Entry[] = [];
    const directories = [""];
    for (let prefix = directories.pop(); prefix !== undefined; prefix = directories.pop()) {
      for (const { name, kind } of this.host.list(`${this.root}/${prefix}`.replace(/\/$/, ""))) {
        const path = `${prefix}${name}`;
        if (kind === "directory") {
          directories.push(`${path}/`);
        } else if (kind === "symlink") {
          entries.push({ path, link: this.host.readLink(`${this.root}/${path}`) });
        } else {
          entries.push({ path });
        }
      }
    }
    return entries.sort((a, b) => compare(a.path, b.path));
  }

  /** The path of every regular file, sorted as in `walk`. */
  files(): string[] {
    return this.walk().flatMap(({ path, link }) => (link === undefined ? [path] : []));
  }

  /** The bytes of a file. {@link Invalid}, naming the file, if there is none. */
  read(path: string): Uint8Array {
    const chunks = [...this.chunks(path)];
    if (chunks.length === 1 && chunks[0] !== undefined) {
      return chunks[0];
    }
    return concatenate(chunks);
  }

  /** The bytes of a file, at most `size` at a time: for what is too large to be held as a whole. */
  *chunks(path: string, size = CHUNK): Generator<Uint8Array, void> {
    const file = this.open(path);
    try {
      for (let offset = 0; ; ) {
        const chunk = file.read(offset, size);
        if (chunk.length === 0) {
          return;
        }
        yield chunk;
        offset += chunk.length;
      }
    } finally {
      file.close();
    }
  }

  /** The text of a file. {@link Invalid}, naming the file and the line, if it is not UTF-8. */
  readText(path: string): string {
    const bytes = this.read(path);
    const text = decode(bytes);
    if (text === undefined) {
      const line = 1 + bytes.subarray(0, validUpTo(bytes)).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0);
      throw new Invalid({ message: "this is not UTF-8", file: path, line });
    }
    return text;
  }

  /** Whether a file may be executed. Symbolic links are followed. */
  isExecutable(path: string): boolean {
    return this.host.isExecutable(this.at(path));
  }

  /** The absolute path of `path`. {@link Invalid} if it might lead out. */
  at(path: string): string {
    if (!isClean(path)) {
      throw new Invalid(`\`${path}\` is no path below a directory: its parts may not be empty, \`.\` or \`..\``);
    }
    return `${this.root}/${path}`;
  }

  private open(path: string) {
    try {
      return this.host.open(this.at(path));
    } catch (error) {
      if (error instanceof FileError && error.code === "no-entry") {
        throw new Invalid({ message: "there is no such file", file: path });
      }
      throw error;
    }
  }
}

/** A directory that may be written. */
export class WritableDirectory extends ReadableDirectory {
  private readonly made = new Set<string>();

  /** Writes a file; parents are made. */
  write(path: string, content: string | Uint8Array): void {
    this.put(path, content, false);
  }

  /** Adds to the end of a file, which is made if it is not there. */
  append(path: string, content: string | Uint8Array): void {
    this.put(path, content, true);
  }

  /** Makes a file executable, or not. */
  setExecutable(path: string, executable = true): void {
    this.host.setExecutable(this.at(path), executable);
  }

  private put(path: string, content: string | Uint8Array, append: boolean): void {
    const at = this.at(path);
    const parent = at.slice(0, at.lastIndexOf("/"));
    if (parent !== this.root && !this.made.has(parent)) {
      this.host.makeDirectory(parent);
      this.made.add(parent);
    }
    this.host.write(at, toBytes(content), append);
  }
}

/** A text's bytes, or the bytes as they are. */
export function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? encode(content) : content;
}

/** These bytes, one after the other. */
export function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * Whether this is a path below a root: parts separated by `/`, none empty, `.` or `..`, without
 * control characters and backslashes, at most 1,024 bytes.
 */
export function isClean(path: string): boolean {
  return (
    encode(path).length <= 1024 &&
    !CONTROL_OR_BACKSLASH.test(path) &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
