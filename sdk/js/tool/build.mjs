/** Builds a plugin's component. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { bundle } from "./bundle.mjs";
import { ENGINES, MAKERS } from "./engines.mjs";
import { SDK, versionOf } from "./locate.mjs";
import { readProject } from "./project.mjs";
import { writeWorld } from "./wit.mjs";

/** @typedef {import("./project.mjs").Project} Project */

/**
 * Builds a project. What the component is made of is told by a bundle, which takes no time; if that
 * is as it was when the project's component was built, that one is taken.
 * @param {string} directory
 * @param {import("./project.mjs").Options} options
 * @returns {Promise<{ path: string, bytes: number }>}
 */
export async function build(directory, options) {
  const project = readProject(directory, options);
  const work = mkdtempSync(join(tmpdir(), "springline-js-"));
  try {
    const witPath = join(work, "wit");
    writeWorld(project.kind, witPath);
    const sourcePath = join(work, "plugin.js");
    writeFileSync(sourcePath, await bundle(project, options));
    const key = keyOf(project, options, work);
    const made =
      keptComponent(project, key) ??
      (await ENGINES[project.engine]({ work, sourcePath, witPath, project, tools: options.tools }));
    put(project.component, made);
    put(stamp(project), `${key} ${digest(made)}\n`);
    return { path: project.component, bytes: made.length };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/**
 * What a component is made of: the engine and the tools that are here, what they need, and every
 * file in the directory.
 * @param {Project} project
 * @param {import("./project.mjs").Options} options
 * @param {string} work
 */
function keyOf({ engine, directory }, { tools }, work) {
  const toolchain = readFileSync(join(SDK, "toolchain/package.json"), "utf8");
  const versions = MAKERS[engine].map((name) => versionOf(name, { directory, tools }));
  const paths = readdirSync(work, { recursive: true, encoding: "utf8" }).sort();
  const files = paths.filter((path) => statSync(join(work, path)).isFile());
  return digest(JSON.stringify([engine, toolchain, versions, ...files.map((path) => [path, readFileSync(join(work, path), "utf8")])]));
}

/**
 * The project's component, if it was made of the same.
 * @param {Project} project
 * @param {string} key
 */
function keptComponent(project, key) {
  if (!existsSync(stamp(project)) || !existsSync(project.kept)) {
    return undefined;
  }
  const component = readFileSync(project.kept);
  return readFileSync(stamp(project), "utf8") === `${key} ${digest(component)}\n` ? component : undefined;
}

/** @param {Project} project */
function stamp({ kept }) {
  return join(dirname(kept), `.${basename(kept)}.made-of`);
}

/**
 * @param {string} path
 * @param {string | Uint8Array} content
 */
function put(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** @param {string | Uint8Array} content */
function digest(content) {
  return createHash("sha256").update(content).digest("hex");
}
