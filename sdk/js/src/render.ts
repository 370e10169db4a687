/** What a renderer is given. */

import { BlobWriter, blobs } from "./blob.js";
import { type Artifact, Context, type Json } from "./context.js";
import { Invalid } from "./errors.js";
import { type Entry, ReadableDirectory } from "./files.js";
import type { Host } from "./host.js";
import { blob, type DesiredObject, inline, MOST_INLINE } from "./object.js";
import { toBytes } from "./files.js";
import { filesOf } from "./step.js";

/** One run of a renderer: a directory of the source, and the artifacts. */
export class Render {
  /** What the call is about. */
  readonly context: Context;
  /** What is read: `/in`. */
  readonly input: ReadableDirectory;
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
    this.context = new Context(host);
    this.input = new ReadableDirectory(filesOf(host), "/in");
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

  /** The environment's name. {@link Invalid} outside an environment. */
  get environment(): string {
    const environment = this.context.environment;
    if (environment === undefined) {
      throw new Invalid("there is no environment to render for");
    }
    return environment;
  }

  /** The environment's values, empty where there are none. */
  get values(): Readonly<Record<string, Json>> {
    return this.context.values;
  }

  /** The artifact of that name. {@link Invalid}, telling the names there are, if there is none. */
  artifact(name: string): Artifact {
    const artifact = this.context.artifact(name);
    if (artifact === undefined) {
      const names = this.context.artifactNames;
      const there = names.length > 0 ? `there are: ${names.join(", ")}` : "there are none";
      throw new Invalid(`the application declares no artifact \`${name}\`; ${there}`);
    }
    return artifact;
  }

  /** The files of an artifact. Reading them makes the result depend on them; its digest is often enough. */
  artifactFiles(artifact: Artifact): ReadableDirectory {
    return new ReadableDirectory(filesOf(this.host), `/artifacts/${artifact.name}`);
  }

  /** Starts a blob, for an object that is made piece by piece. */
  blobWriter(): BlobWriter {
    return new BlobWriter(blobs(this.host.blobs).create());
  }

  /** An object of this content: inline up to 1 MiB, else through a blob. */
  object(id: string, content: string | Uint8Array): DesiredObject {
    const bytes = toBytes(content);
    if (bytes.length <= MOST_INLINE) {
      return inline(id, bytes);
    }
    const writer = this.blobWriter();
    writer.write(bytes);
    return blob(id, writer.finish());
  }
}
