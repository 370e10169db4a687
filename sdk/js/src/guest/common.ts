/** The parts of the host that every kind of plugin has. */

import * as context from "springline:host/context@0.1.0";
import { Sink } from "springline:host/log@0.1.0";
import * as secrets from "springline:host/secrets@0.1.0";
import { Failed } from "../errors.js";
import type { ContextHost, Level, LogHost, SecretsHost } from "../host.js";
import { show } from "../log.js";
import { imported } from "./failure.js";

const sinks = new Map<string, Sink>();

/** The sink of this topic, opened at its first line: nothing is called while the component is built. */
function sink(topic: string): Sink {
  const open = sinks.get(topic) ?? new Sink(topic);
  sinks.set(topic, open);
  return open;
}

export const logHost: LogHost = {
  write: (level, topic, message) => sink(topic).write(level, message),
  progress: (done, total) => sink("").progress(Math.trunc(done), Math.trunc(total)),
};

export const contextHost: ContextHost = {
  application: () => context.application(),
  environment: () => context.environment() ?? undefined,
  revision: () => context.revision(),
  commitTime: () => Number(context.commitTime()),
  values: () => context.values(),
  artifact: (name) => context.artifact(name) ?? undefined,
  artifactNames: () => context.artifactNames(),
};

export const secretsHost: SecretsHost = {
  get: (name) => imported(() => secrets.get(name)),
};

/** Makes `console` write to the log: the engines have none, or one that goes nowhere. */
export function installConsole(): void {
  const to =
    (level: Level) =>
    (...parts: unknown[]) =>
      logHost.write(level, "", parts.map(show).join(" "));
  define("console", { debug: to("debug"), log: to("info"), info: to("info"), warn: to("warn"), error: to("error") });
}

/** Makes timers say that there are none: an engine would trap where it asks for the time. */
export function removeTimers(): void {
  for (const name of ["setTimeout", "setInterval"]) {
    define(name, () => {
      throw new Failed(`there is no ${name} in a plugin`);
    });
  }
}

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
