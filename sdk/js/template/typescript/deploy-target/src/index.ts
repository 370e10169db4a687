import { type Change, deployTarget, Invalid } from "@springline/sdk";

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
    for (const { id, body } of desired) {
      if (body.kind !== "blob") {
        throw new Invalid(`\`${id}\` is no file`);
      }
      const before = directory.node(id)?.digest;
      if (before !== body.digest) {
        const action = before === undefined ? "create" : "update";
        changes.push({ ref: id, object: id, action, before, after: body.digest });
      }
    }
    const ids = new Set(desired.map(({ id }) => id));
    for (const ref of owned.filter((ref) => !ids.has(ref))) {
      changes.push({ ref, action: "delete", before: directory.node(ref)?.digest });
    }
    return changes;
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
    return refs.map((ref) => ({ ref, version: directory.node(ref)?.digest }));
  },

  owned(_, { directory }) {
    return directory.owned();
  },
});
