/** Log lines and progress. They are kept with the run and are never a part of a result. */

import { currentIfAny, type Level } from "./host.js";

/** Writes log lines; `console` does as well, without a topic. */
export interface Logger {
  /** For the plugin's author. */
  debug(...parts: unknown[]): void;
  /** For whoever reads the log. */
  info(...parts: unknown[]): void;
  /** For whoever runs the plugin. */
  warn(...parts: unknown[]): void;
  /** What failed. */
  error(...parts: unknown[]): void;
}

/** A logger whose lines have this topic in front of them. */
export function logger(topic: string): Logger {
  return {
    debug: (...parts) => write("debug", topic, parts),
    info: (...parts) => write("info", topic, parts),
    warn: (...parts) => write("warn", topic, parts),
    error: (...parts) => write("error", topic, parts),
  };
}

/** The logger without a topic. */
export const log: Logger = logger("");

/** Says how far the work is: `done` of `total` units, `total` 0 where it is not known. */
export function progress(done: number, total = 0): void {
  currentIfAny()?.log.progress(done, total);
}

function write(level: Level, topic: string, parts: readonly unknown[]): void {
  currentIfAny()?.log.write(level, topic, parts.map(show).join(" "));
}

/** A value as a log line shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  if (value instanceof Error) {
    return `${value.name}: ${value.message}`;
  }
  try {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner)) ?? String(value);
  } catch {
    return String(value);
  }
}
