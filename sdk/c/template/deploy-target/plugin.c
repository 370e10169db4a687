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

static springline_result plan(const springline_json *config, const springline_plan_input *input,
                              springline_changes *changes)
{
    (void)config;
    for (size_t i = 0; i < input->desired_count; i++) {
        const springline_object *object = &input->desired[i];
        const springline_node *there;
        springline_result result = springline_inspect_one(object->id, &there);
        if (result != SPRINGLINE_OK) {
            return result;
        }
        if (there != NULL && strcmp(there->digest, object->digest) == 0) {
            continue;
        }
        springline_add_change(changes, &(springline_change){
            .ref = object->id, .object = object->id, .action = there == NULL ? SPRINGLINE_CREATE : SPRINGLINE_UPDATE,
            .before = there == NULL ? NULL : there->digest, .after = object->digest });
    }
    for (size_t i = 0; i < input->owned_count; i++) {
        const springline_node *there;
        springline_result result = springline_inspect_one(input->owned[i], &there);
        if (result != SPRINGLINE_OK) {
            return result;
        }
        bool desired = false;
        for (size_t j = 0; j < input->desired_count; j++) {
            desired = desired || strcmp(input->owned[i], input->desired[j].id) == 0;
        }
        if (!desired) {
            springline_add_change(changes, &(springline_change){
                .ref = input->owned[i], .action = SPRINGLINE_DELETE, .before = there == NULL ? NULL : there->digest });
        }
    }
    return SPRINGLINE_OK;
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
    springline_result result = SPRINGLINE_OK;
    for (size_t i = 0; result == SPRINGLINE_OK && i < count; i++) {
        const springline_node *there;
        result = springline_inspect_one(observed[i].ref, &there);
        observed[i].version = there == NULL ? NULL : there->digest;
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
