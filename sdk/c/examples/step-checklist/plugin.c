/* Collects the check boxes of Markdown files into one list. */
#include <springline.h>
#include <string.h>

typedef struct checklist {
    springline_buffer items;
    size_t count;
    size_t done;
} checklist;

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static bool is_excluded(const springline_json *config, const char *path)
{
    const springline_json *excluded = springline_json_get(config, "/exclude");
    for (size_t i = 0; i < springline_json_size(excluded); i++) {
        if (strcmp(springline_json_string(springline_json_item(excluded, i), "", ""), path) == 0) {
            return true;
        }
    }
    return false;
}

/* How many bytes the UTF-8 scalar has that begins with this byte. */
static size_t scalar_size(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Reads a line of the shape `- [M] TEXT`; anything else is left alone. */
static void read_line(checklist *list, const char *path, uint32_t number, const char *line, size_t size)
{
    const char *end = line + size;
    while (line < end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    if (end - line < 4 || memcmp(line, "- [", 3) != 0) {
        return;
    }
    const char *mark = line + 3;
    size_t mark_size = scalar_size((unsigned char)*mark);
    const char *text = mark + mark_size + 2;
    if (text > end || mark[mark_size] != ']' || mark[mark_size + 1] != ' ') {
        return;
    }
    while (end > text && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    bool done = *mark == 'x' || *mark == 'X';
    if (!done && *mark != ' ') {
        springline_invalid_file(path, number, "unknown mark `%.*s`: use `[ ]` or `[x]`", (int)mark_size, mark);
        return;
    }
    springline_append_format(&list->items, "[%c] %s:%u ", done ? 'x' : ' ', path, (unsigned)number);
    springline_append(&list->items, text, (size_t)(end - text));
    springline_append_text(&list->items, "\n");
    list->count++;
    list->done += done;
}

static void read_lines(checklist *list, const char *path, const char *text, size_t size)
{
    const char *end = text + size;
    for (uint32_t number = 1; text < end; number++) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        const char *stop = next == NULL ? end : next;
        size_t length = (size_t)(stop - text);
        read_line(list, path, number, text, length > 0 && stop[-1] == '\r' ? length - 1 : length);
        text = stop + 1;
    }
}

static springline_result read_file(checklist *list, const char *path)
{
    springline_log(SPRINGLINE_INFO, "checklist", "reading %s", path);
    char *text;
    size_t size;
    springline_result result = springline_read(springline_in(path), &text, &size);
    if (result != SPRINGLINE_OK) {
        return result;
    }
    if (!springline_is_utf8(text, size)) {
        springline_invalid_file(path, 0, "not UTF-8");
        return SPRINGLINE_OK;
    }
    read_lines(list, path, text, size);
    return springline_copy_file(springline_in(path), springline_out(springline_format("sources/%s", path)));
}

static springline_result write_script(bool all_done)
{
    const char *script = all_done ? "#!/bin/sh\nexit 0\n" : "#!/bin/sh\nexit 1\n";
    springline_result result = springline_write(springline_out("check.sh"), script, strlen(script));
    return result == SPRINGLINE_OK ? springline_set_executable(springline_out("check.sh"), true) : result;
}

static springline_result run(const springline_json *config, springline_step *step)
{
    checklist list = { { 0 }, 0, 0 };
    springline_entry *entries;
    size_t count;
    springline_result result = springline_walk(springline_in(""), &entries, &count);
    for (size_t i = 0; result == SPRINGLINE_OK && i < count; i++) {
        const char *path = entries[i].path;
        if (entries[i].link == NULL && ends_in(path, ".md") && !is_excluded(config, path)) {
            result = read_file(&list, path);
        }
    }
    if (result != SPRINGLINE_OK || springline_violations() > 0) {
        return result;
    }
    if (list.count == 0) {
        springline_log(SPRINGLINE_WARN, "checklist", "no items");
    }

    springline_buffer text = { 0 };
    springline_append_format(&text, "%s (%s)\n", springline_json_string(config, "/title", ""), springline_application());
    springline_append(&text, list.items.data, list.items.size);
    springline_append_format(&text, "%zu of %zu done\n", list.done, list.count);
    springline_summary(step, "%zu of %zu done", list.done, list.count);
    result = springline_write(springline_out("checklist.txt"), text.data, text.size);
    if (result == SPRINGLINE_OK && springline_json_bool(config, "/script", true)) {
        result = write_script(list.done == list.count);
    }
    return result;
}

static const springline_info info = {
    .name = "step-checklist",
    .version = "0.1.0",
    .summary = "Collects the check boxes of Markdown files into one list.",
    .config_schema = SPRINGLINE_JSON({
        "type": "object",
        "properties": {
            "title": { "type": "string", "description": "What stands above the list." },
            "exclude": {
                "type": "array",
                "items": { "type": "string" },
                "default": [],
                "description": "Paths of files that are left out."
            },
            "script": {
                "type": "boolean",
                "default": true,
                "description": "Whether to write check.sh, which fails while anything is open."
            }
        },
        "required": ["title"],
        "additionalProperties": false
    }),
};

SPRINGLINE_BUILD_STEP(info, run);
