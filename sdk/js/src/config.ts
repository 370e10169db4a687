/**
 * A config is declared once: the JSON Schema (2020-12) that the host validates against, the
 * defaults, and the TypeScript type all come from the declaration.
 */

import { Invalid, type Violation } from "./errors.js";

/** A JSON Schema, as far as one is written here. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A declared value: its schema, and how it is read. */
export interface Schema<T> {
  /** Its JSON Schema. */
  readonly json: JsonSchema;
  /** Whether a key of an object may be missing: then `read` is given `undefined`. */
  readonly mayBeMissing: boolean;
  /** Reads a JSON value, and tells what is wrong with it. */
  read(value: unknown, pointer: string, found: Violation[]): T;
}

/** The type of what a schema declares. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** What every declaration may say. */
export interface Options<T> {
  /** What it is for, in a sentence. */
  readonly description?: string;
  /** What it is where the config does not say. */
  readonly default?: T;
}

/** A string. */
export function string(
  options: Options<string> & { readonly minLength?: number; readonly maxLength?: number; readonly pattern?: string } = {},
): Schema<string> {
  const { minLength, maxLength, pattern } = options;
  const regexp = pattern === undefined ? undefined : new RegExp(pattern, "u");
  return schema({ type: "string", minLength, maxLength, pattern }, options, (value, problem) => {
    if (typeof value !== "string") {
      return problem(`expected a string, found ${kindOf(value)}`);
    }
    const length = [...value].length;
    if (length < (minLength ?? 0) || length > (maxLength ?? Infinity)) {
      return problem(`its length must be ${minLength ?? 0} to ${maxLength ?? "any"}`);
    }
    return regexp === undefined || regexp.test(value) ? value : problem(`it must match \`${pattern}\``);
  });
}

/** True or false. */
export function boolean(options: Options<boolean> = {}): Schema<boolean> {
  return schema({ type: "boolean" }, options, (value, problem) =>
    typeof value === "boolean" ? value : problem(`expected true or false, found ${kindOf(value)}`),
  );
}

/** A number. */
export function number(options: Options<number> & { readonly minimum?: number; readonly maximum?: number } = {}): Schema<number> {
  return numeric("number", options, () => true);
}

/** A whole number. */
export function integer(options: Options<number> & { readonly minimum?: number; readonly maximum?: number } = {}): Schema<number> {
  return numeric("integer", options, Number.isInteger);
}

/** One of these strings. */
export function oneOf<const V extends string>(values: readonly V[], options: Options<V> = {}): Schema<V> {
  return schema({ enum: values }, options, (value, problem) =>
    values.includes(value as V) ? (value as V) : problem(`expected one of ${values.map((v) => `\`${v}\``).join(", ")}`),
  );
}

/** A list. */
export function array<T>(
  items: Schema<T>,
  options: Options<readonly T[]> & { readonly minItems?: number; readonly maxItems?: number } = {},
): Schema<readonly T[]> {
  const { minItems, maxItems } = options;
  return schema<readonly T[]>({ type: "array", items: items.json, minItems, maxItems }, options, (value, problem, pointer, found) => {
    if (!Array.isArray(value)) {
      return problem(`expected a list, found ${kindOf(value)}`);
    }
    if (value.length < (minItems ?? 0) || value.length > (maxItems ?? Infinity)) {
      return problem(`it must have ${minItems ?? 0} to ${maxItems ?? "any number of"} items`);
    }
    return value.map((item: unknown, at) => items.read(item, `${pointer}/${at}`, found));
  });
}

/** A mapping from any key to values of one type. */
export function record<T>(values: Schema<T>, options: Options<Readonly<Record<string, T>>> = {}): Schema<Readonly<Record<string, T>>> {
  const json = { type: "object", additionalProperties: values.json };
  return schema<Readonly<Record<string, T>>>(json, options, (value, problem, pointer, found) => {
    if (!isObject(value)) {
      return problem(`expected a mapping, found ${kindOf(value)}`);
    }
    const entries = Object.entries(value).map(([key, inner]) => [key, values.read(inner, below(pointer, key), found)] as const);
    return Object.fromEntries(entries);
  });
}

/** Any JSON value. */
export function json(options: Options<unknown> = {}): Schema<unknown> {
  return schema({}, options, (value) => value);
}

/** The keys of an object. */
export type Shape = Readonly<Record<string, Schema<unknown>>>;
/** What an object of this shape is read to. */
export type Shaped<S extends Shape> = { readonly [K in keyof S]: Infer<S[K]> };

/** An object of these keys and no others. */
export function object<S extends Shape>(shape: S, options: Options<Shaped<S>> = {}): Schema<Shaped<S>> {
  const keys = Object.entries(shape);
  const required = keys.filter(([, value]) => !value.mayBeMissing).map(([key]) => key);
  const properties = Object.fromEntries(keys.map(([key, value]) => [key, value.json]));
  const keywords = {
    type: "object",
    properties,
    required: required.length > 0 ? required : undefined,
    additionalProperties: false,
  };
  return schema<Shaped<S>>(keywords, options, (value, problem, pointer, found) => {
    if (!isObject(value)) {
      return problem(`expected a mapping, found ${kindOf(value)}`);
    }
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(shape, key)) {
        found.push({ message: `unknown key \`${key}\``, pointer: below(pointer, key) });
      }
    }
    const read = keys.map(([key, inner]) => {
      const given = Object.hasOwn(value, key) ? value[key] : undefined;
      if (given === undefined && !inner.mayBeMissing) {
        found.push({ message: `missing key \`${key}\``, pointer });
        return [key, undefined];
      }
      return [key, inner.read(given, below(pointer, key), found)];
    });
    return Object.fromEntries(read) as Shaped<S>;
  });
}

/** A key that may be missing and has no default: it is `undefined` then. */
export function optional<T>(inner: Schema<T>): Schema<T | undefined> {
  return {
    json: inner.json,
    mayBeMissing: true,
    read: (value, pointer, found) => (value === undefined ? undefined : inner.read(value, pointer, found)),
  };
}

/** The schema as a document of its own. */
export function document(config: Schema<unknown>): string {
  return JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", ...config.json });
}

/** Reads a config, and throws {@link Invalid} with everything that is wrong with it. */
export function parse<T>(config: Schema<T>, value: unknown): T {
  const found: Violation[] = [];
  const parsed = config.read(value, "", found);
  if (found.length > 0) {
    throw new Invalid(found);
  }
  return parsed;
}

type Read<T> = (value: unknown, problem: (message: string) => T, pointer: string, found: Violation[]) => T;

function schema<T>(keywords: JsonSchema, options: Options<T>, read: Read<T>): Schema<T> {
  const said = { description: options.description, ...keywords, default: options.default };
  const declared: Schema<T> = {
    json: Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
    mayBeMissing: options.default !== undefined,
    read(value, pointer, found) {
      const problem = (message: string): T => {
        found.push({ message, pointer });
        return undefined as T;
      };
      return value === undefined && options.default !== undefined ? options.default : read(value, problem, pointer, found);
    },
  };
  if (options.default !== undefined) {
    // A default is read like any other value, once: what is wrong with it is the author's fault.
    const found: Violation[] = [];
    read(options.default, (message) => (found.push({ message }), options.default as T), "", found);
    if (found[0] !== undefined) {
      throw new TypeError(`the default ${JSON.stringify(options.default)} does not fit: ${found[0].message}`);
    }
  }
  return declared;
}

function numeric(
  type: "number" | "integer",
  options: Options<number> & { readonly minimum?: number; readonly maximum?: number },
  fits: (value: number) => boolean,
): Schema<number> {
  const { minimum, maximum } = options;
  return schema({ type, minimum, maximum }, options, (value, problem) => {
    if (typeof value !== "number" || !fits(value)) {
      return problem(`expected ${type === "integer" ? "a whole number" : "a number"}, found ${kindOf(value)}`);
    }
    const inside = value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity);
    return inside ? value : problem(`it must be ${minimum ?? "any number"} to ${maximum ?? "any number"}`);
  });
}

function below(pointer: string, key: string): string {
  return `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) {
    return "null";
  }
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "a mapping" : `a ${typeof value}`;
}
