import assert from "node:assert/strict";
import { test } from "node:test";
import { inline } from "@springline/sdk";
import { digestOf, FakeHost } from "@springline/sdk/testing";
import plugin from "../src/index.js";

test("objects become files", async () => {
  const host = new FakeHost();
  const first = await host.sync(plugin, {}, [inline("a.txt", "text\n"), inline("b.txt", "")]);
  const { owned } = await host.sync(plugin, {}, [inline("a.txt", "new\n")], first.owned);
  assert.deepEqual(owned, ["a.txt"]);
  assert.equal(host.liveNode("a.txt")?.digest, digestOf(Buffer.from("new\n")));
  assert.equal(host.liveNode("b.txt"), undefined);
});
