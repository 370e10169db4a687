import assert from "node:assert/strict";
import { test } from "node:test";
import { blob, deployTarget, Failed, inline, Invalid, object, renderer, string, tree } from "@springline/sdk";
import { digestOf, FakeHost } from "@springline/sdk/testing";

const about = { name: "x", version: "1.0.0", summary: "It is a test." };

test("a plugin describes itself", () => {
  const plugin = renderer({ ...about, config: object({ a: string() }), capabilities: { http: "it asks" }, render: () => [] });
  const { configSchema, ...rest } = plugin.description;
  assert.deepEqual(rest, { ...about, kind: "renderer", capabilities: [{ name: "http", reason: "it asks" }] });
  assert.deepEqual(JSON.parse(configSchema).required, ["a"]);
});

test("an object is inline up to 1 MiB, and a blob above", async () => {
  const host = new FakeHost();
  const most = new Uint8Array(1 << 20).fill(1);
  const more = new Uint8Array((1 << 20) + 1).fill(2);
  const plugin = renderer({ ...about, render: (_, render) => [render.object("most", most), render.object("more", more)] });
  const objects = await host.render(plugin);
  assert.deepEqual(objects, [inline("most", most), blob("more", digestOf(more))]);
  assert.deepEqual(objects.map((one) => host.bytes(one)), [most, more]);
});

test("artifacts are there by name, with their files", async () => {
  const host = new FakeHost({ artifacts: { site: { "index.html": "<h1>" } }, environment: undefined });
  const plugin = renderer({
    ...about,
    render(_, render) {
      const site = render.artifact("site");
      assert.equal(render.artifactFiles(site).readText("index.html"), "<h1>");
      assert.throws(() => render.artifact("sight"), new Invalid("the application declares no artifact `sight`; there are: site"));
      assert.throws(() => render.environment, Invalid);
      return [tree("site", site.digest)];
    },
  });
  assert.equal((await host.render(plugin))[0]?.body.kind, "tree");
});

test("values are asked for once a call, and only if they are used", async () => {
  const host = new FakeHost({ values: { port: 1 } });
  const context = host.target(careless).deploy.context;
  const values = context.values;
  assert.deepEqual(values, { port: 1 });
  assert.equal(context.values, values);
  assert.notEqual(host.target(careless).deploy.context.values, values);
});

/** Puts every object at its id, and never looks again. */
const careless = deployTarget({
  ...about,
  identify: (_, desired) => desired.map(({ id }) => ({ ref: id, object: id })),
  plan: (_, desired) => desired.map(({ id, body }) => ({ ref: id, object: id, action: "create", after: body.kind === "blob" ? body.digest : "" })),
  apply(_, { ref, after }, deploy) {
    deploy.directory.putFile(ref, after ?? "", { expected: undefined });
    return { after };
  },
  observe: () => [],
});

test("the fake host drives a sync, and does not let a careless target pass", async () => {
  const host = new FakeHost();
  await assert.rejects(host.sync(careless, {}, [inline("a", "1")]), /not converged/);
  assert.equal(host.liveNode("a")?.owner, "example/test");
  await assert.rejects(host.sync(careless, {}, [inline("a", "2")]), { kind: "conflict" });
  host.live.lent = false;
  await assert.rejects(host.sync(careless, {}, [inline("b", "2")]), { kind: "denied" });
});

test("the lent directory keeps what belongs to another application", () => {
  const host = new FakeHost({ live: { mine: "1", link: { symlink: "mine" }, "sub/x": { executable: "2" } } });
  host.putLive("theirs", "3", "other/prod");
  const { directory } = host.target(careless).deploy;
  assert.deepEqual(
    directory.inspect(["mine", "link", "sub", "sub/x", "gone"]).map((node) => node?.kind),
    ["file", "symlink", "directory", "executable", undefined],
  );
  assert.throws(() => directory.remove("theirs", { expected: digestOf(Buffer.from("3")) }), { kind: "conflict" });
  directory.adopt("mine");
  assert.deepEqual(directory.owned(), ["mine"]);
  directory.remove("mine", { expected: digestOf(Buffer.from("1")) });
  assert.equal(directory.node("mine"), undefined);
  assert.throws(() => directory.read("mine", 10), Failed);
});
