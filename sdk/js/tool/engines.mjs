/** The JavaScript engines that a component can carry. */

import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load, locate } from "./locate.mjs";
import { steadyEngine } from "./steady.mjs";

/**
 * @typedef {object} Job
 * @property {string} work A directory for this build alone.
 * @property {string} sourcePath The bundled module.
 * @property {string} witPath The packages, with a world `plugin`.
 * @property {import("./project.mjs").Project} project
 * @property {string | undefined} tools Where the tools may be.
 */

/** What the engine would import. Its clocks and its chance are constants already. */
const UNUSED = ["stdio", "http", "fetch-event"];

/**
 * The tools that make a component of each.
 * @type {Record<import("./project.mjs").Engine, import("./locate.mjs").Tool[]>}
 */
export const MAKERS = {
  starlingmonkey: ["@bytecodealliance/componentize-js", "@bytecodealliance/wizer"],
  quickjs: ["componentize-qjs"],
};

/** @type {Record<import("./project.mjs").Engine, (job: Job) => Promise<Uint8Array>>} */
export const ENGINES = {
  async starlingmonkey({ work, sourcePath, witPath, project, tools }) {
    const where = { directory: project.directory, tools };
    const { componentize, version } = await load("@bytecodealliance/componentize-js", where);
    const engine = await steadyEngine(locate("@bytecodealliance/componentize-js", where), version, witPath, work);
    const wizerBin = wrapWizer(work, await load("@bytecodealliance/wizer", where));
    const options = { sourcePath, witPath, worldName: "plugin", engine, wizerBin, disableFeatures: UNUSED };
    const { component } = await componentize(options);
    return component;
  },

  async quickjs({ sourcePath, witPath, project, tools }) {
    const { componentize } = await load("componentize-qjs", { directory: project.directory, tools });
    const jsSource = readFileSync(sourcePath, "utf8");
    const { component } = await componentize({ jsSource, witPath, world: "plugin", sync: true, optSize: true });
    return component;
  },
};

/**
 * A program that componentize-js takes for Wizer.
 * @param {string} work
 * @param {string} wizer
 */
function wrapWizer(work, wizer) {
  const path = join(work, "wizer");
  const words = [process.execPath, fileURLToPath(new URL("wizer.mjs", import.meta.url)), wizer];
  const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  writeFileSync(path, `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
