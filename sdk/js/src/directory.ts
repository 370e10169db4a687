/** The directory that the operator lends to a deploy target. */

import { concatenate } from "./files.js";
import type { DirectoryHost, Node } from "./host.js";

/** The most paths that are inspected in one call of the host. */
const BATCH = 1000;
/** The most that one call of the host reads, in bytes. */
const CHUNK = 1 << 20;

/**
 * A directory outside the sandbox, lent by the operator's file. A target that uses it declares the
 * capability `directory`. Paths are relative to it and can't leave it, through symbolic links
 * neither. What an application owns in it is marked in the directory itself.
 *
 * Every function throws `Denied` if no directory was lent or the path would leave it, `Failed` if
 * the disk is full or the operating system reports anything else; what changes it throws
 * `Conflict` if something else than `expected` is there or it belongs to another application.
 */
export class Directory {
  private readonly host: DirectoryHost;

  constructor(host: DirectoryHost) {
    this.host = host;
  }

  /** What is at each of these paths, in their order; none where there is nothing. */
  inspect(paths: readonly string[]): (Node | undefined)[] {
    const nodes: (Node | undefined)[] = [];
    for (let at = 0; at < paths.length; at += BATCH) {
      nodes.push(...this.host.inspect(paths.slice(at, at + BATCH)));
    }
    return nodes;
  }

  /** What is at this path; none if there is nothing. */
  node(path: string): Node | undefined {
    return this.host.inspect([path])[0];
  }

  /** The bytes of the file at `path`, the first `most` of them. */
  read(path: string, most: number): Uint8Array {
    const chunks: Uint8Array[] = [];
    for (let length = 0; length < most; ) {
      const chunk = this.host.read(path, length, Math.min(most - length, CHUNK));
      if (chunk.length === 0) {
        break;
      }
      chunks.push(chunk);
      length += chunk.length;
    }
    return concatenate(chunks);
  }

  /**
   * Puts a file with the bytes of this blob at `path`, as a whole or not at all. Parents are made.
   * `expected` is the digest that `inspect` last gave for the path, none for nothing there. The
   * path is marked as owned first.
   */
  putFile(path: string, blob: string, options: { readonly executable?: boolean; readonly expected: string | undefined }): void {
    this.host.putFile(path, blob, options.executable ?? false, options.expected ?? "");
  }

  /** Puts a symbolic link at `path`, in the same way. */
  putSymlink(path: string, target: string, options: { readonly expected: string | undefined }): void {
    this.host.putSymlink(path, target, options.expected ?? "");
  }

  /**
   * Removes the file or link at `path`, its mark, and the parents that this leaves empty and that
   * Springline made. Nothing there is a success.
   */
  remove(path: string, options: { readonly expected: string | undefined }): void {
    this.host.remove(path, options.expected ?? "");
  }

  /** Marks what is at `path` as owned without touching it. */
  adopt(path: string): void {
    this.host.adopt(path);
  }

  /** Every path marked as owned by this application and environment, sorted. */
  owned(): string[] {
    return this.host.owned();
  }
}
