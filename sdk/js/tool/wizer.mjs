/**
 * Stands between componentize-js and Wizer: the directories of the build get names that are the same
 * in every build, as they end up in the component.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";

const INITIALIZER = "/springline-js";

const [wizer = "", ...args] = process.argv.slice(2);
const words = readFileSync(0, "utf8").split(" ");

/** The word after an option.
 * @param {string} option
 * @param {string} replacement
 */
function rename(option, replacement) {
  const at = words.indexOf(option) + 1;
  const before = words[at];
  if (at === 0 || before === undefined) {
    throw new Error(`componentize-js gives the engine no ${option}`);
  }
  words[at] = replacement;
  return before;
}

const sources = dirname(rename("--initializer-script-path", `${INITIALIZER}/initializer.js`));
rename("--strip-path-prefix", "/");
const renamed = args.map((arg) => (arg === `--dir=${sources}` ? `--mapdir=${INITIALIZER}::${sources}` : arg));
// The engine sees the environment. What componentize-js says there stays, what a shell adds does not.
const said = Object.entries(process.env).filter(([name]) => /^(DEBUG|SOURCE_NAME|(EXPORT|IMPORT|FEATURE)\w+)$/.test(name));
const { status, error } = spawnSync(wizer, renamed, {
  env: Object.fromEntries(said),
  input: words.join(" "),
  stdio: ["pipe", "inherit", "inherit"],
});
if (error !== undefined) {
  throw error;
}
process.exitCode = status ?? 1;
