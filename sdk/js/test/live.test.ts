import assert from "node:assert/strict";
import { test } from "node:test";
import { deployTarget } from "@springline/sdk";
import { FakeHost, type FakeHostOptions } from "@springline/sdk/testing";

/** The lent directory, as a target reaches it. */
function directoryOf(options: FakeHostOptions = {}) {
  const host = new FakeHost(options);
  const about = { name: "x", version: "1.0.0", summary: "" };
  const nothing = { identify: () => [], plan: () => [], apply: () => ({}), observe: () => [] };
  const { directory } = host.target(deployTarget({ ...about, ...nothing })).deploy;
  return { host, directory, blob: host.addBlob("text") };
}

const nothing = { expected: undefined };

test("a path that leaves the directory or is Springline's own is denied", () => {
  const { directory, blob, host } = directoryOf();
  for (const path of ["", "/a", "../a", "a/../b", "a//b", "a\nb", ".springline-owned", "a/.Springline-Owned", ".springline-tmp-x"]) {
    for (const use of [
      () => directory.putFile(path, blob, nothing),
      () => directory.putSymlink(path, "a", nothing),
      () => directory.remove(path, nothing),
      () => directory.adopt(path),
      () => directory.inspect([path]),
      () => directory.read(path, 1),
    ]) {
      assert.throws(use, { kind: "denied" }, `${JSON.stringify(path)} in ${use}`);
    }
  }
  assert.equal(host.live.nodes.size, 0);
});

test("a link that could lead out is denied", () => {
  const { directory } = directoryOf();
  for (const [path, target] of [
    ["l", ""],
    ["l", ".."],
    ["l", "/etc/passwd"],
    ["d/l", "../../a"],
    ["l", "a/../b"],
    ["d/l", "../a/.."],
    ["l", "./../a"],
    ["l", "a\0b"],
    ["l", ".springline-owned"],
    ["d/l", "../.springline-owned"],
  ] as const) {
    assert.throws(() => directory.putSymlink(path, target, nothing), { kind: "denied" }, `${path} -> ${target}`);
  }
  for (const [path, target] of [
    ["a", "x"],
    ["b", "a/b/"],
    ["d/a", "../a"],
    ["d/e/l", "../../a/."],
    ["d/b", ".."],
    ["c", "."],
  ] as const) {
    directory.putSymlink(path, target, nothing);
    assert.equal(directory.node(path)?.link, target);
  }
});

test("below a file there is no place for another", () => {
  const { directory, blob } = directoryOf({ live: { a: "file" } });
  assert.throws(() => directory.putFile("a/b", blob, nothing), { kind: "conflict", message: "`a` is no directory, and one is needed there" });
  assert.throws(() => directory.putSymlink("a/b/c", "d", nothing), { kind: "conflict" });
  assert.equal(directory.node("a/b"), undefined);
});

test("a directory can't be taken over", () => {
  const { directory } = directoryOf({ live: { "d/a": "file" } });
  assert.throws(() => directory.adopt("d"), { kind: "conflict", message: "`d` is a directory" });
  assert.deepEqual(directory.owned(), []);
});
