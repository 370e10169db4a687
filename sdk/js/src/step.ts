/** What a build step is given. */

import { Context } from "./context.js";
import { Failed } from "./errors.js";
import { type Entry, ReadableDirectory, WritableDirectory } from "./files.js";
import type { FilesHost, Host } from "./host.js";

/** One run of a build step: a directory to read, and one to write. */
export class Step {
  /** What the call is about. */
  readonly context: Context;
  /** What is read: `/in`. */
  readonly input: ReadableDirectory;
  /** What is written: `/out`. Nothing of it is kept if the step fails. */
  readonly output: WritableDirectory;

  constructor(host: Host) {
    const files = filesOf(host);
    this.context = new Context(host);
    this.input = new ReadableDirectory(files, "/in");
    this.output = new WritableDirectory(files, "/out");
  }

  /** Every file and symbolic link of the input, sorted by path. Links are not followed. */
  walk(): Entry[] {
    return this.input.walk();
  }

  /** The path of every regular file of the input, sorted. */
  files(): string[] {
    return this.input.files();
  }

  /** The bytes of a file of the input. */
  read(path: string): Uint8Array {
    return this.input.read(path);
  }

  /** The text of a file of the input. */
  readText(path: string): string {
    return this.input.readText(path);
  }

  /** Whether a file of the input may be executed. */
  isExecutable(path: string): boolean {
    return this.input.isExecutable(path);
  }

  /** Writes a file of the output; parents are made. */
  write(path: string, content: string | Uint8Array, options: { readonly executable?: boolean } = {}): void {
    this.output.write(path, content);
    if (options.executable === true) {
      this.output.setExecutable(path);
    }
  }

  /** Makes a file of the output executable, or not. */
  setExecutable(path: string, executable = true): void {
    this.output.setExecutable(path, executable);
  }

  /** Copies a file of the input to the output, its executable bit as well. */
  copy(from: string, to: string = from): void {
    this.output.write(to, "");
    for (const chunk of this.input.chunks(from)) {
      this.output.append(to, chunk);
    }
    if (this.input.isExecutable(from)) {
      this.output.setExecutable(to);
    }
  }
}

/** The files of the host, where the plugin's kind has any. */
export function filesOf(host: Host): FilesHost {
  if (host.files === undefined) {
    throw new Failed("this kind of plugin has no files");
  }
  return host.files;
}
