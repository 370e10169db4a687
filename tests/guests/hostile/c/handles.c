// Floods: more of whatever the host counts than it may have. `count` is how many; 0 is for ever.
#include "host.h"

static int more(Call *call, u64 done) { return !call->count || done < call->count; }

// The input's first file, as a descriptor.
static u32 input_file(void) {
    Result file;
    open_at(preopened("/in"), 0, TEXT("read.txt"), 0, READ, &file);
    return failed(&file) ? 0 : file.value;
}

static void flood_writers(Call *call) {
    const u32 size = 300 << 10;
    u8 *bytes = allocate(size);
    Result result;
    for (u64 done = 0; more(call, done); done++) {
        writer_write(writer_new(), bytes, size, &result);
        if (failed(&result)) return fail(call, "a writer took no bytes");
    }
    finish(call, "all writers are full");
}

static void flood_blobs(Call *call) {
    Result result;
    u32 writer = writer_new();
    for (u64 done = 0; more(call, done); done++) {
        writer_write(writer, &done, sizeof done, &result);
        writer_finish(writer, &result);
        if (failed(&result)) return fail(call, "a blob was refused");
    }
    finish(call, "all blobs are written");
}

static void flood_open_blobs(Call *call) {
    Result result, opened;
    u32 writer = writer_new();
    for (u64 done = 0; more(call, done); done++) {
        writer_write(writer, &done, sizeof done, &result);
        writer_finish(writer, &result);
        if (failed(&result)) return fail(call, "a blob was refused");
        blob_open((void *)result.value, result.more, &opened);
        if (failed(&opened)) return fail(call, "a blob could not be opened");
    }
    finish(call, "all blobs are open");
}

// A directory with many entries, and many listings of it that nobody reads to their end.
static void flood_listings(Call *call) {
    u32 out = preopened("/out");
    char name[100];
    memset(name, 'n', sizeof name);
    Result result, entry;
    for (u32 file = 0; file < 20000; file++) {
        for (u32 at = 0, rest = file; at < 6; at++, rest /= 10) name[at] = (char)('0' + rest % 10);
        open_at(out, 0, name, sizeof name, CREATE | EXCLUSIVE, WRITE, &result);
        if (failed(&result)) return fail(call, "a file was refused");
        descriptor_drop(result.value);
    }
    for (u64 done = 0; more(call, done); done++) {
        read_directory(out, &result);
        if (failed(&result)) return fail(call, "a listing was refused");
        read_directory_entry(result.value, &entry);
    }
    finish(call, "all listings are open");
}

// Streams over files of the input, each of which has begun to read and never goes on.
static void flood_streams(Call *call) {
    u32 in = preopened("/in");
    static const char *const names[] = {"large-a.bin", "large-b.bin"};
    Result file, stream, bytes;
    u32 files[2];
    for (u32 at = 0; at < 2; at++) {
        open_at(in, 0, names[at], length_of(names[at]), 0, READ, &file);
        if (failed(&file)) return fail(call, "there is no large file");
        files[at] = file.value;
    }
    for (u64 done = 0; more(call, done); done++) {
        read_via_stream(files[done % 2], 0, &stream);
        if (failed(&stream)) return fail(call, "a stream was refused");
        input_read(stream.value, 1, &bytes);
    }
    finish(call, "all streams have begun");
}

static void flood_questions(Call *call) {
    char name[60];
    memset(name, 'q', sizeof name);
    Result answer;
    for (u64 done = 0; more(call, done); done++) {
        u64 rest = done;
        for (u32 at = 0; at < 12; at++, rest /= 10) name[at] = (char)('0' + rest % 10);
        context_artifact(name, sizeof name, &answer);
    }
    finish(call, "all was asked");
}

static void flood_paths(Call *call) {
    u32 in = preopened("/in");
    const u32 length = 4000;
    char *path = allocate(length);
    memset(path, 'p', length);
    Result answer;
    for (u64 done = 0; more(call, done); done++) {
        u64 rest = done;
        for (u32 at = 0; at < 12; at++, rest /= 10) path[at] = (char)('0' + rest % 10);
        stat_at(in, 0, path, length, &answer);
    }
    finish(call, "every path was looked at");
}

int attack_handles(const char *name, u32 length, Call *call) {
    Result result;
    if (equal(name, "sinks", length)) {
        for (u64 done = 0; more(call, done); done++) sink_new(TEXT("topic"));
        finish(call, "all sinks are open");
    } else if (equal(name, "pollables", length)) {
        for (u64 done = 0; more(call, done); done++) subscribe_duration(~0ull);
        finish(call, "all pollables are there");
    } else if (equal(name, "descriptors", length)) {
        for (u64 done = 0; more(call, done); done++) input_file();
        finish(call, "all descriptors are open");
    } else if (equal(name, "stdout-streams", length)) {
        for (u64 done = 0; more(call, done); done++) get_stdout();
        finish(call, "all streams are open");
    } else if (equal(name, "zeroes", length)) {
        output_zeroes(get_stdout(), call->count ? call->count : ~0ull, &result);
        finish(call, "all zeroes are written");
    } else if (equal(name, "writers", length))
        flood_writers(call);
    else if (equal(name, "blobs", length))
        flood_blobs(call);
    else if (equal(name, "open-blobs", length))
        flood_open_blobs(call);
    else if (equal(name, "listings", length))
        flood_listings(call);
    else if (equal(name, "streams", length))
        flood_streams(call);
    else if (equal(name, "questions", length))
        flood_questions(call);
    else if (equal(name, "paths", length))
        flood_paths(call);
    else
        return 0;
    return 1;
}
