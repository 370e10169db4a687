// The host as the canonical ABI shows it to a core module: no bindings, no libc, nothing in between.
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

#define LOG "springline:host/log@0.1.0"
IMPORT(LOG, "[constructor]sink") u32 sink_new(const void *topic, u32 length);
IMPORT(LOG, "[method]sink.write") void sink_write(u32 sink, u32 level, const void *text, u32 length);
IMPORT(LOG, "[resource-drop]sink") void sink_drop(u32 sink);

IMPORT("springline:host/context@0.1.0", "artifact") void context_artifact(const void *name, u32 length, void *result);

#define BLOBS "springline:host/blobs@0.1.0"
IMPORT(BLOBS, "[constructor]writer") u32 writer_new(void);
IMPORT(BLOBS, "[method]writer.write") void writer_write(u32 writer, const void *bytes, u32 length, void *result);
IMPORT(BLOBS, "[method]writer.finish") void writer_finish(u32 writer, void *result);
IMPORT(BLOBS, "open") void blob_open(const void *digest, u32 length, void *result);

IMPORT("springline:host/directory@0.1.0", "owned") void directory_owned(void *result);

#define POLL "wasi:io/poll@0.2.12"
IMPORT(POLL, "poll") void poll(const u32 *pollables, u32 length, void *result);
IMPORT(POLL, "[method]pollable.block") void pollable_block(u32 pollable);

IMPORT("wasi:clocks/monotonic-clock@0.2.12", "subscribe-duration") u32 subscribe_duration(u64 nanoseconds);

IMPORT("wasi:cli/stdout@0.2.12", "get-stdout") u32 get_stdout(void);

#define STREAMS "wasi:io/streams@0.2.12"
IMPORT(STREAMS, "[method]output-stream.write")
void output_write(u32 stream, const void *bytes, u32 length, void *result);
IMPORT(STREAMS, "[method]output-stream.write-zeroes") void output_zeroes(u32 stream, u64 length, void *result);
IMPORT(STREAMS, "[method]input-stream.read") void input_read(u32 stream, u64 length, void *result);

IMPORT("wasi:random/random@0.2.12", "get-random-bytes") void random_bytes(u64 length, void *result);

#define FILES "wasi:filesystem/types@0.2.12"
IMPORT("wasi:filesystem/preopens@0.2.12", "get-directories") void get_directories(void *result);
IMPORT(FILES, "[method]descriptor.open-at")
void open_at(u32 at, u32 path_flags, const void *path, u32 length, u32 open_flags, u32 flags, void *result);
IMPORT(FILES, "[method]descriptor.read-directory") void read_directory(u32 descriptor, void *result);
IMPORT(FILES, "[method]descriptor.read-via-stream") void read_via_stream(u32 descriptor, u64 offset, void *result);
IMPORT(FILES, "[method]descriptor.write")
void file_write(u32 descriptor, const void *bytes, u32 length, u64 offset, void *result);
IMPORT(FILES, "[method]descriptor.set-size") void set_size(u32 descriptor, u64 size, void *result);
IMPORT(FILES, "[method]descriptor.stat-at")
void stat_at(u32 descriptor, u32 path_flags, const void *path, u32 length, void *result);
IMPORT(FILES, "[method]descriptor.create-directory-at")
void create_directory_at(u32 descriptor, const void *path, u32 length, void *result);
IMPORT(FILES, "[method]descriptor.symlink-at")
void symlink_at(u32 descriptor, const void *old, u32 old_length, const void *new, u32 new_length, void *result);
IMPORT(FILES, "[method]descriptor.rename-at")
void rename_at(u32 from, const void *old, u32 old_length, u32 to, const void *new, u32 new_length, void *result);
IMPORT(FILES, "[method]descriptor.link-at")
void link_at(u32 from, u32 path_flags, const void *old, u32 old_length, u32 to, const void *new, u32 new_length,
             void *result);
IMPORT(FILES, "[method]descriptor.unlink-file-at")
void unlink_file_at(u32 descriptor, const void *path, u32 length, void *result);
IMPORT(FILES, "[method]directory-entry-stream.read-directory-entry")
void read_directory_entry(u32 stream, void *result);
IMPORT(FILES, "[resource-drop]descriptor") void descriptor_drop(u32 descriptor);

enum { FOLLOW = 1 };
enum { CREATE = 1, DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATE = 8 };
enum { READ = 1, WRITE = 2, MUTATE = 32 };
enum { INFO = 1 };

// What a function wrote its result to. In a `result` the first byte says whether it failed.
typedef struct {
    u32 first, value, more, rest[61];
} __attribute__((aligned(8))) Result;

static inline int failed(const Result *result) { return *(const u8 *)result; }

// Text with its length.
#define TEXT(literal) (literal), (u32)(sizeof(literal) - 1)

// A call: its `count`, and how it ends.
typedef struct {
    u64 count;
    const void *text;
    u32 length;
    int failed;
} Call;

void finish(Call *call, const char *summary);
void fail(Call *call, const char *message);
void *memset(void *at, int value, unsigned long length);
void *allocate(u32 bytes);
u32 preopened(const char *path);
int equal(const char *a, const char *b, u32 length);
u32 length_of(const char *text);

// Attacks, each by its name; 0 if there is none of that name.
int attack_machine(const char *name, u32 length, Call *call);
int attack_handles(const char *name, u32 length, Call *call);
int attack_text(const char *name, u32 length, Call *call);
int attack_files(const char *name, u32 length, Call *call);
