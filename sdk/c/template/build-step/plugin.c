#include <springline.h>
#include <string.h>

static springline_result run(const springline_json *config, springline_step *step)
{
    const char *text = springline_format("Hello, %s\n", springline_json_string(config, "/name", ""));
    springline_summary(step, "1 file");
    return springline_write(springline_out("hello.txt"), text, strlen(text));
}

static const springline_info info = {
    .name = "{{name}}", .version = "0.1.0", .summary = "Greets somebody.",
    .config_schema = SPRINGLINE_JSON({ "type": "object", "additionalProperties": false, "required": ["name"],
        "properties": { "name": { "type": "string", "description": "Who is greeted." } } }),
};
SPRINGLINE_BUILD_STEP(info, run);
