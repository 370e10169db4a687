/*
 * What the exports of every kind share. The headers of the kinds' bindings name their types alike,
 * so that this serves all of them; it is included behind one of those.
 *
 * What is given to the host is allocated by malloc: the bindings free it when the host has read it.
 */
#ifndef SPRINGLINE_EXPORT_H
#define SPRINGLINE_EXPORT_H

#include <stdlib.h>

#include "../internal.h"

struct springline_kind {
    uint8_t kind;
};

static inline void *give(const void *data, size_t size)
{
    return size == 0 ? NULL : memcpy(springline_or_trap(malloc(size)), data, size);
}

static inline springline_kind_string_t give_text(const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);
    return (springline_kind_string_t){ give(text, size), size };
}

static inline springline_kind_option_string_t give_option(const char *text)
{
    return (springline_kind_option_string_t){ text != NULL, give_text(text) };
}

static inline char *take_text(springline_kind_string_t *string)
{
    springline_host_string_t same = { string->ptr, string->len };
    return springline_take(&same);
}

static inline void *new_list(size_t count, size_t size)
{
    return count == 0 ? NULL : springline_or_trap(calloc(count, size));
}

static void give_violations(const springline_problem *problem, springline_plugin_types_list_violation_t *list)
{
    list->len = problem->violation_count;
    list->ptr = new_list(list->len, sizeof *list->ptr);
    for (size_t i = 0; i < list->len; i++) {
        const springline_violation *from = &problem->violations[i];
        list->ptr[i] = (springline_plugin_types_violation_t){
            .message = give_text(from->message),
            .file = give_option(from->file),
            .line = { from->line != 0, from->line },
            .pointer = give_option(from->pointer),
        };
    }
}

/* Says how a call went, and why if it failed. */
static bool give_result(springline_result result, springline_plugin_types_error_t *error)
{
    springline_problem problem;
    switch (springline_settle(result, &problem)) {
    case SPRINGLINE_OK:
        return true;
    case SPRINGLINE_INVALID:
        error->tag = SPRINGLINE_PLUGIN_TYPES_ERROR_INVALID;
        give_violations(&problem, &error->val.invalid);
        return false;
    case SPRINGLINE_DENIED:
        error->tag = SPRINGLINE_PLUGIN_TYPES_ERROR_DENIED;
        error->val.denied = give_text(problem.message);
        return false;
    case SPRINGLINE_CONFLICT:
        error->tag = SPRINGLINE_PLUGIN_TYPES_ERROR_CONFLICT;
        error->val.conflict = give_text(problem.message);
        return false;
    case SPRINGLINE_TRANSIENT:
        error->tag = SPRINGLINE_PLUGIN_TYPES_ERROR_TRANSIENT;
        error->val.transient.message = give_text(problem.message);
        error->val.transient.retry_after = (springline_kind_option_u64_t){ problem.retry_after != 0, problem.retry_after };
        return false;
    default:
        error->tag = SPRINGLINE_PLUGIN_TYPES_ERROR_FAILED;
        error->val.failed = give_text(problem.message);
        return false;
    }
}

/* Reads the config, which belongs to the call from now on. */
static springline_result take_config(springline_kind_string_t *text, const springline_json **config)
{
    size_t size = text->len;
    return springline_read_config(take_text(text), size, config);
}

void exports_springline_plugin_describe_describe(exports_springline_plugin_describe_description_t *description)
{
    const springline_info *info = springline_this_plugin.info;
    static const char no_config[] = "{\"type\":\"object\",\"additionalProperties\":false}";
    *description = (exports_springline_plugin_describe_description_t){
        .name = give_text(info->name),
        .version = give_text(info->version),
        .summary = give_text(info->summary),
        .kind = springline_this_plugin.kind->kind,
        .config_schema = give_text(info->config_schema != NULL ? info->config_schema : no_config),
    };
    size_t count = 0;
    size_t most = sizeof info->capabilities / sizeof *info->capabilities;
    while (count < most && info->capabilities[count].name != NULL) {
        count++;
    }
    description->capabilities.len = count;
    description->capabilities.ptr = new_list(count, sizeof *description->capabilities.ptr);
    for (size_t i = 0; i < count; i++) {
        description->capabilities.ptr[i].name = give_text(info->capabilities[i].name);
        description->capabilities.ptr[i].reason = give_text(info->capabilities[i].reason);
    }
}

#endif
