import {
  array,
  boolean,
  decodeUtf8,
  type DesiredObject,
  blob,
  object,
  type Render,
  renderer,
  string,
  throwIfAny,
  tree,
  type Violation,
} from "@springline/sdk";

export default renderer({
  name: "render-placeholders",
  version: "0.1.0",
  summary: "Makes an object of each file, with its placeholders replaced.",
  config: object({
    prefix: string({ default: "", description: "What stands before every object's id." }),
    artifacts: array(string(), { default: [], description: "Artifacts that become objects themselves." }),
    manifest: boolean({ default: false, description: "Whether an object that lists the others is made." }),
  }),

  render({ prefix, artifacts, manifest }, render) {
    const violations: Violation[] = [];
    const objects: DesiredObject[] = [];
    for (const path of render.files()) {
      objects.push(render.object(`${prefix}${path}`, content(path, render, violations)));
    }
    for (const [index, name] of artifacts.entries()) {
      const artifact = render.context.artifact(name);
      if (artifact === undefined) {
        violations.push({ message: `no artifact \`${name}\``, pointer: `/artifacts/${index}` });
      } else {
        objects.push(tree(`${prefix}artifacts/${name}`, artifact.digest));
      }
    }
    throwIfAny(violations);
    if (manifest) {
      const writer = render.blobWriter();
      for (const { id } of objects) {
        writer.write(`${id}\n`);
      }
      objects.push(blob(`${prefix}manifest.txt`, writer.finish()));
    }
    return objects;
  },
});

/** A file with its placeholders replaced; as it is if it is no text. */
function content(path: string, render: Render, violations: Violation[]): string | Uint8Array {
  const bytes = render.read(path);
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    return bytes;
  }
  const lines = text.split("\n").map((line, index) => {
    const problem = (message: string): string => {
      violations.push({ message, file: path, line: index + 1 });
      return "";
    };
    return line.replace(/\$\{([^}]*)(\}?)/g, (_, name: string, end: string) =>
      end === "" ? problem("`${` without `}`") : replacement(name, render, problem),
    );
  });
  return lines.join("\n");
}

/** What stands for a placeholder. */
function replacement(name: string, render: Render, problem: (message: string) => string): string {
  const [, group, key] = /^(values|artifacts)\.(.*)$/s.exec(name) ?? [];
  if (name === "application") {
    return render.context.application;
  }
  if (name === "environment") {
    return render.context.environment ?? "";
  }
  if (key === undefined) {
    return problem(`unknown placeholder \`${name}\``);
  }
  if (group === "artifacts") {
    return render.context.artifact(key)?.digest ?? problem(`no artifact \`${key}\``);
  }
  const value = Object.hasOwn(render.values, key) ? render.values[key] : undefined;
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "boolean":
      return JSON.stringify(value);
    default:
      return problem(`no value \`${key}\``);
  }
}
