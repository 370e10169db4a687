import { deployTarget, Invalid } from "@springline/sdk";

export default deployTarget({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Puts objects as files into a directory.",
  capabilities: { directory: "objects become files in this directory" },

  identify(_, desired) {
    return desired.map(({ id }) => ({ ref: id, object: id }));
  },

  plan(_, desired, owned, { directory }) {
    /** @type {import("@springline/sdk").Change[]} */
    const changes = [];
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
    return [...changes, ...gone.map((ref, index) => ({ ref, action: /** @type {const} */ ("delete"), before: digestOf(left[index]) }))];
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

/**
 * The digest of what is there; none where nothing is, or a directory.
 * @param {import("@springline/sdk").Node | undefined} node
 */
function digestOf(node) {
  return node?.digest || undefined;
}
