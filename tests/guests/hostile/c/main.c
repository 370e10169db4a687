// A build step that does what its config names: `{"attack": "NAME", "count": N}`. README.md has the names.
#include "host.h"

extern u8 __heap_base;
static u8 *heap;

void *allocate(u32 bytes) {
    if (!heap) heap = &__heap_base;
    u8 *start = (u8 *)(((u32)heap + 15) & ~15u);
    u32 end = (u32)start + bytes;
    u32 have = __builtin_wasm_memory_size(0) << 16;
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == ~0ul) __builtin_trap();
    heap = start + bytes;
    return start;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, u32 old_size, u32 align, u32 size) {
    (void)align;
    u8 *new = allocate(size);
    for (u32 at = 0; at < old_size && at < size; at++) new[at] = ((u8 *)old)[at];
    return new;
}

void *memset(void *at, int value, unsigned long length) {
    for (u8 *byte = at; length--;) *byte++ = (u8)value;
    return at;
}

u32 length_of(const char *text) {
    u32 length = 0;
    while (text[length]) length++;
    return length;
}

int equal(const char *a, const char *b, u32 length) {
    for (u32 at = 0; at < length; at++)
        if (a[at] != b[at]) return 0;
    return b[length] == 0;
}

void finish(Call *call, const char *summary) {
    call->text = summary;
    call->length = length_of(summary);
    call->failed = 0;
}

void fail(Call *call, const char *message) {
    finish(call, message);
    call->failed = 1;
}

u32 preopened(const char *path) {
    u32 list[2];
    get_directories(list);
    for (u32 at = 0; at < list[1]; at++) {
        u32 *entry = (u32 *)list[0] + 3 * at;
        if (entry[2] == length_of(path) && equal((char *)entry[1], path, entry[2])) return entry[0];
    }
    return 0;
}

// What follows `"key":` in a JSON object in canonical form; 0 if the key is not there.
static const char *value_of(const char *json, u32 length, const char *key) {
    u32 key_length = length_of(key);
    for (u32 at = 0; at + key_length < length; at++) {
        u32 same = 0;
        while (same < key_length && json[at + same] == key[same]) same++;
        if (same == key_length) return json + at + same;
    }
    return 0;
}

// result<outputs, error>, as memory: outputs is a string, and the fifth error `failed` with one.
EXPORT("springline:plugin/build-step@0.1.0#run") void *run(const char *config, u32 length) {
    static u32 result[12];
    Call call = {0};
    const char *name = value_of(config, length, "\"attack\":\"");
    const char *count = value_of(config, length, "\"count\":");
    for (; count && *count >= '0' && *count <= '9'; count++) call.count = call.count * 10 + (u64)(*count - '0');
    u32 name_length = 0;
    while (name && name[name_length] != '"') name_length++;
    if (!name || !(attack_machine(name, name_length, &call) || attack_handles(name, name_length, &call) ||
                   attack_text(name, name_length, &call) || attack_files(name, name_length, &call)))
        fail(&call, "there is no such attack");
    memset(result, 0, sizeof result);
    result[0] = (u32)call.failed;
    if (call.failed) {
        result[2] = 4;
        result[4] = (u32)call.text;
        result[5] = call.length;
    } else {
        result[2] = (u32)call.text;
        result[3] = call.length;
    }
    return result;
}

EXPORT("springline:plugin/describe@0.1.0#describe") void *describe(void) {
#ifdef LOOP_IN_DESCRIBE
    for (volatile u64 n = 0;; n++) {}
#endif
    static u32 result[11];
    static const char *const texts[] = {"hostile-c", "0.1.0", "Does what its config names, all of it harm"};
    for (u32 at = 0; at < 3; at++) {
        result[2 * at] = (u32)texts[at];
        result[2 * at + 1] = length_of(texts[at]);
    }
    static const char schema[] = "{\"type\":\"object\"}";
    result[7] = (u32)schema;
    result[8] = sizeof schema - 1;
    return result;
}

// wit-component calls this when the component is instantiated.
EXPORT("_initialize") void initialize(void) {
#ifdef LOOP_IN_START
    for (volatile u64 n = 0;; n++) {}
#endif
}
