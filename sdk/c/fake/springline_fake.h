/*
 * springline_fake.h - a host in memory and in a temporary directory, for unit tests of plugins.
 *
 * A test is a native program of the plugin's sources, a file with main(), and the SDK:
 *
 *     #include <assert.h>
 *     #include <springline_fake.h>
 *
 *     int main(void)
 *     {
 *         springline_fake_reset();
 *         assert(springline_fake_run("{\"name\": \"Ada\"}") == SPRINGLINE_OK);
 *         springline_fake_same(springline_fake_output("hello.txt"), "Hello, Ada\n");
 *     }
 *
 * There is one fake host. springline_fake_reset() empties it, and gives it the application `example`
 * and the environment `test`. Texts that it returns live until then. It does not validate the config
 * against the schema, which the real host does: try that with `springline plugin test`. Where a test
 * is at fault it says so and aborts.
 */
#ifndef SPRINGLINE_FAKE_H
#define SPRINGLINE_FAKE_H

#include "springline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An empty host. */
void springline_fake_reset(void);
/* Whether two texts are the same; prints both and aborts if they are not. NULL is no text. */
void springline_fake_same(const char *actual, const char *expected);

/* What the plugin is given. */
void springline_fake_input(const char *path, const char *text);
void springline_fake_input_bytes(const char *path, const void *data, size_t size);
void springline_fake_input_executable(const char *path, const char *text);
void springline_fake_input_link(const char *path, const char *target);
/* Adds a file to the artifact of this name. */
void springline_fake_artifact(const char *name, const char *path, const char *text);
void springline_fake_application(const char *name);
/* NULL as in a build. */
void springline_fake_environment(const char *name);
void springline_fake_revision(const char *revision);
void springline_fake_commit_time(int64_t seconds);
/* A JSON object. */
void springline_fake_values(const char *json);
void springline_fake_secret(const char *name, const char *value);

/* What came of the last call: the texts of its violations or its error, a line each, with places. */
const char *springline_fake_error(void);
/* Everything logged since the reset, `LEVEL TOPIC: TEXT` a line. */
const char *springline_fake_log(void);

/* A build step: its call, its summary, its output. The config is JSON. */
springline_result springline_fake_run(const char *config);
const char *springline_fake_summary(void);
/* A file of the output; NULL if there is none. `size` may be NULL. */
const char *springline_fake_output(const char *path);
const char *springline_fake_output_bytes(const char *path, size_t *size);
bool springline_fake_output_is_executable(const char *path);
/* The paths of all files and links of the output, sorted, a line each. */
const char *springline_fake_outputs(void);

/* A renderer: its call, its objects. */
springline_result springline_fake_render(const char *config);
/* The ids of the objects, in their order, a line each. */
const char *springline_fake_objects(void);
/* The bytes of an object, wherever they are, or the digest of its tree; NULL if there is none. */
const char *springline_fake_object(const char *id);
const char *springline_fake_object_bytes(const char *id, size_t *size);
/* Where its bytes are. */
springline_body springline_fake_object_body(const char *id);

/* A deploy target: what is desired, replacing what was desired of that id. */
void springline_fake_desire(const char *id, const char *text);
/* A tree of one file. */
void springline_fake_desire_tree(const char *id, const char *path, const char *text);
void springline_fake_desire_nothing(void);
/*
 * Plans and applies as the real host does, in waves and deletes last, and plans again to see that
 * nothing is left to do. Aborts if a delete is of something not owned or still desired.
 */
springline_result springline_fake_sync(const char *config);
/* The plan alone. */
springline_result springline_fake_plan(const char *config);
/* The changes of the last plan, or of the last sync in its order, `ACTION REF SUMMARY` a line. */
const char *springline_fake_changes(void);
/* What the change of that object in the last plan would do, as text; NULL where there is none. */
springline_result springline_fake_explain(const char *config, const char *ref, const char **live, const char **desired);
/* Applies the change of that object in the last plan, once more or for the first time. */
springline_result springline_fake_apply(const char *config, const char *ref);
/* Observes and judges one object: `*health` is `STATUS REF MESSAGE`. */
springline_result springline_fake_health(const char *config, const char *ref, const char **health);
/* What the target finds to be ours, a line each. */
springline_result springline_fake_marks(const char *config, const char **refs);

/* The lent directory: puts a file of that owner there (`example/test` is us, "" nobody). */
void springline_fake_live_put(const char *path, const char *text, const char *owner);
void springline_fake_live_remove(const char *path);
/* The text of a file; NULL if there is none. */
const char *springline_fake_live(const char *path);
/* Every file, `PATH OWNER` a line, sorted. */
const char *springline_fake_live_all(void);
/* Takes the directory back: its use is denied from now on. */
void springline_fake_deny_directory(void);

#ifdef __cplusplus
}
#endif
#endif
