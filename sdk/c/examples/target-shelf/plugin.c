/* Puts every object as a file on a shelf: a directory that the operator lends. */
#include <springline.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXT ((size_t)64 << 10)

static bool same(const char *left, const char *right)
{
    return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

static const char *ref_of(const springline_json *config, const springline_object *object)
{
    return springline_format("%s%s", springline_json_string(config, "/prefix", ""), object->id);
}

static springline_result identify(const springline_json *config, const springline_object *desired, size_t count,
                                  springline_identities *identities)
{
    for (size_t i = 0; i < count; i++) {
        if (desired[i].body == SPRINGLINE_TREE) {
            springline_invalid("`%s`: a shelf takes files, not directories", desired[i].id);
        }
        springline_add_identity(identities, ref_of(config, &desired[i]), desired[i].id);
    }
    return SPRINGLINE_OK;
}

static springline_result size_of(const char *digest, unsigned long long *size)
{
    springline_blob *blob;
    springline_result result = springline_blob_open(digest, &blob);
    if (result == SPRINGLINE_OK) {
        *size = springline_blob_size(blob);
        springline_blob_close(blob);
    }
    return result;
}

static const char *us(void)
{
    const char *environment = springline_environment();
    return springline_format("%s/%s", springline_application(), environment == NULL ? "" : environment);
}

/* What one desired object takes, given what is at its place. */
static springline_result plan_one(const char *ref, const springline_object *object, const springline_node *there,
                                  springline_changes *changes)
{
    springline_change change = { .ref = ref, .object = object->id, .after = object->digest };
    unsigned long long size;
    springline_result result = size_of(object->digest, &size);
    if (result != SPRINGLINE_OK) {
        return result;
    }
    if (there == NULL) {
        change.action = SPRINGLINE_CREATE;
        change.summary = springline_format("%llu bytes", size);
        springline_add_change(changes, &change);
        return SPRINGLINE_OK;
    }
    if (*there->owner != '\0' && !same(there->owner, us())) {
        return springline_conflict("`%s` belongs to %s", ref, there->owner);
    }
    if (there->kind != SPRINGLINE_FILE && there->kind != SPRINGLINE_EXECUTABLE) {
        return springline_conflict("`%s` is no file there", ref);
    }
    change.before = there->digest;
    if (there->kind == SPRINGLINE_EXECUTABLE || !same(there->digest, object->digest)) {
        change.action = SPRINGLINE_UPDATE;
        change.summary = springline_format("%llu -> %llu bytes", (unsigned long long)there->size, size);
    } else if (*there->owner == '\0') {
        change.action = SPRINGLINE_ADOPT;
    } else {
        return SPRINGLINE_OK;
    }
    springline_add_change(changes, &change);
    return SPRINGLINE_OK;
}

/* A desired object and where it goes. */
typedef struct wanted {
    const char *ref;
    const springline_object *object;
} wanted;

static int compare_refs(const void *left, const void *right)
{
    return strcmp(((const wanted *)left)->ref, ((const wanted *)right)->ref);
}

/* The desired objects in the order of their places. */
static wanted *sort_desired(const springline_json *config, const springline_plan_input *input)
{
    wanted *all = springline_alloc((input->desired_count + 1) * sizeof *all);
    for (size_t i = 0; i < input->desired_count; i++) {
        all[i] = (wanted){ ref_of(config, &input->desired[i]), &input->desired[i] };
    }
    qsort(all, input->desired_count, sizeof *all, compare_refs);
    return all;
}

static springline_result plan_desired(const wanted *all, size_t count, const char **refs, springline_changes *changes)
{
    const springline_node *const *nodes;
    springline_result result = springline_inspect(refs, count, &nodes);
    for (size_t i = 0; result == SPRINGLINE_OK && i < count; i++) {
        result = plan_one(all[i].ref, all[i].object, nodes[i], changes);
    }
    return result;
}

static bool is_among(const char *const *refs, size_t count, const char *ref)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(refs[i], ref) == 0) {
            return true;
        }
    }
    return false;
}

/* What is owned and no longer desired goes. */
static springline_result plan_deletes(const springline_plan_input *input, const char *const *refs,
                                      springline_changes *changes)
{
    const springline_node *const *nodes;
    springline_result result = springline_inspect(input->owned, input->owned_count, &nodes);
    for (size_t i = 0; result == SPRINGLINE_OK && i < input->owned_count; i++) {
        if (!is_among(refs, input->desired_count, input->owned[i])) {
            springline_change change = { .ref = input->owned[i], .action = SPRINGLINE_DELETE };
            change.before = nodes[i] == NULL || *nodes[i]->digest == '\0' ? NULL : nodes[i]->digest;
            springline_add_change(changes, &change);
        }
    }
    return result;
}

static springline_result plan(const springline_json *config, const springline_plan_input *input,
                              springline_changes *changes)
{
    const wanted *all = sort_desired(config, input);
    const char **refs = springline_alloc((input->desired_count + 1) * sizeof *refs);
    for (size_t i = 0; i < input->desired_count; i++) {
        refs[i] = all[i].ref;
    }
    springline_result result = plan_desired(all, input->desired_count, refs, changes);
    return result == SPRINGLINE_OK ? plan_deletes(input, refs, changes) : result;
}

static springline_result apply(const springline_json *config, const springline_change *change, springline_applied *applied)
{
    (void)config, (void)applied;
    switch (change->action) {
    case SPRINGLINE_CREATE:
    case SPRINGLINE_UPDATE:
        return springline_put_file(change->ref, change->after, false, change->before);
    case SPRINGLINE_ADOPT:
        return springline_adopt(change->ref);
    case SPRINGLINE_DELETE:
        return springline_remove(change->ref, change->before);
    default:
        return springline_failed("nothing is ever deferred here");
    }
}

/* The live file as text; NULL if it is none. */
static springline_result live_text(const char *ref, const char **text)
{
    const springline_node *node;
    springline_result result = springline_inspect_one(ref, &node);
    if (result != SPRINGLINE_OK || node == NULL || node->size > MOST_TEXT
        || (node->kind != SPRINGLINE_FILE && node->kind != SPRINGLINE_EXECUTABLE)) {
        return result;
    }
    char *data = springline_alloc(MOST_TEXT + 1);
    size_t size;
    result = springline_directory_read(ref, 0, data, MOST_TEXT, &size);
    *text = result == SPRINGLINE_OK && springline_is_utf8(data, size) ? springline_copy(data, size) : NULL;
    return result;
}

static springline_result desired_text(const char *digest, const char **text)
{
    springline_blob *blob;
    springline_result result = springline_blob_open(digest, &blob);
    if (result != SPRINGLINE_OK || springline_blob_size(blob) > MOST_TEXT) {
        return result;
    }
    char *data;
    size_t size;
    result = springline_blob_bytes(blob, &data, &size);
    *text = result == SPRINGLINE_OK && springline_is_utf8(data, size) ? data : NULL;
    return result;
}

static springline_result explain(const springline_json *config, const springline_change *change,
                                 springline_difference *difference)
{
    (void)config;
    springline_result result = live_text(change->ref, &difference->live);
    if (result == SPRINGLINE_OK && change->after != NULL) {
        result = desired_text(change->after, &difference->desired);
    }
    return result;
}

static springline_result observe(const springline_json *config, springline_observed *observed, size_t count)
{
    (void)config;
    const char **refs = springline_alloc((count + 1) * sizeof *refs);
    for (size_t i = 0; i < count; i++) {
        refs[i] = observed[i].ref;
    }
    const springline_node *const *nodes;
    springline_result result = springline_inspect(refs, count, &nodes);
    for (size_t i = 0; result == SPRINGLINE_OK && i < count; i++) {
        if (nodes[i] != NULL) {
            bool is_file = nodes[i]->kind == SPRINGLINE_FILE || nodes[i]->kind == SPRINGLINE_EXECUTABLE;
            observed[i].version = nodes[i]->digest;
            observed[i].state = is_file ? "file" : "other";
            observed[i].state_size = strlen(observed[i].state);
        }
    }
    return result;
}

static springline_result judge(const springline_json *config, const springline_observed *observed,
                               springline_health *health)
{
    (void)config;
    if (observed->version == NULL) {
        health->status = SPRINGLINE_MISSING;
        health->message = springline_format("`%s` is not there", observed->ref);
    } else if (observed->state_size == 5 && memcmp(observed->state, "other", 5) == 0) {
        health->status = SPRINGLINE_DEGRADED;
        health->message = springline_format("`%s` is no file", observed->ref);
    }
    return SPRINGLINE_OK;
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
    .name = "target-shelf",
    .version = "0.1.0",
    .summary = "Puts every object as a file on a shelf.",
    .config_schema = SPRINGLINE_JSON({
        "type": "object",
        "properties": {
            "prefix": { "type": "string", "default": "", "description": "What stands in front of every file's path." }
        },
        "additionalProperties": false
    }),
    .capabilities = { { "directory", "the shelf is a directory" } },
};

static const springline_target target = { identify, plan, explain, apply, observe, judge, owned };

SPRINGLINE_DEPLOY_TARGET(info, target);
