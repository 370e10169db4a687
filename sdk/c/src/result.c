/* Results, and a call from its beginning to its end. */
#include <errno.h>
#include <stdio.h>

#include "internal.h"

const char *springline_root = "";
void (*springline_close_handles)(void);

static springline_list violations;
static const char *message;
static uint64_t retry_after;

void springline_clear_problem(void)
{
    violations = (springline_list){ 0 };
    message = NULL;
    retry_after = 0;
}

void springline_call_begin(void)
{
    springline_clear_problem();
}

void springline_call_end(void)
{
    fflush(NULL);
    if (springline_close_handles != NULL) {
        springline_close_handles();
    }
    springline_close_log();
    springline_forget_values();
    springline_clear_problem();
    springline_free_arena();
}

springline_result springline_settle(springline_result result, springline_problem *problem)
{
    if (result == SPRINGLINE_OK && violations.count > 0) {
        result = SPRINGLINE_INVALID;
    }
    if (result == SPRINGLINE_INVALID && violations.count == 0) {
        springline_invalid("the plugin does not say what is wrong");
    }
    problem->violations = violations.items;
    problem->violation_count = violations.count;
    problem->message = message != NULL ? message : "the plugin does not say why";
    problem->retry_after = retry_after;
    return result;
}

size_t springline_violations(void)
{
    return violations.count;
}

static springline_result violate(const char *file, uint32_t line, const char *pointer, const char *text)
{
    springline_violation *violation = springline_list_add(&violations, sizeof *violation);
    violation->message = text;
    violation->file = springline_copy_text(file);
    violation->line = line;
    violation->pointer = springline_copy_text(pointer);
    return SPRINGLINE_INVALID;
}

static springline_result fail(springline_result result, const char *text)
{
    message = text;
    return result;
}

/* What printf would print of the arguments behind `format`, in `text`. */
#define FORMAT(text)                                                                                                   \
    va_list arguments;                                                                                                 \
    va_start(arguments, format);                                                                                       \
    const char *text = springline_format_va(format, arguments);                                                        \
    va_end(arguments)

springline_result springline_invalid_file(const char *file, uint32_t line, const char *format, ...)
{
    FORMAT(text);
    return violate(file, line, NULL, text);
}

springline_result springline_invalid_config(const char *pointer, const char *format, ...)
{
    FORMAT(text);
    return violate(NULL, 0, pointer, text);
}

springline_result springline_invalid(const char *format, ...)
{
    FORMAT(text);
    return violate(NULL, 0, NULL, text);
}

springline_result springline_denied(const char *format, ...)
{
    FORMAT(text);
    return fail(SPRINGLINE_DENIED, text);
}

springline_result springline_conflict(const char *format, ...)
{
    FORMAT(text);
    return fail(SPRINGLINE_CONFLICT, text);
}

springline_result springline_transient(uint64_t wait, const char *format, ...)
{
    FORMAT(text);
    retry_after = wait;
    return fail(SPRINGLINE_TRANSIENT, text);
}

springline_result springline_failed(const char *format, ...)
{
    FORMAT(text);
    return fail(SPRINGLINE_FAILED, text);
}

springline_result springline_failed_errno(const char *path)
{
    return springline_failed("%s: %s", path, strerror(errno));
}

springline_result springline_read_config(const char *text, size_t size, const springline_json **config)
{
    const char *problem;
    *config = springline_json_parse(text, size, &problem);
    return *config != NULL ? SPRINGLINE_OK : springline_invalid_config("", "%s", problem);
}
