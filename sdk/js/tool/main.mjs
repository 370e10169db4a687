/** The command `springline-js`. */

import { relative } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { Problem } from "./problem.mjs";
import { test } from "./test.mjs";
import { packWit } from "./wit.mjs";

const USAGE = `usage: springline-js build [DIRECTORY] [--out FILE] [--kind KIND] [--engine starlingmonkey|quickjs] [--tools DIRECTORY]
       springline-js test [DIRECTORY] [--tools DIRECTORY]`;

const OPTIONS = /** @type {const} */ ({
  out: { type: "string" },
  kind: { type: "string" },
  engine: { type: "string" },
  tools: { type: "string" },
});

/**
 * Runs a command line, and tells its exit code.
 * @param {string[]} args
 * @returns {Promise<number>}
 */
export async function run(args) {
  try {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    const [command, directory = ".", ...rest] = positionals;
    if (rest.length > 0) {
      throw new Problem(USAGE);
    }
    switch (command) {
      case "build": {
        const { path, bytes } = await build(directory, values);
        console.log(`${relative(process.cwd(), path)} ${bytes} bytes`);
        return 0;
      }
      case "test":
        return await test(directory, values);
      case "wit":
        packWit();
        return 0;
      default:
        throw new Problem(USAGE);
    }
  } catch (error) {
    const expected = error instanceof Problem || (error instanceof TypeError && "code" in error);
    console.error(expected ? `error: ${error.message}` : error);
    return 1;
  }
}
