#include "plugin.h"

static springline_result memory_is_zeroed_and_aligned(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    for (size_t size = 0; size < 40000; size = size * 2 + 1) {
        char *memory = springline_alloc(size);
        assert((uintptr_t)memory % sizeof(void *) == 0);
        for (size_t i = 0; i < size; i++) {
            assert(memory[i] == 0);
        }
        memset(memory, 0xff, size);
    }
    return SPRINGLINE_OK;
}

static springline_result buffers_grow(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_buffer buffer = { 0 };
    for (int i = 0; i < 10000; i++) {
        springline_append_format(&buffer, "%d,", i % 10);
    }
    assert(buffer.size == 20000 && strlen(buffer.data) == 20000);
    assert(memcmp(buffer.data + 19996, "8,9,", 5) == 0);
    springline_append(&buffer, "a\0b", 3);
    assert(buffer.size == 20003 && memcmp(buffer.data + 20000, "a\0b", 4) == 0);
    springline_buffer empty = { 0 };
    springline_append(&empty, NULL, 0);
    assert(empty.size == 0 && *empty.data == '\0');
    return SPRINGLINE_OK;
}

static void utf8_is_told_from_bytes(void)
{
    static const char *const good[] = { "", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
    static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe2\x82",
                                       "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80", "\xff", "a\xe2\x28\xa1" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert(springline_is_utf8(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert(!springline_is_utf8(bad[i], strlen(bad[i])));
    }
    assert(springline_is_utf8("a\0b", 3));
}

int main(void)
{
    springline_fake_reset();
    assert(call(memory_is_zeroed_and_aligned) == SPRINGLINE_OK);
    assert(call(buffers_grow) == SPRINGLINE_OK);
    utf8_is_told_from_bytes();
}
