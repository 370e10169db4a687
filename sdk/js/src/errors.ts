/**
 * Why a call did not succeed. The host acts on the class, never on the text. Any other exception
 * is a {@link Failed}, with its stack in the log.
 */

/** One thing wrong with the input, precise enough to mend it. */
export interface Violation {
  /** What is wrong, and what would be right. */
  readonly message: string;
  /** The file it is in, below the input; none if it is in the config. */
  readonly file?: string | undefined;
  /** The line in that file, from 1. */
  readonly line?: number | undefined;
  /** The place in the config, a JSON pointer such as `/values/0`; none if it is in a file. */
  readonly pointer?: string | undefined;
}

/** What every error that the host understands is. */
export abstract class PluginError extends Error {
  /** The case that the host acts on. */
  abstract readonly kind: "invalid" | "denied" | "conflict" | "transient" | "failed";

  override get name(): string {
    return this.constructor.name;
  }
}

/** The input is wrong: trying again changes nothing, mending it does. */
export class Invalid extends PluginError {
  readonly kind = "invalid";
  /** What is wrong; never empty. */
  readonly violations: readonly Violation[];

  constructor(violations: string | Violation | readonly Violation[]) {
    const list = toList(violations);
    super(list.map(describe).join("\n"));
    this.violations = list;
  }
}

/** A power that the call needs was not granted. */
export class Denied extends PluginError {
  readonly kind = "denied";
}

/** Live is not what the change was planned on: it is planned again. */
export class Conflict extends PluginError {
  readonly kind = "conflict";
}

/** Something outside failed in a way that passes. */
export class Transient extends PluginError {
  readonly kind = "transient";
  /** How long to wait before the next try, in milliseconds; none leaves it to the host. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly retryAfter?: number } = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

/** Anything else: trying again is no use. */
export class Failed extends PluginError {
  readonly kind = "failed";
}

/** What the file system reports. */
export class FileError extends Failed {
  /** The absolute path it is about. */
  readonly path: string;
  /** The case, as `wasi:filesystem` names it, such as `no-entry`. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(`${path}: ${MEANINGS[code] ?? code}`);
    this.path = path;
    this.code = code;
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  "no-entry": "no such file or directory",
  "not-permitted": "not permitted",
  access: "not permitted",
  "read-only": "it is read-only",
  "is-directory": "it is a directory",
  "not-directory": "not a directory",
  exist: "it exists already",
  quota: "the call's limit on written bytes is reached",
  "insufficient-space": "no space left",
  loop: "too many levels of symbolic links",
};

/** Throws {@link Invalid} if there is any violation. */
export function throwIfAny(violations: readonly Violation[]): void {
  if (violations.length > 0) {
    throw new Invalid(violations);
  }
}

function toList(violations: string | Violation | readonly Violation[]): readonly Violation[] {
  if (typeof violations === "string") {
    return [{ message: violations }];
  }
  const list = Array.isArray(violations) ? (violations as readonly Violation[]) : [violations as Violation];
  return list.length > 0 ? list : [{ message: "the input is invalid" }];
}

function describe(violation: Violation): string {
  const { message, file, line, pointer } = violation;
  if (file !== undefined) {
    return line === undefined ? `${file}: ${message}` : `${file}:${line}: ${message}`;
  }
  return pointer === undefined ? message : `${pointer}: ${message}`;
}
