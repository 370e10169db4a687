/** One sync, as the real host drives it. */

import type { Change, Deploy } from "../deploy.js";
import type { DesiredObject } from "../object.js";
import type { DeployTargetDefinition } from "../plugin.js";
import { compare } from "../utf8.js";

/** What a sync did. */
export interface Synced {
  /** The changes, in the order in which they were applied. */
  readonly changes: readonly Change[];
  /** The live objects that are owned afterwards, sorted: the next sync's inventory. */
  readonly owned: readonly string[];
}

/**
 * Drives a target. A delete of what is not owned or is still desired, and a second plan that finds
 * anything left to do, are faults of the plugin.
 */
export async function sync<C>(
  target: DeployTargetDefinition<C>,
  config: C,
  desired: readonly DesiredObject[],
  owned: readonly string[],
  deploy: Deploy,
): Promise<Synced> {
  const wanted = new Set((await target.identify(config, desired, deploy)).map(({ ref }) => ref));
  const changes = [...(await target.plan(config, desired, owned, deploy))].sort((a, b) => order(a) - order(b));
  for (const change of changes) {
    const { ref, action } = change;
    if (action === "delete" ? !owned.includes(ref) || wanted.has(ref) : !wanted.has(ref)) {
      throw new Error(action === "delete" ? `\`${ref}\` may not be deleted` : `\`${ref}\` was not identified`);
    }
    const { after } = await target.apply(config, change, deploy);
    if (after !== change.after) {
      throw new Error(`\`${ref}\` became ${after}, and ${change.after} was planned`);
    }
  }
  const now = [...wanted].sort(compare);
  const left = await target.plan(config, desired, now, deploy);
  if (left.length > 0) {
    throw new Error(`not converged: ${JSON.stringify(left)}`);
  }
  return { changes, owned: now };
}

/** Waves in ascending order, then deletes in descending order. */
function order({ action, wave = 0 }: Change): number {
  const behind = 2 ** 33;
  return action === "delete" ? behind - wave : wave;
}
