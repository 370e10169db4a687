import assert from "node:assert/strict";
import { test } from "node:test";
import { inline } from "@springline/sdk";
import { FakeHost } from "@springline/sdk/testing";
import plugin from "../src/index.js";

test("files, artifacts and a manifest become objects", async () => {
  const binary = Uint8Array.from([0xff, 0x24, 0x7b]);
  const host = new FakeHost({
    application: "handbook",
    environment: "site",
    values: { port: 8080, open: true, name: "$&" },
    input: { "a.txt": "${application} ${environment} ${values.port} ${values.open} ${values.name}\n", b: binary },
    artifacts: { site: { "index.html": "<h1>" } },
  });
  const objects = await host.render(plugin, { prefix: "x/", artifacts: ["site"], manifest: true });
  assert.deepEqual(objects.slice(0, 2), [inline("x/a.txt", "handbook site 8080 true $&\n"), inline("x/b", binary)]);
  assert.deepEqual(objects.map(({ id, body }) => [id, body.kind]).slice(2), [
    ["x/artifacts/site", "tree"],
    ["x/manifest.txt", "blob"],
  ]);
  assert.equal(host.text(objects[3] ?? ""), "x/a.txt\nx/b\nx/artifacts/site\n");
});

test("everything that is wrong is told", async () => {
  const host = new FakeHost({
    input: { "a.txt": "${what}\n${values.port} ${artifacts.site} ${values.toString}\n${open\n} ${" },
    values: { port: [] },
  });
  await assert.rejects(host.render(plugin, { artifacts: ["site"] }), {
    message: [
      "a.txt:1: unknown placeholder `what`",
      "a.txt:2: no value `port`",
      "a.txt:2: no artifact `site`",
      "a.txt:2: no value `toString`",
      "a.txt:3: `${` without `}`",
      "a.txt:4: `${` without `}`",
      "/artifacts/0: no artifact `site`",
    ].join("\n"),
  });
});
