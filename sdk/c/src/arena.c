/* Memory until the end of the call, and text in it. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* What the arena asks malloc for at a time. */
#define BLOCK ((size_t)16 << 10)

#if defined(__SANITIZE_ADDRESS__)
/* Every piece is a block of its own, so that writing past its end is noticed. */
#define SHARED 0
#else
#define SHARED 1
#endif

typedef struct block {
    struct block *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
} block;

static block *newest;

void *springline_or_trap(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

static block *add_block(size_t size)
{
    if (size > SIZE_MAX - sizeof(block)) {
        springline_or_trap(NULL);
    }
    block *added = springline_or_trap(calloc(1, sizeof(block) + size));
    added->size = size;
    /* A large piece goes behind the block that still has room. */
    if (newest != NULL && size > BLOCK) {
        added->next = newest->next;
        newest->next = added;
    } else {
        added->next = newest;
        newest = added;
    }
    return added;
}

void *springline_alloc(size_t size)
{
    size_t align = sizeof(max_align_t);
    if (!SHARED) {
        block *own = add_block(size);
        own->used = size;
        return own->bytes;
    }
    if (size > SIZE_MAX - align) {
        springline_or_trap(NULL);
    }
    size = (size + align - 1) / align * align;
    block *from = newest;
    if (from == NULL || from->size - from->used < size) {
        from = add_block(size > BLOCK ? size : BLOCK);
    }
    void *memory = (char *)from->bytes + from->used;
    from->used += size;
    return memory;
}

void springline_free_arena(void)
{
    while (newest != NULL) {
        block *next = newest->next;
        free(newest);
        newest = next;
    }
}

char *springline_copy(const void *data, size_t size)
{
    char *copy = springline_alloc(size + 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

char *springline_copy_text(const char *text)
{
    return text == NULL ? NULL : springline_copy(text, strlen(text));
}

char *springline_take(springline_host_string_t *string)
{
    char *text = springline_copy(string->ptr, string->len);
    if (string->len > 0) {
        free(string->ptr);
    }
    return text;
}

char *springline_format_va(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    if (size < 0) {
        va_end(again);
        return springline_copy("", 0);
    }
    char *text = springline_alloc((size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

char *springline_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = springline_format_va(format, arguments);
    va_end(arguments);
    return text;
}

/* Room for `more` items of `size` bytes behind `count`. */
static void *grow(void *items, size_t count, size_t *capacity, size_t more, size_t size)
{
    if (more <= *capacity - count) {
        return items;
    }
    size_t wanted = *capacity < 16 ? 16 : *capacity * 2;
    if (wanted < count + more) {
        wanted = count + more;
    }
    if (wanted > SIZE_MAX / 2 / size) {
        springline_or_trap(NULL);
    }
    void *moved = springline_alloc(wanted * size);
    if (count > 0) {
        memcpy(moved, items, count * size);
    }
    *capacity = wanted;
    return moved;
}

void *springline_list_add(springline_list *list, size_t size)
{
    list->items = grow(list->items, list->count, &list->capacity, 1, size);
    return (char *)list->items + size * list->count++;
}

void springline_append(springline_buffer *buffer, const void *data, size_t size)
{
    buffer->data = grow(buffer->data, buffer->size, &buffer->capacity, size + 1, 1);
    if (size > 0) {
        memcpy(buffer->data + buffer->size, data, size);
    }
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void springline_append_text(springline_buffer *buffer, const char *text)
{
    springline_append(buffer, text, strlen(text));
}

void springline_append_format(springline_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    springline_append_text(buffer, springline_format_va(format, arguments));
    va_end(arguments);
}

bool springline_is_utf8(const void *data, size_t size)
{
    const unsigned char *at = data;
    const unsigned char *end = at + size;
    while (at < end) {
        unsigned char first = *at++;
        if (first < 0x80) {
            continue;
        }
        int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || end - at < more) {
            return false;
        }
        /* The second byte rules out overlong forms, surrogates and what is beyond U+10FFFF. */
        unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (*at < low || *at > high) {
            return false;
        }
        at++;
        for (int i = 1; i < more; i++) {
            if ((*at++ & 0xc0) != 0x80) {
                return false;
            }
        }
    }
    return true;
}
