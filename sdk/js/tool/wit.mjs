/** The world that a plugin is built for: that of its kind, and the file system. */

import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SDK } from "./locate.mjs";
import { Problem } from "./problem.mjs";

/** The contract: packed with the SDK, beside it in a project, or at the top of Springline's repository. */
const PLACES = [join(SDK, "wit"), join(SDK, "../wit"), join(SDK, "../../wit")];

/**
 * Writes the packages that `componentize` reads, and a world named `plugin`. The engines have no
 * file functions, so that the SDK imports `wasi:filesystem` itself.
 * @param {import("./project.mjs").Kind} kind
 * @param {string} directory
 */
export function writeWorld(kind, directory) {
  const contract = contractDirectory();
  cpSync(join(contract, "deps"), join(directory, "deps"), { recursive: true });
  copyPackage(contract, join(directory, "deps/springline-plugin"));
  const files = kind === "deploy-target" ? [] : ["types", "preopens"].map((name) => `import wasi:filesystem/${name}@0.2.12;`);
  const lines = [
    "package springline:js@0.1.0;",
    "world plugin {",
    ...[`include springline:plugin/${kind}-plugin@0.1.0;`, ...files].map((line) => `    ${line}`),
    "}",
    "",
  ];
  writeFileSync(join(directory, "world.wit"), lines.join("\n"));
}

/** Copies the contract into the SDK, for `npm pack`. */
export function packWit() {
  const [packed, ...others] = PLACES;
  const contract = others.find((place) => existsSync(join(place, "types.wit")));
  if (packed === undefined || contract === undefined) {
    throw new Problem("the contract is not there: this is for Springline's repository");
  }
  copyPackage(contract, packed);
  cpSync(join(contract, "deps"), join(packed, "deps"), { recursive: true });
}

/** @returns {string} */
function contractDirectory() {
  const place = PLACES.find((place) => existsSync(join(place, "types.wit")));
  if (place === undefined) {
    throw new Problem(`the contract (wit/) is not there: looked at ${PLACES.join(", ")}`);
  }
  return place;
}

/**
 * @param {string} from
 * @param {string} to
 */
function copyPackage(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((name) => name.endsWith(".wit"))) {
    cpSync(join(from, name), join(to, name));
  }
}
