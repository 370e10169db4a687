#include <springline.h>
#include <string.h>

static springline_result identify(const springline_json *config, const springline_object *desired, size_t count,
                                  springline_identities *identities)
{
    (void)config;
    for (size_t i = 0; i < count; i++) {
        if (desired[i].body == SPRINGLINE_TREE) {
            springline_invalid("`%s`: only files can be deployed here", desired[i].id);
        }
        springline_add_identity(identities, desired[i].id, desired[i].id);
    }
    return SPRINGLINE_OK;
}

/* The digest of what is there; NULL where nothing is, or a directory. */
static const char *digest_of(const springline_node *node)
{
    return node == NULL || *node->digest == '\0' ? NULL : node->digest;
}

static springline_result plan(const springline_json *config, const springline_plan_input *input,
                              springline_changes *changes)
{
    (void)config;
    const char **ids = springline_alloc((input->desired_count + 1) * sizeof *ids);
    for (size_t i = 0; i < input->desired_count; i++) {
        ids[i] = input->desired[i].id;
    }
    const springline_node *const *there;
    springline_result result = springline_inspect(ids, input->desired_count, &there);
    for (size_t i = 0; result == SPRINGLINE_OK && i < input->desired_count; i++) {
        const char *before = digest_of(there[i]), *after = input->desired[i].digest;
        if (before == NULL || strcmp(before, after) != 0) {
            springline_add_change(changes, &(springline_change){
                .ref = ids[i], .object = ids[i], .action = before == NULL ? SPRINGLINE_CREATE : SPRINGLINE_UPDATE,
                .before = before, .after = after });
        }
    }
    if (result == SPRINGLINE_OK) {
        result = springline_inspect(input->owned, input->owned_count, &there);
    }
    for (size_t i = 0; result == SPRINGLINE_OK && i < input->owned_count; i++) {
        bool desired = false;
        for (size_t j = 0; j < input->desired_count; j++) {
            desired = desired || strcmp(input->owned[i], ids[j]) == 0;
        }
        if (!desired) {
            springline_add_change(changes, &(springline_change){
                .ref = input->owned[i], .action = SPRINGLINE_DELETE, .before = digest_of(there[i]) });
        }
    }
    return result;
}

static springline_result apply(const springline_json *config, const springline_change *change, springline_applied *applied)
{
    (void)config, (void)applied;
    return change->action == SPRINGLINE_DELETE ? springline_remove(change->ref, change->before)
                                               : springline_put_file(change->ref, change->after, false, change->before);
}

static springline_result observe(const springline_json *config, springline_observed *observed, size_t count)
{
    (void)config;
    const char **refs = springline_alloc((count + 1) * sizeof *refs);
    for (size_t i = 0; i < count; i++) {
        refs[i] = observed[i].ref;
    }
    const springline_node *const *there;
    springline_result result = springline_inspect(refs, count, &there);
    for (size_t i = 0; result == SPRINGLINE_OK && i < count; i++) {
        observed[i].version = digest_of(there[i]);
    }
    return result;
}

static springline_result owned(const springline_json *config, springline_refs *refs)
{
    (void)config;
    const char *const *paths;
    size_t count = 0;
    springline_result result = springline_owned(&paths, &count);
    for (size_t i = 0; i < count; i++) {
        springline_add_ref(refs, paths[i]);
    }
    return result;
}

static const springline_info info = {
    .name = "{{name}}", .version = "0.1.0", .summary = "Deploys objects as files.",
    .capabilities = { { "directory", "objects become files in it" } },
};
/* Without `explain` there are no texts to compare, without `judge` what is there is healthy. */
static const springline_target target = { identify, plan, NULL, apply, observe, NULL, owned };
SPRINGLINE_DEPLOY_TARGET(info, target);
