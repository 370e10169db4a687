/** Write Springline plugins in TypeScript and JavaScript. */

export { BlobReader, BlobWriter } from "./blob.js";
export {
  array,
  boolean,
  type Infer,
  integer,
  json,
  type JsonSchema,
  number,
  object,
  oneOf,
  optional,
  type Options,
  record,
  type Schema,
  string,
} from "./config.js";
export { type Artifact, Context, type Json } from "./context.js";
export {
  type Action,
  type Applied,
  type Change,
  Deploy,
  type Difference,
  type Health,
  type HealthStatus,
  type Identity,
  type Observed,
} from "./deploy.js";
export { Directory } from "./directory.js";
export { Conflict, Denied, Failed, FileError, Invalid, PluginError, throwIfAny, Transient, type Violation } from "./errors.js";
export { type Entry, isClean, ReadableDirectory, WritableDirectory } from "./files.js";
export type { Level, Node, TreeEntry } from "./host.js";
export { log, type Logger, logger, progress } from "./log.js";
export { blob, type Body, type DesiredObject, inline, tree } from "./object.js";
export {
  type BuildStep,
  buildStep,
  type BuildStepDefinition,
  type DeployTarget,
  deployTarget,
  type DeployTargetDefinition,
  type NoConfig,
  type Renderer,
  renderer,
  type RendererDefinition,
} from "./plugin.js";
export { Render } from "./render.js";
export { Step } from "./step.js";
export { compare as compareUtf8, decode as decodeUtf8, encode as encodeUtf8 } from "./utf8.js";
