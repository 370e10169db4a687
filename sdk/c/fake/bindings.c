/* What the bindings import, answered by the fake host. */
#include <stdlib.h>
#include <sys/stat.h>

#include "fake.h"

static springline_list blobs;
static springline_list trees;
static springline_list topics;
static springline_list opened;
static springline_list writers;

typedef struct kept_blob {
    char *digest;
    fake_bytes bytes;
} kept_blob;

typedef struct kept_tree {
    char *digest;
    springline_tree_entry *entries;
    size_t count;
} kept_tree;

void fake_reset_bindings(void)
{
    blobs = trees = topics = opened = writers = (springline_list){ 0 };
}

/* What the bindings give away is freed by whoever takes it. */
static springline_host_string_t give(const char *text)
{
    size_t size = strlen(text);
    springline_host_string_t string = { NULL, size };
    if (size > 0) {
        string.ptr = memcpy(springline_or_trap(malloc(size)), text, size);
    }
    return string;
}

static void give_bytes(const char *data, size_t size, springline_host_list_u8_t *list)
{
    list->len = size;
    list->ptr = size == 0 ? NULL : memcpy(springline_or_trap(malloc(size)), data, size);
}

/* Up to `length` bytes from `offset`. */
static void give_part(const fake_bytes *bytes, uint64_t offset, uint32_t length, springline_host_list_u8_t *list)
{
    size_t start = offset < bytes->size ? (size_t)offset : bytes->size;
    size_t left = bytes->size - start;
    give_bytes(bytes->data + start, left < length ? left : length, list);
}

static char *text_of(const springline_host_string_t *string)
{
    return fake_copy(string->ptr, string->len);
}

/* Logs. */

springline_host_log_own_sink_t springline_host_log_constructor_sink(springline_host_string_t *topic)
{
    char **kept = fake_list_add(&topics, sizeof *kept);
    *kept = text_of(topic);
    return (springline_host_log_own_sink_t){ (int32_t)topics.count - 1 };
}

springline_host_log_borrow_sink_t springline_host_log_borrow_sink(springline_host_log_own_sink_t handle)
{
    return (springline_host_log_borrow_sink_t){ handle.__handle };
}

void springline_host_log_sink_drop_own(springline_host_log_own_sink_t handle)
{
    (void)handle;
}

void springline_host_log_method_sink_write(springline_host_log_borrow_sink_t self, springline_host_log_level_t level,
                                           springline_host_string_t *message)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    const char *topic = ((char **)topics.items)[self.__handle];
    fake_append(&fake.log, "%s %s%s%s\n", levels[level], topic, *topic == '\0' ? "" : ": ", text_of(message));
}

void springline_host_log_method_sink_progress(springline_host_log_borrow_sink_t self, uint64_t done, uint64_t total)
{
    (void)self, (void)done, (void)total;
}

/* The context. */

void springline_host_context_application(springline_host_string_t *ret)
{
    *ret = give(fake.application);
}

bool springline_host_context_environment(springline_host_string_t *ret)
{
    if (fake.environment == NULL) {
        return false;
    }
    *ret = give(fake.environment);
    return true;
}

void springline_host_context_revision(springline_host_string_t *ret)
{
    *ret = give(fake.revision);
}

int64_t springline_host_context_commit_time(void)
{
    return fake.commit_time;
}

void springline_host_context_values(springline_host_string_t *ret)
{
    *ret = give(fake.values);
}

bool springline_host_context_artifact(springline_host_string_t *name, springline_host_context_desired_artifact_t *ret)
{
    const char *wanted = text_of(name);
    for (size_t i = 0; i < fake.artifacts.count; i++) {
        fake_artifact *artifact = (fake_artifact *)fake.artifacts.items + i;
        if (strcmp(artifact->name, wanted) == 0) {
            ret->name = give(wanted);
            ret->digest = give(fake_add_tree(artifact->entries.items, artifact->entries.count));
            return true;
        }
    }
    return false;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const fake_artifact *)left)->name, ((const fake_artifact *)right)->name);
}

void springline_host_context_artifact_names(springline_host_list_string_t *ret)
{
    size_t count = fake.artifacts.count;
    *ret = (springline_host_list_string_t){ NULL, count };
    if (count == 0) {
        return;
    }
    qsort(fake.artifacts.items, count, sizeof(fake_artifact), compare_names);
    ret->ptr = springline_or_trap(malloc(count * sizeof *ret->ptr));
    for (size_t i = 0; i < count; i++) {
        ret->ptr[i] = give(((fake_artifact *)fake.artifacts.items)[i].name);
    }
}

/* Modes. */

bool springline_host_files_is_executable(springline_host_string_t *path, bool *ret, springline_host_files_mode_error_t *err)
{
    struct stat status;
    if (stat(text_of(path), &status) != 0) {
        *err = SPRINGLINE_HOST_FILES_MODE_ERROR_NOT_FOUND;
        return false;
    }
    *err = SPRINGLINE_HOST_FILES_MODE_ERROR_NOT_PERMITTED;
    *ret = (status.st_mode & 0111) != 0;
    return S_ISREG(status.st_mode);
}

bool springline_host_files_set_executable(springline_host_string_t *path, bool executable,
                                          springline_host_files_mode_error_t *err)
{
    bool now;
    if (!springline_host_files_is_executable(path, &now, err)) {
        return false;
    }
    const char *at = text_of(path);
    const char *out = springline_out("");
    *err = SPRINGLINE_HOST_FILES_MODE_ERROR_NOT_PERMITTED;
    return strncmp(at, out, strlen(out)) == 0 && chmod(at, executable ? 0777 : 0666) == 0;
}

/* Blobs. */

char *fake_add_blob(const void *data, size_t size)
{
    char *digest = fake_digest(data, size);
    if (fake_blob(digest) == NULL) {
        kept_blob *kept = fake_list_add(&blobs, sizeof *kept);
        *kept = (kept_blob){ digest, { fake_copy(data, size), size } };
    }
    return digest;
}

const fake_bytes *fake_blob(const char *digest)
{
    for (size_t i = 0; i < blobs.count; i++) {
        kept_blob *kept = (kept_blob *)blobs.items + i;
        if (strcmp(kept->digest, digest) == 0) {
            return &kept->bytes;
        }
    }
    return NULL;
}

static bool no_blob(const char *digest, springline_host_blobs_blob_error_t *err)
{
    err->tag = SPRINGLINE_HOST_BLOBS_BLOB_ERROR_NOT_FOUND;
    err->val.not_found = give(fake_format("`%s` was not given to this call", digest));
    return false;
}

bool springline_host_blobs_open(springline_host_string_t *digest, springline_host_blobs_own_blob_t *ret,
                                springline_host_blobs_blob_error_t *err)
{
    const char *wanted = text_of(digest);
    const fake_bytes *found = fake_blob(wanted);
    if (found == NULL) {
        return no_blob(wanted, err);
    }
    *(fake_bytes *)fake_list_add(&opened, sizeof *found) = *found;
    ret->__handle = (int32_t)opened.count - 1;
    return true;
}

springline_host_blobs_borrow_blob_t springline_host_blobs_borrow_blob(springline_host_blobs_own_blob_t handle)
{
    return (springline_host_blobs_borrow_blob_t){ handle.__handle };
}

void springline_host_blobs_blob_drop_own(springline_host_blobs_own_blob_t handle)
{
    (void)handle;
}

uint64_t springline_host_blobs_method_blob_size(springline_host_blobs_borrow_blob_t self)
{
    return ((fake_bytes *)opened.items)[self.__handle].size;
}

bool springline_host_blobs_method_blob_read(springline_host_blobs_borrow_blob_t self, uint64_t offset, uint32_t length,
                                            springline_host_list_u8_t *ret, springline_host_blobs_blob_error_t *err)
{
    (void)err;
    give_part(&((fake_bytes *)opened.items)[self.__handle], offset, length, ret);
    return true;
}

springline_host_blobs_own_writer_t springline_host_blobs_constructor_writer(void)
{
    fake_list_add(&writers, sizeof(fake_bytes));
    return (springline_host_blobs_own_writer_t){ (int32_t)writers.count - 1 };
}

springline_host_blobs_borrow_writer_t springline_host_blobs_borrow_writer(springline_host_blobs_own_writer_t handle)
{
    return (springline_host_blobs_borrow_writer_t){ handle.__handle };
}

void springline_host_blobs_writer_drop_own(springline_host_blobs_own_writer_t handle)
{
    (void)handle;
}

bool springline_host_blobs_method_writer_write(springline_host_blobs_borrow_writer_t self, springline_host_list_u8_t *bytes,
                                               springline_host_blobs_blob_error_t *err)
{
    (void)err;
    fake_bytes *writer = (fake_bytes *)writers.items + self.__handle;
    char *grown = fake_alloc(writer->size + bytes->len + 1);
    if (writer->size > 0) {
        memcpy(grown, writer->data, writer->size);
    }
    memcpy(grown + writer->size, bytes->ptr, bytes->len);
    *writer = (fake_bytes){ grown, writer->size + bytes->len };
    return true;
}

bool springline_host_blobs_method_writer_finish(springline_host_blobs_borrow_writer_t self, springline_host_string_t *ret,
                                                springline_host_blobs_blob_error_t *err)
{
    (void)err;
    fake_bytes *writer = (fake_bytes *)writers.items + self.__handle;
    *ret = give(fake_add_blob(writer->data, writer->size));
    *writer = (fake_bytes){ NULL, 0 };
    return true;
}

/* Trees. */

static int compare_entries(const void *left, const void *right)
{
    return strcmp(((const springline_tree_entry *)left)->path, ((const springline_tree_entry *)right)->path);
}

char *fake_add_tree(springline_tree_entry *entries, size_t count)
{
    char *text = fake_text("");
    if (count > 0) {
        qsort(entries, count, sizeof *entries, compare_entries);
    }
    for (size_t i = 0; i < count; i++) {
        fake_append(&text, "%d %s %s\n", (int)entries[i].kind, entries[i].digest, entries[i].path);
    }
    kept_tree *kept = fake_list_add(&trees, sizeof *kept);
    *kept = (kept_tree){ fake_digest(text, strlen(text)), entries, count };
    return kept->digest;
}

bool springline_host_trees_walk(springline_host_string_t *digest, springline_host_trees_list_entry_t *ret,
                                springline_host_trees_blob_error_t *err)
{
    const char *wanted = text_of(digest);
    for (size_t i = 0; i < trees.count; i++) {
        const kept_tree *tree = (kept_tree *)trees.items + i;
        if (strcmp(tree->digest, wanted) != 0) {
            continue;
        }
        ret->len = tree->count;
        ret->ptr = tree->count == 0 ? NULL : springline_or_trap(malloc(tree->count * sizeof *ret->ptr));
        for (size_t j = 0; j < tree->count; j++) {
            const springline_tree_entry *from = &tree->entries[j];
            ret->ptr[j] = (springline_host_trees_entry_t){
                .path = give(from->path),
                .kind = (springline_host_trees_entry_kind_t)from->kind,
                .digest = give(from->digest),
                .size = from->size,
                .link = give(from->link),
            };
        }
        return true;
    }
    return no_blob(wanted, err);
}

/* Secrets. */

bool springline_host_secrets_get(springline_host_string_t *name, springline_host_list_u8_t *ret,
                                 springline_host_secrets_secret_error_t *err)
{
    const char *wanted = text_of(name);
    for (size_t i = 0; i < fake.secrets.count; i++) {
        char **pair = (char **)fake.secrets.items + 2 * i;
        if (strcmp(pair[0], wanted) == 0) {
            give_bytes(pair[1], strlen(pair[1]), ret);
            return true;
        }
    }
    err->tag = SPRINGLINE_HOST_SECRETS_SECRET_ERROR_DENIED;
    err->val.denied = give(fake_format("the secret `%s` was not granted", wanted));
    return false;
}

/* The lent directory. */

typedef springline_host_directory_directory_error_t directory_error;

static bool allowed(const char *problem, directory_error *err)
{
    if (problem != NULL) {
        err->tag = SPRINGLINE_HOST_DIRECTORY_DIRECTORY_ERROR_DENIED;
        err->val.denied = give(problem);
    }
    return problem == NULL;
}

static bool check_lent(directory_error *err)
{
    return allowed(fake_is_lent ? NULL : "no directory was lent to this target", err);
}

/* Whether there is a directory, in which this path may be named. */
static bool may_name(const springline_host_string_t *path, directory_error *err)
{
    return check_lent(err) && allowed(fake_live_path_denied(text_of(path)), err);
}

static bool done_or_conflict(const char *problem, directory_error *err)
{
    if (problem != NULL) {
        err->tag = SPRINGLINE_HOST_DIRECTORY_DIRECTORY_ERROR_CONFLICT;
        err->val.conflict = give(problem);
    }
    return problem == NULL;
}

static springline_host_directory_option_node_t node_at(const char *path)
{
    const fake_live_node *found = fake_live_find(path);
    springline_host_directory_option_node_t node = { .is_some = found != NULL || fake_live_is_directory(path) };
    if (!node.is_some) {
        return node;
    }
    node.val.path = give(path);
    node.val.kind = SPRINGLINE_HOST_DIRECTORY_NODE_KIND_DIRECTORY;
    if (found != NULL) {
        node.val.kind = (springline_host_directory_node_kind_t)found->kind;
        node.val.digest = give(fake_digest(found->bytes.data, found->bytes.size));
        node.val.size = found->bytes.size;
        node.val.link = give(found->kind == SPRINGLINE_SYMLINK ? found->bytes.data : "");
        node.val.owner = give(found->owner);
    }
    return node;
}

bool springline_host_directory_inspect(springline_host_list_string_t *paths,
                                       springline_host_directory_list_option_node_t *ret, directory_error *err)
{
    if (!check_lent(err)) {
        return false;
    }
    for (size_t i = 0; i < paths->len; i++) {
        if (!may_name(&paths->ptr[i], err)) {
            return false;
        }
    }
    ret->len = paths->len;
    ret->ptr = paths->len == 0 ? NULL : springline_or_trap(malloc(paths->len * sizeof *ret->ptr));
    for (size_t i = 0; i < paths->len; i++) {
        ret->ptr[i] = node_at(text_of(&paths->ptr[i]));
    }
    return true;
}

bool springline_host_directory_read(springline_host_string_t *path, uint64_t offset, uint32_t length,
                                    springline_host_list_u8_t *ret, directory_error *err)
{
    const fake_live_node *found = fake_live_find(text_of(path));
    if (!may_name(path, err)) {
        return false;
    }
    if (found == NULL || found->kind > SPRINGLINE_EXECUTABLE) {
        err->tag = SPRINGLINE_HOST_DIRECTORY_DIRECTORY_ERROR_IO;
        err->val.io = give(fake_format("%s: there is no such file", text_of(path)));
        return false;
    }
    give_part(&found->bytes, offset, length, ret);
    return true;
}

bool springline_host_directory_put_file(springline_host_string_t *path, springline_host_string_t *blob, bool executable,
                                        springline_host_string_t *expected, directory_error *err)
{
    const fake_bytes *bytes = fake_blob(text_of(blob));
    if (!may_name(path, err)) {
        return false;
    }
    if (bytes == NULL) {
        err->tag = SPRINGLINE_HOST_DIRECTORY_DIRECTORY_ERROR_IO;
        err->val.io = give(fake_format("`%s` was not given to this call", text_of(blob)));
        return false;
    }
    springline_file_kind kind = executable ? SPRINGLINE_EXECUTABLE : SPRINGLINE_FILE;
    return done_or_conflict(fake_live_put(text_of(path), kind, bytes, text_of(expected)), err);
}

bool springline_host_directory_put_symlink(springline_host_string_t *path, springline_host_string_t *target,
                                           springline_host_string_t *expected, directory_error *err)
{
    fake_bytes bytes = { text_of(target), target->len };
    return may_name(path, err) && allowed(fake_live_link_denied(text_of(path), text_of(target)), err)
        && done_or_conflict(fake_live_put(text_of(path), SPRINGLINE_SYMLINK, &bytes, text_of(expected)), err);
}

bool springline_host_directory_remove(springline_host_string_t *path, springline_host_string_t *expected,
                                      directory_error *err)
{
    return may_name(path, err) && done_or_conflict(fake_live_remove(text_of(path), text_of(expected)), err);
}

bool springline_host_directory_adopt(springline_host_string_t *path, directory_error *err)
{
    return may_name(path, err) && done_or_conflict(fake_live_adopt(text_of(path)), err);
}

bool springline_host_directory_owned(springline_host_list_string_t *ret, directory_error *err)
{
    if (!check_lent(err)) {
        return false;
    }
    const char *owner = fake_owner();
    *ret = (springline_host_list_string_t){ springline_or_trap(malloc((fake_live_count() + 1) * sizeof *ret->ptr)), 0 };
    for (size_t i = 0; i < fake_live_count(); i++) {
        const fake_live_node *node = fake_live_at(i);
        if (strcmp(node->owner, owner) == 0) {
            ret->ptr[ret->len++] = give(node->path);
        }
    }
    if (ret->len == 0) {
        free(ret->ptr);
    }
    return true;
}
