/* What a plugin adds to its answer. */
#include "internal.h"

void springline_summary(springline_step *step, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    step->summary = springline_format_va(format, arguments);
    va_end(arguments);
}

static springline_object *add_object(springline_objects *objects, const char *id, springline_body body)
{
    springline_object *object = springline_list_add(&objects->list, sizeof *object);
    object->id = springline_copy_text(id);
    object->body = body;
    return object;
}

void springline_add_blob(springline_objects *objects, const char *id, const char *digest)
{
    add_object(objects, id, SPRINGLINE_BLOB)->digest = springline_copy_text(digest);
}

void springline_add_tree(springline_objects *objects, const char *id, const char *digest)
{
    add_object(objects, id, SPRINGLINE_TREE)->digest = springline_copy_text(digest);
}

springline_result springline_add_bytes(springline_objects *objects, const char *id, const void *data, size_t size)
{
    if (size <= SPRINGLINE_CHUNK) {
        springline_object *object = add_object(objects, id, SPRINGLINE_INLINE);
        object->data = springline_copy(data, size);
        object->size = size;
        return SPRINGLINE_OK;
    }
    springline_writer *writer = springline_writer_new();
    const char *digest;
    springline_result result = springline_writer_write(writer, data, size);
    if (result == SPRINGLINE_OK) {
        result = springline_writer_finish(writer, &digest);
    }
    if (result == SPRINGLINE_OK) {
        springline_add_blob(objects, id, digest);
    }
    return result;
}

void springline_add_identity(springline_identities *identities, const char *ref, const char *object)
{
    springline_identity *identity = springline_list_add(&identities->list, sizeof *identity);
    identity->ref = springline_copy_text(ref);
    identity->object = springline_copy_text(object);
}

void springline_add_change(springline_changes *changes, const springline_change *change)
{
    springline_change *added = springline_list_add(&changes->list, sizeof *added);
    *added = *change;
    added->ref = springline_copy_text(change->ref);
    added->object = springline_copy_text(change->object);
    added->summary = springline_copy_text(change->summary);
    added->before = springline_copy_text(change->before);
    added->after = springline_copy_text(change->after);
    added->state = springline_copy(change->state, change->state_size);
}

void springline_add_ref(springline_refs *refs, const char *ref)
{
    *(const char **)springline_list_add(&refs->list, sizeof ref) = springline_copy_text(ref);
}
