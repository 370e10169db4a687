#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin.h"

static springline_result walks_in_the_order_of_bytes(const springline_json *config, springline_step *step)
{
    (void)config;
    springline_entry *entries;
    size_t count;
    springline_result result = springline_walk(springline_in(""), &entries, &count);
    springline_buffer all = { 0 };
    for (size_t i = 0; i < count; i++) {
        springline_append_format(&all, "%s%s%s ", entries[i].path, entries[i].link ? "->" : "",
                                 entries[i].link ? entries[i].link : "");
    }
    springline_summary(step, "%s", count == 0 ? "" : all.data);
    return result;
}

static void a_walk_is_sorted_and_does_not_follow_links(void)
{
    springline_fake_reset();
    assert(call(walks_in_the_order_of_bytes) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "");
    springline_fake_input("b/x", "");
    springline_fake_input("b.txt", "");
    springline_fake_input("\xc3\xa4", "");
    springline_fake_input("Z", "");
    springline_fake_input("b/d/e", "");
    springline_fake_input_link("link", "b");
    springline_fake_input_link("dangling", "nowhere");
    assert(call(walks_in_the_order_of_bytes) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "Z b.txt b/d/e b/x dangling->nowhere link->b \xc3\xa4 ");
}

static springline_result walks_nowhere(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_entry *entries;
    size_t count;
    return springline_walk(springline_in("none"), &entries, &count);
}

static springline_result copies(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_result result = springline_copy_file(springline_in("run"), springline_out("bin/deep/run"));
    return result == SPRINGLINE_OK ? springline_copy_file(springline_in("plain"), springline_out("plain")) : result;
}

static void a_copy_keeps_the_mode(void)
{
    springline_fake_reset();
    char large[100000];
    memset(large, 'x', sizeof large);
    springline_fake_input_bytes("plain", large, sizeof large);
    springline_fake_input_executable("run", "#!/bin/sh\n");
    assert(call(copies) == SPRINGLINE_OK);
    size_t size;
    assert(memcmp(springline_fake_output_bytes("plain", &size), large, sizeof large) == 0 && size == sizeof large);
    springline_fake_same(springline_fake_output("bin/deep/run"), "#!/bin/sh\n");
    assert(springline_fake_output_is_executable("bin/deep/run"));
    assert(!springline_fake_output_is_executable("plain"));
}

static springline_result reads_a_missing_input(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    char *data;
    return springline_read_input("d/gone.md", &data, NULL);
}

static springline_result reads_texts(const springline_json *config, springline_step *step)
{
    (void)config;
    char *text;
    springline_result result = springline_read_input_text("good.md", &text);
    springline_summary(step, "%s", text);
    return result == SPRINGLINE_OK ? springline_read_input_text("bad.md", &text) : result;
}

static void what_is_wrong_with_an_input_is_a_violation(void)
{
    springline_fake_reset();
    assert(call(reads_a_missing_input) == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), "d/gone.md: there is no such file");
    springline_fake_input("good.md", "\n\xc3\xa4\n");
    springline_fake_input("bad.md", "one\ntwo \xc3\n\xff");
    assert(call(reads_texts) == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_summary(), "\n\xc3\xa4\n");
    springline_fake_same(springline_fake_error(), "bad.md:2: this is not UTF-8");
}

static springline_result uses_plain_files(const springline_json *config, springline_step *step)
{
    (void)config;
    FILE *from = fopen(springline_in("a"), "r");
    char line[16];
    assert(from != NULL && fgets(line, sizeof line, from) != NULL);
    fclose(from);
    /* Left open: the end of the call writes what is buffered. */
    FILE *to = fopen(springline_out("b"), "w");
    fprintf(to, "<%s>", line);
    char *data;
    size_t size;
    springline_result result = springline_read(springline_in("a"), &data, &size);
    assert(size == 5 && data[5] == '\0');
    springline_summary(step, "%s", data);
    step_under_test = NULL;
    return result;
}

static springline_result reads_what_is_not_there(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    char *data;
    return springline_read(springline_in("none"), &data, NULL);
}

static springline_result writes_over_a_directory(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_result result = springline_make_directories(springline_out("a/b"));
    assert(result == SPRINGLINE_OK && springline_make_directories(springline_out("a/b")) == SPRINGLINE_OK);
    assert(springline_write(springline_out("file"), "", 0) == SPRINGLINE_OK);
    assert(springline_write(springline_out("file/below"), "", 0) == SPRINGLINE_FAILED);
    return springline_write(springline_out("a"), "x", 1);
}

static springline_result changes_the_input(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    return springline_set_executable(springline_in("a"), true);
}

static bool ends_in(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void errors_name_the_path(void)
{
    springline_fake_reset();
    springline_fake_input("a", "line\n");
    assert(call(uses_plain_files) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "line\n");
    springline_fake_same(springline_fake_output("b"), "<line\n>");
    assert(call(walks_nowhere) == SPRINGLINE_FAILED);
    assert(ends_in(springline_fake_error(), "/in/none: No such file or directory"));
    assert(call(reads_what_is_not_there) == SPRINGLINE_FAILED);
    assert(ends_in(springline_fake_error(), "/in/none: No such file or directory"));
    assert(call(writes_over_a_directory) == SPRINGLINE_FAILED);
    assert(ends_in(springline_fake_error(), "/out/a: Is a directory"));
    assert(call(changes_the_input) == SPRINGLINE_FAILED);
    assert(ends_in(springline_fake_error(), "/in/a: not permitted"));
}

int main(void)
{
    a_walk_is_sorted_and_does_not_follow_links();
    a_copy_keeps_the_mode();
    what_is_wrong_with_an_input_is_a_violation();
    errors_name_the_path();
}
