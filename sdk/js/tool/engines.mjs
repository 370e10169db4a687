/** The JavaScript engines that a component can carry. */

import { readFileSync } from "node:fs";
import { load } from "./locate.mjs";

/**
 * @typedef {object} Job
 * @property {string} work A directory for this build alone.
 * @property {string} sourcePath The bundled module.
 * @property {string} witPath The packages, with a world `plugin`.
 * @property {import("./project.mjs").Project} project
 * @property {string | undefined} tools Where the tools may be.
 */

/** Nothing of what the engine offers by default is used: files, clocks and chance are the host's. */
const UNUSED = ["stdio", "random", "clocks", "http", "fetch-event"];

/** @type {Record<import("./project.mjs").Engine, (job: Job) => Promise<Uint8Array>>} */
export const ENGINES = {
  async starlingmonkey({ sourcePath, witPath, project, tools }) {
    const { componentize } = await load("@bytecodealliance/componentize-js", { directory: project.directory, tools });
    const { component } = await componentize({ sourcePath, witPath, worldName: "plugin", disableFeatures: UNUSED });
    return component;
  },

  async quickjs({ sourcePath, witPath, project, tools }) {
    const { componentize } = await load("componentize-qjs", { directory: project.directory, tools });
    const jsSource = readFileSync(sourcePath, "utf8");
    const { component } = await componentize({ jsSource, witPath, world: "plugin", sync: true, optSize: true });
    return component;
  },
};
