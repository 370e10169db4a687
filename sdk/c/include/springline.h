/*
 * springline.h - write Springline plugins in C (C11) or C++ (C++11 and later).
 *
 * A plugin says what it is in a `springline_info`, has one function of its kind (seven for a deploy
 * target), and ties both together with one macro:
 *
 *     #include <springline.h>
 *
 *     static springline_result run(const springline_json *config, springline_step *step)
 *     {
 *         const char *text = springline_format("Hello, %s\n", springline_json_string(config, "/name", "you"));
 *         springline_summary(step, "1 file");
 *         return springline_write(springline_out("hello.txt"), text, strlen(text));
 *     }
 *
 *     static const springline_info info = {
 *         .name = "hello-step",
 *         .version = "0.1.0",
 *         .summary = "Greets somebody.",
 *         .config_schema = SPRINGLINE_JSON({ "type": "object", "properties": { "name": { "type": "string" } } }),
 *     };
 *
 *     SPRINGLINE_BUILD_STEP(info, run);
 *
 * Compiled for wasm32 it becomes a component; compiled natively with the fake host of
 * springline_fake.h it is what unit tests run.
 *
 * Memory. Whatever these functions return lives until the end of the call, in an arena, and is
 * never freed by the plugin. Whatever is given to them is copied. Strings are UTF-8 and end in NUL;
 * bytes have a size. The plugin's own malloc and free work as ever. Where memory ends, the call ends.
 *
 * Calls. The host makes one call at a time, each in a fresh instance: nothing that a plugin keeps in
 * a variable is there in the next call. There are no threads. That is why functions take no handle.
 *
 * Files. `/in` is the input, read-only; a build step writes below `/out`; a renderer finds artifacts
 * below `/artifacts/NAME`. They are ordinary files for fopen(), opendir() and the like; take their
 * paths from springline_in(), springline_out() and springline_artifact_path(), so that the same code
 * runs in a unit test.
 */
#ifndef SPRINGLINE_H
#define SPRINGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SPRINGLINE_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))
#define SPRINGLINE_MUST_USE __attribute__((warn_unused_result))
#else
#define SPRINGLINE_PRINTF(at, first)
#define SPRINGLINE_MUST_USE
#endif

/* ------------------------------------------------------------------------------------ results */

/*
 * How a call went. The host acts on the case, never on the text. The functions below note the text
 * and return the case, so that a plugin writes `return springline_failed("no %s", name);`.
 */
typedef enum springline_result {
    /* It succeeded. If a violation was noted, it is SPRINGLINE_INVALID all the same. */
    SPRINGLINE_OK,
    /* The input is wrong: trying again changes nothing, mending it does. */
    SPRINGLINE_INVALID,
    /* A power that the call needs was not granted. */
    SPRINGLINE_DENIED,
    /* Reality is not what the change was planned on: it is planned again. */
    SPRINGLINE_CONFLICT,
    /* Something outside failed in a way that passes: the host tries again. */
    SPRINGLINE_TRANSIENT,
    /* Anything else: trying again is no use. */
    SPRINGLINE_FAILED
} springline_result;

/*
 * Notes something wrong with a file of the input: its path below `/in`, and the line from 1, or 0
 * for the file as a whole. Note as many as there are; the user is shown all of them.
 */
springline_result springline_invalid_file(const char *file, uint32_t line, const char *format, ...)
    SPRINGLINE_PRINTF(3, 4);
/* Notes something wrong with the config, at a JSON pointer such as `/values/0`. */
springline_result springline_invalid_config(const char *pointer, const char *format, ...) SPRINGLINE_PRINTF(2, 3);
/* Notes something wrong that has no place. */
springline_result springline_invalid(const char *format, ...) SPRINGLINE_PRINTF(1, 2);
/* How many violations have been noted in this call. */
size_t springline_violations(void);

/* A power is missing. */
springline_result springline_denied(const char *format, ...) SPRINGLINE_PRINTF(1, 2);
/* Reality is not what the change was planned on. */
springline_result springline_conflict(const char *format, ...) SPRINGLINE_PRINTF(1, 2);
/* Something passing; try again after so many milliseconds, 0 leaves it to the host. */
springline_result springline_transient(uint64_t retry_after, const char *format, ...) SPRINGLINE_PRINTF(2, 3);
/* Anything else. */
springline_result springline_failed(const char *format, ...) SPRINGLINE_PRINTF(1, 2);
/* SPRINGLINE_FAILED with this path and the text of `errno`. */
springline_result springline_failed_errno(const char *path);

/* ---------------------------------------------------------------------------- memory and text */

/* Zeroed memory until the end of the call; never NULL. */
void *springline_alloc(size_t size);
/* What printf would print. */
char *springline_format(const char *format, ...) SPRINGLINE_PRINTF(1, 2);
/* A copy of bytes, with a NUL behind them. */
char *springline_copy(const void *data, size_t size);
/* Whether these bytes are UTF-8: no overlong forms, no surrogates. */
bool springline_is_utf8(const void *data, size_t size);

/*
 * Bytes that grow. Starts as `{ 0 }`. `data` has a NUL behind its `size` bytes, and is NULL as long
 * as nothing was appended.
 */
typedef struct springline_buffer {
    char *data;
    size_t size;
    size_t capacity;
} springline_buffer;

void springline_append(springline_buffer *buffer, const void *data, size_t size);
void springline_append_text(springline_buffer *buffer, const char *text);
void springline_append_format(springline_buffer *buffer, const char *format, ...) SPRINGLINE_PRINTF(2, 3);

/* --------------------------------------------------------------------------------------- JSON */

/*
 * A JSON value: the config, the environment's values, or what springline_json_parse() read. Every
 * function takes NULL for a value that is not there. A *pointer* is a JSON pointer (RFC 6901):
 * `/title`, `/values/0`, `` for the value itself, `~1` for a `/` in a key.
 */
typedef struct springline_json springline_json;

typedef enum springline_json_type {
    SPRINGLINE_JSON_NULL,
    SPRINGLINE_JSON_BOOL,
    SPRINGLINE_JSON_NUMBER,
    SPRINGLINE_JSON_STRING,
    SPRINGLINE_JSON_ARRAY,
    SPRINGLINE_JSON_OBJECT
} springline_json_type;

/* The value at a pointer; NULL if there is none. */
const springline_json *springline_json_get(const springline_json *json, const char *pointer);
/* What it is; SPRINGLINE_JSON_NULL if it is not there. */
springline_json_type springline_json_type_of(const springline_json *json);
/* The value at a pointer, or the fallback where nothing is there or something of another type. */
const char *springline_json_string(const springline_json *json, const char *pointer, const char *fallback);
bool springline_json_bool(const springline_json *json, const char *pointer, bool fallback);
double springline_json_number(const springline_json *json, const char *pointer, double fallback);
/* The fallback as well where the number has a fraction or is too large. */
int64_t springline_json_integer(const springline_json *json, const char *pointer, int64_t fallback);
/* How many items or members it has; 0 if it is neither array nor object. */
size_t springline_json_size(const springline_json *json);
/* An item of an array, or the value of a member of an object, in the order of the text. */
const springline_json *springline_json_item(const springline_json *json, size_t index);
/* The key of a member of an object; NULL if there is none. */
const char *springline_json_key(const springline_json *json, size_t index);
/* The JSON text of it, as it was written: `1.50`, `"a"`, `[1, 2]`. */
const char *springline_json_text(const springline_json *json);
/*
 * Reads JSON, strictly: RFC 8259, UTF-8, no key twice, at most 128 levels, no NUL in a string.
 * NULL if it is none; `*problem`, if not NULL, then says why, such as `line 3: expected a value`.
 */
const springline_json *springline_json_parse(const char *text, size_t size, const char **problem);

/* Turns JSON in the source into a string literal. */
#define SPRINGLINE_JSON(...) #__VA_ARGS__

/* --------------------------------------------------------------------------- log and progress */

typedef enum springline_level { SPRINGLINE_DEBUG, SPRINGLINE_INFO, SPRINGLINE_WARN, SPRINGLINE_ERROR } springline_level;

/*
 * Logs a line; `topic` stands in front of it, NULL for none. Standard output and standard error are
 * logs as well, at SPRINGLINE_INFO and SPRINGLINE_WARN. A log is never a part of a result.
 */
void springline_log(springline_level level, const char *topic, const char *format, ...) SPRINGLINE_PRINTF(3, 4);
/* Says how far the work is; `total` 0 where it is not known. */
void springline_progress(uint64_t done, uint64_t total);

/* ------------------------------------------------------------------------------------ context */

/*
 * What the call is about. Every question is traced: a result depends on the answer only if it was
 * asked.
 */

/* The application's name. */
const char *springline_application(void);
/* The environment's name; NULL in a build step, which serves every environment. */
const char *springline_environment(void);
/* The revision, as git prints it. Makes the result depend on every commit. */
const char *springline_revision(void);
/* When the revision was committed, in seconds since 1970. time() is a constant in a plugin. */
int64_t springline_commit_time(void);
/* The environment's `values` of springline.yaml: an object, without members if there are none. */
const springline_json *springline_values(void);
/* The digest of the artifact of this name; NULL if the application declares no such one. */
const char *springline_artifact(const char *name);
/* The names of the application's artifacts, sorted. */
const char *const *springline_artifact_names(size_t *count);

/* -------------------------------------------------------------------------------------- files */

/* `/in/PATH`, `/out/PATH`, `/artifacts/NAME/PATH`; "" as path names the directory itself. */
const char *springline_in(const char *path);
const char *springline_out(const char *path);
const char *springline_artifact_path(const char *name, const char *path);

/* A file or a symbolic link below a directory. */
typedef struct springline_entry {
    /* Its path below the directory, parts separated by `/`. */
    const char *path;
    /* Where it points if it is a symbolic link; otherwise NULL. */
    const char *link;
} springline_entry;

/* Every file and symbolic link below a directory, sorted by the bytes of their paths. */
springline_result springline_walk(const char *directory, springline_entry **entries, size_t *count) SPRINGLINE_MUST_USE;
/* All bytes of a file, with a NUL behind them; `size` may be NULL. */
springline_result springline_read(const char *path, char **data, size_t *size) SPRINGLINE_MUST_USE;
/*
 * The same for a file of the input by its path below `/in`. If there is none, or text is not UTF-8,
 * the result is SPRINGLINE_INVALID and a violation that names the file and the line was noted.
 */
springline_result springline_read_input(const char *path, char **data, size_t *size) SPRINGLINE_MUST_USE;
springline_result springline_read_input_text(const char *path, char **text) SPRINGLINE_MUST_USE;
/* Writes a file as a whole; the directories above it are made. */
springline_result springline_write(const char *path, const void *data, size_t size) SPRINGLINE_MUST_USE;
/* Copies a file with its executable bit; the directories above it are made. */
springline_result springline_copy_file(const char *from, const char *to) SPRINGLINE_MUST_USE;
/* Makes a directory and those above it. */
springline_result springline_make_directories(const char *path) SPRINGLINE_MUST_USE;
/* WASI has no modes: the host says and sets whether a regular file is executable. */
springline_result springline_is_executable(const char *path, bool *executable) SPRINGLINE_MUST_USE;
springline_result springline_set_executable(const char *path, bool executable) SPRINGLINE_MUST_USE;

/* ------------------------------------------------------------------------------------ objects */

typedef enum springline_body { SPRINGLINE_INLINE, SPRINGLINE_BLOB, SPRINGLINE_TREE } springline_body;

/* A desired object, a manifest. */
typedef struct springline_object {
    /* Unique within a render: parts separated by `/`, none empty, `.` or `..`. */
    const char *id;
    /* Where its bytes are. */
    springline_body body;
    /* The bytes of SPRINGLINE_INLINE. */
    const void *data;
    size_t size;
    /* The digest of SPRINGLINE_BLOB and SPRINGLINE_TREE. */
    const char *digest;
} springline_object;

/* The most bytes that an object has inline, or one call of the host reads or writes. */
#define SPRINGLINE_CHUNK ((size_t)1 << 20)

/* -------------------------------------------------------------------------- blobs and trees */

/* Bytes by digest: what is too large to hand over at once. Renderers and deploy targets. */
typedef struct springline_blob springline_blob;
typedef struct springline_writer springline_writer;

/* Opens a blob that the call was given or wrote. It is closed when the call ends. */
springline_result springline_blob_open(const char *digest, springline_blob **blob) SPRINGLINE_MUST_USE;
uint64_t springline_blob_size(const springline_blob *blob);
/* Reads up to `size` bytes from `offset` into `data`; `*got` is 0 at the end. */
springline_result springline_blob_read(springline_blob *blob, uint64_t offset, void *data, size_t size, size_t *got)
    SPRINGLINE_MUST_USE;
/* All bytes of a blob, with a NUL behind them. */
springline_result springline_blob_bytes(springline_blob *blob, char **data, size_t *size) SPRINGLINE_MUST_USE;
/* Closes it before the call ends. */
void springline_blob_close(springline_blob *blob);

/* Starts an empty blob. It is closed when the call ends. */
springline_writer *springline_writer_new(void);
springline_result springline_writer_write(springline_writer *writer, const void *data, size_t size) SPRINGLINE_MUST_USE;
/* Ends the blob and gives its digest. The writer is empty again afterwards. */
springline_result springline_writer_finish(springline_writer *writer, const char **digest) SPRINGLINE_MUST_USE;

/* What is at a place of a tree or of the lent directory. */
typedef enum springline_file_kind {
    SPRINGLINE_FILE,
    SPRINGLINE_EXECUTABLE,
    SPRINGLINE_SYMLINK,
    SPRINGLINE_DIRECTORY,
    SPRINGLINE_OTHER
} springline_file_kind;

/* A file or a symbolic link of a tree; directories are implied by the paths. */
typedef struct springline_tree_entry {
    const char *path;
    springline_file_kind kind;
    /* The digest of its bytes; for a symbolic link, of its target. */
    const char *digest;
    uint64_t size;
    /* Where a symbolic link points; "" for a file. */
    const char *link;
} springline_tree_entry;

/* Every file and symbolic link of a tree, sorted by path. Their blobs may be opened afterwards. */
springline_result springline_tree_walk(const char *digest, springline_tree_entry **entries, size_t *count)
    SPRINGLINE_MUST_USE;

/* ------------------------------------------------------------------------------------ secrets */

/* The value of the secret that the operator granted under this name; SPRINGLINE_DENIED if none. */
springline_result springline_secret(const char *name, char **data, size_t *size) SPRINGLINE_MUST_USE;

/* ---------------------------------------------------------------------------------- directory */

/*
 * The directory that the operator lends to a deploy target; takes the capability `directory`. Paths
 * are relative to it and can't leave it. `expected` is the digest that springline_inspect() last gave
 * for the path, "" or NULL for nothing there; anything else there is SPRINGLINE_CONFLICT.
 */
typedef struct springline_node {
    const char *path;
    springline_file_kind kind;
    /* The digest of a file's bytes or of a link's target; "" for what is neither. */
    const char *digest;
    uint64_t size;
    /* Where a symbolic link points; "" for anything else. */
    const char *link;
    /* Who owns it, `APPLICATION/ENVIRONMENT`; "" if nobody does. */
    const char *owner;
} springline_node;

/* What is at each of these paths, in their order; a NULL where there is nothing. */
springline_result springline_inspect(const char *const *paths, size_t count, const springline_node *const **nodes)
    SPRINGLINE_MUST_USE;
/* What is at one path; NULL where there is nothing. */
springline_result springline_inspect_one(const char *path, const springline_node **node) SPRINGLINE_MUST_USE;
/* Up to `size` bytes of the file at `path`, from `offset`; `*got` is 0 at the end. */
springline_result springline_directory_read(const char *path, uint64_t offset, void *data, size_t size, size_t *got)
    SPRINGLINE_MUST_USE;
/* Puts a file with the bytes of this blob at `path`, as a whole or not at all, and owns it. */
springline_result springline_put_file(const char *path, const char *blob, bool executable, const char *expected)
    SPRINGLINE_MUST_USE;
/* Puts a symbolic link at `path`, in the same way. */
springline_result springline_put_symlink(const char *path, const char *target, const char *expected)
    SPRINGLINE_MUST_USE;
/* Removes the file or link at `path` and its mark. Nothing there is a success. */
springline_result springline_remove(const char *path, const char *expected) SPRINGLINE_MUST_USE;
/* Marks what is at `path` as owned without touching it. */
springline_result springline_adopt(const char *path) SPRINGLINE_MUST_USE;
/* Every path marked as owned by this application and environment, sorted. */
springline_result springline_owned(const char *const **paths, size_t *count) SPRINGLINE_MUST_USE;

/* --------------------------------------------------------------------- what every plugin says */

/* A power that a plugin needs beyond files and logs. */
typedef struct springline_capability {
    /* Its name, such as `directory`. */
    const char *name;
    /* Why, in a sentence that an operator can judge. */
    const char *reason;
} springline_capability;

/* A plugin's own account of itself. */
typedef struct springline_info {
    /* Its name, such as `step-site`. */
    const char *name;
    /* Its version (semver). */
    const char *version;
    /* What it does, in a sentence. */
    const char *summary;
    /*
     * The JSON Schema (2020-12) of its config; NULL: it takes none. The host validates against it
     * before every call, so that an error names the line in springline.yaml.
     */
    const char *config_schema;
    /* The powers it needs, ended by one without a name. */
    springline_capability capabilities[8];
} springline_info;

/* -------------------------------------------------------------------------------- build steps */

typedef struct springline_step springline_step;

/* One line for the person who waits, such as `42 pages`; the last one counts. */
void springline_summary(springline_step *step, const char *format, ...) SPRINGLINE_PRINTF(2, 3);

/* Runs a step. Nothing of `/out` is kept if it fails. */
typedef springline_result (*springline_run)(const springline_json *config, springline_step *step);

/* ---------------------------------------------------------------------------------- renderers */

typedef struct springline_objects springline_objects;

/* Renders. The order of the objects means nothing; two of one id are refused by the host. */
typedef springline_result (*springline_render)(const springline_json *config, springline_objects *objects);

/* Adds an object with these bytes: inline, or through a blob if they are more than a chunk. */
springline_result springline_add_bytes(springline_objects *objects, const char *id, const void *data, size_t size)
    SPRINGLINE_MUST_USE;
/* Adds an object that is a blob. */
void springline_add_blob(springline_objects *objects, const char *id, const char *digest);
/* Adds an object that is a directory tree, such as an artifact. */
void springline_add_tree(springline_objects *objects, const char *id, const char *digest);

/* ----------------------------------------------------------------------------- deploy targets */

typedef enum springline_action {
    /* Makes what is missing. */
    SPRINGLINE_CREATE,
    /* Makes what differs equal. */
    SPRINGLINE_UPDATE,
    /* Removes what is owned and no longer desired. The host refuses it for anything else. */
    SPRINGLINE_DELETE,
    /* Takes over what is there already and equal, without writing it. */
    SPRINGLINE_ADOPT,
    /* Can't be planned before the earlier waves have landed; is planned again then. */
    SPRINGLINE_DEFERRED
} springline_action;

/* One step from live to desired, applied on its own. */
typedef struct springline_change {
    /* The live object's name on the target, stable for ever. */
    const char *ref;
    /* The id of the desired object; NULL for a delete. */
    const char *object;
    springline_action action;
    /* When: waves are applied in ascending order, deletes in descending order after them. */
    int32_t wave;
    /* One line that says what differs; NULL for none. */
    const char *summary;
    /* What identifies the live object before the change, such as a digest; NULL if absent. */
    const char *before;
    /* What will identify it afterwards; NULL for a delete. */
    const char *after;
    /* The target's own notes for `apply`, at most 64 KiB. */
    const void *state;
    size_t state_size;
} springline_change;

/* What is to be planned. */
typedef struct springline_plan_input {
    /* Every desired object. Bodies arrive as blobs or trees. */
    const springline_object *desired;
    size_t desired_count;
    /* The live objects that this application owns here, from the inventory. */
    const char *const *owned;
    size_t owned_count;
} springline_plan_input;

/* Text to compare, for people; NULL where there is none. */
typedef struct springline_difference {
    const char *live;
    const char *desired;
} springline_difference;

/* A change that was applied. */
typedef struct springline_applied {
    /* What identifies the live object now; NULL after a delete. */
    const char *after;
    /* Anything worth telling; NULL for nothing. */
    const char *message;
} springline_applied;

/* A live object as it is. */
typedef struct springline_observed {
    const char *ref;
    /* What identifies its state; NULL if it is absent. */
    const char *version;
    /* The target's own notes for `judge`. */
    const void *state;
    size_t state_size;
} springline_observed;

typedef enum springline_status {
    SPRINGLINE_HEALTHY,
    SPRINGLINE_PROGRESSING,
    SPRINGLINE_DEGRADED,
    SPRINGLINE_MISSING,
    SPRINGLINE_SUSPENDED,
    SPRINGLINE_UNKNOWN
} springline_status;

/* How a live object is, and why; the message may be NULL. */
typedef struct springline_health {
    springline_status status;
    const char *message;
} springline_health;

typedef struct springline_identities springline_identities;
typedef struct springline_changes springline_changes;
typedef struct springline_refs springline_refs;

/* Says that a desired object becomes this live one; one may become many. */
void springline_add_identity(springline_identities *identities, const char *ref, const char *object);
/* Adds a change to the plan. */
void springline_add_change(springline_changes *changes, const springline_change *change);
/* Adds a live object that carries our mark. */
void springline_add_ref(springline_refs *refs, const char *ref);

/* A deploy target. The host drives it change by change. */
typedef struct springline_target {
    /* Which live objects the desired ones become. Must depend on its arguments alone. */
    springline_result (*identify)(const springline_json *config, const springline_object *desired, size_t count,
                                  springline_identities *identities);
    /* What has to change for live to become desired; changes nothing. */
    springline_result (*plan)(const springline_json *config, const springline_plan_input *input,
                              springline_changes *changes);
    /* What a change would do, as text. NULL: there is no text. */
    springline_result (*explain)(const springline_json *config, const springline_change *change,
                                 springline_difference *difference);
    /* Applies one change; twice must come to the same as once. `after` starts as the change's. */
    springline_result (*apply)(const springline_json *config, const springline_change *change,
                               springline_applied *applied);
    /* The live objects as they are: `observed` has `count` entries that have their `ref` already. */
    springline_result (*observe)(const springline_json *config, springline_observed *observed, size_t count);
    /* Judges one observed object. NULL: what is there is healthy. */
    springline_result (*judge)(const springline_json *config, const springline_observed *observed,
                               springline_health *health);
    /* The live objects that carry this application's mark on the target. NULL: there are no marks. */
    springline_result (*owned)(const springline_json *config, springline_refs *refs);
} springline_target;

/* ------------------------------------------------------------------------ what makes a plugin */

/* What the macros below define; of no interest to a plugin. */
struct springline_kind;
typedef struct springline_plugin {
    const springline_info *info;
    const struct springline_kind *kind;
    springline_run run;
    springline_render render;
    const springline_target *target;
} springline_plugin;

extern const springline_plugin springline_this_plugin;
extern const struct springline_kind springline_build_step_kind;
extern const struct springline_kind springline_renderer_kind;
extern const struct springline_kind springline_deploy_target_kind;

/* Each takes a `springline_info` and what its kind needs; one of them in a program, once. */
#define SPRINGLINE_BUILD_STEP(info, run) \
    const springline_plugin springline_this_plugin = { &(info), &springline_build_step_kind, (run), NULL, NULL }
#define SPRINGLINE_RENDERER(info, render) \
    const springline_plugin springline_this_plugin = { &(info), &springline_renderer_kind, NULL, (render), NULL }
#define SPRINGLINE_DEPLOY_TARGET(info, target) \
    const springline_plugin springline_this_plugin = { &(info), &springline_deploy_target_kind, NULL, NULL, &(target) }

#ifdef __cplusplus
}
#endif
#endif
