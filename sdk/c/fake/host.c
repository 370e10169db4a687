/* The fake host: its memory, what it is told, and what it tells of a call. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"

/* Where the SDK's macros expect the kinds' exports, which only a component has. */
struct springline_kind {
    int unused;
};
const struct springline_kind springline_build_step_kind = { 0 };
const struct springline_kind springline_renderer_kind = { 0 };
const struct springline_kind springline_deploy_target_kind = { 0 };

fake_context fake;

static char root[4096];

typedef struct piece {
    struct piece *next;
    max_align_t bytes[];
} piece;

static piece *pieces;

void fake_fault(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("springline_fake: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

void *fake_alloc(size_t size)
{
    piece *added = calloc(1, sizeof *added + size);
    if (added == NULL) {
        fake_fault("out of memory");
    }
    added->next = pieces;
    pieces = added;
    return added->bytes;
}

char *fake_copy(const void *data, size_t size)
{
    char *copy = fake_alloc(size + 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

char *fake_text(const char *text)
{
    return text == NULL ? NULL : fake_copy(text, strlen(text));
}

static char *format_va(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    char *text = fake_alloc((size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

char *fake_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_va(format, arguments);
    va_end(arguments);
    return text;
}

void fake_append(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *more = format_va(format, arguments);
    va_end(arguments);
    *text = fake_format("%s%s", *text == NULL ? "" : *text, more);
}

void *fake_list_add(springline_list *list, size_t size)
{
    char *items = fake_alloc((list->count + 1) * size);
    if (list->count > 0) {
        memcpy(items, list->items, list->count * size);
    }
    list->items = items;
    return items + size * list->count++;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static void clear(void)
{
    springline_call_end();
    if (root[0] != '\0') {
        nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        root[0] = '\0';
    }
    while (pieces != NULL) {
        piece *next = pieces->next;
        free(pieces);
        pieces = next;
    }
}

void springline_fake_reset(void)
{
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(clear);
    }
    clear();
    const char *temporary = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/springline-fake-XXXXXX", temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(root) == NULL) {
        root[0] = '\0';
        fake_fault("no temporary directory can be made");
    }
    springline_root = root;
    static const char *const directories[] = { "in", "out", "artifacts" };
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        if (mkdir(fake_format("%s/%s", root, directories[i]), 0777) != 0) {
            fake_fault("the temporary directory can't be written");
        }
    }
    fake = (fake_context){
        .application = fake_text("example"),
        .environment = fake_text("test"),
        .revision = fake_text("0123456789abcdef0123456789abcdef01234567"),
        .commit_time = 1700000000,
        .values = fake_text("{}"),
        .log = fake_text(""),
    };
    fake_reset_bindings();
    fake_reset_live();
    fake_reset_calls();
}

void springline_fake_same(const char *actual, const char *expected)
{
    bool same = actual == NULL || expected == NULL ? actual == expected : strcmp(actual, expected) == 0;
    if (!same) {
        fprintf(stderr, "expected: %s\nactual:   %s\n", expected == NULL ? "(nothing)" : expected,
                actual == NULL ? "(nothing)" : actual);
        abort();
    }
}

static void put(const char *path, const void *data, size_t size)
{
    if (springline_write(path, data, size) != SPRINGLINE_OK) {
        fake_fault("%s can't be written", path);
    }
}

void springline_fake_input_bytes(const char *path, const void *data, size_t size)
{
    put(springline_in(path), data, size);
}

void springline_fake_input(const char *path, const char *text)
{
    springline_fake_input_bytes(path, text, strlen(text));
}

void springline_fake_input_executable(const char *path, const char *text)
{
    springline_fake_input(path, text);
    if (chmod(springline_in(path), 0777) != 0) {
        fake_fault("%s can't be made executable", path);
    }
}

void springline_fake_input_link(const char *path, const char *target)
{
    /* Makes the directories above it. */
    springline_fake_input(path, "");
    if (unlink(springline_in(path)) != 0 || symlink(target, springline_in(path)) != 0) {
        fake_fault("the link %s can't be made", path);
    }
}

static fake_artifact *artifact(const char *name)
{
    for (size_t i = 0; i < fake.artifacts.count; i++) {
        fake_artifact *at = (fake_artifact *)fake.artifacts.items + i;
        if (strcmp(at->name, name) == 0) {
            return at;
        }
    }
    fake_artifact *added = fake_list_add(&fake.artifacts, sizeof *added);
    added->name = fake_text(name);
    return added;
}

void springline_fake_artifact(const char *name, const char *path, const char *text)
{
    put(springline_artifact_path(name, path), text, strlen(text));
    springline_tree_entry *entry = fake_list_add(&artifact(name)->entries, sizeof *entry);
    *entry = (springline_tree_entry){ fake_text(path), SPRINGLINE_FILE, fake_add_blob(text, strlen(text)), strlen(text), "" };
}

void springline_fake_application(const char *name)
{
    fake.application = fake_text(name);
}

void springline_fake_environment(const char *name)
{
    fake.environment = fake_text(name);
}

void springline_fake_revision(const char *revision)
{
    fake.revision = fake_text(revision);
}

void springline_fake_commit_time(int64_t seconds)
{
    fake.commit_time = seconds;
}

void springline_fake_values(const char *json)
{
    fake.values = fake_text(json);
}

void springline_fake_secret(const char *name, const char *value)
{
    char **pair = fake_list_add(&fake.secrets, 2 * sizeof *pair);
    pair[0] = fake_text(name);
    pair[1] = fake_text(value);
}

const char *springline_fake_log(void)
{
    return fake.log;
}

char *fake_owner(void)
{
    return fake_format("%s/%s", fake.application, fake.environment == NULL ? "" : fake.environment);
}

const char *springline_fake_output_bytes(const char *path, size_t *size)
{
    const char *at = springline_out(path);
    char *data;
    size_t length;
    struct stat status;
    if (stat(at, &status) != 0 || !S_ISREG(status.st_mode) || springline_read(at, &data, &length) != SPRINGLINE_OK) {
        return NULL;
    }
    if (size != NULL) {
        *size = length;
    }
    return fake_copy(data, length);
}

const char *springline_fake_output(const char *path)
{
    return springline_fake_output_bytes(path, NULL);
}

bool springline_fake_output_is_executable(const char *path)
{
    struct stat status;
    return stat(springline_out(path), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

const char *springline_fake_outputs(void)
{
    springline_entry *entries;
    size_t count;
    if (springline_walk(springline_out(""), &entries, &count) != SPRINGLINE_OK) {
        fake_fault("the output can't be read");
    }
    char *paths = fake_text("");
    for (size_t i = 0; i < count; i++) {
        fake_append(&paths, "%s\n", entries[i].path);
    }
    return paths;
}
