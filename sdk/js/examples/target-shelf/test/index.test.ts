import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, inline, tree } from "@springline/sdk";
import { FakeHost } from "@springline/sdk/testing";
import plugin from "../src/index.js";

const told = (changes: readonly Change[]) => changes.map(({ action, ref, summary = "" }) => `${action} ${ref} ${summary}`.trim());

test("files come, change and go", async () => {
  const host = new FakeHost({ live: { "a/there": "same" } });
  const first = await host.sync(plugin, { prefix: "a/" }, [inline("there", "same"), inline("new", "one")]);
  assert.deepEqual(told(first.changes), ["create a/new 3 bytes", "adopt a/there"]);
  const second = await host.sync(plugin, { prefix: "a/" }, [inline("new", "three")], first.owned);
  assert.deepEqual(told(second.changes), ["update a/new 3 -> 5 bytes", "delete a/there"]);
  assert.deepEqual(host.live.owned(), ["a/new"]);
});

test("what is anothers is left alone", async () => {
  const host = new FakeHost({ live: { "d/y": "text", link: { symlink: "x" } } }).putLive("x", "text", "other/site");
  for (const [id, message] of [
    ["x", "`x` belongs to other/site"],
    ["d", "`d` is no file there"],
    ["link", "`link` is no file there"],
  ] as const) {
    await assert.rejects(host.sync(plugin, {}, [inline(id, "mine")]), { kind: "conflict", message });
  }
  const directory = tree("t", host.addTree({ f: "text" }));
  await assert.rejects(host.sync(plugin, {}, [directory]), { kind: "invalid", message: "`t`: a shelf takes files, not directories" });
});

test("health says what is there, and a difference shows texts", async () => {
  const host = new FakeHost({ live: { x: "text", "d/y": "text" } });
  const { config, deploy } = host.target(plugin);
  const { definition } = plugin;
  const observed = await definition.observe(config, ["x", "d", "gone"], deploy);
  const health = observed.map((one) => definition.judge?.(config, one, deploy));
  assert.deepEqual(health, [
    { status: "healthy" },
    { status: "degraded", message: "`d` is no file" },
    { status: "missing", message: "`gone` is not there" },
  ]);
  const [change] = await definition.plan(config, [host.arrive(inline("x", "new"))], [], deploy);
  assert(change);
  assert.deepEqual(await definition.explain?.(config, change, deploy), { live: "text", desired: "new" });
});
