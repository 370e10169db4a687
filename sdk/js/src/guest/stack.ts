/**
 * Stacks in the plugin's own files and lines. The build leaves a map of the bundle's lines in a
 * global: for each line, the source it is from and the line there.
 */

/** The map that the build leaves. */
export interface LineMap {
  /** The sources' paths, the plugin's own relative to its directory. */
  readonly sources: readonly string[];
  /** For each line of the bundle, the source's index and the line in it; empty where there is none. */
  readonly lines: readonly (readonly [source: number, line: number] | readonly [])[];
}

declare global {
  var __springlineLines: LineMap | undefined;
}

/** One frame. */
export interface Frame {
  /** The function and the place. */
  readonly text: string;
  /** `FILE:LINE`. */
  readonly place: string;
  /** Whether it is in the plugin's own code. */
  readonly own: boolean;
}

/** The frames of a stack, innermost first; those that are not in the bundle are left out. */
export function mapStack(stack: string, map: LineMap | undefined = globalThis.__springlineLines): Frame[] {
  return stack.split("\n").flatMap((line) => {
    // SpiderMonkey: `name@file:line:column`. QuickJS: `    at name (file:line:column)`.
    const parts = /^\s*(?:at )?(.*?)(?: \(|@)?([^@(\s]*):(\d+):\d+\)?$/.exec(line);
    const [source, at] = map?.lines[Number(parts?.[3] ?? 0) - 1] ?? [];
    const file = source === undefined ? undefined : map?.sources[source];
    if (parts === null || file === undefined || at === undefined) {
      return [];
    }
    const name = parts[1] === "" || parts[1] === undefined ? "(anonymous)" : parts[1];
    const place = `${file}:${at}`;
    return [{ text: `${name} (${place})`, place, own: !file.startsWith("@springline/sdk/") }];
  });
}
