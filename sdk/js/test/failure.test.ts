import assert from "node:assert/strict";
import { test } from "node:test";
import { Conflict, Denied, Failed, Invalid, Transient } from "@springline/sdk";
import { FakeHost } from "@springline/sdk/testing";
import { imported, lower } from "../src/guest/failure.js";
import { type LineMap, mapStack } from "../src/guest/stack.js";

const MAP: LineMap = { sources: ["src/index.ts", "@springline/sdk/src/step.ts"], lines: [[], [0, 7], [1, 40]] };

test("every error is the case that the host acts on", () => {
  assert.deepEqual(lower(new Invalid([{ message: "no title", file: "a.md", line: 3 }, { message: "long", pointer: "/title" }])), {
    tag: "invalid",
    val: [
      { message: "no title", file: "a.md", line: 3, pointer: null },
      { message: "long", file: null, line: null, pointer: "/title" },
    ],
  });
  assert.deepEqual(lower(new Denied("no")), { tag: "denied", val: "no" });
  assert.deepEqual(lower(new Conflict("moved")), { tag: "conflict", val: "moved" });
  assert.deepEqual(lower(new Failed("broken")), { tag: "failed", val: "broken" });
  assert.deepEqual(lower(new Transient("busy", { retryAfter: 1500.4 })), { tag: "transient", val: { message: "busy", retryAfter: 1500 } });
  assert.deepEqual(lower(new Transient("busy")), { tag: "transient", val: { message: "busy", retryAfter: null } });
});

test("any other exception fails, with its place, and its stack is logged", () => {
  const host = new FakeHost();
  globalThis.__springlineLines = MAP;
  const error = new TypeError("x is undefined");
  error.stack = "read@plugin.js:3:9\nrun@plugin.js:2:5\n";
  assert.deepEqual(lower(error), { tag: "failed", val: "TypeError: x is undefined (src/index.ts:7)" });
  assert.deepEqual(host.logged, [
    {
      level: "error",
      topic: "",
      message: "TypeError: x is undefined\n    at read (@springline/sdk/src/step.ts:40)\n    at run (src/index.ts:7)",
    },
  ]);
  assert.deepEqual(lower("text"), { tag: "failed", val: "something was thrown that is no error: text" });
});

test("the stacks of both engines are understood", () => {
  const places = (stack: string) => mapStack(stack, MAP).map(({ text }) => text);
  assert.deepEqual(places("run@plugin.js:2:5\n@plugin.js:3:1\ncall@initializer.js:99:1"), [
    "run (src/index.ts:7)",
    "(anonymous) (@springline/sdk/src/step.ts:40)",
  ]);
  assert.deepEqual(places("    at run (plugin.js:2:5)\n    at <anonymous> (plugin.js:3:1)\n    at native"), [
    "run (src/index.ts:7)",
    "<anonymous> (@springline/sdk/src/step.ts:40)",
  ]);
});

test("what an import throws becomes an error of the SDK", () => {
  const thrown = (payload: unknown) => () => {
    throw Object.assign(new Error("component error"), { payload });
  };
  assert.throws(() => imported(thrown({ tag: "denied", val: "not lent" })), new Denied("not lent"));
  assert.throws(() => imported(thrown({ tag: "conflict", val: "changed" })), new Conflict("changed"));
  assert.throws(() => imported(thrown({ tag: "no-space", val: "full" })), new Failed("full"));
  assert.throws(() => imported(thrown("else")), /component error/);
});
