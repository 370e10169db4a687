#include "plugin.h"

static springline_result notes_and_succeeds(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_invalid_file("a.md", 3, "no %s", "title");
    springline_invalid_file("b.md", 0, "not UTF-8");
    springline_invalid_config("/title", "too long");
    springline_invalid("empty");
    assert(springline_violations() == 4);
    return SPRINGLINE_OK;
}

static springline_result says_nothing(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    return SPRINGLINE_INVALID;
}

static springline_result fails_silently(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    return SPRINGLINE_FAILED;
}

static springline_result is_denied(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_failed("first");
    return springline_denied("no %d", 1);
}

static springline_result passes(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    return springline_transient(500, "busy");
}

static springline_result logs(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_log(SPRINGLINE_INFO, "one", "%d files", 2);
    springline_log(SPRINGLINE_DEBUG, NULL, "plain");
    springline_progress(1, 2);
    springline_log(SPRINGLINE_ERROR, "two", "bad");
    springline_log(SPRINGLINE_WARN, "one", "again");
    return SPRINGLINE_OK;
}

static springline_result asks(const springline_json *config, springline_step *step)
{
    (void)config;
    size_t count;
    const char *const *names = springline_artifact_names(&count);
    assert(count == 2);
    assert(springline_values() == springline_values());
    const char *environment = springline_environment();
    springline_summary(step, "%s %s %.4s %lld %s %s,%s %.7s %d", springline_application(),
                       environment == NULL ? "-" : environment, springline_revision(), (long long)springline_commit_time(),
                       springline_json_string(springline_values(), "/a", ""), names[0], names[1], springline_artifact("site"),
                       springline_artifact("none") == NULL);
    return SPRINGLINE_OK;
}

static springline_result needs_a_secret(const springline_json *config, springline_step *step)
{
    (void)config;
    char *secret;
    size_t size;
    springline_result result = springline_secret("token", &secret, &size);
    if (result == SPRINGLINE_OK) {
        springline_summary(step, "%s %zu", secret, size);
    }
    return result;
}

static void every_violation_is_told_with_its_place(void)
{
    springline_fake_reset();
    assert(call(notes_and_succeeds) == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), "a.md:3: no title\nb.md: not UTF-8\n/title: too long\nempty");
    /* The next call starts afresh. */
    assert(call(logs) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_error(), "");
}

static void there_is_always_a_reason(void)
{
    springline_fake_reset();
    assert(call(says_nothing) == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), "the plugin does not say what is wrong");
    assert(call(fails_silently) == SPRINGLINE_FAILED);
    springline_fake_same(springline_fake_error(), "the plugin does not say why");
    assert(call(is_denied) == SPRINGLINE_DENIED);
    springline_fake_same(springline_fake_error(), "no 1");
    assert(call(passes) == SPRINGLINE_TRANSIENT);
    springline_fake_same(springline_fake_error(), "busy");
}

static void logs_have_levels_and_topics(void)
{
    springline_fake_reset();
    assert(call(logs) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_log(), "info one: 2 files\ndebug plain\nerror two: bad\nwarn one: again\n");
}

static void the_context_is_asked_for(void)
{
    springline_fake_reset();
    springline_fake_application("shop");
    springline_fake_environment(NULL);
    springline_fake_revision("abcdef");
    springline_fake_commit_time(42);
    springline_fake_values("{\"a\": \"b\"}");
    springline_fake_artifact("site", "a", "1");
    springline_fake_artifact("site", "b", "2");
    springline_fake_artifact("docs", "a", "1");
    assert(call(asks) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "shop - abcd 42 b docs,site sha256: 1");
    /* The next call asks anew. */
    springline_fake_values("{\"a\": \"c\"}");
    assert(call(asks) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "shop - abcd 42 c docs,site sha256: 1");
    /* Values that can't be read are not passed over. */
    springline_fake_values("{");
    assert(call(asks) == SPRINGLINE_INVALID);
}

static void secrets_are_granted_or_denied(void)
{
    springline_fake_reset();
    assert(call(needs_a_secret) == SPRINGLINE_DENIED);
    springline_fake_same(springline_fake_error(), "the secret `token` was not granted");
    springline_fake_secret("token", "s3cret");
    assert(call(needs_a_secret) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "s3cret 6");
}

int main(void)
{
    every_violation_is_told_with_its_place();
    there_is_always_a_reason();
    logs_have_levels_and_topics();
    the_context_is_asked_for();
    secrets_are_granted_or_denied();
}
