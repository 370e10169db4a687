/* What the SDK's own files share. */
#ifndef SPRINGLINE_INTERNAL_H
#define SPRINGLINE_INTERNAL_H

#include <stdarg.h>
#include <string.h>

#include "bindings/host.h"
#include "springline.h"

/* What stands before `/in` and `/out`: nothing in a plugin, a temporary directory in a unit test. */
extern const char *springline_root;

/* Starts a call, and ends it: flushes what was printed, closes what is open, frees the arena. */
void springline_call_begin(void);
void springline_call_end(void);
/* Closes blobs and writers. Set once there are any: not every kind may import them. */
extern void (*springline_close_handles)(void);
void springline_close_log(void);
void springline_forget_values(void);
void springline_free_arena(void);

/* Memory that can't be had ends the call. */
void *springline_or_trap(void *memory);
char *springline_format_va(const char *format, va_list arguments) SPRINGLINE_PRINTF(1, 0);
char *springline_copy_text(const char *text);

/* One thing wrong with the input; NULL and 0 for what is not there. */
typedef struct springline_violation {
    const char *message;
    const char *file;
    uint32_t line;
    const char *pointer;
} springline_violation;

/* Why a call did not succeed, as far as it was told. */
typedef struct springline_problem {
    const springline_violation *violations;
    size_t violation_count;
    const char *message;
    uint64_t retry_after;
} springline_problem;

/* The result that a plugin returned, after noted violations, and why. */
springline_result springline_settle(springline_result result, springline_problem *problem);
void springline_clear_problem(void);

/* Reads the config; SPRINGLINE_INVALID if it is no JSON. */
springline_result springline_read_config(const char *text, size_t size, const springline_json **config);

/* A list that grows in the arena. */
typedef struct springline_list {
    void *items;
    size_t count;
    size_t capacity;
} springline_list;

/* A new item of `size` bytes at the end of the list, zeroed. */
void *springline_list_add(springline_list *list, size_t size);

struct springline_step {
    const char *summary;
};
struct springline_objects {
    springline_list list;
};
struct springline_identities {
    springline_list list;
};
struct springline_changes {
    springline_list list;
};
struct springline_refs {
    springline_list list;
};

typedef struct springline_identity {
    const char *ref;
    const char *object;
} springline_identity;

/* The bindings' strings: one that the host only looks at, and one that it gave us. */
static inline springline_host_string_t springline_lend(const char *text)
{
    springline_host_string_t string = { (uint8_t *)text, text == NULL ? 0 : strlen(text) };
    return string;
}

char *springline_take(springline_host_string_t *string);

#endif
