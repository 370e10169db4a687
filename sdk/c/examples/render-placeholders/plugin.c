/* Renders the files of a directory, with placeholders replaced. */
#include <springline.h>
#include <string.h>

/* The file that is being rendered, as far as it has been. */
typedef struct file {
    const char *path;
    uint32_t line;
    springline_buffer text;
} file;

/* The values, asked for only if a placeholder names one: the answer is traced. */
static const springline_json *value(const char *key)
{
    const springline_json *values = springline_values();
    for (size_t i = 0; i < springline_json_size(values); i++) {
        if (strcmp(springline_json_key(values, i), key) == 0) {
            return springline_json_item(values, i);
        }
    }
    return NULL;
}

static void put_value(file *into, const char *key)
{
    const springline_json *found = value(key);
    switch (springline_json_type_of(found)) {
    case SPRINGLINE_JSON_STRING:
        springline_append_text(&into->text, springline_json_string(found, "", ""));
        break;
    case SPRINGLINE_JSON_NUMBER:
    case SPRINGLINE_JSON_BOOL:
        springline_append_text(&into->text, springline_json_text(found));
        break;
    default:
        springline_invalid_file(into->path, into->line, "no value `%s`", key);
    }
}

static void put_artifact(file *into, const char *name)
{
    const char *digest = springline_artifact(name);
    if (digest == NULL) {
        springline_invalid_file(into->path, into->line, "no artifact `%s`", name);
    } else {
        springline_append_text(&into->text, digest);
    }
}

static void put_placeholder(file *into, const char *name)
{
    if (strcmp(name, "application") == 0) {
        springline_append_text(&into->text, springline_application());
    } else if (strcmp(name, "environment") == 0) {
        springline_append_text(&into->text, springline_environment());
    } else if (strncmp(name, "values.", 7) == 0) {
        put_value(into, name + 7);
    } else if (strncmp(name, "artifacts.", 10) == 0) {
        put_artifact(into, name + 10);
    } else {
        springline_invalid_file(into->path, into->line, "unknown placeholder `%s`", name);
    }
}

static void put_line(file *into, const char *at, const char *end)
{
    const char *open;
    while ((open = memchr(at, '$', (size_t)(end - at))) != NULL) {
        springline_append(&into->text, at, (size_t)(open - at));
        if (end - open < 2 || open[1] != '{') {
            springline_append(&into->text, "$", 1);
            at = open + 1;
            continue;
        }
        const char *name = open + 2;
        const char *close = memchr(name, '}', (size_t)(end - name));
        if (close == NULL) {
            springline_invalid_file(into->path, into->line, "`${` without `}`");
            return;
        }
        put_placeholder(into, springline_copy(name, (size_t)(close - name)));
        at = close + 1;
    }
    springline_append(&into->text, at, (size_t)(end - at));
}

/* The bytes of a file, with placeholders replaced if it is text. */
static void replace(file *into, const char *data, size_t size)
{
    if (!springline_is_utf8(data, size)) {
        springline_append(&into->text, data, size);
        return;
    }
    const char *end = data + size;
    while (data < end) {
        const char *next = memchr(data, '\n', (size_t)(end - data));
        const char *stop = next == NULL ? end : next + 1;
        put_line(into, data, stop);
        into->line++;
        data = stop;
    }
}

static springline_result add_files(const char *prefix, springline_objects *objects, springline_buffer *ids)
{
    springline_entry *entries;
    size_t count;
    springline_result result = springline_walk(springline_in(""), &entries, &count);
    for (size_t i = 0; result == SPRINGLINE_OK && i < count; i++) {
        if (entries[i].link != NULL) {
            continue;
        }
        char *data;
        size_t size;
        result = springline_read(springline_in(entries[i].path), &data, &size);
        if (result == SPRINGLINE_OK) {
            file rendered = { .path = entries[i].path, .line = 1 };
            replace(&rendered, data, size);
            const char *id = springline_format("%s%s", prefix, entries[i].path);
            springline_append_format(ids, "%s\n", id);
            result = springline_add_bytes(objects, id, rendered.text.data, rendered.text.size);
        }
    }
    return result;
}

static void add_artifacts(const springline_json *names, const char *prefix, springline_objects *objects,
                          springline_buffer *ids)
{
    for (size_t i = 0; i < springline_json_size(names); i++) {
        const char *name = springline_json_string(springline_json_item(names, i), "", "");
        const char *digest = springline_artifact(name);
        if (digest == NULL) {
            springline_invalid_config(springline_format("/artifacts/%zu", i), "no artifact `%s`", name);
            continue;
        }
        const char *id = springline_format("%sartifacts/%s", prefix, name);
        springline_append_format(ids, "%s\n", id);
        springline_add_tree(objects, id, digest);
    }
}

static springline_result add_manifest(const char *prefix, springline_objects *objects, const springline_buffer *ids)
{
    const char *digest;
    springline_writer *writer = springline_writer_new();
    springline_result result = springline_writer_write(writer, ids->data, ids->size);
    if (result == SPRINGLINE_OK) {
        result = springline_writer_finish(writer, &digest);
    }
    if (result == SPRINGLINE_OK) {
        springline_add_blob(objects, springline_format("%smanifest.txt", prefix), digest);
    }
    return result;
}

static springline_result render(const springline_json *config, springline_objects *objects)
{
    const char *prefix = springline_json_string(config, "/prefix", "");
    springline_buffer ids = { 0 };
    springline_result result = add_files(prefix, objects, &ids);
    if (result != SPRINGLINE_OK) {
        return result;
    }
    add_artifacts(springline_json_get(config, "/artifacts"), prefix, objects, &ids);
    if (springline_json_bool(config, "/manifest", false)) {
        return add_manifest(prefix, objects, &ids);
    }
    return SPRINGLINE_OK;
}

static const springline_info info = {
    .name = "render-placeholders",
    .version = "0.1.0",
    .summary = "Renders the files of a directory, with placeholders replaced.",
    .config_schema = SPRINGLINE_JSON({
        "type": "object",
        "properties": {
            "prefix": { "type": "string", "default": "", "description": "What stands in front of every object's id." },
            "artifacts": {
                "type": "array",
                "items": { "type": "string" },
                "default": [],
                "description": "Names of artifacts that become objects."
            },
            "manifest": {
                "type": "boolean",
                "default": false,
                "description": "Whether an object lists the others."
            }
        },
        "additionalProperties": false
    }),
};

SPRINGLINE_RENDERER(info, render);
