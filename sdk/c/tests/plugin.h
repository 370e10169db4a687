/* A build step, and a deploy target, that do what a test says. */
#include <assert.h>
#include <string.h>

#include "springline_fake.h"

#ifdef __cplusplus
extern "C" {
#endif

extern springline_run step_under_test;
extern springline_target target_under_test;

/* Runs a step that does this, with no config; its result. */
springline_result call(springline_run step);

#ifdef __cplusplus
}
#endif
