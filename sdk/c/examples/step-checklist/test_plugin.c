#include <assert.h>
#include <springline_fake.h>

static void lists_what_is_open_and_done(void)
{
    springline_fake_reset();
    springline_fake_input("b.md", "# B\n- [X] shipped \t\r\nno item\n-[x] nor this\n");
    springline_fake_input("a/a.md", "  - [ ] write\n\t- [x] \xc3\xa4\n");
    springline_fake_input("skip.md", "- [ ] no\n");
    springline_fake_input("notes.txt", "- [ ] no\n");
    springline_fake_input_executable("run.md", "- [ ] run");
    springline_fake_input_link("link.md", "b.md");

    assert(springline_fake_run("{\"title\": \"Release\", \"exclude\": [\"skip.md\"]}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "2 of 4 done");
    springline_fake_same(springline_fake_output("checklist.txt"), "Release (example)\n"
                                                                  "[ ] a/a.md:1 write\n"
                                                                  "[x] a/a.md:2 \xc3\xa4\n"
                                                                  "[x] b.md:2 shipped\n"
                                                                  "[ ] run.md:1 run\n"
                                                                  "2 of 4 done\n");
    springline_fake_same(springline_fake_outputs(), "check.sh\nchecklist.txt\nsources/a/a.md\nsources/b.md\nsources/run.md\n");
    springline_fake_same(springline_fake_output("check.sh"), "#!/bin/sh\nexit 1\n");
    assert(springline_fake_output_is_executable("check.sh"));
    assert(springline_fake_output_is_executable("sources/run.md"));
    assert(!springline_fake_output_is_executable("sources/b.md"));
    springline_fake_same(springline_fake_log(), "info checklist: reading a/a.md\n"
                                                "info checklist: reading b.md\n"
                                                "info checklist: reading run.md\n");
}

static void reports_every_mistake(void)
{
    springline_fake_reset();
    springline_fake_input("a.md", "- [y] one\n- [\xc3\xbc] two\n- [xx] no item\n- []\n- [");
    springline_fake_input("b.md", "\xff");
    assert(springline_fake_run("{\"title\": \"t\"}") == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), "a.md:1: unknown mark `y`: use `[ ]` or `[x]`\n"
                                                  "a.md:2: unknown mark `\xc3\xbc`: use `[ ]` or `[x]`\n"
                                                  "b.md: not UTF-8");
}

static void has_nothing_to_say_of_nothing(void)
{
    springline_fake_reset();
    springline_fake_application("quiet");
    assert(springline_fake_run("{\"title\": \"t\", \"script\": false}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_output("checklist.txt"), "t (quiet)\n0 of 0 done\n");
    springline_fake_same(springline_fake_outputs(), "checklist.txt\n");
    springline_fake_same(springline_fake_log(), "warn checklist: no items\n");
}

int main(void)
{
    lists_what_is_open_and_done();
    reports_every_mistake();
    has_nothing_to_say_of_nothing();
}
