/* The exports of a deploy target. */
/* With its bindings, whose exports nothing refers to: they come along when the kind does. */
#include "../bindings/deploy_target.c"

#include "object.h"

const struct springline_kind springline_deploy_target_kind = { EXPORTS_SPRINGLINE_PLUGIN_DESCRIBE_KIND_DEPLOY_TARGET };

typedef exports_springline_plugin_deploy_target_change_t wire_change;

#define TARGET (springline_this_plugin.target)

static springline_result begin(springline_kind_string_t *text, const springline_json **config)
{
    springline_call_begin();
    return take_config(text, config);
}

/* What the target noted, in memory of its own even if it is empty. */
static uint8_t *take_bytes(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = (uint8_t *)springline_copy(bytes, size);
    if (size > 0) {
        free((void *)bytes);
    }
    return copy;
}

static const char *take_option(springline_kind_option_string_t *option)
{
    return option->is_some ? take_text(&option->val) : NULL;
}

/* Texts that are "" across the boundary and NULL in C. */
static const char *take_filled(springline_kind_string_t *text)
{
    return text->len == 0 ? NULL : take_text(text);
}

static springline_object *take_objects(exports_springline_plugin_deploy_target_list_object_t *list)
{
    springline_object *objects = springline_alloc((list->len + 1) * sizeof *objects);
    for (size_t i = 0; i < list->len; i++) {
        take_object(&list->ptr[i], &objects[i]);
    }
    if (list->len > 0) {
        free(list->ptr);
    }
    return objects;
}

static const char *const *take_refs(exports_springline_plugin_deploy_target_list_ref_t *list)
{
    const char **refs = springline_alloc((list->len + 1) * sizeof *refs);
    for (size_t i = 0; i < list->len; i++) {
        refs[i] = take_text(&list->ptr[i]);
    }
    if (list->len > 0) {
        free(list->ptr);
    }
    return refs;
}

static springline_change take_change(wire_change *from)
{
    return (springline_change){
        .ref = take_text(&from->ref),
        .object = take_filled(&from->object),
        .action = (springline_action)from->action,
        .wave = from->wave,
        .summary = take_filled(&from->summary),
        .before = take_option(&from->before),
        .after = take_option(&from->after),
        .state = take_bytes(from->state.ptr, from->state.len),
        .state_size = from->state.len,
    };
}

static wire_change give_change(const springline_change *from)
{
    return (wire_change){
        .ref = give_text(from->ref),
        .object = give_text(from->object),
        .action = (exports_springline_plugin_deploy_target_action_t)from->action,
        .wave = from->wave,
        .summary = give_text(from->summary),
        .before = give_option(from->before),
        .after = give_option(from->after),
        .state = { give(from->state, from->state_size), from->state_size },
    };
}

static void give_refs(const springline_list *from, exports_springline_plugin_deploy_target_list_ref_t *list)
{
    list->len = from->count;
    list->ptr = new_list(list->len, sizeof *list->ptr);
    for (size_t i = 0; i < list->len; i++) {
        list->ptr[i] = give_text(((const char **)from->items)[i]);
    }
}

bool exports_springline_plugin_deploy_target_identify(springline_kind_string_t *text,
                                                      exports_springline_plugin_deploy_target_list_object_t *desired,
                                                      exports_springline_plugin_deploy_target_list_identity_t *list,
                                                      exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_identities identities = { 0 };
    springline_result result = begin(text, &config);
    size_t count = desired->len;
    if (result == SPRINGLINE_OK) {
        result = TARGET->identify(config, take_objects(desired), count, &identities);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        const springline_identity *all = identities.list.items;
        list->len = identities.list.count;
        list->ptr = new_list(list->len, sizeof *list->ptr);
        for (size_t i = 0; i < list->len; i++) {
            list->ptr[i].ref = give_text(all[i].ref);
            list->ptr[i].object = give_text(all[i].object);
        }
    }
    springline_call_end();
    return succeeded;
}

bool exports_springline_plugin_deploy_target_plan(exports_springline_plugin_deploy_target_plan_input_t *wire,
                                                  exports_springline_plugin_deploy_target_list_change_t *list,
                                                  exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_changes changes = { 0 };
    springline_result result = begin(&wire->config, &config);
    springline_plan_input input = { .desired_count = wire->desired.len, .owned_count = wire->owned.len };
    if (result == SPRINGLINE_OK) {
        input.desired = take_objects(&wire->desired);
        input.owned = take_refs(&wire->owned);
        result = TARGET->plan(config, &input, &changes);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        const springline_change *all = changes.list.items;
        list->len = changes.list.count;
        list->ptr = new_list(list->len, sizeof *list->ptr);
        for (size_t i = 0; i < list->len; i++) {
            list->ptr[i] = give_change(&all[i]);
        }
    }
    springline_call_end();
    return succeeded;
}

bool exports_springline_plugin_deploy_target_explain(springline_kind_string_t *text, wire_change *wire,
                                                     exports_springline_plugin_deploy_target_difference_t *answer,
                                                     exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_difference difference = { NULL, NULL };
    springline_result result = begin(text, &config);
    if (result == SPRINGLINE_OK && TARGET->explain != NULL) {
        springline_change change = take_change(wire);
        result = TARGET->explain(config, &change, &difference);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        answer->live = give_option(difference.live);
        answer->desired = give_option(difference.desired);
    }
    springline_call_end();
    return succeeded;
}

bool exports_springline_plugin_deploy_target_apply(springline_kind_string_t *text, wire_change *wire,
                                                   exports_springline_plugin_deploy_target_applied_t *answer,
                                                   exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_applied applied = { NULL, NULL };
    springline_result result = begin(text, &config);
    if (result == SPRINGLINE_OK) {
        springline_change change = take_change(wire);
        applied.after = change.after;
        result = TARGET->apply(config, &change, &applied);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        answer->after = give_option(applied.after);
        answer->message = give_text(applied.message);
    }
    springline_call_end();
    return succeeded;
}

bool exports_springline_plugin_deploy_target_observe(springline_kind_string_t *text,
                                                     exports_springline_plugin_deploy_target_list_ref_t *refs,
                                                     exports_springline_plugin_deploy_target_list_observed_t *list,
                                                     exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_observed *observed = NULL;
    springline_result result = begin(text, &config);
    size_t count = refs->len;
    if (result == SPRINGLINE_OK) {
        observed = springline_alloc((count + 1) * sizeof *observed);
        const char *const *asked = take_refs(refs);
        for (size_t i = 0; i < count; i++) {
            observed[i].ref = asked[i];
        }
        result = TARGET->observe(config, observed, count);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        list->len = count;
        list->ptr = new_list(count, sizeof *list->ptr);
        for (size_t i = 0; i < count; i++) {
            const springline_observed *from = &observed[i];
            list->ptr[i].ref = give_text(from->ref);
            list->ptr[i].version = give_option(from->version);
            list->ptr[i].state.ptr = give(from->state, from->state_size);
            list->ptr[i].state.len = from->state_size;
        }
    }
    springline_call_end();
    return succeeded;
}

bool exports_springline_plugin_deploy_target_judge(springline_kind_string_t *text,
                                                   exports_springline_plugin_deploy_target_observed_t *wire,
                                                   exports_springline_plugin_deploy_target_health_t *answer,
                                                   exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_health health = { SPRINGLINE_HEALTHY, NULL };
    springline_result result = begin(text, &config);
    if (result == SPRINGLINE_OK) {
        springline_observed observed = {
            .ref = take_text(&wire->ref),
            .version = take_option(&wire->version),
            .state = take_bytes(wire->state.ptr, wire->state.len),
            .state_size = wire->state.len,
        };
        if (TARGET->judge != NULL) {
            result = TARGET->judge(config, &observed, &health);
        } else if (observed.version == NULL) {
            health.status = SPRINGLINE_MISSING;
        }
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        answer->status = (exports_springline_plugin_deploy_target_health_status_t)health.status;
        answer->message = give_text(health.message);
    }
    springline_call_end();
    return succeeded;
}

bool exports_springline_plugin_deploy_target_owned(springline_kind_string_t *text,
                                                   exports_springline_plugin_deploy_target_list_ref_t *list,
                                                   exports_springline_plugin_deploy_target_error_t *error)
{
    const springline_json *config;
    springline_refs refs = { 0 };
    springline_result result = begin(text, &config);
    if (result == SPRINGLINE_OK && TARGET->owned != NULL) {
        result = TARGET->owned(config, &refs);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        give_refs(&refs.list, list);
    }
    springline_call_end();
    return succeeded;
}
