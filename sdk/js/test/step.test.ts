import assert from "node:assert/strict";
import { test } from "node:test";
import { buildStep, Denied, Failed, FileError, Invalid, log, logger, type Step } from "@springline/sdk";
import { FakeHost, type FakeHostOptions } from "@springline/sdk/testing";

/** Runs a step that does only this. */
function run(options: FakeHostOptions, body: (step: Step) => string | void) {
  const host = new FakeHost(options);
  const plugin = buildStep({ name: "x", version: "1.0.0", summary: "", run: (_, step) => body(step) });
  return { host, done: host.run(plugin) };
}

test("a walk is sorted by path and does not follow links", async () => {
  const input = { "b/x": "", "b.txt": "", a: "", "b/up": { symlink: "../.." }, "\ue000": "", "\u{10000}": "" };
  const { done } = run({ input }, (step) => JSON.stringify(step.walk()));
  assert.deepEqual(JSON.parse(await done), [
    { path: "a" },
    { path: "b.txt" },
    { path: "b/up", link: "../.." },
    { path: "b/x" },
    { path: "\ue000" },
    { path: "\u{10000}" },
  ]);
});

test("files are the regular ones", async () => {
  const input = { "b/x": "", a: "", "b/up": { symlink: "../a" }, gone: { symlink: "nowhere" } };
  const { done } = run({ input }, (step) => step.files().join(" "));
  assert.equal(await done, "a b/x");
});

test("a file is copied with its executable bit, whatever its size", async () => {
  const large = new Uint8Array((1 << 20) * 2 + 3).fill(7);
  const { host, done } = run({ input: { "bin/run": { executable: large }, "a.txt": "a" } }, (step) => {
    step.copy("bin/run", "copied/run");
    step.copy("a.txt");
  });
  await done;
  assert.deepEqual(host.outputs(), ["a.txt", "copied/run"]);
  assert.deepEqual(host.output("copied/run"), large);
  assert.equal(host.isOutputExecutable("copied/run"), true);
  assert.equal(host.isOutputExecutable("a.txt"), false);
});

test("what is written again is replaced, what is appended is added", async () => {
  const { host, done } = run({}, (step) => {
    step.write("a/b/c.txt", "long before", { executable: true });
    step.write("a/b/c.txt", "x");
    step.output.append("a/b/c.txt", "y");
    assert.throws(() => step.write("a/b/c.txt/d", ""), FileError);
  });
  await done;
  assert.equal(host.outputText("a/b/c.txt"), "xy");
});

test("errors name the file, and the line", async () => {
  const bad = Uint8Array.from([0x61, 0x0a, 0x62, 0xff]);
  const { done } = run({ input: { "bad.md": bad, loop: { symlink: "loop" }, "d/x": "" } }, (step) => {
    assert.throws(() => step.readText("bad.md"), { message: "bad.md:2: this is not UTF-8", kind: "invalid" });
    assert.throws(() => step.read("gone.md"), { message: "gone.md: there is no such file", kind: "invalid" });
    assert.throws(() => step.read("loop"), { message: "/in/loop: too many levels of symbolic links", kind: "failed" });
    assert.throws(() => step.read("d"), { message: "/in/d: it is a directory", kind: "failed" });
  });
  await done;
});

test("no path leads out", async () => {
  const { done } = run({}, (step) => {
    for (const path of ["../x", "/etc/passwd", "a/../../x", "", "a//b", "a\\b", "a\nb", "x".repeat(1025)]) {
      assert.throws(() => step.write(path, ""), Invalid, path);
      assert.throws(() => step.read(path), Invalid, path);
    }
  });
  await done;
});

test("log lines have their level and topic, and show any value", async () => {
  const { host, done } = run({}, () => {
    log.info("read", 3, { pages: [1n] });
    logger("site").warn(new RangeError("too far"));
  });
  await done;
  assert.deepEqual(host.logged, [
    { level: "info", topic: "", message: 'read 3 {"pages":["1"]}' },
    { level: "warn", topic: "site", message: "RangeError: too far" },
  ]);
});

test("a secret is there only if it was granted", async () => {
  const { done } = run({ secrets: { token: "s3cret" } }, (step) => {
    assert.equal(Buffer.from(step.context.secret("token")).toString(), "s3cret");
    assert.throws(() => step.context.secret("other"), Denied);
  });
  await done;
});

test("a config that does not fit never reaches the plugin", async () => {
  const host = new FakeHost();
  const plugin = buildStep({ name: "x", version: "1.0.0", summary: "", run: () => assert.fail("it was called") });
  await assert.rejects(host.run(plugin, { title: 1 }), { message: "/title: unknown key `title`" });
});

test("a plugin may answer later", async () => {
  const host = new FakeHost();
  const run = async () => Promise.reject(new Failed("later"));
  await assert.rejects(host.run(buildStep({ name: "x", version: "1.0.0", summary: "", run })), { kind: "failed", message: "later" });
});
