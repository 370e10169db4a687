import assert from "node:assert/strict";
import { test } from "node:test";
import { array, boolean, integer, type Infer, Invalid, object, oneOf, optional, record, string } from "@springline/sdk";
import { document, parse } from "../src/config.js";

const config = object({
  title: string({ description: "What stands above.", minLength: 1 }),
  "max-pages": integer({ default: 10, minimum: 1 }),
  mode: oneOf(["plain", "fancy"], { default: "plain" }),
  author: optional(string()),
  tags: array(string(), { default: [] }),
  links: record(object({ url: string({ pattern: "^https:" }), open: boolean({ default: false }) }), { default: {} }),
});

function violations(value: unknown) {
  try {
    parse(config, value);
  } catch (error) {
    assert(error instanceof Invalid);
    return error.violations.map(({ pointer, message }) => `${pointer}: ${message}`);
  }
  return [];
}

test("the schema is JSON Schema 2020-12 and refuses unknown keys", () => {
  assert.deepEqual(JSON.parse(document(config)), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      title: { description: "What stands above.", type: "string", minLength: 1 },
      "max-pages": { type: "integer", minimum: 1, default: 10 },
      mode: { enum: ["plain", "fancy"], default: "plain" },
      author: { type: "string" },
      tags: { type: "array", items: { type: "string" }, default: [] },
      links: {
        type: "object",
        additionalProperties: {
          type: "object",
          properties: { url: { type: "string", pattern: "^https:" }, open: { type: "boolean", default: false } },
          required: ["url"],
          additionalProperties: false,
        },
        default: {},
      },
    },
    required: ["title"],
    additionalProperties: false,
  });
});

test("defaults are filled in, and the type is that of the declaration", () => {
  const parsed: Infer<typeof config> = parse(config, { title: "T", links: { home: { url: "https://x" } } });
  const mode: "plain" | "fancy" = parsed.mode;
  const author: string | undefined = parsed.author;
  // @ts-expect-error: there is no such key
  assert.equal(parsed.nothing, undefined);
  assert.deepEqual(
    { ...parsed, mode, author },
    {
      title: "T",
      "max-pages": 10,
      mode: "plain",
      author: undefined,
      tags: [],
      links: { home: { url: "https://x", open: false } },
    },
  );
});

test("everything that is wrong is told, each with its place", () => {
  assert.deepEqual(violations({ "max-pages": 1.5, mode: "grey", tags: ["a", 1], links: { "a/b~": { url: "ftp:" } }, colour: 1 }), [
    "/colour: unknown key `colour`",
    ": missing key `title`",
    "/max-pages: expected a whole number, found a number",
    "/mode: expected one of `plain`, `fancy`",
    "/tags/1: expected a string, found a number",
    "/links/a~1b~0/url: it must match `^https:`",
  ]);
  assert.deepEqual(violations({ title: "", "max-pages": 0 }), [
    "/title: its length must be 1 to any",
    "/max-pages: it must be 1 to any number",
  ]);
  assert.deepEqual(violations([]), [": expected a mapping, found a list"]);
});

test("keys that every object inherits are no keys", () => {
  assert.deepEqual(violations({ title: "T", constructor: 1 }), ["/constructor: unknown key `constructor`"]);
  assert.equal(parse(object({ toString: optional(string()) }), {}).toString, undefined);
});

test("a default that does not fit is refused where it is declared", () => {
  assert.throws(() => integer({ default: 0, minimum: 1 }), /the default 0 does not fit: it must be 1/);
});
