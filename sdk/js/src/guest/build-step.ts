/** The exports of a build step. */

import type { BuildStep } from "../plugin.js";
import { Step } from "../step.js";
import { call, describer } from "./call.js";
import { contextHost, logHost, secretsHost } from "./common.js";
import { filesHost } from "./files.js";

const host = { log: logHost, context: contextHost, secrets: secretsHost, files: filesHost };

export function exportsOf<C>(plugin: BuildStep<C>) {
  const { definition } = plugin;
  return {
    describe: describer(plugin),
    buildStep: {
      run: (input: { config: string }) =>
        call(
          host,
          definition,
          input.config,
          (config) => definition.run(config, new Step(host)),
          (summary) => ({ summary: summary ?? "" }),
        ),
    },
  };
}
