import { array, boolean, buildStep, decodeUtf8, Invalid, logger, object, string, throwIfAny } from "@springline/sdk";

/** @typedef {import("@springline/sdk").Violation} Violation */
/** @typedef {{ path: string, line: number, done: boolean, text: string }} Item */

const log = logger("checklist");

export default buildStep({
  name: "step-checklist",
  version: "0.1.0",
  summary: "Collects the checklists of Markdown files, and tells how much is done.",
  config: object({
    title: string({ description: "What stands above the list." }),
    exclude: array(string(), { default: [], description: "Paths of files that are not read." }),
    script: boolean({ default: true, description: "Whether a script that fails while anything is open is written." }),
  }),

  run(config, step) {
    const { files, items, violations } = collect(step, config.exclude);
    throwIfAny(violations);
    if (items.length === 0) {
      log.warn("no items");
    }
    const done = items.filter((item) => item.done).length;
    const summary = `${done} of ${items.length} done`;
    const lines = items.map(({ path, line, done, text }) => `[${done ? "x" : " "}] ${path}:${line} ${text}`);
    step.write("checklist.txt", [`${config.title} (${step.context.application})`, ...lines, summary, ""].join("\n"));
    for (const path of files) {
      step.copy(path, `sources/${path}`);
    }
    if (config.script) {
      step.write("check.sh", `#!/bin/sh\nexit ${done < items.length ? 1 : 0}\n`, { executable: true });
    }
    return summary;
  },
});

/**
 * Reads every Markdown file.
 * @param {import("@springline/sdk").Step} step
 * @param {readonly string[]} exclude
 */
function collect(step, exclude) {
  /** @type {Violation[]} */
  const violations = [];
  /** @type {Item[]} */
  const items = [];
  const files = step.files().filter((path) => path.endsWith(".md") && !exclude.includes(path));
  for (const path of files) {
    log.info(`reading ${path}`);
    const text = decodeUtf8(step.read(path));
    if (text === undefined) {
      violations.push({ message: "not UTF-8", file: path });
      continue;
    }
    for (const [index, line] of text.split("\n").entries()) {
      const item = parse(line, path, index + 1);
      if (item instanceof Invalid) {
        violations.push(...item.violations);
      } else if (item !== undefined) {
        items.push(item);
      }
    }
  }
  return { files, items, violations };
}

/**
 * An item, what is wrong with it, or nothing where the line is none.
 * @param {string} source
 * @param {string} path
 * @param {number} line
 * @returns {Item | Invalid | undefined}
 */
function parse(source, path, line) {
  const [, mark, text] = /^[ \t]*- \[(.)\] (.*)$/su.exec(source.replace(/\r$/, "")) ?? [];
  if (mark === undefined || text === undefined) {
    return undefined;
  }
  if (!" xX".includes(mark)) {
    return new Invalid({ message: `unknown mark \`${mark}\`: use \`[ ]\` or \`[x]\``, file: path, line });
  }
  return { path, line, done: mark !== " ", text: text.replace(/[ \t]+$/, "") };
}
