/** What a call is about. */

import { Failed } from "./errors.js";
import type { Host } from "./host.js";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An artifact of the application, as desired by the revision. */
export interface Artifact {
  /** Its name in springline.yaml. */
  readonly name: string;
  /** The digest of its directory tree: what `tree` takes. */
  readonly digest: string;
}

/** What a call is about. Every answer is traced: a result depends on it only if it was asked. */
export class Context {
  private readonly host: Host;
  /** Those of the call, once they were asked for. */
  private known: Readonly<Record<string, Json>> | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  /** The application's name. */
  get application(): string {
    return this.host.context.application();
  }

  /** The environment's name; none in a build step, which serves every environment. */
  get environment(): string | undefined {
    return this.host.context.environment();
  }

  /**
   * The revision, as git prints it. Asking for it makes the result depend on every commit; prefer
   * the digest of an artifact.
   */
  get revision(): string {
    return this.host.context.revision();
  }

  /** When the revision was committed, in seconds since 1970. The wall clock is a constant in a plugin. */
  get commitTime(): number {
    return this.host.context.commitTime();
  }

  /** The environment's values, empty where there are none. */
  get values(): Readonly<Record<string, Json>> {
    this.known ??= parseValues(this.host.context.values());
    return this.known;
  }

  /** The artifact of that name; none if the application declares no such one. */
  artifact(name: string): Artifact | undefined {
    return this.host.context.artifact(name);
  }

  /** The names of the application's artifacts, sorted. */
  get artifactNames(): string[] {
    return this.host.context.artifactNames();
  }

  /** The value of the secret that the operator granted under this name. */
  secret(name: string): Uint8Array {
    return this.host.secrets.get(name);
  }
}

function parseValues(text: string): Readonly<Record<string, Json>> {
  const values: unknown = JSON.parse(text);
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new Failed("the values are no JSON object");
  }
  return values as Readonly<Record<string, Json>>;
}
