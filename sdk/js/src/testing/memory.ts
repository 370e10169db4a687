/** Files in memory, as the host would mount them. */

import { FileError } from "../errors.js";
import { concatenate } from "../files.js";
import type { DirectoryEntry, FilesHost, OpenFile } from "../host.js";

/** What is at a path. */
export type Leaf =
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly executable: boolean }
  | { readonly kind: "symlink"; readonly target: string };

const MOST_LINKS = 32;

/** A file system in memory: `/in` and `/artifacts` can't be written by the plugin. */
export class MemoryFiles implements FilesHost {
  /** What there is, by absolute path. Directories are implied by the paths, or made. */
  readonly leaves = new Map<string, Leaf>();
  private readonly directories = new Set(["/in", "/out", "/artifacts"]);

  open(path: string): OpenFile {
    const leaf = this.file(path);
    return { read: (offset, length) => leaf.bytes.slice(offset, offset + length), close: () => undefined };
  }

  write(path: string, bytes: Uint8Array, append: boolean): void {
    this.mustBeOut(path);
    const leaf = this.leaves.get(path);
    if (leaf?.kind === "symlink" || this.isDirectory(path)) {
      throw new FileError(path, leaf === undefined ? "is-directory" : "loop");
    }
    const before = append && leaf !== undefined ? [leaf.bytes] : [];
    this.leaves.set(path, {
      kind: "file",
      bytes: concatenate([...before, bytes]),
      executable: leaf?.executable ?? false,
    });
  }

  list(path: string): DirectoryEntry[] {
    if (!this.isDirectory(path)) {
      throw new FileError(path, this.leaves.has(path) ? "not-directory" : "no-entry");
    }
    const entries = new Map<string, DirectoryEntry>();
    const names = [...this.leaves.keys(), ...this.directories].filter((other) => other.startsWith(`${path}/`));
    for (const [name = "", ...below] of names.map((other) => other.slice(path.length + 1).split("/"))) {
      const leaf = this.leaves.get(`${path}/${name}`);
      entries.set(name, { name, kind: below.length > 0 || leaf === undefined ? "directory" : leaf.kind });
    }
    return [...entries.values()];
  }

  readLink(path: string): string {
    const leaf = this.leaves.get(path);
    if (leaf?.kind !== "symlink") {
      throw new FileError(path, leaf === undefined ? "no-entry" : "invalid");
    }
    return leaf.target;
  }

  makeDirectory(path: string): void {
    this.mustBeOut(path);
    const parts = path.split("/");
    for (let length = 2; length <= parts.length; length += 1) {
      const directory = parts.slice(0, length).join("/");
      if (this.leaves.has(directory)) {
        throw new FileError(directory, "not-directory");
      }
      this.directories.add(directory);
    }
  }

  isExecutable(path: string): boolean {
    return this.file(path).executable;
  }

  setExecutable(path: string, executable: boolean): void {
    this.mustBeOut(path);
    this.leaves.set(path, { ...this.file(path), executable });
  }

  /** The regular file at a path, symbolic links followed. */
  private file(path: string): Leaf & { readonly kind: "file" } {
    let [at, links] = [path, 0];
    for (let leaf = this.leaves.get(at); leaf?.kind === "symlink"; leaf = this.leaves.get(at)) {
      links += 1;
      if (links > MOST_LINKS) {
        throw new FileError(path, "loop");
      }
      at = follow(at, leaf.target);
    }
    const leaf = this.leaves.get(at);
    if (leaf?.kind !== "file") {
      throw new FileError(path, this.isDirectory(at) ? "is-directory" : "no-entry");
    }
    return leaf;
  }

  private isDirectory(path: string): boolean {
    return this.directories.has(path) || [...this.leaves.keys()].some((other) => other.startsWith(`${path}/`));
  }

  private mustBeOut(path: string): void {
    if (path !== "/out" && !path.startsWith("/out/")) {
      throw new FileError(path, "read-only");
    }
  }
}

/** Where a link at this path leads. */
function follow(path: string, target: string): string {
  const parts = path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") {
      parts.pop();
    } else if (part !== "" && part !== ".") {
      parts.push(part);
    }
  }
  return parts.join("/");
}
