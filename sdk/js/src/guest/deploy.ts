/** What only a deploy target has: trees, and the lent directory. */

import * as directory from "springline:host/directory@0.1.0";
import * as trees from "springline:host/trees@0.1.0";
import type { DirectoryHost, TreesHost } from "../host.js";
import { imported } from "./failure.js";

export const treesHost: TreesHost = {
  walk: (digest) => imported(() => trees.walk(digest)).map((entry) => ({ ...entry, size: Number(entry.size) })),
};

export const directoryHost: DirectoryHost = {
  inspect: (paths) =>
    imported(() => directory.inspect(paths)).map((node) => (node == null ? undefined : { ...node, size: Number(node.size) })),
  read: (path, offset, length) => imported(() => directory.read(path, offset, length)),
  putFile: (path, blob, executable, expected) => imported(() => directory.putFile(path, blob, executable, expected)),
  putSymlink: (path, target, expected) => imported(() => directory.putSymlink(path, target, expected)),
  remove: (path, expected) => imported(() => directory.remove(path, expected)),
  adopt: (path) => imported(() => directory.adopt(path)),
  owned: () => imported(() => directory.owned()),
};
