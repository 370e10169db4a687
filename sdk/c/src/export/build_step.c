/* The exports of a build step. */
/* With its bindings, whose exports nothing refers to: they come along when the kind does. */
#include "../bindings/build_step.c"

#include "export.h"

const struct springline_kind springline_build_step_kind = { EXPORTS_SPRINGLINE_PLUGIN_DESCRIBE_KIND_BUILD_STEP };

bool exports_springline_plugin_build_step_run(exports_springline_plugin_build_step_input_t *input,
                                              exports_springline_plugin_build_step_outputs_t *outputs,
                                              exports_springline_plugin_build_step_error_t *error)
{
    springline_call_begin();
    springline_step step = { 0 };
    const springline_json *config;
    springline_result result = take_config(&input->config, &config);
    if (result == SPRINGLINE_OK) {
        result = springline_this_plugin.run(config, &step);
    }
    bool succeeded = give_result(result, error);
    if (succeeded) {
        outputs->summary = give_text(step.summary);
    }
    springline_call_end();
    return succeeded;
}
