#include <assert.h>
#include <springline_fake.h>

static void objects_become_files(void)
{
    springline_fake_reset();
    springline_fake_desire("robots.txt", "none\n");
    springline_fake_desire("a/b", "x");
    assert(springline_fake_sync("{\"prefix\": \"www/\"}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_changes(), "create www/a/b 1 bytes\ncreate www/robots.txt 5 bytes\n");
    springline_fake_same(springline_fake_live_all(), "www/a/b example/test\nwww/robots.txt example/test\n");
    springline_fake_same(springline_fake_live("www/robots.txt"), "none\n");

    const char *text;
    assert(springline_fake_marks("{}", &text) == SPRINGLINE_OK);
    springline_fake_same(text, "www/a/b\nwww/robots.txt\n");
    assert(springline_fake_health("{}", "www/a/b", &text) == SPRINGLINE_OK);
    springline_fake_same(text, "healthy www/a/b");
    assert(springline_fake_health("{}", "www", &text) == SPRINGLINE_OK);
    springline_fake_same(text, "degraded www `www` is no file");
    assert(springline_fake_health("{}", "gone", &text) == SPRINGLINE_OK);
    springline_fake_same(text, "missing gone `gone` is not there");
}

static void what_changed_is_updated_and_what_left_goes(void)
{
    springline_fake_reset();
    springline_fake_desire("a", "one");
    springline_fake_desire("b", "two");
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_desire_nothing();
    springline_fake_desire("a", "three");
    const char *live, *desired;
    assert(springline_fake_plan("{}") == SPRINGLINE_OK);
    assert(springline_fake_explain("{}", "a", &live, &desired) == SPRINGLINE_OK);
    springline_fake_same(live, "one");
    springline_fake_same(desired, "three");
    assert(springline_fake_explain("{}", "b", &live, &desired) == SPRINGLINE_OK);
    springline_fake_same(live, "two");
    springline_fake_same(desired, NULL);
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_changes(), "update a 3 -> 5 bytes\ndelete b\n");
    springline_fake_same(springline_fake_live_all(), "a example/test\n");
}

static void what_is_there_is_adopted_if_it_is_equal_and_nobodys(void)
{
    springline_fake_reset();
    springline_fake_live_put("a", "one", "");
    springline_fake_desire("a", "one");
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_changes(), "adopt a\n");
    springline_fake_same(springline_fake_live_all(), "a example/test\n");

    springline_fake_live_put("a", "one", "other/prod");
    assert(springline_fake_plan("{}") == SPRINGLINE_CONFLICT);
    springline_fake_same(springline_fake_error(), "`a` belongs to other/prod");
    springline_fake_live_remove("a");
    springline_fake_live_put("a/b", "", "");
    assert(springline_fake_plan("{}") == SPRINGLINE_CONFLICT);
    springline_fake_same(springline_fake_error(), "`a` is no file there");
}

static void a_stale_plan_is_a_conflict(void)
{
    springline_fake_reset();
    springline_fake_desire("a", "one");
    assert(springline_fake_plan("{}") == SPRINGLINE_OK);
    springline_fake_live_put("a", "mine", "");
    assert(springline_fake_apply("{}", "a") == SPRINGLINE_CONFLICT);
    springline_fake_same(springline_fake_live("a"), "mine");
}

static void trees_and_a_missing_directory_are_refused(void)
{
    springline_fake_reset();
    springline_fake_desire_tree("site", "index.html", "<h1>");
    springline_fake_desire_tree("docs", "index.html", "<h1>");
    assert(springline_fake_sync("{}") == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), "`site`: a shelf takes files, not directories\n"
                                                  "`docs`: a shelf takes files, not directories");
    springline_fake_desire_nothing();
    springline_fake_deny_directory();
    assert(springline_fake_sync("{}") == SPRINGLINE_DENIED);
    springline_fake_same(springline_fake_error(), "no directory was lent to this target");
}

int main(void)
{
    objects_become_files();
    what_changed_is_updated_and_what_left_goes();
    what_is_there_is_adopted_if_it_is_equal_and_nobodys();
    a_stale_plan_is_a_conflict();
    trees_and_a_missing_directory_are_refused();
}
