/** What a plugin is: its description, the declaration of its config, and what it does. */

import { document, object, type Schema } from "./config.js";
import type { Applied, Change, Deploy, Difference, Health, Identity, Observed } from "./deploy.js";
import type { DesiredObject } from "./object.js";
import type { Render } from "./render.js";
import type { Step } from "./step.js";

/** What may be answered at once or later. */
export type MaybePromise<T> = T | Promise<T>;

/** A config without anything in it. */
export type NoConfig = Readonly<Record<never, never>>;

/** What every plugin says of itself. */
export interface About<C> {
  /** Its name, such as `step-site`. */
  readonly name: string;
  /** Its version (semver). */
  readonly version: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** Its config; without it, there is nothing to configure. */
  readonly config?: Schema<C>;
  /** The powers it needs beyond files and logs, each with the reason, in a sentence that an operator can judge. */
  readonly capabilities?: Readonly<Record<string, string>>;
}

/** A build step: turns a directory into another one. */
export interface BuildStepDefinition<C> extends About<C> {
  /** Runs the step. The answer is one line for the person who waits, such as `42 pages`. */
  run(config: C, step: Step): MaybePromise<string | void>;
}

/** A renderer: turns a directory of the source, and the artifacts, into desired objects. */
export interface RendererDefinition<C> extends About<C> {
  /** Renders. The order of the objects means nothing; two of one id are refused by the host. */
  render(config: C, render: Render): MaybePromise<readonly DesiredObject[]>;
}

/**
 * A deploy target: knows how desired objects become live ones. The host drives it change by change,
 * so waves, time-outs, cancelling, progress and history are the host's. Every call gets a fresh
 * instance: nothing stays in a plugin between calls.
 */
export interface DeployTargetDefinition<C> extends About<C> {
  /** Which live objects the desired ones become. Must depend on its arguments and the trees in them alone. */
  identify(config: C, desired: readonly DesiredObject[], deploy: Deploy): MaybePromise<readonly Identity[]>;
  /**
   * What has to change for live to become desired; empty if nothing has. `owned` are the live
   * objects that this application owns here. Changes nothing.
   */
  plan(
    config: C,
    desired: readonly DesiredObject[],
    owned: readonly string[],
    deploy: Deploy,
  ): MaybePromise<readonly Change[]>;
  /** What a change would do, as text. Changes nothing. Without it, there is no text. */
  explain?(config: C, change: Change, deploy: Deploy): MaybePromise<Difference>;
  /** Applies one change. Twice must come to the same as once; `Conflict` if live is no longer what was planned on. */
  apply(config: C, change: Change, deploy: Deploy): MaybePromise<Applied>;
  /** The live objects as they are, in the order of `refs`. */
  observe(config: C, refs: readonly string[], deploy: Deploy): MaybePromise<readonly Observed[]>;
  /** Judges one observed object. Without it, what is there is healthy. */
  judge?(config: C, observed: Observed, deploy: Deploy): MaybePromise<Health>;
  /**
   * The live objects that carry this application's and environment's mark on the target itself.
   * Without it, there are no marks.
   */
  owned?(config: C, deploy: Deploy): MaybePromise<readonly string[]>;
}

/** The kinds of plugin. */
export type Kind = "build-step" | "renderer" | "deploy-target";

/** A plugin's own account of itself, as the host reads it. */
export interface Description {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly kind: Kind;
  readonly configSchema: string;
  readonly capabilities: readonly { readonly name: string; readonly reason: string }[];
}

/** A plugin: the default export of its module. */
export interface Plugin<K extends Kind, D> {
  readonly kind: K;
  readonly definition: D;
  readonly description: Description;
}

/** A build step as a value: what the default export is. */
export type BuildStep<C> = Plugin<"build-step", BuildStepDefinition<C>>;
/** A renderer as a value. */
export type Renderer<C> = Plugin<"renderer", RendererDefinition<C>>;
/** A deploy target as a value. */
export type DeployTarget<C> = Plugin<"deploy-target", DeployTargetDefinition<C>>;

/** Makes a build step. */
export function buildStep<C = NoConfig>(definition: BuildStepDefinition<C>): BuildStep<C> {
  return plugin("build-step", definition);
}

/** Makes a renderer. */
export function renderer<C = NoConfig>(definition: RendererDefinition<C>): Renderer<C> {
  return plugin("renderer", definition);
}

/** Makes a deploy target. */
export function deployTarget<C = NoConfig>(definition: DeployTargetDefinition<C>): DeployTarget<C> {
  return plugin("deploy-target", definition);
}

/** The declaration of a plugin's config. */
export function configOf<C>(about: About<C>): Schema<C> {
  return about.config ?? (NOTHING as Schema<C>);
}

const NOTHING: Schema<unknown> = object({});

function plugin<K extends Kind, C, D extends About<C>>(kind: K, definition: D): Plugin<K, D> {
  const { name, version, summary, capabilities = {} } = definition;
  const description = {
    name,
    version,
    summary,
    kind,
    configSchema: document(configOf(definition)),
    capabilities: Object.entries(capabilities).map(([name, reason]) => ({ name, reason })),
  };
  return { kind, definition, description };
}
