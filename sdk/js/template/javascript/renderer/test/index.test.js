import assert from "node:assert/strict";
import { test } from "node:test";
import { inline } from "@springline/sdk";
import { FakeHost } from "@springline/sdk/testing";
import plugin from "../src/index.js";

test("every file gets the header", async () => {
  const host = new FakeHost({ input: { "a.txt": "text\n" } });
  assert.deepEqual(await host.render(plugin, { header: "# Header" }), [inline("a.txt", "# Header\ntext\n")]);
});
