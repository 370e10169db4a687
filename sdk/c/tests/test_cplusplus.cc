// The headers in C++: they compile without warnings, and what they declare links.
#include <cstring>

#include "plugin.h"

static springline_result greets(const springline_json *config, springline_step *step)
{
    const char *text = springline_format("Hello, %s\n", springline_json_string(config, "/name", "you"));
    springline_summary(step, "1 file");
    return springline_write(springline_out("hello.txt"), text, std::strlen(text));
}

// As a plugin in C++ says what it is; this program has a plugin already.
namespace other {
const springline_info info = {
    .name = "hello",
    .version = "0.1.0",
    .summary = "Greets somebody.",
    .config_schema = SPRINGLINE_JSON({ "type": "object", "properties": { "name": { "type": "string" } } }),
    .capabilities = { { "directory", "why" } },
};
SPRINGLINE_BUILD_STEP(info, greets);
}

int main()
{
    springline_fake_reset();
    step_under_test = greets;
    assert(springline_fake_run("{\"name\": \"Ada\"}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_output("hello.txt"), "Hello, Ada\n");
    springline_fake_same(other::springline_this_plugin.info->config_schema,
                         "{ \"type\": \"object\", \"properties\": { \"name\": { \"type\": \"string\" } } }");
    assert(other::springline_this_plugin.run == greets);
}
