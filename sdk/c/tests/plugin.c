#include "plugin.h"

springline_run step_under_test;
springline_target target_under_test;

static springline_result run(const springline_json *config, springline_step *step)
{
    return step_under_test(config, step);
}

springline_result call(springline_run step)
{
    step_under_test = step;
    return springline_fake_run("{}");
}

static const springline_info info = { .name = "sdk-tests", .version = "0.1.0", .summary = "Does what a test says." };

/* A build step and a deploy target at once, which only a test's plugin may be. */
const springline_plugin springline_this_plugin = { &info, &springline_build_step_kind, run, NULL, &target_under_test };
