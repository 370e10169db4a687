/* The directory lent to a deploy target. */
#include <stdlib.h>

#include "internal.h"

static springline_result directory_error(springline_host_directory_directory_error_t *error)
{
    /* Every case has a text, in the same place. */
    const char *why = springline_take(&error->val.io);
    switch (error->tag) {
    case SPRINGLINE_HOST_DIRECTORY_DIRECTORY_ERROR_DENIED:
        return springline_denied("%s", why);
    case SPRINGLINE_HOST_DIRECTORY_DIRECTORY_ERROR_CONFLICT:
        return springline_conflict("%s", why);
    default:
        return springline_failed("%s", why);
    }
}

static const springline_node *take_node(springline_host_directory_node_t *from)
{
    springline_node *node = springline_alloc(sizeof *node);
    node->path = springline_take(&from->path);
    node->kind = (springline_file_kind)from->kind;
    node->digest = springline_take(&from->digest);
    node->size = from->size;
    node->link = springline_take(&from->link);
    node->owner = springline_take(&from->owner);
    return node;
}

springline_result springline_inspect(const char *const *paths, size_t count, const springline_node *const **nodes)
{
    springline_host_string_t *asked = springline_alloc((count + 1) * sizeof *asked);
    for (size_t i = 0; i < count; i++) {
        asked[i] = springline_lend(paths[i]);
    }
    springline_host_list_string_t list = { asked, count };
    springline_host_directory_list_option_node_t found;
    springline_host_directory_directory_error_t error;
    if (!springline_host_directory_inspect(&list, &found, &error)) {
        return directory_error(&error);
    }
    const springline_node **all = springline_alloc((count + 1) * sizeof *all);
    for (size_t i = 0; i < found.len && i < count; i++) {
        all[i] = found.ptr[i].is_some ? take_node(&found.ptr[i].val) : NULL;
    }
    if (found.len > 0) {
        free(found.ptr);
    }
    *nodes = all;
    return SPRINGLINE_OK;
}

springline_result springline_inspect_one(const char *path, const springline_node **node)
{
    const springline_node *const *nodes;
    springline_result result = springline_inspect(&path, 1, &nodes);
    *node = result == SPRINGLINE_OK ? nodes[0] : NULL;
    return result;
}

springline_result springline_directory_read(const char *path, uint64_t offset, void *data, size_t size, size_t *got)
{
    springline_host_string_t asked = springline_lend(path);
    uint32_t most = (uint32_t)(size < SPRINGLINE_CHUNK ? size : SPRINGLINE_CHUNK);
    springline_host_list_u8_t bytes;
    springline_host_directory_directory_error_t error;
    if (!springline_host_directory_read(&asked, offset, most, &bytes, &error)) {
        return directory_error(&error);
    }
    *got = bytes.len;
    if (bytes.len > 0) {
        memcpy(data, bytes.ptr, bytes.len);
        free(bytes.ptr);
    }
    return SPRINGLINE_OK;
}

springline_result springline_put_file(const char *path, const char *blob, bool executable, const char *expected)
{
    springline_host_string_t at = springline_lend(path);
    springline_host_string_t bytes = springline_lend(blob);
    springline_host_string_t before = springline_lend(expected);
    springline_host_directory_directory_error_t error;
    bool done = springline_host_directory_put_file(&at, &bytes, executable, &before, &error);
    return done ? SPRINGLINE_OK : directory_error(&error);
}

springline_result springline_put_symlink(const char *path, const char *target, const char *expected)
{
    springline_host_string_t at = springline_lend(path);
    springline_host_string_t to = springline_lend(target);
    springline_host_string_t before = springline_lend(expected);
    springline_host_directory_directory_error_t error;
    bool done = springline_host_directory_put_symlink(&at, &to, &before, &error);
    return done ? SPRINGLINE_OK : directory_error(&error);
}

springline_result springline_remove(const char *path, const char *expected)
{
    springline_host_string_t at = springline_lend(path);
    springline_host_string_t before = springline_lend(expected);
    springline_host_directory_directory_error_t error;
    bool done = springline_host_directory_remove(&at, &before, &error);
    return done ? SPRINGLINE_OK : directory_error(&error);
}

springline_result springline_adopt(const char *path)
{
    springline_host_string_t at = springline_lend(path);
    springline_host_directory_directory_error_t error;
    return springline_host_directory_adopt(&at, &error) ? SPRINGLINE_OK : directory_error(&error);
}

springline_result springline_owned(const char *const **paths, size_t *count)
{
    springline_host_list_string_t list;
    springline_host_directory_directory_error_t error;
    if (!springline_host_directory_owned(&list, &error)) {
        return directory_error(&error);
    }
    const char **all = springline_alloc((list.len + 1) * sizeof *all);
    for (size_t i = 0; i < list.len; i++) {
        all[i] = springline_take(&list.ptr[i]);
    }
    if (list.len > 0) {
        free(list.ptr);
    }
    *paths = all;
    *count = list.len;
    return SPRINGLINE_OK;
}
