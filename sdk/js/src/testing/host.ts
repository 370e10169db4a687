/** A host in memory, for tests without WebAssembly. */

import { parse } from "../config.js";
import type { Json } from "../context.js";
import { Deploy } from "../deploy.js";
import { Denied, Failed } from "../errors.js";
import { concatenate, isClean, toBytes } from "../files.js";
import { type Host, install, type Level, type Node, type TreeEntry } from "../host.js";
import type { DesiredObject } from "../object.js";
import { type BuildStep, configOf, type DeployTarget, type Renderer } from "../plugin.js";
import { Render } from "../render.js";
import { Step } from "../step.js";
import { compare, decode, encode } from "../utf8.js";
import { digestOf } from "./digest.js";
import { LiveDirectory } from "./live.js";
import { type Leaf, MemoryFiles } from "./memory.js";
import { sync, type Synced } from "./sync.js";

/** One file or symbolic link: its content, or what else it is. */
export type File = string | Uint8Array | { readonly executable: string | Uint8Array } | { readonly symlink: string };

/** A line that the plugin logged. */
export interface Line {
  readonly level: Level;
  readonly topic: string;
  readonly message: string;
}

/** What may be said of a fake host. */
export interface FakeHostOptions {
  /** The application's name: `example` if not said. */
  readonly application?: string;
  /** The environment's name: `test` if not said. */
  readonly environment?: string | undefined;
  /** The revision. */
  readonly revision?: string;
  /** When it was committed, in seconds since 1970. */
  readonly commitTime?: number;
  /** The environment's values. */
  readonly values?: Readonly<Record<string, Json>>;
  /** The files of the input, by path. */
  readonly input?: Readonly<Record<string, File>>;
  /** The files of the artifacts, by name and path. */
  readonly artifacts?: Readonly<Record<string, Readonly<Record<string, File>>>>;
  /** What is in the lent directory already, by path. */
  readonly live?: Readonly<Record<string, File>>;
  /** The secrets that are granted, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * A fake host: it calls a plugin as the real one does, config and all. Its own functions throw a
 * plain `Error` where a test is at fault.
 */
export class FakeHost {
  /** What was logged, in order. */
  readonly logged: Line[] = [];
  /** The lent directory. */
  readonly live: LiveDirectory;
  private readonly files = new MemoryFiles();
  private readonly blobs = new Map<string, Uint8Array>();
  private readonly trees = new Map<string, TreeEntry[]>();
  private readonly artifacts = new Map<string, string>();
  private readonly host: Host;

  constructor(options: FakeHostOptions = {}) {
    const { application = "example", values = {}, secrets = {} } = options;
    const environment = "environment" in options ? options.environment : "test";
    this.live = new LiveDirectory(this.blobs, () => `${application}/${environment ?? ""}`);
    this.host = {
      log: {
        write: (level, topic, message) => void this.logged.push({ level, topic, message }),
        progress: () => undefined,
      },
      context: {
        application: () => application,
        environment: () => environment,
        revision: () => options.revision ?? "0123456789abcdef0123456789abcdef01234567",
        commitTime: () => options.commitTime ?? 1_700_000_000,
        values: () => JSON.stringify(values),
        artifact: (name) => {
          const digest = this.artifacts.get(name);
          return digest === undefined ? undefined : { name, digest };
        },
        artifactNames: () => [...this.artifacts.keys()].sort(compare),
      },
      secrets: {
        get: (name) => {
          const secret = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
          if (secret === undefined) {
            throw new Denied(`the secret \`${name}\` was not granted`);
          }
          return encode(secret);
        },
      },
      files: this.files,
      blobs: {
        open: (digest) => {
          const bytes = this.bytesOf(digest);
          return { size: () => bytes.length, read: (offset, length) => bytes.slice(offset, offset + length) };
        },
        create: () => this.newWriter(),
      },
      trees: { walk: (digest) => this.trees.get(digest) ?? missing(digest) },
      directory: this.live,
    };
    this.fill(options);
    install(this.host);
  }

  /** Puts a file or a symbolic link into the input. */
  addInput(path: string, file: File): this {
    this.files.leaves.set(`/in/${checked(path)}`, leafOf(file));
    return this;
  }

  /** Declares an artifact of these files, and tells its digest. */
  addArtifact(name: string, files: Readonly<Record<string, File>>): string {
    for (const [path, file] of Object.entries(files)) {
      this.files.leaves.set(`/artifacts/${checked(name)}/${checked(path)}`, leafOf(file));
    }
    const digest = this.addTree(files);
    this.artifacts.set(name, digest);
    return digest;
  }

  /** Gives the plugin a blob, and tells its digest. */
  addBlob(content: string | Uint8Array): string {
    const bytes = toBytes(content);
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  /** Gives the plugin a directory tree, and tells its digest: another one than the real host's. */
  addTree(files: Readonly<Record<string, File>>): string {
    const entries = Object.entries(files).map(([path, file]): TreeEntry => {
      const leaf = leafOf(file);
      const bytes = leaf.kind === "symlink" ? encode(leaf.target) : leaf.bytes;
      const kind = leaf.kind === "symlink" ? "symlink" : leaf.executable ? "executable" : "file";
      const link = leaf.kind === "symlink" ? leaf.target : "";
      return { path: checked(path), kind, digest: this.addBlob(bytes), size: bytes.length, link };
    });
    entries.sort((a, b) => compare(a.path, b.path));
    const digest = digestOf(encode(JSON.stringify(entries)));
    this.trees.set(digest, entries);
    return digest;
  }

  /** Runs a build step with this config, and tells its summary. */
  async run<C>(plugin: BuildStep<C>, config: unknown = {}): Promise<string> {
    install(this.host);
    const summary = await plugin.definition.run(parse(configOf(plugin.definition), config), new Step(this.host));
    return summary ?? "";
  }

  /** Runs a renderer with this config. */
  async render<C>(plugin: Renderer<C>, config: unknown = {}): Promise<readonly DesiredObject[]> {
    install(this.host);
    return plugin.definition.render(parse(configOf(plugin.definition), config), new Render(this.host));
  }

  /** The parsed config of a deploy target, and what its functions are given. */
  target<C>(plugin: DeployTarget<C>, config: unknown = {}): { readonly config: C; readonly deploy: Deploy } {
    install(this.host);
    return { config: parse(configOf(plugin.definition), config), deploy: new Deploy(this.host) };
  }

  /**
   * Brings live to desired as the real host does: identifies, plans, applies change by change in
   * waves, deletes last. `owned` is the inventory. An inline body arrives as a blob.
   */
  async sync<C>(
    plugin: DeployTarget<C>,
    config: unknown,
    desired: readonly DesiredObject[],
    owned: readonly string[] = [],
  ): Promise<Synced> {
    const given = this.target(plugin, config);
    const arrived = desired.map((object) => this.arrive(object));
    return sync(plugin.definition, given.config, arrived, owned, given.deploy);
  }

  /** The bytes of a file of the output; none if there is no such file. */
  output(path: string): Uint8Array | undefined {
    const leaf = this.files.leaves.get(`/out/${path}`);
    return leaf?.kind === "file" ? leaf.bytes : undefined;
  }

  /** The text of a file of the output; none if there is no such file or it is not UTF-8. */
  outputText(path: string): string | undefined {
    const bytes = this.output(path);
    return bytes === undefined ? undefined : decode(bytes);
  }

  /** Whether a file of the output is executable. */
  isOutputExecutable(path: string): boolean {
    const leaf = this.files.leaves.get(`/out/${path}`);
    return leaf?.kind === "file" && leaf.executable;
  }

  /** The paths of all files of the output, sorted. */
  outputs(): string[] {
    const below = [...this.files.leaves.keys()].filter((path) => path.startsWith("/out/"));
    return below.map((path) => path.slice("/out/".length)).sort(compare);
  }

  /** The bytes of an object, or of a blob by its digest; none for a tree, or if there is no such blob. */
  bytes(of: DesiredObject | string): Uint8Array | undefined {
    if (typeof of !== "string" && of.body.kind === "inline") {
      return of.body.bytes;
    }
    const digest = typeof of === "string" ? of : of.body.kind === "blob" ? of.body.digest : "";
    return this.blobs.get(digest);
  }

  /** The text of an object, or of a blob by its digest. */
  text(of: DesiredObject | string): string | undefined {
    const bytes = this.bytes(of);
    return bytes === undefined ? undefined : decode(bytes);
  }

  /** Puts a file or a symbolic link into the lent directory, as somebody else would. */
  putLive(path: string, file: File, owner = ""): this {
    const leaf = leafOf(file);
    const live = leaf.kind === "file" ? { kind: leaf.executable ? ("executable" as const) : ("file" as const), bytes: leaf.bytes } : leaf;
    this.live.nodes.set(checked(path), live);
    if (owner !== "") {
      this.live.marks.set(path, owner);
    }
    return this;
  }

  /** What is at a path of the lent directory; none if there is nothing. */
  liveNode(path: string): Node | undefined {
    return this.live.node(path);
  }

  /** The object as it reaches a target: its bytes are a blob. */
  arrive(object: DesiredObject): DesiredObject {
    const { id, body } = object;
    return body.kind === "inline" ? { id, body: { kind: "blob", digest: this.addBlob(body.bytes) } } : object;
  }

  private fill({ input = {}, artifacts = {}, live = {} }: FakeHostOptions): void {
    for (const [path, file] of Object.entries(input)) {
      this.addInput(path, file);
    }
    for (const [name, files] of Object.entries(artifacts)) {
      this.addArtifact(name, files);
    }
    for (const [path, file] of Object.entries(live)) {
      this.putLive(path, file);
    }
  }

  private bytesOf(digest: string): Uint8Array {
    return this.blobs.get(digest) ?? missing(digest);
  }

  private newWriter() {
    let chunks: Uint8Array[] = [];
    return {
      write: (bytes: Uint8Array) => void chunks.push(bytes.slice()),
      finish: () => {
        const digest = this.addBlob(concatenate(chunks));
        chunks = [];
        return digest;
      },
    };
  }
}

function missing(digest: string): never {
  throw new Failed(`nothing of the digest ${digest} was given to this call`);
}

function checked(path: string): string {
  if (!isClean(path)) {
    throw new Error(`the test is at fault: \`${path}\` is no path below a directory`);
  }
  return path;
}

function leafOf(file: File): Leaf {
  if (typeof file === "string" || file instanceof Uint8Array) {
    return { kind: "file", bytes: toBytes(file), executable: false };
  }
  return "symlink" in file
    ? { kind: "symlink", target: file.symlink }
    : { kind: "file", bytes: toBytes(file.executable), executable: true };
}
