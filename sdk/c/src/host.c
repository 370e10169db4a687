/* Logs, the context and secrets. */
#include <stdlib.h>

#include "internal.h"

/* The sink of the last topic; most plugins have one. */
static springline_host_log_own_sink_t sink;
static const char *sink_topic;

static springline_host_log_borrow_sink_t sink_for(const char *topic)
{
    if (sink_topic == NULL || strcmp(sink_topic, topic) != 0) {
        springline_close_log();
        springline_host_string_t name = springline_lend(topic);
        sink = springline_host_log_constructor_sink(&name);
        sink_topic = springline_copy_text(topic);
    }
    return springline_host_log_borrow_sink(sink);
}

void springline_close_log(void)
{
    if (sink_topic != NULL) {
        springline_host_log_sink_drop_own(sink);
        sink_topic = NULL;
    }
}

void springline_log(springline_level level, const char *topic, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    springline_host_string_t line = springline_lend(springline_format_va(format, arguments));
    va_end(arguments);
    springline_host_log_method_sink_write(sink_for(topic == NULL ? "" : topic), (springline_host_log_level_t)level, &line);
}

void springline_progress(uint64_t done, uint64_t total)
{
    springline_host_log_method_sink_progress(sink_for(sink_topic == NULL ? "" : sink_topic), done, total);
}

const char *springline_application(void)
{
    springline_host_string_t name;
    springline_host_context_application(&name);
    return springline_take(&name);
}

const char *springline_environment(void)
{
    springline_host_string_t name;
    return springline_host_context_environment(&name) ? springline_take(&name) : NULL;
}

const char *springline_revision(void)
{
    springline_host_string_t revision;
    springline_host_context_revision(&revision);
    return springline_take(&revision);
}

int64_t springline_commit_time(void)
{
    return springline_host_context_commit_time();
}

/* Those of the call, once they were asked for. */
static const springline_json *values;

void springline_forget_values(void)
{
    values = NULL;
}

const springline_json *springline_values(void)
{
    if (values != NULL) {
        return values;
    }
    springline_host_string_t text;
    springline_host_context_values(&text);
    size_t size = text.len;
    const char *problem;
    values = springline_json_parse(springline_take(&text), size, &problem);
    if (values == NULL) {
        springline_invalid("the environment's values: %s", problem);
        values = springline_json_parse("{}", 2, NULL);
    }
    return values;
}

const char *springline_artifact(const char *name)
{
    springline_host_string_t wanted = springline_lend(name);
    springline_host_context_desired_artifact_t artifact;
    if (!springline_host_context_artifact(&wanted, &artifact)) {
        return NULL;
    }
    springline_take(&artifact.name);
    return springline_take(&artifact.digest);
}

const char *const *springline_artifact_names(size_t *count)
{
    springline_host_list_string_t list;
    springline_host_context_artifact_names(&list);
    const char **names = springline_alloc((list.len + 1) * sizeof *names);
    for (size_t i = 0; i < list.len; i++) {
        names[i] = springline_take(&list.ptr[i]);
    }
    if (list.len > 0) {
        free(list.ptr);
    }
    *count = list.len;
    return names;
}

springline_result springline_secret(const char *name, char **data, size_t *size)
{
    springline_host_string_t wanted = springline_lend(name);
    springline_host_list_u8_t bytes;
    springline_host_secrets_secret_error_t error;
    if (!springline_host_secrets_get(&wanted, &bytes, &error)) {
        bool denied = error.tag == SPRINGLINE_HOST_SECRETS_SECRET_ERROR_DENIED;
        const char *why = springline_take(denied ? &error.val.denied : &error.val.unavailable);
        return denied ? springline_denied("%s", why) : springline_failed("%s", why);
    }
    *data = springline_copy(bytes.ptr, bytes.len);
    if (size != NULL) {
        *size = bytes.len;
    }
    if (bytes.len > 0) {
        free(bytes.ptr);
    }
    return SPRINGLINE_OK;
}
