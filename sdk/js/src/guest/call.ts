/** One call of an export. */

import { parse } from "../config.js";
import { Failed } from "../errors.js";
import type { Host } from "../host.js";
import { install } from "../host.js";
import { type About, configOf, type Description, type MaybePromise, type Plugin } from "../plugin.js";
import { installConsole, removeTimers } from "./common.js";
import { lower } from "./failure.js";

declare global {
  /** Whether the engine has no event loop: the build says so. */
  var __springlineSync: boolean | undefined;
}

/** What every plugin exports. */
export function describer(plugin: Plugin<Description["kind"], unknown>): { describe(): Description } {
  return { describe: () => plugin.description };
}

/**
 * Parses the config and calls the plugin. A promise is handed on only if the plugin made one: an
 * engine without an event loop serves the others.
 */
export function call<C, T, R>(
  host: Host,
  about: About<C>,
  config: string,
  run: (config: C) => MaybePromise<T>,
  answer: (result: T) => R,
): MaybePromise<R> {
  try {
    install(host);
    installConsole();
    removeTimers();
    const result = run(parse(configOf(about), JSON.parse(config)));
    if (!(result instanceof Promise)) {
      return answer(result);
    }
    if (globalThis.__springlineSync === true) {
      throw new Failed("the plugin answers later, and QuickJS has no event loop: build it with StarlingMonkey");
    }
    return result.then(answer).catch(fail);
  } catch (thrown) {
    return fail(thrown);
  }
}

function fail(thrown: unknown): never {
  throw lower(thrown);
}
