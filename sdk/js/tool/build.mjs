/** Builds a plugin's component. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bundle } from "./bundle.mjs";
import { ENGINES } from "./engines.mjs";
import { readProject } from "./project.mjs";
import { writeWorld } from "./wit.mjs";

/**
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
    const component = await ENGINES[project.engine]({ work, sourcePath, witPath, project, tools: options.tools });
    mkdirSync(dirname(project.component), { recursive: true });
    writeFileSync(project.component, component);
    return { path: project.component, bytes: component.length };
  } finally {
    rmSync(work, { recursive: true });
  }
}
