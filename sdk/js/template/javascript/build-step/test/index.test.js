import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "@springline/sdk/testing";
import plugin from "../src/index.js";

test("greets", async () => {
  const host = new FakeHost();
  assert.equal(await host.run(plugin, { name: "Ada" }), "1 file");
  assert.equal(host.outputText("hello.txt"), "Hello, Ada\n");
});
