import {
  type Change,
  compareUtf8,
  Conflict,
  decodeUtf8,
  type Deploy,
  deployTarget,
  encodeUtf8,
  type DesiredObject,
  Failed,
  type Node,
  object,
  string,
  throwIfAny,
  type Violation,
} from "@springline/sdk";

const MOST_TEXT = 64 * 1024;

export default deployTarget({
  name: "target-shelf",
  version: "0.1.0",
  summary: "Puts every object as a file on a shelf.",
  capabilities: { directory: "the shelf is a directory" },
  config: object({
    prefix: string({ default: "", description: "What stands before every path." }),
  }),

  identify({ prefix }, desired) {
    return files(prefix, desired).map(({ ref, id }) => ({ ref, object: id }));
  },

  plan({ prefix }, desired, owned, deploy) {
    const wanted = files(prefix, desired);
    const kept = new Set(wanted.map(({ ref }) => ref));
    const gone = owned.filter((ref) => !kept.has(ref));
    const nodes = deploy.directory.inspect([...kept, ...gone]);
    const changes = wanted.flatMap(({ ref, id, digest }, index) => planOne(ref, id, digest, nodes[index], deploy) ?? []);
    const deletes = gone.map((ref, index): Change => {
      return { ref, action: "delete", before: isFile(nodes[wanted.length + index])?.digest };
    });
    return [...changes, ...deletes];
  },

  explain(_, change, deploy) {
    const there = isFile(deploy.directory.node(change.ref));
    const live = there !== undefined && there.size <= MOST_TEXT ? deploy.directory.read(change.ref, MOST_TEXT) : undefined;
    const blob = change.after === undefined ? undefined : deploy.blob(change.after);
    const desired = blob !== undefined && blob.size <= MOST_TEXT ? blob.bytes() : undefined;
    return { live: live && decodeUtf8(live), desired: desired && decodeUtf8(desired) };
  },

  apply(_, { action, ref, before, after }, deploy) {
    switch (action) {
      case "create":
      case "update":
        deploy.directory.putFile(ref, after ?? "", { expected: before });
        break;
      case "adopt":
        deploy.directory.adopt(ref);
        break;
      case "delete":
        deploy.directory.remove(ref, { expected: before });
        break;
      case "deferred":
        throw new Failed("nothing is ever deferred here");
    }
    return { after };
  },

  observe(_, refs, deploy) {
    const nodes = deploy.directory.inspect(refs);
    return refs.map((ref, index) => {
      const node = nodes[index];
      const state = node === undefined ? "" : isFile(node) ? "file" : "other";
      return { ref, version: node?.digest, state: encodeUtf8(state) };
    });
  },

  judge(_, { ref, state }) {
    switch (decodeUtf8(state ?? new Uint8Array())) {
      case "":
        return { status: "missing", message: `\`${ref}\` is not there` };
      case "other":
        return { status: "degraded", message: `\`${ref}\` is no file` };
      default:
        return { status: "healthy" };
    }
  },

  owned(_, deploy) {
    return deploy.directory.owned();
  },
});

/** The file that each object becomes. */
function files(prefix: string, desired: readonly DesiredObject[]) {
  const violations: Violation[] = [];
  const wanted = desired.map(({ id, body }) => {
    if (body.kind === "tree") {
      violations.push({ message: `\`${id}\`: a shelf takes files, not directories` });
    } else if (body.kind === "inline") {
      throw new Failed(`the body of \`${id}\` did not arrive as a blob`);
    }
    return { ref: `${prefix}${id}`, id, digest: body.digest };
  });
  throwIfAny(violations);
  return wanted.sort((a, b) => compareUtf8(a.ref, b.ref));
}

/** The change of one desired file; none if it is as desired. */
function planOne(ref: string, id: string, digest: string, node: Node | undefined, deploy: Deploy): Change | undefined {
  const size = deploy.blob(digest).size;
  if (node === undefined) {
    return { ref, object: id, action: "create", summary: `${size} bytes`, after: digest };
  }
  if (node.owner !== "" && node.owner !== deploy.owner) {
    throw new Conflict(`\`${ref}\` belongs to ${node.owner}`);
  }
  if (isFile(node) === undefined) {
    throw new Conflict(`\`${ref}\` is no file there`);
  }
  if (node.kind === "file" && node.digest === digest) {
    return node.owner === "" ? { ref, object: id, action: "adopt", before: digest, after: digest } : undefined;
  }
  const summary = `${node.size} -> ${size} bytes`;
  return { ref, object: id, action: "update", summary, before: node.digest, after: digest };
}

/** What is there, if it is a regular file. */
function isFile(node: Node | undefined): Node | undefined {
  return node?.kind === "file" || node?.kind === "executable" ? node : undefined;
}
