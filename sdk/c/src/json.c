/* A strict reader of JSON (RFC 8259) into a tree in the arena. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define MOST_LEVELS 128

struct springline_json {
    springline_json_type type;
    /* Its text in the source. */
    const char *text;
    size_t text_size;
    /* The bytes of a string. */
    const char *string;
    bool boolean;
    /* The items of an array, the members of an object. */
    springline_list items;
};

typedef struct member {
    const char *key;
    springline_json value;
} member;

typedef struct reader {
    const char *start;
    const char *at;
    const char *end;
    const char *problem;
} reader;

static bool refuse(reader *from, const char *what)
{
    if (from->problem == NULL) {
        size_t line = 1;
        for (const char *at = from->start; at < from->at; at++) {
            line += *at == '\n';
        }
        from->problem = springline_format("line %zu: %s", line, what);
    }
    return false;
}

static void skip_space(reader *from)
{
    while (from->at < from->end && strchr(" \t\r\n", *from->at) != NULL && *from->at != '\0') {
        from->at++;
    }
}

static bool next_is(reader *from, char expected)
{
    if (from->at < from->end && *from->at == expected) {
        from->at++;
        return true;
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(reader *from)
{
    const char *start = from->at;
    while (from->at < from->end && is_digit(*from->at)) {
        from->at++;
    }
    return (size_t)(from->at - start);
}

static bool read_number(reader *from)
{
    next_is(from, '-');
    if (!next_is(from, '0') && skip_digits(from) == 0) {
        return refuse(from, "expected a value");
    }
    if (next_is(from, '.') && skip_digits(from) == 0) {
        return refuse(from, "expected a digit behind the point");
    }
    if (next_is(from, 'e') || next_is(from, 'E')) {
        if (!next_is(from, '+')) {
            next_is(from, '-');
        }
        if (skip_digits(from) == 0) {
            return refuse(from, "expected a digit in the exponent");
        }
    }
    return true;
}

static bool read_hex(reader *from, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, from->at++) {
        char c = from->at < from->end ? *from->at : '\0';
        uint32_t digit;
        if (is_digit(c)) {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (uint32_t)(c - 'A') + 10;
        } else {
            return refuse(from, "expected four hex digits");
        }
        *unit = *unit << 4 | digit;
    }
    return true;
}

static void append_scalar(springline_buffer *to, uint32_t scalar)
{
    unsigned char bytes[4];
    size_t size;
    if (scalar < 0x80) {
        bytes[0] = (unsigned char)scalar;
        size = 1;
    } else if (scalar < 0x800) {
        bytes[0] = (unsigned char)(0xc0 | scalar >> 6);
        size = 2;
    } else if (scalar < 0x10000) {
        bytes[0] = (unsigned char)(0xe0 | scalar >> 12);
        size = 3;
    } else {
        bytes[0] = (unsigned char)(0xf0 | scalar >> 18);
        size = 4;
    }
    for (size_t i = 1; i < size; i++) {
        bytes[i] = (unsigned char)(0x80 | (scalar >> (6 * (size - 1 - i)) & 0x3f));
    }
    springline_append(to, bytes, size);
}

/* What stands behind `\u`, both halves of a surrogate pair. */
static bool read_scalar(reader *from, springline_buffer *to)
{
    uint32_t scalar;
    if (!read_hex(from, &scalar)) {
        return false;
    }
    if (scalar >= 0xd800 && scalar < 0xdc00) {
        uint32_t low = 0;
        if (!next_is(from, '\\') || !next_is(from, 'u') || !read_hex(from, &low) || low < 0xdc00 || low > 0xdfff) {
            return refuse(from, "half of a surrogate pair");
        }
        scalar = 0x10000 + ((scalar - 0xd800) << 10) + (low - 0xdc00);
    } else if (scalar >= 0xdc00 && scalar < 0xe000) {
        return refuse(from, "half of a surrogate pair");
    } else if (scalar == 0) {
        return refuse(from, "a string with a NUL in it");
    }
    append_scalar(to, scalar);
    return true;
}

static bool read_escape(reader *from, springline_buffer *to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (next_is(from, 'u')) {
        return read_scalar(from, to);
    }
    const char *name = from->at < from->end && *from->at != '\0' ? strchr(names, *from->at) : NULL;
    if (name == NULL) {
        return refuse(from, "an unknown escape");
    }
    from->at++;
    springline_append(to, &meanings[name - names], 1);
    return true;
}

static bool read_string(reader *from, const char **string)
{
    springline_buffer text = { 0 };
    springline_append(&text, "", 0);
    if (!next_is(from, '"')) {
        return refuse(from, "expected a string");
    }
    while (from->at < from->end) {
        const char *start = from->at;
        while (from->at < from->end && *from->at != '"' && *from->at != '\\' && (unsigned char)*from->at >= 0x20) {
            from->at++;
        }
        springline_append(&text, start, (size_t)(from->at - start));
        if (next_is(from, '"')) {
            *string = text.data;
            return true;
        }
        if (!next_is(from, '\\')) {
            break;
        }
        if (!read_escape(from, &text)) {
            return false;
        }
    }
    return refuse(from, from->at < from->end ? "a control character in a string" : "a string without an end");
}

static bool read_value(reader *from, springline_json *json, int levels);

static bool read_array(reader *from, springline_json *json, int levels)
{
    json->type = SPRINGLINE_JSON_ARRAY;
    skip_space(from);
    if (next_is(from, ']')) {
        return true;
    }
    do {
        springline_json value = { 0 };
        if (!read_value(from, &value, levels)) {
            return false;
        }
        *(springline_json *)springline_list_add(&json->items, sizeof value) = value;
    } while (next_is(from, ','));
    return next_is(from, ']') || refuse(from, "expected `,` or `]`");
}

static int compare_keys(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool keys_differ(const springline_list *members)
{
    const member *all = members->items;
    const char **keys = springline_alloc(members->count * sizeof *keys + 1);
    for (size_t i = 0; i < members->count; i++) {
        keys[i] = all[i].key;
    }
    qsort(keys, members->count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < members->count; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            return false;
        }
    }
    return true;
}

static bool read_object(reader *from, springline_json *json, int levels)
{
    json->type = SPRINGLINE_JSON_OBJECT;
    skip_space(from);
    if (next_is(from, '}')) {
        return true;
    }
    do {
        member read = { 0 };
        skip_space(from);
        if (!read_string(from, &read.key)) {
            return false;
        }
        skip_space(from);
        if (!next_is(from, ':')) {
            return refuse(from, "expected `:`");
        }
        if (!read_value(from, &read.value, levels)) {
            return false;
        }
        *(member *)springline_list_add(&json->items, sizeof read) = read;
    } while (next_is(from, ','));
    if (!next_is(from, '}')) {
        return refuse(from, "expected `,` or `}`");
    }
    return keys_differ(&json->items) || refuse(from, "a key stands twice");
}

static bool next_is_word(reader *from, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(from->end - from->at) < size || memcmp(from->at, word, size) != 0) {
        return false;
    }
    from->at += size;
    return true;
}

static bool read_any(reader *from, springline_json *json, int levels)
{
    if (levels == 0) {
        return refuse(from, "too deep");
    }
    if (next_is(from, '{')) {
        return read_object(from, json, levels - 1);
    }
    if (next_is(from, '[')) {
        return read_array(from, json, levels - 1);
    }
    if (from->at < from->end && *from->at == '"') {
        json->type = SPRINGLINE_JSON_STRING;
        return read_string(from, &json->string);
    }
    if (next_is_word(from, "null")) {
        return true;
    }
    json->boolean = next_is_word(from, "true");
    if (json->boolean || next_is_word(from, "false")) {
        json->type = SPRINGLINE_JSON_BOOL;
        return true;
    }
    json->type = SPRINGLINE_JSON_NUMBER;
    return read_number(from);
}

/* Reads a value and the space around it. */
static bool read_value(reader *from, springline_json *json, int levels)
{
    skip_space(from);
    json->type = SPRINGLINE_JSON_NULL;
    json->text = from->at;
    if (!read_any(from, json, levels)) {
        return false;
    }
    json->text_size = (size_t)(from->at - json->text);
    skip_space(from);
    return true;
}

const springline_json *springline_json_parse(const char *text, size_t size, const char **problem)
{
    /* A copy, which the values' texts point into. */
    const char *copy = springline_copy(text, size);
    reader from = { .start = copy, .at = copy, .end = copy + size, .problem = NULL };
    springline_json *json = springline_alloc(sizeof *json);
    bool read = springline_is_utf8(copy, size) ? read_value(&from, json, MOST_LEVELS) : refuse(&from, "not UTF-8");
    if (read && from.at < from.end) {
        read = refuse(&from, "something behind the value");
    }
    if (problem != NULL) {
        *problem = from.problem;
    }
    return read ? json : NULL;
}

springline_json_type springline_json_type_of(const springline_json *json)
{
    return json == NULL ? SPRINGLINE_JSON_NULL : json->type;
}

size_t springline_json_size(const springline_json *json)
{
    return json == NULL ? 0 : json->items.count;
}

const springline_json *springline_json_item(const springline_json *json, size_t index)
{
    if (index >= springline_json_size(json)) {
        return NULL;
    }
    if (json->type == SPRINGLINE_JSON_ARRAY) {
        return (const springline_json *)json->items.items + index;
    }
    return &((const member *)json->items.items)[index].value;
}

const char *springline_json_key(const springline_json *json, size_t index)
{
    if (index >= springline_json_size(json) || json->type != SPRINGLINE_JSON_OBJECT) {
        return NULL;
    }
    return ((const member *)json->items.items)[index].key;
}

const char *springline_json_text(const springline_json *json)
{
    return json == NULL ? NULL : springline_copy(json->text, json->text_size);
}

/* Whether a key is this part of a pointer, in which `~0` is a `~` and `~1` a `/`. */
static bool is_key(const char *key, const char *part, size_t size)
{
    for (size_t i = 0; i < size; i++, key++) {
        char expected = part[i];
        if (expected == '~' && i + 1 < size) {
            expected = part[++i] == '1' ? '/' : '~';
        }
        if (*key != expected) {
            return false;
        }
    }
    return *key == '\0';
}

static const springline_json *child(const springline_json *json, const char *part, size_t size)
{
    if (json->type == SPRINGLINE_JSON_ARRAY) {
        size_t index = 0;
        if (size == 0 || size > 9 || (size > 1 && part[0] == '0')) {
            return NULL;
        }
        for (size_t i = 0; i < size; i++) {
            if (!is_digit(part[i])) {
                return NULL;
            }
            index = index * 10 + (size_t)(part[i] - '0');
        }
        return springline_json_item(json, index);
    }
    for (size_t i = 0; i < springline_json_size(json); i++) {
        if (is_key(springline_json_key(json, i), part, size)) {
            return springline_json_item(json, i);
        }
    }
    return NULL;
}

const springline_json *springline_json_get(const springline_json *json, const char *pointer)
{
    while (json != NULL && *pointer == '/') {
        size_t size = strcspn(++pointer, "/");
        json = child(json, pointer, size);
        pointer += size;
    }
    return *pointer == '\0' ? json : NULL;
}

static const springline_json *get_of_type(const springline_json *json, const char *pointer, springline_json_type type)
{
    const springline_json *found = springline_json_get(json, pointer);
    return found != NULL && found->type == type ? found : NULL;
}

const char *springline_json_string(const springline_json *json, const char *pointer, const char *fallback)
{
    const springline_json *found = get_of_type(json, pointer, SPRINGLINE_JSON_STRING);
    return found == NULL ? fallback : found->string;
}

bool springline_json_bool(const springline_json *json, const char *pointer, bool fallback)
{
    const springline_json *found = get_of_type(json, pointer, SPRINGLINE_JSON_BOOL);
    return found == NULL ? fallback : found->boolean;
}

double springline_json_number(const springline_json *json, const char *pointer, double fallback)
{
    const springline_json *found = get_of_type(json, pointer, SPRINGLINE_JSON_NUMBER);
    return found == NULL ? fallback : strtod(found->text, NULL);
}

int64_t springline_json_integer(const springline_json *json, const char *pointer, int64_t fallback)
{
    const springline_json *found = get_of_type(json, pointer, SPRINGLINE_JSON_NUMBER);
    if (found == NULL) {
        return fallback;
    }
    bool negative = found->text[0] == '-';
    uint64_t most = (uint64_t)INT64_MAX + negative;
    uint64_t number = 0;
    for (size_t i = negative; i < found->text_size; i++) {
        unsigned digit = (unsigned char)found->text[i] - (unsigned)'0';
        if (digit > 9 || number > (most - digit) / 10) {
            return fallback;
        }
        number = number * 10 + digit;
    }
    return negative ? (int64_t)(0 - number) : (int64_t)number;
}
