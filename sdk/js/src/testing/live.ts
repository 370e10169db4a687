/** The lent directory in memory, with its marks. */

import { Conflict, Denied, Failed } from "../errors.js";
import { isClean } from "../files.js";
import type { DirectoryHost, Node } from "../host.js";
import { compare, encode } from "../utf8.js";
import { digestOf } from "./digest.js";

/** What Springline keeps in the directory for itself, on file systems that ignore case as well. */
const RESERVED = /^(\.springline-owned$|\.springline-tmp-)/i;

type Live = { readonly kind: "file" | "executable"; readonly bytes: Uint8Array } | { readonly kind: "symlink"; readonly target: string };

/** A directory that is lent to the plugin. */
export class LiveDirectory implements DirectoryHost {
  /** Whether the operator lends it. */
  lent = true;
  /** What there is, by path. */
  readonly nodes = new Map<string, Live>();
  /** Who owns what, by path. */
  readonly marks = new Map<string, string>();
  private readonly blobs: ReadonlyMap<string, Uint8Array>;
  private readonly me: () => string;

  constructor(blobs: ReadonlyMap<string, Uint8Array>, me: () => string) {
    this.blobs = blobs;
    this.me = me;
  }

  inspect(paths: readonly string[]): (Node | undefined)[] {
    paths.forEach(mustBeNameable);
    return paths.map((path) => this.node(path));
  }

  /** What is at a path; none if there is nothing. */
  node(path: string): Node | undefined {
    this.mustBeLent();
    const live = this.nodes.get(path);
    const owner = this.marks.get(path) ?? "";
    if (live === undefined) {
      const directory = [...this.nodes.keys()].some((other) => other.startsWith(`${path}/`));
      return directory ? { path, kind: "directory", digest: "", size: 0, link: "", owner } : undefined;
    }
    const bytes = live.kind === "symlink" ? encode(live.target) : live.bytes;
    const link = live.kind === "symlink" ? live.target : "";
    return { path, kind: live.kind, digest: digestOf(bytes), size: bytes.length, link, owner };
  }

  read(path: string, offset: number, length: number): Uint8Array {
    this.mustBeLent();
    mustBeNameable(path);
    const live = this.nodes.get(path);
    if (live === undefined || live.kind === "symlink") {
      throw new Failed(`\`${path}\` is no file`);
    }
    return live.bytes.slice(offset, offset + length);
  }

  putFile(path: string, blob: string, executable: boolean, expected: string): void {
    const bytes = this.blobs.get(blob);
    if (bytes === undefined) {
      throw new Failed(`there is no blob ${blob}`);
    }
    this.put(path, expected, { kind: executable ? "executable" : "file", bytes });
  }

  putSymlink(path: string, target: string, expected: string): void {
    mustStayInside(path, target);
    this.put(path, expected, { kind: "symlink", target });
  }

  remove(path: string, expected: string): void {
    const there = this.changeable(path);
    if (there !== undefined) {
      mustBe(there, path, expected);
      this.nodes.delete(path);
    }
    this.marks.delete(path);
  }

  adopt(path: string): void {
    const there = this.changeable(path);
    if (there === undefined || there.kind === "directory") {
      throw new Conflict(there === undefined ? `there is nothing at \`${path}\`` : `\`${path}\` is a directory`);
    }
    this.marks.set(path, this.me());
  }

  owned(): string[] {
    this.mustBeLent();
    const mine = [...this.marks].filter(([, owner]) => owner === this.me());
    return mine.map(([path]) => path).sort(compare);
  }

  private put(path: string, expected: string, live: Live): void {
    mustBe(this.changeable(path), path, expected);
    const blocked = parents(path).find((parent) => this.nodes.has(parent));
    if (blocked !== undefined) {
      throw new Conflict(`\`${blocked}\` is no directory, and one is needed there`);
    }
    this.marks.set(path, this.me());
    this.nodes.set(path, live);
  }

  /** What is at a path that we may change. */
  private changeable(path: string): Node | undefined {
    this.mustBeLent();
    mustBeNameable(path);
    const owner = this.marks.get(path) ?? "";
    if (owner !== "" && owner !== this.me()) {
      throw new Conflict(`\`${path}\` belongs to ${owner}`);
    }
    return this.node(path);
  }

  private mustBeLent(): void {
    if (!this.lent) {
      throw new Denied("no directory was lent to this target");
    }
  }
}

function mustBe(there: Node | undefined, path: string, expected: string): void {
  if ((there?.digest ?? "") !== expected || there?.kind === "directory") {
    throw new Conflict(`\`${path}\` is not what was expected`);
  }
}

function mustBeNameable(path: string): void {
  if (!isClean(path)) {
    throw new Denied(`\`${path}\` is no clean path below the directory`);
  }
  if (path.split("/").some((part) => RESERVED.test(part))) {
    throw new Denied(`\`${path}\` is Springline's own`);
  }
}

/** Denies a link that could lead out: `..` may stand at its start only, and not too often. */
function mustStayInside(path: string, target: string): void {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const named = parts.findIndex((part) => part !== "..");
  const up = named < 0 ? parts.length : named;
  const names = parts.slice(up);
  const mayLeave = target === "" || target.startsWith("/") || up > parents(path).length;
  if (mayLeave || (names.length > 0 && !isClean(names.join("/"))) || names.some((part) => RESERVED.test(part))) {
    throw new Denied(`the link \`${path}\` -> \`${target}\` could leave the directory`);
  }
}

/** The directories above a path. */
function parents(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}
