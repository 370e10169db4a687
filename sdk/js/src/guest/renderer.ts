/** The exports of a renderer. */

import type { Renderer } from "../plugin.js";
import { Render } from "../render.js";
import { blobsHost, lowerObject } from "./blobs.js";
import { call, describer } from "./call.js";
import { contextHost, logHost, secretsHost } from "./common.js";
import { filesHost } from "./files.js";

const host = { log: logHost, context: contextHost, secrets: secretsHost, files: filesHost, blobs: blobsHost };

export function exportsOf<C>(plugin: Renderer<C>) {
  const { definition } = plugin;
  return {
    describe: describer(plugin),
    renderer: {
      render: (input: { config: string }) =>
        call(
          host,
          definition,
          input.config,
          (config) => definition.render(config, new Render(host)),
          (objects) => objects.map(lowerObject),
        ),
    },
  };
}
