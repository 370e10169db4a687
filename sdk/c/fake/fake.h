/* What the fake host's own files share. */
#ifndef SPRINGLINE_FAKE_INTERNAL_H
#define SPRINGLINE_FAKE_INTERNAL_H

#include "../src/internal.h"
#include "springline_fake.h"

/* Bytes that the fake host keeps until it is reset, with a NUL behind them. */
typedef struct fake_bytes {
    char *data;
    size_t size;
} fake_bytes;

/* Ends the program: the test is at fault. */
void fake_fault(const char *format, ...) SPRINGLINE_PRINTF(1, 2) __attribute__((noreturn));
/* Memory until the reset. */
void *fake_alloc(size_t size);
char *fake_copy(const void *data, size_t size);
char *fake_text(const char *text);
char *fake_format(const char *format, ...) SPRINGLINE_PRINTF(1, 2);
/* A new item at the end of a list that lives until the reset. */
void *fake_list_add(springline_list *list, size_t size);
/* Text that grows until the reset. */
void fake_append(char **text, const char *format, ...) SPRINGLINE_PRINTF(2, 3);

/* `sha256:` and 64 hex digits. */
char *fake_digest(const void *data, size_t size);
/* Gives the plugin a blob; its digest. */
char *fake_add_blob(const void *data, size_t size);
/* The bytes of a blob; NULL if there is none. */
const fake_bytes *fake_blob(const char *digest);
/* Gives the plugin a tree; its digest. Entries in any order. */
char *fake_add_tree(springline_tree_entry *entries, size_t count);

/* Begins a call with this config; ends it, noting how it went. */
springline_result fake_begin(const char *config, const springline_json **json);
springline_result fake_end(springline_result result);

/* Who we are in the lent directory. */
char *fake_owner(void);

/* Each file's own part of a reset. */
void fake_reset_bindings(void);
void fake_reset_live(void);
void fake_reset_calls(void);

/* The lent directory: what is at a path, and what the bindings do with it. */
typedef struct fake_live_node {
    char *path;
    springline_file_kind kind;
    fake_bytes bytes;
    char *owner;
} fake_live_node;

extern bool fake_is_lent;
const fake_live_node *fake_live_find(const char *path);
bool fake_live_is_directory(const char *path);
/* Why a path may not be named, or a link may not point there; NULL if it may. */
const char *fake_live_path_denied(const char *path);
const char *fake_live_link_denied(const char *path, const char *target);
/* What a change of it is in conflict with; NULL: it was done. */
const char *fake_live_put(const char *path, springline_file_kind kind, const fake_bytes *bytes, const char *expected);
const char *fake_live_remove(const char *path, const char *expected);
const char *fake_live_adopt(const char *path);
size_t fake_live_count(void);
const fake_live_node *fake_live_at(size_t index);

typedef struct fake_artifact {
    char *name;
    springline_list entries;
} fake_artifact;

/* What the plugin is told. */
typedef struct fake_context {
    char *application;
    char *environment;
    char *revision;
    char *values;
    char *log;
    int64_t commit_time;
    springline_list artifacts;
    /* Pairs of name and value. */
    springline_list secrets;
} fake_context;

extern fake_context fake;

#endif
