/* The directory that the fake host lends, and the syncs that it drives. */
#include "plugin.h"

static const char *blob_of(const char *text)
{
    springline_writer *writer = springline_writer_new();
    const char *digest = NULL;
    assert(springline_writer_write(writer, text, strlen(text)) == SPRINGLINE_OK);
    assert(springline_writer_finish(writer, &digest) == SPRINGLINE_OK);
    return digest;
}

static springline_result names_what_it_may_not(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    static const char *const paths[] = {
        "", "/a", "../a", "a/../b", "a//b", "a\nb", "a\\b", ".springline-owned", "a/.Springline-Owned", ".SPRINGLINE-TMP-/a",
    };
    const char *blob = blob_of("text");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const springline_node *node;
        char byte;
        size_t got;
        assert(springline_put_file(paths[i], blob, false, NULL) == SPRINGLINE_DENIED);
        assert(springline_put_symlink(paths[i], "a", NULL) == SPRINGLINE_DENIED);
        assert(springline_remove(paths[i], NULL) == SPRINGLINE_DENIED);
        assert(springline_adopt(paths[i]) == SPRINGLINE_DENIED);
        assert(springline_inspect_one(paths[i], &node) == SPRINGLINE_DENIED);
        assert(springline_directory_read(paths[i], 0, &byte, 1, &got) == SPRINGLINE_DENIED);
    }
    return SPRINGLINE_OK;
}

static springline_result links(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    static const char *const out[][2] = {
        { "l", "" }, { "l", ".." }, { "l", "/etc/passwd" }, { "d/l", "../../a" }, { "l", "a/../b" }, { "d/l", "../a/.." },
        { "l", "./../a" }, { "l", "a\tb" }, { "l", ".springline-owned" }, { "d/l", "../.springline-owned" },
    };
    static const char *const inside[][2] = {
        { "a", "x" }, { "b", "a/b/" }, { "d/a", "../a" }, { "d/e/l", "../../a/." }, { "d/b", ".." }, { "c", "." },
    };
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        assert(springline_put_symlink(out[i][0], out[i][1], NULL) == SPRINGLINE_DENIED);
    }
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        assert(springline_put_symlink(inside[i][0], inside[i][1], NULL) == SPRINGLINE_OK);
    }
    return SPRINGLINE_OK;
}

static springline_result puts_below_a_file(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    return springline_put_file("a/b/c", blob_of("text"), false, NULL);
}

static void what_the_host_denies_is_denied(void)
{
    springline_fake_reset();
    assert(call(names_what_it_may_not) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_live_all(), "");
    assert(call(links) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_live("d/a"), "../a");
    springline_fake_reset();
    springline_fake_live_put("a", "a file", "");
    assert(call(puts_below_a_file) == SPRINGLINE_CONFLICT);
    springline_fake_same(springline_fake_error(), "a/b/c: a is no directory");
}

/* A target whose objects are their own live ones, in the wave that their first digit tells. */
static springline_result identify(const springline_json *config, const springline_object *desired, size_t count,
                                  springline_identities *identities)
{
    (void)config;
    for (size_t i = 0; i < count; i++) {
        springline_add_identity(identities, desired[i].id, desired[i].id);
    }
    return SPRINGLINE_OK;
}

static springline_result plan(const springline_json *config, const springline_plan_input *input, springline_changes *changes)
{
    (void)config;
    static size_t plans;
    /* A sync plans twice, and finds nothing left. */
    if (plans++ % 2 == 1) {
        return SPRINGLINE_OK;
    }
    for (size_t i = 0; i < input->owned_count; i++) {
        const char *ref = input->owned[i];
        springline_add_change(changes, &(springline_change){ .ref = ref, .action = SPRINGLINE_DELETE, .wave = ref[0] - '5' });
    }
    for (size_t i = 0; i < input->desired_count; i++) {
        const char *id = input->desired[i].id;
        springline_add_change(changes, &(springline_change){ .ref = id, .object = id, .wave = id[0] - '5' });
    }
    return SPRINGLINE_OK;
}

static springline_result apply(const springline_json *config, const springline_change *change, springline_applied *applied)
{
    (void)config, (void)applied;
    springline_log(SPRINGLINE_INFO, NULL, "%s", change->ref);
    return SPRINGLINE_OK;
}

static void waves_ascend_and_deletes_descend_behind_them(void)
{
    springline_fake_reset();
    target_under_test = (springline_target){ .identify = identify, .plan = plan, .apply = apply };
    springline_fake_desire("8 old", "");
    springline_fake_desire("3 old", "");
    springline_fake_desire("9 old", "");
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_log(), "info 3 old\ninfo 8 old\ninfo 9 old\n");
    springline_fake_desire_nothing();
    springline_fake_desire("6 new", "");
    springline_fake_desire("4 new", "");
    springline_fake_desire("6 too", "");
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_changes(), "create 4 new\ncreate 6 new\ncreate 6 too\n"
                                                    "delete 9 old\ndelete 8 old\ndelete 3 old\n");
    springline_fake_same(springline_fake_log(), "info 3 old\ninfo 8 old\ninfo 9 old\n"
                                                "info 4 new\ninfo 6 new\ninfo 6 too\ninfo 9 old\ninfo 8 old\ninfo 3 old\n");
}

int main(void)
{
    what_the_host_denies_is_denied();
    waves_ascend_and_deletes_descend_behind_them();
}
