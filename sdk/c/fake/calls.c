/* Calls of the plugin, as the real host makes them. */
#include "fake.h"

#define RUN (springline_this_plugin.run)
#define RENDER (springline_this_plugin.render)
#define TARGET (springline_this_plugin.target)

static const char *error_text;
static const char *summary;
static springline_list objects;

/* A deploy target's side: what is desired, what is in the inventory, what was planned last. */
static springline_list desired;
static springline_list inventory;
static springline_list changes;

void fake_reset_calls(void)
{
    error_text = "";
    summary = NULL;
    objects = desired = inventory = changes = (springline_list){ 0 };
}

springline_result fake_begin(const char *config, const springline_json **json)
{
    springline_call_begin();
    return springline_read_config(config, strlen(config), json);
}

static const char *describe(springline_result result, const springline_problem *problem)
{
    if (result != SPRINGLINE_INVALID) {
        return result == SPRINGLINE_OK ? "" : fake_text(problem->message);
    }
    char *text = fake_text("");
    for (size_t i = 0; i < problem->violation_count; i++) {
        const springline_violation *at = &problem->violations[i];
        const char *place = at->file != NULL ? at->file : at->pointer;
        const char *line = at->line != 0 ? fake_format(":%u", (unsigned)at->line) : "";
        fake_append(&text, "%s%s%s%s%s", i == 0 ? "" : "\n", place == NULL ? "" : place, line, place == NULL ? "" : ": ",
                    at->message);
    }
    return text;
}

static springline_result settle(springline_result result)
{
    springline_problem problem;
    result = springline_settle(result, &problem);
    error_text = describe(result, &problem);
    return result;
}

springline_result fake_end(springline_result result)
{
    springline_call_end();
    return result;
}

const char *springline_fake_error(void)
{
    return error_text;
}

/* Build steps. */

springline_result springline_fake_run(const char *config)
{
    if (RUN == NULL) {
        fake_fault("this plugin is no build step");
    }
    springline_step step = { 0 };
    const springline_json *json;
    springline_result result = fake_begin(config, &json);
    if (result == SPRINGLINE_OK) {
        result = RUN(json, &step);
    }
    result = settle(result);
    summary = fake_text(step.summary);
    return fake_end(result);
}

const char *springline_fake_summary(void)
{
    return summary;
}

/* Renderers. */

static void keep_object(springline_list *list, const springline_object *from)
{
    springline_object *object = fake_list_add(list, sizeof *object);
    *object = *from;
    object->id = fake_text(from->id);
    object->data = fake_copy(from->data, from->size);
    object->digest = fake_text(from->digest);
}

springline_result springline_fake_render(const char *config)
{
    if (RENDER == NULL) {
        fake_fault("this plugin is no renderer");
    }
    springline_objects rendered = { 0 };
    const springline_json *json;
    springline_result result = fake_begin(config, &json);
    if (result == SPRINGLINE_OK) {
        result = RENDER(json, &rendered);
    }
    result = settle(result);
    objects = (springline_list){ 0 };
    for (size_t i = 0; result == SPRINGLINE_OK && i < rendered.list.count; i++) {
        keep_object(&objects, (springline_object *)rendered.list.items + i);
    }
    return fake_end(result);
}

static springline_object *find_object(const springline_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        springline_object *object = (springline_object *)list->items + i;
        if (strcmp(object->id, id) == 0) {
            return object;
        }
    }
    return NULL;
}

const char *springline_fake_objects(void)
{
    char *ids = fake_text("");
    for (size_t i = 0; i < objects.count; i++) {
        fake_append(&ids, "%s\n", ((springline_object *)objects.items)[i].id);
    }
    return ids;
}

const char *springline_fake_object_bytes(const char *id, size_t *size)
{
    const springline_object *object = find_object(&objects, id);
    if (object == NULL) {
        return NULL;
    }
    fake_bytes bytes = { (char *)object->data, object->size };
    if (object->body == SPRINGLINE_TREE) {
        bytes = (fake_bytes){ (char *)object->digest, strlen(object->digest) };
    } else if (object->body == SPRINGLINE_BLOB) {
        const fake_bytes *blob = fake_blob(object->digest);
        if (blob == NULL) {
            fake_fault("the object `%s` is the blob %s, which nobody wrote", id, object->digest);
        }
        bytes = *blob;
    }
    if (size != NULL) {
        *size = bytes.size;
    }
    return bytes.data;
}

const char *springline_fake_object(const char *id)
{
    return springline_fake_object_bytes(id, NULL);
}

springline_body springline_fake_object_body(const char *id)
{
    const springline_object *object = find_object(&objects, id);
    if (object == NULL) {
        fake_fault("there is no object `%s`", id);
    }
    return object->body;
}

/* Deploy targets. */

static void desire(const char *id, springline_body body, const char *digest)
{
    springline_object *object = find_object(&desired, id);
    if (object == NULL) {
        object = fake_list_add(&desired, sizeof *object);
    }
    *object = (springline_object){ .id = fake_text(id), .body = body, .digest = digest };
}

void springline_fake_desire(const char *id, const char *text)
{
    desire(id, SPRINGLINE_BLOB, fake_add_blob(text, strlen(text)));
}

void springline_fake_desire_tree(const char *id, const char *path, const char *text)
{
    springline_tree_entry *entry = fake_alloc(sizeof *entry);
    size_t size = strlen(text);
    *entry = (springline_tree_entry){ fake_text(path), SPRINGLINE_FILE, fake_add_blob(text, size), size, "" };
    desire(id, SPRINGLINE_TREE, fake_add_tree(entry, 1));
}

void springline_fake_desire_nothing(void)
{
    desired = (springline_list){ 0 };
}

static bool is_ref(const springline_list *refs, const char *ref)
{
    for (size_t i = 0; i < refs->count; i++) {
        if (strcmp(((char **)refs->items)[i], ref) == 0) {
            return true;
        }
    }
    return false;
}

static springline_result begin_target(const char *config, const springline_json **json)
{
    if (TARGET == NULL) {
        fake_fault("this plugin is no deploy target");
    }
    return fake_begin(config, json);
}

/* The refs that the desired objects become. */
static springline_result identify(const char *config, springline_list *refs)
{
    springline_identities identities = { { 0 } };
    const springline_json *json;
    springline_result result = begin_target(config, &json);
    if (result == SPRINGLINE_OK) {
        result = TARGET->identify(json, desired.items, desired.count, &identities);
    }
    result = settle(result);
    for (size_t i = 0; i < identities.list.count; i++) {
        *(char **)fake_list_add(refs, sizeof(char *)) = fake_text(((springline_identity *)identities.list.items)[i].ref);
    }
    return fake_end(result);
}

static void keep_change(const springline_change *from)
{
    springline_change *change = fake_list_add(&changes, sizeof *change);
    *change = *from;
    change->ref = fake_text(from->ref);
    change->object = fake_text(from->object);
    change->summary = fake_text(from->summary);
    change->before = fake_text(from->before);
    change->after = fake_text(from->after);
    change->state = fake_copy(from->state, from->state_size);
}

springline_result springline_fake_plan(const char *config)
{
    springline_changes planned = { { 0 } };
    springline_plan_input input = { desired.items, desired.count, inventory.items, inventory.count };
    const springline_json *json;
    springline_result result = begin_target(config, &json);
    if (result == SPRINGLINE_OK) {
        result = TARGET->plan(json, &input, &planned);
    }
    result = settle(result);
    changes = (springline_list){ 0 };
    for (size_t i = 0; result == SPRINGLINE_OK && i < planned.list.count; i++) {
        keep_change((springline_change *)planned.list.items + i);
    }
    return fake_end(result);
}

const char *springline_fake_changes(void)
{
    static const char *const actions[] = { "create", "update", "delete", "adopt", "deferred" };
    char *text = fake_text("");
    for (size_t i = 0; i < changes.count; i++) {
        const springline_change *at = (springline_change *)changes.items + i;
        const char *what = at->summary == NULL ? "" : at->summary;
        fake_append(&text, "%s %s%s%s\n", actions[at->action], at->ref, *what == '\0' ? "" : " ", what);
    }
    return text;
}

static const springline_change *find_change(const char *ref)
{
    for (size_t i = 0; i < changes.count; i++) {
        const springline_change *change = (springline_change *)changes.items + i;
        if (strcmp(change->ref, ref) == 0) {
            return change;
        }
    }
    fake_fault("the last plan has no change of `%s`", ref);
}

static springline_result apply(const char *config, const springline_change *change)
{
    springline_applied applied = { change->after, NULL };
    const springline_json *json;
    springline_result result = begin_target(config, &json);
    if (result == SPRINGLINE_OK) {
        result = TARGET->apply(json, change, &applied);
    }
    result = settle(result);
    bool as_planned = applied.after == NULL || change->after == NULL ? applied.after == change->after
                                                                     : strcmp(applied.after, change->after) == 0;
    if (result == SPRINGLINE_OK && !as_planned) {
        fake_fault("`%s` became something else than planned", change->ref);
    }
    return fake_end(result);
}

springline_result springline_fake_apply(const char *config, const char *ref)
{
    return apply(config, find_change(ref));
}

/* When a change is applied: in ascending waves, deletes in descending ones behind them. */
static int64_t order(const springline_change *change)
{
    return change->action == SPRINGLINE_DELETE ? ((int64_t)1 << 33) - change->wave : change->wave;
}

/* Puts the plan in the order in which it is applied, else as it was planned. */
static void sort_changes(void)
{
    springline_change *all = changes.items;
    for (size_t i = 1; i < changes.count; i++) {
        springline_change moved = all[i];
        size_t at = i;
        for (; at > 0 && order(&all[at - 1]) > order(&moved); at--) {
            all[at] = all[at - 1];
        }
        all[at] = moved;
    }
}

static springline_result apply_all(const char *config, const springline_list *wanted)
{
    springline_result result = SPRINGLINE_OK;
    sort_changes();
    for (size_t i = 0; result == SPRINGLINE_OK && i < changes.count; i++) {
        const springline_change *change = (springline_change *)changes.items + i;
        bool deletes = change->action == SPRINGLINE_DELETE;
        if (deletes && (!is_ref(&inventory, change->ref) || is_ref(wanted, change->ref))) {
            fake_fault("`%s` may not be deleted", change->ref);
        }
        if (!deletes && !is_ref(wanted, change->ref)) {
            fake_fault("`%s` was not identified", change->ref);
        }
        result = apply(config, change);
    }
    return result;
}

springline_result springline_fake_sync(const char *config)
{
    springline_list wanted = { 0 };
    springline_result result = identify(config, &wanted);
    if (result == SPRINGLINE_OK) {
        result = springline_fake_plan(config);
    }
    if (result == SPRINGLINE_OK) {
        result = apply_all(config, &wanted);
    }
    if (result != SPRINGLINE_OK) {
        return result;
    }
    inventory = wanted;
    springline_list planned = changes;
    result = springline_fake_plan(config);
    if (result == SPRINGLINE_OK && changes.count > 0) {
        fake_fault("not converged: %s", springline_fake_changes());
    }
    changes = planned;
    return result;
}

springline_result springline_fake_explain(const char *config, const char *ref, const char **live, const char **wanted)
{
    springline_difference difference = { NULL, NULL };
    const springline_json *json;
    springline_result result = begin_target(config, &json);
    if (result == SPRINGLINE_OK && TARGET->explain != NULL) {
        result = TARGET->explain(json, find_change(ref), &difference);
    }
    result = settle(result);
    *live = fake_text(difference.live);
    *wanted = fake_text(difference.desired);
    return fake_end(result);
}

springline_result springline_fake_health(const char *config, const char *ref, const char **text)
{
    static const char *const statuses[] = { "healthy", "progressing", "degraded", "missing", "suspended", "unknown" };
    springline_observed observed = { .ref = ref };
    springline_health health = { SPRINGLINE_HEALTHY, NULL };
    const springline_json *json;
    springline_result result = begin_target(config, &json);
    if (result == SPRINGLINE_OK) {
        result = TARGET->observe(json, &observed, 1);
    }
    if (result == SPRINGLINE_OK && TARGET->judge != NULL) {
        result = TARGET->judge(json, &observed, &health);
    } else if (result == SPRINGLINE_OK && observed.version == NULL) {
        health.status = SPRINGLINE_MISSING;
    }
    result = settle(result);
    const char *why = health.message == NULL ? "" : health.message;
    *text = fake_format("%s %s%s%s", statuses[health.status], ref, *why == '\0' ? "" : " ", why);
    return fake_end(result);
}

springline_result springline_fake_marks(const char *config, const char **text)
{
    springline_refs refs = { { 0 } };
    const springline_json *json;
    springline_result result = begin_target(config, &json);
    if (result == SPRINGLINE_OK && TARGET->owned != NULL) {
        result = TARGET->owned(json, &refs);
    }
    result = settle(result);
    char *all = fake_text("");
    for (size_t i = 0; i < refs.list.count; i++) {
        fake_append(&all, "%s\n", ((const char **)refs.list.items)[i]);
    }
    *text = all;
    return fake_end(result);
}
