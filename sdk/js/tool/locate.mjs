/** Finds the tools: in the project, in a directory that is named, or beside the SDK. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Problem } from "./problem.mjs";

/** The SDK's own directory. */
export const SDK = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** @typedef {"esbuild" | "@bytecodealliance/componentize-js" | "@bytecodealliance/wizer" | "componentize-qjs"} Tool */

/**
 * Imports a tool.
 * @param {Tool} name
 * @param {{ directory: string, tools?: string | undefined }} where
 * @returns {Promise<any>}
 */
export async function load(name, where) {
  const directory = locate(name, where);
  const manifest = manifestOf(directory);
  const entry = manifest.exports?.import ?? manifest.main;
  const module = await import(pathToFileURL(join(directory, entry)).href);
  return module.default ?? module;
}

/**
 * Which version of a tool is used; none if it is not installed.
 * @param {Tool} name
 * @param {{ directory: string, tools?: string | undefined }} where
 * @returns {string | undefined}
 */
export function versionOf(name, where) {
  const directory = find(name, where);
  return directory === undefined ? undefined : manifestOf(directory).version;
}

/** @param {string} directory */
function manifestOf(directory) {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
}

/**
 * Where a tool is installed.
 * @param {Tool} name
 * @param {{ directory: string, tools?: string | undefined }} where
 * @returns {string}
 */
export function locate(name, where) {
  const found = find(name, where);
  if (found === undefined) {
    const known = manifestOf(join(SDK, "toolchain"));
    throw new Problem(`${name} is not installed: npm install --save-dev ${name}@${known.dependencies[name]}`);
  }
  return found;
}

/**
 * @param {Tool} name
 * @param {{ directory: string, tools?: string | undefined }} where
 * @returns {string | undefined}
 */
function find(name, { directory, tools }) {
  for (const start of [directory, tools, SDK]) {
    const found = start === undefined ? undefined : above(resolve(start), name);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/**
 * @param {string} start
 * @param {string} name
 * @returns {string | undefined}
 */
function above(start, name) {
  for (let at = start; ; at = dirname(at)) {
    const candidate = join(at, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) {
      return candidate;
    }
    if (dirname(at) === at) {
      return undefined;
    }
  }
}
