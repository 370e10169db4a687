/* The exports of a renderer. */
/* With its bindings, whose exports nothing refers to: they come along when the kind does. */
#include "../bindings/renderer.c"

#include "object.h"

const struct springline_kind springline_renderer_kind = { EXPORTS_SPRINGLINE_PLUGIN_DESCRIBE_KIND_RENDERER };

static void give_objects(const springline_list *from, exports_springline_plugin_renderer_list_object_t *list)
{
    const springline_object *objects = from->items;
    list->len = from->count;
    list->ptr = new_list(list->len, sizeof *list->ptr);
    for (size_t i = 0; i < list->len; i++) {
        give_object(&objects[i], &list->ptr[i]);
    }
}

bool exports_springline_plugin_renderer_render(exports_springline_plugin_renderer_input_t *input,
                                               exports_springline_plugin_renderer_list_object_t *list,
                                               exports_springline_plugin_renderer_error_t *error)
{
    springline_call_begin();
    springline_objects objects = { 0 };
    const springline_json *config;
    springline_result result = take_config(&input->config, &config);
    if (result == SPRINGLINE_OK) {
        result = springline_this_plugin.render(config, &objects);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        give_objects(&objects.list, list);
    }
    springline_call_end();
    return succeeded;
}
