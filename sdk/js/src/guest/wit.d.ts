/**
 * The component's imports, as both engines bind them: errors are thrown, an option that is none is
 * `null` or `undefined`, a 64-bit integer comes as a `bigint` or a
 * `number`, and is given as a `number`, which both take.
 */

type U64 = bigint | number;
type Option<T> = T | null | undefined;

declare module "springline:host/log@0.1.0" {
  export class Sink {
    constructor(topic: string);
    write(level: "debug" | "info" | "warn" | "error", message: string): void;
    progress(done: number, total: number): void;
  }
}

declare module "springline:host/context@0.1.0" {
  export function application(): string;
  export function environment(): Option<string>;
  export function revision(): string;
  export function commitTime(): U64;
  export function values(): string;
  export function artifact(name: string): Option<{ name: string; digest: string }>;
  export function artifactNames(): string[];
}

declare module "springline:host/files@0.1.0" {
  export function isExecutable(path: string): boolean;
  export function setExecutable(path: string, executable: boolean): void;
}

declare module "springline:host/blobs@0.1.0" {
  export class Blob {
    size(): U64;
    read(offset: number, length: number): Uint8Array;
  }
  export class Writer {
    write(bytes: Uint8Array): void;
    finish(): string;
  }
  export function open(digest: string): Blob;
}

declare module "springline:host/trees@0.1.0" {
  export function walk(
    digest: string,
  ): { path: string; kind: "file" | "executable" | "symlink"; digest: string; size: U64; link: string }[];
}

declare module "springline:host/directory@0.1.0" {
  export interface Node {
    path: string;
    kind: "file" | "executable" | "symlink" | "directory" | "other";
    digest: string;
    size: U64;
    link: string;
    owner: string;
  }
  export function inspect(paths: readonly string[]): Option<Node>[];
  export function read(path: string, offset: number, length: number): Uint8Array;
  export function putFile(path: string, blob: string, executable: boolean, expected: string): void;
  export function putSymlink(path: string, target: string, expected: string): void;
  export function remove(path: string, expected: string): void;
  export function adopt(path: string): void;
  export function owned(): string[];
}

declare module "springline:host/secrets@0.1.0" {
  export function get(name: string): Uint8Array;
}

declare module "wasi:filesystem/types@0.2.12" {
  export type DescriptorType =
    | "unknown"
    | "block-device"
    | "character-device"
    | "directory"
    | "fifo"
    | "symbolic-link"
    | "regular-file"
    | "socket";
  export interface DirectoryEntryStream {
    readDirectoryEntry(): Option<{ type: DescriptorType; name: string }>;
  }
  export interface Descriptor {
    read(length: number, offset: number): [Uint8Array, boolean];
    write(buffer: Uint8Array, offset: number): U64;
    readDirectory(): DirectoryEntryStream;
    createDirectoryAt(path: string): void;
    stat(): { type: DescriptorType; size: U64 };
    openAt(
      pathFlags: { symlinkFollow?: boolean },
      path: string,
      openFlags: { create?: boolean; directory?: boolean; truncate?: boolean },
      flags: { read?: boolean; write?: boolean; mutateDirectory?: boolean },
    ): Descriptor;
    readlinkAt(path: string): string;
  }
}

declare module "wasi:filesystem/preopens@0.2.12" {
  import type { Descriptor } from "wasi:filesystem/types@0.2.12";
  export function getDirectories(): [Descriptor, string][];
}
