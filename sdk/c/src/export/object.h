/* Objects across the boundary. Included behind a kind's bindings. */
#ifndef SPRINGLINE_EXPORT_OBJECT_H
#define SPRINGLINE_EXPORT_OBJECT_H

#include "export.h"

static inline void give_object(const springline_object *from, springline_plugin_types_object_t *object)
{
    object->id = give_text(from->id);
    switch (from->body) {
    case SPRINGLINE_INLINE:
        object->body.tag = SPRINGLINE_PLUGIN_TYPES_BODY_INLINE;
        object->body.val.inline_.ptr = give(from->data, from->size);
        object->body.val.inline_.len = from->size;
        break;
    case SPRINGLINE_BLOB:
        object->body.tag = SPRINGLINE_PLUGIN_TYPES_BODY_BLOB;
        object->body.val.blob = give_text(from->digest);
        break;
    case SPRINGLINE_TREE:
        object->body.tag = SPRINGLINE_PLUGIN_TYPES_BODY_TREE;
        object->body.val.tree = give_text(from->digest);
        break;
    }
}

static inline void take_object(springline_plugin_types_object_t *from, springline_object *object)
{
    object->id = take_text(&from->id);
    switch (from->body.tag) {
    case SPRINGLINE_PLUGIN_TYPES_BODY_INLINE:
        object->body = SPRINGLINE_INLINE;
        object->size = from->body.val.inline_.len;
        object->data = springline_copy(from->body.val.inline_.ptr, object->size);
        if (object->size > 0) {
            free(from->body.val.inline_.ptr);
        }
        break;
    case SPRINGLINE_PLUGIN_TYPES_BODY_BLOB:
        object->body = SPRINGLINE_BLOB;
        object->digest = take_text(&from->body.val.blob);
        break;
    default:
        object->body = SPRINGLINE_TREE;
        object->digest = take_text(&from->body.val.tree);
        break;
    }
}

#endif
