/** What a deploy target is given, and what it answers. */

import { BlobReader, BlobWriter, blobs } from "./blob.js";
import { Context } from "./context.js";
import { Directory } from "./directory.js";
import { Failed } from "./errors.js";
import type { Host, TreeEntry } from "./host.js";

/** Which live object a desired one becomes; a desired object may become many. */
export interface Identity {
  /** The live object's name on the target, stable for ever: what the inventory keeps. */
  readonly ref: string;
  /** The id of the desired object. */
  readonly object: string;
}

/**
 * What a change does: makes what is missing, makes what differs equal, removes what is owned and no
 * longer desired, takes over what is there already and equal, or can't be planned before the
 * earlier waves have landed.
 */
export type Action = "create" | "update" | "delete" | "adopt" | "deferred";

/** One step from live to desired, applied on its own. */
export interface Change {
  /** The live object. */
  readonly ref: string;
  /** The id of the desired object; none for a delete. */
  readonly object?: string | undefined;
  /** What is done. */
  readonly action: Action;
  /** When: waves are applied in ascending order, deletes in descending order after them; 0 if not said. */
  readonly wave?: number;
  /** One line that says what differs, such as `mode: 644 -> 755`. */
  readonly summary?: string;
  /** What identifies the live object before the change, such as a digest; none if absent. */
  readonly before?: string | undefined;
  /** What will identify it afterwards; none for a delete. */
  readonly after?: string | undefined;
  /** The target's own notes for `apply`; opaque to the host, at most 64 KiB. */
  readonly state?: Uint8Array;
}

/** A change that was applied. */
export interface Applied {
  /** What identifies the live object now; none after a delete. */
  readonly after?: string | undefined;
  /** Anything worth telling. */
  readonly message?: string;
}

/** Text to compare, for people. */
export interface Difference {
  /** The live object as it is; none if it is absent or no text. */
  readonly live?: string | undefined;
  /** The object as desired; none if it goes or is no text. */
  readonly desired?: string | undefined;
}

/** A live object as it is. */
export interface Observed {
  /** The live object. */
  readonly ref: string;
  /** What identifies its state, as in `Change.before`; none if it is absent. */
  readonly version?: string | undefined;
  /** The target's own notes for `judge`. */
  readonly state?: Uint8Array;
}

/** How a live object is. */
export type HealthStatus = "healthy" | "progressing" | "degraded" | "missing" | "suspended" | "unknown";

/** How a live object is, and why. */
export interface Health {
  /** How it is. */
  readonly status: HealthStatus;
  /** Why. */
  readonly message?: string;
}

/** What a deploy target reaches in one call. */
export class Deploy {
  /** What the call is about. */
  readonly context: Context;
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
    this.context = new Context(host);
  }

  /** The directory lent by the operator. Takes the capability `directory`. */
  get directory(): Directory {
    if (this.host.directory === undefined) {
      throw new Failed("this kind of plugin has no directory");
    }
    return new Directory(this.host.directory);
  }

  /** Who owns what this call deploys, as the marks in the directory name it. */
  get owner(): string {
    return `${this.context.application}/${this.context.environment ?? ""}`;
  }

  /** Opens the blob of this digest: the body of a desired object, or a file of its tree. */
  blob(digest: string): BlobReader {
    return new BlobReader(blobs(this.host.blobs).open(digest));
  }

  /** Starts a blob. */
  blobWriter(): BlobWriter {
    return new BlobWriter(blobs(this.host.blobs).create());
  }

  /** Every file and symbolic link of the tree of this digest, sorted by path. */
  tree(digest: string): TreeEntry[] {
    if (this.host.trees === undefined) {
      throw new Failed("this kind of plugin has no trees");
    }
    return this.host.trees.walk(digest);
  }
}
