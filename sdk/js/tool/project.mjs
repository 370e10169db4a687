/** What a plugin's project says of itself. */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Problem } from "./problem.mjs";

/** @typedef {"build-step" | "renderer" | "deploy-target"} Kind */
/** @typedef {"starlingmonkey" | "quickjs"} Engine */
/** @typedef {{ out?: string | undefined, kind?: string | undefined, engine?: string | undefined, tools?: string | undefined }} Options */

/**
 * @typedef {object} Project
 * @property {string} directory Where it is.
 * @property {Kind} kind What it builds.
 * @property {string} entry The module whose default export is the plugin.
 * @property {string} component Where the component goes.
 * @property {string} kept Where the last one that was built for the project is.
 * @property {Engine} engine The JavaScript engine that is built in.
 */

const KINDS = ["build-step", "renderer", "deploy-target"];
const ENGINES = ["starlingmonkey", "quickjs"];
const ENTRIES = ["src/index.ts", "src/index.js", "src/index.mjs", "index.ts", "index.js", "index.mjs"];

/**
 * Reads plugin.yaml and package.json; the command line goes before both.
 * @param {string} at
 * @param {Options} options
 * @returns {Project}
 */
export function readProject(at, options) {
  const directory = resolve(at);
  const plugin = readIfAny(join(directory, "plugin.yaml"));
  const manifest = JSON.parse(readIfAny(join(directory, "package.json")) || "{}");
  const kind = options.kind ?? key(plugin, "kind");
  if (kind === undefined || !KINDS.includes(kind)) {
    throw new Problem(`${directory}: say \`kind: ${KINDS.join("|")}\` in plugin.yaml, or --kind`);
  }
  const engine = options.engine ?? manifest.springline?.engine ?? "starlingmonkey";
  if (!ENGINES.includes(engine)) {
    throw new Problem(`\`${engine}\` is no engine: take ${ENGINES.join(" or ")}`);
  }
  const candidates = typeof manifest.main === "string" ? [manifest.main] : ENTRIES;
  const entry = candidates.map((name) => join(directory, name)).find((path) => existsSync(path));
  if (entry === undefined) {
    throw new Problem(`${directory}: there is no ${candidates.join(", ")}; \`main\` in package.json names another entry`);
  }
  const name = key(plugin, "name") ?? manifest.name ?? "plugin";
  const kept = join(directory, key(plugin, "component") ?? `build/${name}.wasm`);
  const component = resolve(options.out ?? kept);
  return { directory, kind: /** @type {Kind} */ (kind), entry, component, kept, engine };
}

/**
 * A plain top-level key of plugin.yaml.
 * @param {string} yaml
 * @param {string} name
 * @returns {string | undefined}
 */
function key(yaml, name) {
  return new RegExp(`^${name}:[ \\t]*["']?([^"'#\\n]*?)["']?[ \\t]*(?:#.*)?$`, "m").exec(yaml)?.[1] || undefined;
}

/** @param {string} path */
function readIfAny(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
