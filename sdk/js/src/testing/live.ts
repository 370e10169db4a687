/** The lent directory in memory, with its marks. */

import { Conflict, Denied, Failed } from "../errors.js";
import type { DirectoryHost, Node } from "../host.js";
import { compare, encode } from "../utf8.js";
import { digestOf } from "./digest.js";

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
    this.put(path, expected, { kind: "symlink", target });
  }

  remove(path: string, expected: string): void {
    const there = this.node(path);
    if (there !== undefined) {
      this.mustBe(there, path, expected);
      this.nodes.delete(path);
    }
    this.marks.delete(path);
  }

  adopt(path: string): void {
    const there = this.node(path);
    if (there === undefined) {
      throw new Conflict(`there is nothing at \`${path}\``);
    }
    this.mustNotBeAnothers(there);
    this.marks.set(path, this.me());
  }

  owned(): string[] {
    this.mustBeLent();
    const mine = [...this.marks].filter(([, owner]) => owner === this.me());
    return mine.map(([path]) => path).sort(compare);
  }

  private put(path: string, expected: string, live: Live): void {
    this.mustBe(this.node(path), path, expected);
    this.marks.set(path, this.me());
    this.nodes.set(path, live);
  }

  private mustBe(there: Node | undefined, path: string, expected: string): void {
    if (there !== undefined) {
      this.mustNotBeAnothers(there);
    }
    if ((there?.digest ?? "") !== expected || there?.kind === "directory") {
      throw new Conflict(`\`${path}\` is not what was expected`);
    }
  }

  private mustNotBeAnothers(there: Node): void {
    if (there.owner !== "" && there.owner !== this.me()) {
      throw new Conflict(`\`${there.path}\` belongs to ${there.owner}`);
    }
  }

  private mustBeLent(): void {
    if (!this.lent) {
      throw new Denied("no directory was lent to this target");
    }
  }
}
