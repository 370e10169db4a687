#include "plugin.h"

static const springline_json *parse(const char *text)
{
    return springline_json_parse(text, strlen(text), NULL);
}

/* Why a text is no JSON. */
static const char *problem_of_bytes(const char *text, size_t size)
{
    const char *problem;
    assert(springline_json_parse(text, size, &problem) == NULL);
    return problem;
}

static const char *problem_of(const char *text)
{
    return problem_of_bytes(text, strlen(text));
}

static springline_result values_are_found_by_pointer(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    const springline_json *json =
        parse(" {\"title\": \"T\", \"list\": [1, [2, \"three\"], {}], \"a/b\": {\"~\": true}, \"\": null, \"n\": -2.5e1} ");
    springline_fake_same(springline_json_string(json, "/title", NULL), "T");
    springline_fake_same(springline_json_string(json, "/list/1/1", NULL), "three");
    assert(springline_json_bool(json, "/a~1b/~0", false));
    assert(springline_json_get(json, "/") != NULL);
    assert(springline_json_type_of(springline_json_get(json, "/")) == SPRINGLINE_JSON_NULL);
    assert(springline_json_get(json, "") == json);
    assert(springline_json_number(json, "/n", 0) == -25.0);
    assert(springline_json_size(json) == 5);
    assert(springline_json_size(springline_json_get(json, "/list")) == 3);
    springline_fake_same(springline_json_key(json, 2), "a/b");
    springline_fake_same(springline_json_text(springline_json_get(json, "/list")), "[1, [2, \"three\"], {}]");
    static const char *const nowhere[] = { "/none", "/list/3", "/list/01", "/list/-", "/list/+1", "/title/x", "title", "/list/" };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert(springline_json_get(json, nowhere[i]) == NULL);
    }
    return SPRINGLINE_OK;
}

static springline_result another_type_is_the_fallback(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    const springline_json *json = parse("{\"a\": \"1\", \"b\": 1, \"c\": 1.5, \"d\": 9223372036854775807, \"e\": 9223372036854775808, "
                                        "\"f\": -9223372036854775808, \"g\": 1e3}");
    assert(springline_json_integer(json, "/a", 7) == 7);
    assert(springline_json_integer(json, "/b", 7) == 1);
    assert(springline_json_integer(json, "/c", 7) == 7);
    assert(springline_json_integer(json, "/d", 7) == INT64_MAX);
    assert(springline_json_integer(json, "/e", 7) == 7);
    assert(springline_json_integer(json, "/f", 7) == INT64_MIN);
    assert(springline_json_integer(json, "/g", 7) == 7);
    assert(springline_json_string(json, "/b", NULL) == NULL);
    assert(springline_json_bool(json, "/b", true));
    assert(springline_json_string(NULL, "/b", NULL) == NULL);
    assert(springline_json_size(NULL) == 0 && springline_json_item(NULL, 0) == NULL);
    assert(springline_json_type_of(NULL) == SPRINGLINE_JSON_NULL);
    return SPRINGLINE_OK;
}

static springline_result strings_are_unescaped(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    const springline_json *json = parse("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\ud83d\\ude00\"");
    springline_fake_same(springline_json_string(json, "", NULL), "a\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    return SPRINGLINE_OK;
}

static springline_result what_is_no_json_is_refused(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    static const char *const bad[] = {
        "",           " ",         "{",          "[1",          "[1,]",      "{\"a\" 1}", "{\"a\": 1,}", "{a: 1}",   "{'a': 1}",
        "01",         "1.",        ".5",         "+1",          "1e",        "1e+",       "-",           "0x10",     "NaN",
        "Infinity",   "tru",       "True",       "nulll",       "\"a",       "\"\\x\"",   "\"\\u12\"",   "\"\\",     "\"\\ud800\"",
        "\"\\udc00\"", "\"\\ud800\\u0041\"",      "\"\\u0000\"", "\"a\nb\"",  "1 2",       "{} {}",       "[1] // c", "/* */ 1",
        "[\"\\u00g0\"]", "{\"a\": 1, \"b\": 2, \"a\": 3}",       "{\"a\": }", "[,1]",     "]",           "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse(bad[i]) != NULL) {
            springline_fake_same(bad[i], "no JSON");
        }
    }
    springline_fake_same(problem_of("{\n\"a\": 1,\n\"b\" 2}"), "line 3: expected `:`");
    springline_fake_same(problem_of("{\"a\": 1, \"a\": 2}"), "line 1: a key stands twice");
    springline_fake_same(problem_of("\"\xff\""), "line 1: not UTF-8");
    springline_fake_same(problem_of("\"\xed\xa0\x80\""), "line 1: not UTF-8");
    springline_fake_same(problem_of("\"\\u0000\""), "line 1: a string with a NUL in it");
    springline_fake_same(problem_of_bytes("1\0", 2), "line 1: something behind the value");
    springline_fake_same(problem_of_bytes("\"a\0b\"", 5), "line 1: a control character in a string");
    return SPRINGLINE_OK;
}

static springline_result depth_has_a_limit(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    char deep[4096];
    memset(deep, '[', sizeof deep);
    springline_fake_same(problem_of_bytes(deep, sizeof deep), "line 1: too deep");
    memset(deep + 100, ']', 100);
    assert(springline_json_parse(deep, 200, NULL) != NULL);
    return SPRINGLINE_OK;
}

/* Every beginning of a text, and every text with one byte changed, is read or refused. */
static springline_result nothing_crashes_it(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    static const char text[] = "{\"a\\u00e4\": [1.5e-3, true, null, \"\\ud83d\\ude00\xc3\xa4\"], \"b\": {\"\": false}}";
    size_t size = sizeof text - 1;
    size_t read = 0;
    for (size_t i = 0; i < size; i++) {
        /* A copy that ends where the text does, so that reading on is noticed. */
        read += springline_json_parse(springline_copy(text, i), i, NULL) != NULL;
        for (int byte = 0; byte < 256; byte += 5) {
            char *changed = springline_copy(text, size);
            changed[i] = (char)byte;
            read += springline_json_parse(changed, size, NULL) != NULL;
        }
    }
    assert(read > 100);
    return SPRINGLINE_OK;
}

static void a_config_that_is_none_is_invalid(void)
{
    springline_fake_reset();
    step_under_test = nothing_crashes_it;
    assert(springline_fake_run("{") == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), ": line 1: expected a string");
}

int main(void)
{
    springline_fake_reset();
    assert(call(values_are_found_by_pointer) == SPRINGLINE_OK);
    assert(call(another_type_is_the_fallback) == SPRINGLINE_OK);
    assert(call(strings_are_unescaped) == SPRINGLINE_OK);
    assert(call(what_is_no_json_is_refused) == SPRINGLINE_OK);
    assert(call(depth_has_a_limit) == SPRINGLINE_OK);
    assert(call(nothing_crashes_it) == SPRINGLINE_OK);
    a_config_that_is_none_is_invalid();
}
