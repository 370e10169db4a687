// Ways out of the files that a call is given: each must fail, and says `contained` if it did.
#include "host.h"

static void contained(Call *call, int is) {
    if (is)
        finish(call, "contained");
    else
        fail(call, "it got out");
}

static int refuses(u32 at, u32 path_flags, const char *path, u32 open_flags, u32 flags) {
    Result result;
    open_at(at, path_flags, path, length_of(path), open_flags, flags, &result);
    return failed(&result);
}

// Links out of /out, made and followed, with and without a slash behind them; and such links in /in.
static void links(Call *call) {
    static const char *const targets[] = {"/etc", "/etc/", "..", "../", "../in", "a/../../etc", "/", "./../.."};
    u32 out = preopened("/out"), in = preopened("/in");
    Result result;
    int safe = 1;
    for (u32 at = 0; at < sizeof targets / sizeof *targets; at++) {
        symlink_at(out, targets[at], length_of(targets[at]), TEXT("link"), &result);
        safe &= failed(&result);
        safe &= refuses(out, FOLLOW, "link", 0, READ) && refuses(out, FOLLOW, "link/", DIRECTORY, READ);
        safe &= refuses(out, FOLLOW, "link/passwd", 0, READ) && refuses(out, 0, "link/.", DIRECTORY, READ);
        unlink_file_at(out, TEXT("link"), &result);
    }
    // The input has links of every kind; the test that calls this has put them there.
    static const char *const given[] = {"out-file", "out-dir", "out-dir/", "out-dir/passwd", "absolute", "absolute/",
                                        "absolute/passwd", "loop", "loop/"};
    for (u32 at = 0; at < sizeof given / sizeof *given; at++)
        safe &= refuses(in, FOLLOW, given[at], 0, READ) && refuses(in, FOLLOW, given[at], DIRECTORY, READ);
    contained(call, safe);
}

// A link that is made inside and moved to where it would lead out.
static void moved_link(Call *call) {
    u32 out = preopened("/out");
    Result result;
    create_directory_at(out, TEXT("deep"), &result);
    create_directory_at(out, TEXT("deep/er"), &result);
    symlink_at(out, TEXT("../.."), TEXT("deep/er/link"), &result);
    int made = !failed(&result);
    rename_at(out, TEXT("deep/er/link"), out, TEXT("link"), &result);
    int safe = failed(&result);
    rename_at(out, TEXT("deep/er"), out, TEXT("er"), &result);
    safe &= failed(&result);
    safe &= refuses(out, FOLLOW, "link/in", DIRECTORY, READ) && refuses(out, FOLLOW, "er/link/..", DIRECTORY, READ);
    contained(call, made && safe);
}

static void paths(Call *call) {
    static const char *const names[] = {"../in/read.txt", "/etc/passwd", "a/../../in", "..", "../", "//etc",
                                        "./../etc", "x/..", "\\..\\etc"};
    u32 out = preopened("/out"), in = preopened("/in");
    Result result;
    int safe = 1;
    for (u32 at = 0; at < 8; at++) {
        safe &= refuses(out, FOLLOW, names[at], CREATE, WRITE) && refuses(in, FOLLOW, names[at], CREATE, WRITE);
        safe &= refuses(in, FOLLOW, names[at], 0, READ);
        create_directory_at(out, names[at], length_of(names[at]), &result);
        safe &= failed(&result);
    }
    open_at(out, 0, "nul\0name", 8, CREATE, WRITE, &result);
    safe &= failed(&result);
    contained(call, safe);
}

// Changes of what may only be read.
static void read_only(Call *call) {
    u32 out = preopened("/out"), in = preopened("/in");
    Result result;
    open_at(out, 0, TEXT("own"), CREATE, READ | WRITE, &result);
    u32 own = result.value;
    open_at(in, 0, TEXT("read.txt"), 0, READ, &result);
    u32 given = result.value;
    int safe = !failed(&result);
    safe &= refuses(in, 0, "read.txt", TRUNCATE, READ) && refuses(in, 0, "read.txt", TRUNCATE, WRITE);
    safe &= refuses(in, 0, "read.txt", 0, READ | WRITE) && refuses(in, 0, "new", CREATE, READ);
    set_size(given, 0, &result);
    safe &= failed(&result);
    file_write(given, TEXT("x"), 0, &result);
    safe &= failed(&result);
    rename_at(out, TEXT("own"), in, TEXT("read.txt"), &result);
    safe &= failed(&result);
    rename_at(in, TEXT("read.txt"), out, TEXT("taken"), &result);
    safe &= failed(&result);
    link_at(in, 0, TEXT("read.txt"), out, TEXT("linked"), &result);
    safe &= failed(&result);
    link_at(out, 0, TEXT("own"), in, TEXT("linked"), &result);
    safe &= failed(&result);
    unlink_file_at(in, TEXT("read.txt"), &result);
    safe &= failed(&result);
    create_directory_at(in, TEXT("made"), &result);
    safe &= failed(&result);
    symlink_at(in, TEXT("read.txt"), TEXT("made"), &result);
    safe &= failed(&result);
    unlink_file_at(out, TEXT("own"), &result);
    descriptor_drop(own);
    contained(call, safe);
}

// Directories in each other, made through descriptors so that no path is ever long.
static void nest(Call *call) {
    u32 at = preopened("/out");
    Result result;
    for (u64 depth = 0; depth < call->count; depth++) {
        create_directory_at(at, TEXT("d"), &result);
        if (failed(&result)) return finish(call, "too deep");
        open_at(at, 0, TEXT("d"), DIRECTORY, READ | MUTATE, &result);
        if (failed(&result)) return finish(call, "too deep");
        descriptor_drop(at);
        at = result.value;
    }
    finish(call, "as deep as it was told");
}

static void far(Call *call, int by_size) {
    Result result;
    open_at(preopened("/out"), 0, TEXT("far"), CREATE, WRITE, &result);
    u32 file = result.value;
    u64 place = call->count ? call->count : ~0ull;
    if (by_size)
        set_size(file, place, &result);
    else
        file_write(file, TEXT("far"), place, &result);
    finish(call, failed(&result) ? "refused" : "written");
}

int attack_files(const char *name, u32 length, Call *call) {
    Result result;
    if (equal(name, "links", length))
        links(call);
    else if (equal(name, "moved-link", length))
        moved_link(call);
    else if (equal(name, "names", length))
        paths(call);
    else if (equal(name, "read-only", length))
        read_only(call);
    else if (equal(name, "nest", length))
        nest(call);
    else if (equal(name, "write-far", length))
        far(call, 0);
    else if (equal(name, "size-far", length))
        far(call, 1);
    else if (equal(name, "directory", length)) {
        directory_owned(&result);
        contained(call, failed(&result));
    } else if (equal(name, "good", length))
        finish(call, "good");
    else
        return 0;
    return 1;
}
