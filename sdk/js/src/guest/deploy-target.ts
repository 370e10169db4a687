/** The exports of a deploy target. */

import { type Change, Deploy, type Health, type Observed } from "../deploy.js";
import type { DeployTarget, MaybePromise } from "../plugin.js";
import { blobsHost, liftObject, type WitObject } from "./blobs.js";
import { call, describer } from "./call.js";
import { contextHost, logHost, secretsHost } from "./common.js";
import { directoryHost, treesHost } from "./deploy.js";

const host = {
  log: logHost,
  context: contextHost,
  secrets: secretsHost,
  blobs: blobsHost,
  trees: treesHost,
  directory: directoryHost,
};

interface WitChange {
  ref: string;
  object: string;
  action: Change["action"];
  wave: number;
  summary: string;
  before?: string | null;
  after?: string | null;
  state: Uint8Array;
}

interface WitObserved {
  ref: string;
  version?: string | null;
  state: Uint8Array;
}

const NONE = new Uint8Array();

export function exportsOf<C>(plugin: DeployTarget<C>) {
  const { definition: target } = plugin;
  const on = <T, R>(config: string, run: (config: C, deploy: Deploy) => MaybePromise<T>, answer: (result: T) => R) =>
    call(host, target, config, (parsed) => run(parsed, new Deploy(host)), answer);
  return {
    describe: describer(plugin),
    deployTarget: {
      identify: (config: string, desired: WitObject[]) =>
        on(
          config,
          (parsed, deploy) => target.identify(parsed, desired.map(liftObject), deploy),
          (identities) => [...identities],
        ),
      plan: (input: { config: string; desired: WitObject[]; owned: string[] }) =>
        on(
          input.config,
          (parsed, deploy) => target.plan(parsed, input.desired.map(liftObject), input.owned, deploy),
          (changes) => changes.map(lowerChange),
        ),
      explain: (config: string, change: WitChange) =>
        on(
          config,
          (parsed, deploy) => target.explain?.(parsed, liftChange(change), deploy) ?? {},
          ({ live, desired }) => ({ live: live ?? null, desired: desired ?? null }),
        ),
      apply: (config: string, change: WitChange) =>
        on(
          config,
          (parsed, deploy) => target.apply(parsed, liftChange(change), deploy),
          ({ after, message }) => ({ after: after ?? null, message: message ?? "" }),
        ),
      observe: (config: string, refs: string[]) =>
        on(
          config,
          (parsed, deploy) => target.observe(parsed, refs, deploy),
          (observed) => observed.map(lowerObserved),
        ),
      judge: (config: string, observed: WitObserved) =>
        on(
          config,
          (parsed, deploy) => {
            const lifted = { ref: observed.ref, version: observed.version ?? undefined, state: observed.state };
            return target.judge?.(parsed, lifted, deploy) ?? judgeByVersion(lifted);
          },
          ({ status, message }) => ({ status, message: message ?? "" }),
        ),
      owned: (config: string) =>
        on(
          config,
          (parsed, deploy) => target.owned?.(parsed, deploy) ?? [],
          (refs) => [...refs],
        ),
    },
  };
}

function judgeByVersion(observed: Observed): Health {
  return { status: observed.version === undefined ? "missing" : "healthy" };
}

function lowerChange(change: Change): WitChange {
  return {
    ref: change.ref,
    object: change.object ?? "",
    action: change.action,
    wave: change.wave ?? 0,
    summary: change.summary ?? "",
    before: change.before ?? null,
    after: change.after ?? null,
    state: change.state ?? NONE,
  };
}

function liftChange(change: WitChange): Change {
  return {
    ...change,
    object: change.object === "" ? undefined : change.object,
    before: change.before ?? undefined,
    after: change.after ?? undefined,
  };
}

function lowerObserved({ ref, version, state }: Observed): WitObserved {
  return { ref, version: version ?? null, state: state ?? NONE };
}
