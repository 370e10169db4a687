/** A fake host, for unit tests in Node without WebAssembly. */

export { digestOf } from "./digest.js";
export { FakeHost, type FakeHostOptions, type File, type Line } from "./host.js";
export type { Synced } from "./sync.js";
