/** Files, through `wasi:filesystem`: the engines have no file functions of their own. */

import * as modes from "springline:host/files@0.1.0";
import { getDirectories } from "wasi:filesystem/preopens@0.2.12";
import type { Descriptor, DescriptorType } from "wasi:filesystem/types@0.2.12";
import { FileError } from "../errors.js";
import type { DirectoryEntry, FilesHost } from "../host.js";
import { dispose } from "./dispose.js";
import { payload } from "./failure.js";

const FOLLOW = { symlinkFollow: true };
const READ = { read: true };

let roots: [Descriptor, string][] | undefined;

/** The descriptor that a path is below, and the rest of the path. */
function resolve(path: string): [Descriptor, string] {
  roots ??= getDirectories();
  for (const [descriptor, root] of roots) {
    if (path === root) {
      return [descriptor, "."];
    }
    if (path.startsWith(`${root}/`)) {
      return [descriptor, path.slice(root.length + 1)];
    }
  }
  throw new FileError(path, "no-entry");
}

/** Calls the file system, and throws its error code with the path. */
function at<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    const code = payload(thrown);
    throw typeof code === "string" ? new FileError(path, code) : thrown;
  }
}

/** Opens a path, uses it, and closes it. */
function using<T>(path: string, open: (parent: Descriptor, name: string) => Descriptor, use: (opened: Descriptor) => T): T {
  return at(path, () => {
    const opened = open(...resolve(path));
    try {
      return use(opened);
    } finally {
      dispose(opened);
    }
  });
}

export const filesHost: FilesHost = {
  open(path) {
    const file = at(path, () => {
      const [parent, name] = resolve(path);
      return parent.openAt(FOLLOW, name, {}, READ);
    });
    return {
      read: (offset, length) => at(path, () => file.read(length, offset)[0]),
      close: () => dispose(file),
    };
  },

  write(path, bytes, append) {
    const open = (parent: Descriptor, name: string) =>
      parent.openAt({}, name, append ? { create: true } : { create: true, truncate: true }, { write: true });
    using(path, open, (file) => {
      let end = append ? Number(file.stat().size) : 0;
      for (let rest = bytes; rest.length > 0; ) {
        const written = Number(file.write(rest, end));
        if (written === 0) {
          throw new FileError(path, "io");
        }
        end += written;
        rest = rest.subarray(written);
      }
    });
  },

  list(path) {
    const open = (parent: Descriptor, name: string) => parent.openAt({}, name, { directory: true }, READ);
    return using(path, open, (directory) => {
      const stream = directory.readDirectory();
      const entries: DirectoryEntry[] = [];
      for (let entry = stream.readDirectoryEntry(); entry != null; entry = stream.readDirectoryEntry()) {
        entries.push({ name: entry.name, kind: kindOf(entry.type) });
      }
      dispose(stream);
      return entries;
    });
  },

  readLink(path) {
    const [parent, name] = resolve(path);
    return at(path, () => parent.readlinkAt(name));
  },

  makeDirectory(path) {
    const [parent, name] = resolve(path);
    const parts = name.split("/");
    for (const index of parts.keys()) {
      try {
        at(path, () => parent.createDirectoryAt(parts.slice(0, index + 1).join("/")));
      } catch (error) {
        if (!(error instanceof FileError && error.code === "exist")) {
          throw error;
        }
      }
    }
  },

  isExecutable: (path) => mode(path, () => modes.isExecutable(path)),
  setExecutable: (path, executable) => mode(path, () => modes.setExecutable(path, executable)),
};

function mode<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw new FileError(path, payload(thrown) === "not-found" ? "no-entry" : "not-permitted");
  }
}

function kindOf(type: DescriptorType): DirectoryEntry["kind"] {
  switch (type) {
    case "directory":
      return "directory";
    case "symbolic-link":
      return "symlink";
    case "regular-file":
      return "file";
    default:
      return "other";
  }
}
