// Computing, waiting, memory, tables, the stack: what a call may have of the machine.
#include "host.h"

// A table of functions of its own: C has no way to declare one.
__asm__(".tabletype harmful_table, funcref\nharmful_table:\n");

static int table_grow(int elements) {
    int before;
    __asm__ volatile("ref.null_func\n local.get %1\n table.grow harmful_table\n local.set %0"
                     : "=r"(before)
                     : "r"(elements));
    return before;
}

static void loop(void) {
    for (volatile u64 n = 0;; n++) {}
}

static __attribute__((noinline)) u64 recurse(u64 depth) {
    return depth == ~0ull ? 1 : recurse(depth * 3 + 1) / 5 + depth;
}

// Each frame has an array of its own, so the stack in linear memory runs out.
static __attribute__((noinline)) u64 recurse_in_memory(u64 depth) {
    if (depth == ~0ull) return 1;
    volatile u64 frame[64];
    frame[depth % 64] = depth;
    return recurse_in_memory(depth + 1) + frame[(depth + 1) % 64];
}

static void grow_memory(Call *call) {
    while (__builtin_wasm_memory_grow(0, 16) != ~0ul) {}
    finish(call, "memory is at its end");
}

static void grow_table(Call *call) {
    while (table_grow(10000) != -1) {}
    finish(call, "the table is at its end");
}

// Whatever an earlier call left in memory would be counted on.
static void remember(Call *call) {
    static u32 calls;
    static u8 canvas[1 << 16];
    u32 dirty = 0;
    for (u32 at = 0; at < sizeof canvas; at++) dirty += canvas[at] != 0;
    for (u32 at = 0; at < sizeof canvas; at++) canvas[at] = 0xa5;
    calls++;
    u32 pages = (u32)__builtin_wasm_memory_grow(0, 1);
    static u32 first_pages;
    if (!first_pages) first_pages = pages;
    if (calls == 1 && dirty == 0 && pages == first_pages)
        finish(call, "nothing was left");
    else
        fail(call, "an earlier call left something");
}

int attack_machine(const char *name, u32 length, Call *call) {
    Result result;
    if (equal(name, "loop", length))
        loop();
    else if (equal(name, "recurse", length))
        finish(call, recurse(call->count) ? "odd" : "even");
    else if (equal(name, "recurse-in-memory", length))
        finish(call, recurse_in_memory(call->count) ? "odd" : "even");
    else if (equal(name, "memory-grow", length))
        grow_memory(call);
    else if (equal(name, "table-grow", length))
        grow_table(call);
    else if (equal(name, "state", length))
        remember(call);
    else if (equal(name, "sleep", length)) {
        pollable_block(subscribe_duration(~0ull));
        finish(call, "the end of time");
    } else if (equal(name, "poll-nothing", length)) {
        poll(0, 0, &result);
        finish(call, "nothing happened");
    } else if (equal(name, "poll-one-often", length)) {
        // One pollable, named in the list again and again.
        u32 *list = allocate((u32)call->count * 4);
        u32 pollable = subscribe_duration(~0ull);
        for (u32 at = 0; at < call->count; at++) list[at] = pollable;
        poll(list, (u32)call->count, &result);
        finish(call, "something happened");
    } else if (equal(name, "random", length)) {
        random_bytes(call->count ? call->count : ~0ull, &result);
        finish(call, "that was all the chance there is");
    } else if (equal(name, "forged-handle", length)) {
        for (u32 handle = (u32)call->count; handle < 100000; handle++) sink_write(handle, INFO, TEXT("not mine"));
        finish(call, "wrote to a stranger's sink");
    } else if (equal(name, "dropped-handle", length)) {
        u32 sink = sink_new(TEXT("gone"));
        sink_drop(sink);
        sink_write(sink, INFO, TEXT("still here"));
        finish(call, "wrote to a sink that is gone");
    } else if (equal(name, "dropped-twice", length)) {
        u32 sink = sink_new(TEXT("gone"));
        sink_drop(sink);
        sink_drop(sink);
        finish(call, "dropped it twice");
    } else
        return 0;
    return 1;
}
