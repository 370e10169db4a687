/** What the imports throw, as the SDK's errors, and the other way round for the export. */

import { Conflict, Denied, Failed, Invalid, PluginError, Transient } from "../errors.js";
import { currentIfAny } from "../host.js";
import { mapStack } from "./stack.js";

/** What a plugin's export throws, for the bindings to lower. */
export type WitError =
  | { tag: "invalid"; val: { message: string; file: string | null; line: number | null; pointer: string | null }[] }
  | { tag: "denied" | "conflict" | "failed"; val: string }
  | { tag: "transient"; val: { message: string; retryAfter: number | null } };

/** The error value that an import threw. */
export function payload(thrown: unknown): unknown {
  return typeof thrown === "object" && thrown !== null && "payload" in thrown ? thrown.payload : thrown;
}

/** Calls an import, and throws its error variant as one of the SDK's errors. */
export function imported<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    const value = payload(thrown);
    if (typeof value === "object" && value !== null && "tag" in value) {
      const message = "val" in value ? String(value.val) : String(value.tag);
      switch (value.tag) {
        case "denied":
          throw new Denied(message);
        case "conflict":
          throw new Conflict(message);
        default:
          throw new Failed(message);
      }
    }
    throw thrown;
  }
}

/** The error that a plugin's export answers. What is none of the SDK's errors has its stack logged. */
export function lower(thrown: unknown): WitError {
  if (thrown instanceof Invalid) {
    const val = thrown.violations.map(({ message, file, line, pointer }) => ({
      message,
      file: file ?? null,
      line: line ?? null,
      pointer: pointer ?? null,
    }));
    return { tag: "invalid", val };
  }
  if (thrown instanceof Transient) {
    const retryAfter = thrown.retryAfter === undefined ? null : Math.max(0, Math.round(thrown.retryAfter));
    return { tag: "transient", val: { message: thrown.message, retryAfter } };
  }
  if (thrown instanceof Denied || thrown instanceof Conflict) {
    return { tag: thrown.kind, val: thrown.message };
  }
  if (thrown instanceof PluginError) {
    return { tag: "failed", val: thrown.message };
  }
  return { tag: "failed", val: unexpected(thrown) };
}

function unexpected(thrown: unknown): string {
  if (!(thrown instanceof Error)) {
    return `something was thrown that is no error: ${String(thrown)}`;
  }
  const text = `${thrown.name}: ${thrown.message}`;
  const stack = mapStack(thrown.stack ?? "");
  currentIfAny()?.log.write("error", "", stack.length > 0 ? `${text}\n${stack.map((frame) => `    at ${frame.text}`).join("\n")}` : text);
  const place = stack.find((frame) => frame.own)?.place;
  return place === undefined ? text : `${text} (${place})`;
}
