#include <springline.h>
#include <string.h>

static springline_result render(const springline_json *config, springline_objects *objects)
{
    const char *name = springline_json_string(config, "/name", "world");
    const char *text = springline_format("Hello, %s, from %s\n", name, springline_application());
    return springline_add_bytes(objects, "hello.txt", text, strlen(text));
}

static const springline_info info = {
    .name = "{{name}}", .version = "0.1.0", .summary = "Renders a greeting.",
    .config_schema = SPRINGLINE_JSON({ "type": "object", "additionalProperties": false,
        "properties": { "name": { "type": "string", "description": "Who is greeted." } } }),
};
SPRINGLINE_RENDERER(info, render);
