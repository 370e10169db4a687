import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "@springline/sdk/testing";
import plugin from "../src/index.js";

test("items of all files are collected, and the files come along", async () => {
  const host = new FakeHost({
    application: "handbook",
    input: {
      "a.md": "# A\n - [ ] open \r\n\t- [X] done\n- [x]\n",
      "b/run.md": { executable: "- [x] b\n" },
      "c.txt": "- [ ] no Markdown\n",
      "link.md": { symlink: "a.md" },
      "out.md": "- [ ] excluded\n",
    },
  });
  assert.equal(await host.run(plugin, { title: "Things", exclude: ["out.md"] }), "2 of 3 done");
  assert.equal(host.outputText("checklist.txt"), "Things (handbook)\n[ ] a.md:2 open\n[x] a.md:3 done\n[x] b/run.md:1 b\n2 of 3 done\n");
  assert.deepEqual(host.outputs(), ["check.sh", "checklist.txt", "sources/a.md", "sources/b/run.md"]);
  assert.equal(host.isOutputExecutable("sources/b/run.md"), true);
  assert.equal(host.outputText("check.sh"), "#!/bin/sh\nexit 1\n");
  assert.equal(host.isOutputExecutable("check.sh"), true);
  assert.deepEqual(
    host.logged.map(({ level, topic, message }) => `${level} ${topic}: ${message}`),
    ["info checklist: reading a.md", "info checklist: reading b/run.md"],
  );
});

test("everything that is wrong is told", async () => {
  const host = new FakeHost({ input: { "a.md": "- [-] a\n- [😀] b\n", "b.md": Uint8Array.from([0xff]) } });
  await assert.rejects(host.run(plugin, { title: "T" }), {
    kind: "invalid",
    violations: [
      { message: "unknown mark `-`: use `[ ]` or `[x]`", file: "a.md", line: 1 },
      { message: "unknown mark `😀`: use `[ ]` or `[x]`", file: "a.md", line: 2 },
      { message: "not UTF-8", file: "b.md" },
    ],
  });
});

test("nothing to do is done, and said", async () => {
  const host = new FakeHost();
  assert.equal(await host.run(plugin, { title: "T", script: false }), "0 of 0 done");
  assert.deepEqual(host.outputs(), ["checklist.txt"]);
  assert.deepEqual(host.logged, [{ level: "warn", topic: "checklist", message: "no items" }]);
});
