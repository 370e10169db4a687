import { type Change, deployTarget, Invalid, type Node } from "@springline/sdk";

export default deployTarget({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Puts objects as files into a directory.",
  capabilities: { directory: "objects become files in this directory" },

  identify(_, desired) {
    return desired.map(({ id }) => ({ ref: id, object: id }));
  },

  plan(_, desired, owned, { directory }) {
    const changes: Change[] = [];
    const nodes = directory.inspect(desired.map(({ id }) => id));
    for (const [index, { id, body }] of desired.entries()) {
      if (body.kind !== "blob") {
        throw new Invalid(`\`${id}\` is no file`);
      }
      const before = digestOf(nodes[index]);
      if (before !== body.digest) {
        const action = before === undefined ? "create" : "update";
        changes.push({ ref: id, object: id, action, before, after: body.digest });
      }
    }
    const ids = new Set(desired.map(({ id }) => id));
    const gone = owned.filter((ref) => !ids.has(ref));
    const left = directory.inspect(gone);
    return [...changes, ...gone.map((ref, index) => ({ ref, action: "delete" as const, before: digestOf(left[index]) }))];
  },

  apply(_, { ref, before, after }, { directory }) {
    if (after === undefined) {
      directory.remove(ref, { expected: before });
    } else {
      directory.putFile(ref, after, { expected: before });
    }
    return { after };
  },

  observe(_, refs, { directory }) {
    const nodes = directory.inspect(refs);
    return refs.map((ref, index) => ({ ref, version: digestOf(nodes[index]) }));
  },

  owned(_, { directory }) {
    return directory.owned();
  },
});

/** The digest of what is there; none where nothing is, or a directory. */
function digestOf(node: Node | undefined): string | undefined {
  return node?.digest || undefined;
}
