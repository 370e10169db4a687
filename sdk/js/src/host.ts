/**
 * What the SDK needs of a host: the real one through the component's imports, or the fake one of
 * tests. Each kind of plugin has some of the parts.
 */

/** How much a log line matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Log lines and progress. */
export interface LogHost {
  write(level: Level, topic: string, message: string): void;
  progress(done: number, total: number): void;
}

/** What the call is about. */
export interface ContextHost {
  application(): string;
  environment(): string | undefined;
  revision(): string;
  commitTime(): number;
  values(): string;
  artifact(name: string): { readonly name: string; readonly digest: string } | undefined;
  artifactNames(): string[];
}

/** What a directory lists. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
}

/** A file opened for reading. */
export interface OpenFile {
  /** Up to `length` bytes from `offset`; empty at the end. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** Files by absolute path. Every function throws `FileError`. */
export interface FilesHost {
  open(path: string): OpenFile;
  /** Writes or, with `append`, extends a file. Its parent is there. */
  write(path: string, bytes: Uint8Array, append: boolean): void;
  list(path: string): DirectoryEntry[];
  readLink(path: string): string;
  /** Makes a directory and its parents; there already is a success. */
  makeDirectory(path: string): void;
  isExecutable(path: string): boolean;
  setExecutable(path: string, executable: boolean): void;
}

/** A blob opened for reading. */
export interface OpenBlob {
  size(): number;
  read(offset: number, length: number): Uint8Array;
}

/** A blob being written. */
export interface OpenWriter {
  write(bytes: Uint8Array): void;
  finish(): string;
}

/** Bytes by digest. */
export interface BlobsHost {
  open(digest: string): OpenBlob;
  create(): OpenWriter;
}

/** A file or a symbolic link of a tree; directories are implied by the paths. */
export interface TreeEntry {
  /** Its path below the tree's root, never absolute, without `.` and `..`. */
  readonly path: string;
  /** What it is. */
  readonly kind: "file" | "executable" | "symlink";
  /** The digest of its bytes; for a symbolic link, of its target. */
  readonly digest: string;
  /** Its length in bytes. */
  readonly size: number;
  /** Where a symbolic link points, relative to the link; empty for a file. */
  readonly link: string;
}

/** Directory trees by digest. */
export interface TreesHost {
  walk(digest: string): TreeEntry[];
}

/** What is at a path of the lent directory, as it is now. */
export interface Node {
  /** Its path, as asked for. */
  readonly path: string;
  /** What it is. */
  readonly kind: "file" | "executable" | "symlink" | "directory" | "other";
  /** The digest of a file's bytes or of a link's target; empty for what is neither. */
  readonly digest: string;
  /** Its length in bytes. */
  readonly size: number;
  /** Where a symbolic link points; empty for anything else. */
  readonly link: string;
  /** Who owns it, `APPLICATION/ENVIRONMENT`; empty if nobody does. */
  readonly owner: string;
}

/** The directory lent by the operator. */
export interface DirectoryHost {
  inspect(paths: readonly string[]): (Node | undefined)[];
  read(path: string, offset: number, length: number): Uint8Array;
  putFile(path: string, blob: string, executable: boolean, expected: string): void;
  putSymlink(path: string, target: string, expected: string): void;
  remove(path: string, expected: string): void;
  adopt(path: string): void;
  owned(): string[];
}

/** Values that must not be seen. */
export interface SecretsHost {
  get(name: string): Uint8Array;
}

/** A host, with the parts that the plugin's kind has. */
export interface Host {
  readonly log: LogHost;
  readonly context: ContextHost;
  readonly secrets: SecretsHost;
  readonly files?: FilesHost;
  readonly blobs?: BlobsHost;
  readonly trees?: TreesHost;
  readonly directory?: DirectoryHost;
}

let installed: Host | undefined;

/** Makes this the host that log lines go to. */
export function install(host: Host): void {
  installed = host;
}

/** The host that log lines go to; none outside a call. */
export function currentIfAny(): Host | undefined {
  return installed;
}
