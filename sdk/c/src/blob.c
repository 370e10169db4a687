/* Blobs and trees. */
#include <stdlib.h>

#include "internal.h"

struct springline_blob {
    struct springline_blob *next;
    springline_host_blobs_own_blob_t handle;
    bool open;
};

struct springline_writer {
    struct springline_writer *next;
    springline_host_blobs_own_writer_t handle;
};

/* What is open in this call. */
static springline_blob *blobs;
static springline_writer *writers;

static void close_handles(void)
{
    for (; blobs != NULL; blobs = blobs->next) {
        springline_blob_close(blobs);
    }
    for (; writers != NULL; writers = writers->next) {
        springline_host_blobs_writer_drop_own(writers->handle);
    }
}

/* Every case of the error has a text, in the same place. */
static springline_result blob_error(springline_host_blobs_blob_error_t *error)
{
    return springline_failed("%s", springline_take(&error->val.io));
}

springline_result springline_blob_open(const char *digest, springline_blob **blob)
{
    springline_host_string_t wanted = springline_lend(digest);
    springline_host_blobs_own_blob_t handle;
    springline_host_blobs_blob_error_t error;
    if (!springline_host_blobs_open(&wanted, &handle, &error)) {
        return blob_error(&error);
    }
    springline_blob *opened = springline_alloc(sizeof *opened);
    opened->next = blobs;
    opened->handle = handle;
    opened->open = true;
    *blob = blobs = opened;
    springline_close_handles = close_handles;
    return SPRINGLINE_OK;
}

void springline_blob_close(springline_blob *blob)
{
    if (blob->open) {
        springline_host_blobs_blob_drop_own(blob->handle);
        blob->open = false;
    }
}

uint64_t springline_blob_size(const springline_blob *blob)
{
    return springline_host_blobs_method_blob_size(springline_host_blobs_borrow_blob(blob->handle));
}

springline_result springline_blob_read(springline_blob *blob, uint64_t offset, void *data, size_t size, size_t *got)
{
    uint32_t most = (uint32_t)(size < SPRINGLINE_CHUNK ? size : SPRINGLINE_CHUNK);
    springline_host_list_u8_t bytes;
    springline_host_blobs_blob_error_t error;
    springline_host_blobs_borrow_blob_t handle = springline_host_blobs_borrow_blob(blob->handle);
    if (!springline_host_blobs_method_blob_read(handle, offset, most, &bytes, &error)) {
        return blob_error(&error);
    }
    *got = bytes.len;
    if (bytes.len > 0) {
        memcpy(data, bytes.ptr, bytes.len);
        free(bytes.ptr);
    }
    return SPRINGLINE_OK;
}

springline_result springline_blob_bytes(springline_blob *blob, char **data, size_t *size)
{
    uint64_t length = springline_blob_size(blob);
    if (length > SIZE_MAX / 2) {
        return springline_failed("a blob of %llu bytes does not fit into memory", (unsigned long long)length);
    }
    *data = springline_alloc((size_t)length + 1);
    *size = 0;
    while (*size < length) {
        size_t got;
        springline_result result = springline_blob_read(blob, *size, *data + *size, (size_t)length - *size, &got);
        if (result != SPRINGLINE_OK) {
            return result;
        }
        if (got == 0) {
            break;
        }
        *size += got;
    }
    return SPRINGLINE_OK;
}

springline_writer *springline_writer_new(void)
{
    springline_writer *writer = springline_alloc(sizeof *writer);
    writer->handle = springline_host_blobs_constructor_writer();
    writer->next = writers;
    springline_close_handles = close_handles;
    return writers = writer;
}

springline_result springline_writer_write(springline_writer *writer, const void *data, size_t size)
{
    springline_host_blobs_borrow_writer_t handle = springline_host_blobs_borrow_writer(writer->handle);
    uint8_t *at = (uint8_t *)data;
    while (size > 0) {
        springline_host_list_u8_t piece = { at, size < SPRINGLINE_CHUNK ? size : SPRINGLINE_CHUNK };
        springline_host_blobs_blob_error_t error;
        if (!springline_host_blobs_method_writer_write(handle, &piece, &error)) {
            return blob_error(&error);
        }
        at += piece.len;
        size -= piece.len;
    }
    return SPRINGLINE_OK;
}

springline_result springline_writer_finish(springline_writer *writer, const char **digest)
{
    springline_host_string_t made;
    springline_host_blobs_blob_error_t error;
    springline_host_blobs_borrow_writer_t handle = springline_host_blobs_borrow_writer(writer->handle);
    if (!springline_host_blobs_method_writer_finish(handle, &made, &error)) {
        return blob_error(&error);
    }
    *digest = springline_take(&made);
    return SPRINGLINE_OK;
}

springline_result springline_tree_walk(const char *digest, springline_tree_entry **entries, size_t *count)
{
    springline_host_string_t wanted = springline_lend(digest);
    springline_host_trees_list_entry_t list;
    springline_host_blobs_blob_error_t error;
    if (!springline_host_trees_walk(&wanted, &list, &error)) {
        return blob_error(&error);
    }
    *count = list.len;
    *entries = springline_alloc((list.len + 1) * sizeof **entries);
    for (size_t i = 0; i < list.len; i++) {
        springline_host_trees_entry_t *from = &list.ptr[i];
        (*entries)[i] = (springline_tree_entry){
            .path = springline_take(&from->path),
            /* The kinds of entries are the first of the kinds of files. */
            .kind = (springline_file_kind)from->kind,
            .digest = springline_take(&from->digest),
            .size = from->size,
            .link = springline_take(&from->link),
        };
    }
    if (list.len > 0) {
        free(list.ptr);
    }
    return SPRINGLINE_OK;
}
