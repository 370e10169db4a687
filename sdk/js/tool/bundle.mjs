/** Bundles a plugin with the SDK into one module, and tells where its lines come from. */

import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { lineMap } from "./lines.mjs";
import { load, SDK } from "./locate.mjs";

/** The condition under which package.json names the SDK's sources. */
const SOURCE = "springline-source";

/**
 * @param {import("./project.mjs").Project} project
 * @param {import("./project.mjs").Options} options
 * @returns {Promise<string>} The module's text.
 */
export async function bundle(project, options) {
  const esbuild = await load("esbuild", { directory: project.directory, tools: options.tools });
  const name = EXPORTS[project.kind];
  const contents = `import plugin from ${JSON.stringify(project.entry)};
import { exportsOf } from ${JSON.stringify(join(SDK, `src/guest/${project.kind}.ts`))};
export const { describe, ${name} } = exportsOf(plugin);
`;
  const result = await esbuild.build({
    stdin: { contents, resolveDir: project.directory, sourcefile: "springline-entry.js" },
    absWorkingDir: project.directory,
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: [SOURCE, "module"],
    target: "es2022",
    charset: "utf8",
    external: ["springline:*", "wasi:*"],
    sourcemap: "external",
    sourcesContent: false,
    outfile: join(project.directory, "plugin.js"),
    logLevel: "warning",
    plugins: [sdkPlugin()],
  });
  const [map, code] = ["plugin.js.map", "plugin.js"].map((name) => {
    return /** @type {{ text: string }} */ (result.outputFiles.find((/** @type {{ path: string }} */ file) => basename(file.path) === name)).text;
  });
  // esbuild names the sources of a package that is linked in by where they really are.
  const place = (/** @type {string} */ source) => {
    const below = relative(SDK, resolve(project.directory, source));
    return below.startsWith("src/") ? `@springline/sdk/${below}` : source;
  };
  const lines = lineMap(JSON.parse(map ?? "{}"), place);
  const globals = { __springlineLines: lines, __springlineSync: project.engine === "quickjs" };
  return `${code}\nObject.assign(globalThis, ${JSON.stringify(globals)});\n`;
}

/**
 * What each kind exports besides `describe`.
 * @type {Record<import("./project.mjs").Kind, string>}
 */
const EXPORTS = { "build-step": "buildStep", renderer: "renderer", "deploy-target": "deployTarget" };

/** Resolves `@springline/sdk` to the SDK that this tool belongs to, installed or not. */
export function sdkPlugin() {
  const manifest = JSON.parse(readFileSync(join(SDK, "package.json"), "utf8"));
  return {
    name: "springline-sdk",
    /** @param {{ onResolve: Function }} build */
    setup(build) {
      build.onResolve({ filter: /^@springline\/sdk(\/testing)?$/ }, (/** @type {{ path: string }} */ { path }) => {
        const entry = manifest.exports[path.replace("@springline/sdk", ".")];
        const source = join(SDK, entry[SOURCE]);
        return { path: existsSync(source) ? source : join(SDK, entry.default) };
      });
    },
  };
}
