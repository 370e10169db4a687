/** Runs a project's unit tests with `node --test`, TypeScript or not. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { sdkPlugin } from "./bundle.mjs";
import { load } from "./locate.mjs";
import { Problem } from "./problem.mjs";

/**
 * Runs `test/*.test.{ts,js,mjs}`, and tells the exit code. What is named `.mjs` runs as it is.
 * @param {string} at
 * @param {import("./project.mjs").Options} options
 * @returns {Promise<number>}
 */
export async function test(at, options) {
  const directory = resolve(at);
  const tests = join(directory, "test");
  const names = existsSync(tests) ? readdirSync(tests).filter((name) => /\.test\.(ts|js|mjs)$/.test(name)) : [];
  if (names.length === 0) {
    throw new Problem(`${directory}: there is no test/*.test.ts or test/*.test.js`);
  }
  const esbuild = await load("esbuild", { directory, tools: options.tools });
  const work = mkdtempSync(join(tmpdir(), "springline-js-test-"));
  try {
    const result = await esbuild.build({
      entryPoints: names.filter((name) => !name.endsWith(".mjs")).map((name) => join(tests, name)),
      absWorkingDir: directory,
      outdir: work,
      outExtension: { ".js": ".mjs" },
      entryNames: "[name]",
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      sourcemap: "inline",
      logLevel: "warning",
      metafile: true,
      plugins: [sdkPlugin()],
    });
    const bundled = Object.keys(result.metafile.outputs).map((path) => resolve(directory, path));
    const files = [...bundled, ...names.filter((name) => name.endsWith(".mjs")).map((name) => join(tests, name))];
    const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files.sort()], {
      cwd: directory,
      stdio: "inherit",
    });
    return status ?? 1;
  } finally {
    rmSync(work, { recursive: true });
  }
}
