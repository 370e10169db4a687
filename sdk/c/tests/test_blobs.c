#include <stdlib.h>

#include "plugin.h"

static springline_result writes_and_reads(const springline_json *config, springline_step *step)
{
    (void)config, (void)step;
    springline_writer *writer = springline_writer_new();
    const char *digest;
    assert(springline_writer_write(writer, "abc", 3) == SPRINGLINE_OK);
    assert(springline_writer_finish(writer, &digest) == SPRINGLINE_OK);
    springline_fake_same(digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    /* It is empty again, and takes more than the host does at once. */
    size_t size = 2 * SPRINGLINE_CHUNK + 5;
    char *large = springline_alloc(size);
    for (size_t i = 0; i < size; i++) {
        large[i] = (char)(i % 251);
    }
    assert(springline_writer_write(writer, large, size) == SPRINGLINE_OK);
    assert(springline_writer_finish(writer, &digest) == SPRINGLINE_OK);

    springline_blob *blob;
    assert(springline_blob_open(digest, &blob) == SPRINGLINE_OK && springline_blob_size(blob) == size);
    char *bytes;
    size_t got;
    assert(springline_blob_bytes(blob, &bytes, &got) == SPRINGLINE_OK);
    assert(got == size && memcmp(bytes, large, size) == 0);
    char part[8];
    assert(springline_blob_read(blob, size - 3, part, sizeof part, &got) == SPRINGLINE_OK && got == 3);
    assert(memcmp(part, large + size - 3, 3) == 0);
    assert(springline_blob_read(blob, size + 9, part, sizeof part, &got) == SPRINGLINE_OK && got == 0);
    springline_blob_close(blob);
    springline_blob_close(blob);
    return springline_blob_open("sha256:none", &blob);
}

static springline_result hashes(const springline_json *config, springline_step *step)
{
    (void)config;
    springline_writer *writer = springline_writer_new();
    springline_buffer all = { 0 };
    static const size_t sizes[] = { 0, 55, 56, 63, 64, 65, 119, 120, 1000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *bytes = springline_alloc(sizes[i]);
        memset(bytes, 'a', sizes[i]);
        const char *digest;
        assert(springline_writer_write(writer, bytes, sizes[i]) == SPRINGLINE_OK);
        assert(springline_writer_finish(writer, &digest) == SPRINGLINE_OK);
        springline_append_format(&all, "%.8s ", digest + 7);
    }
    springline_summary(step, "%s", all.data);
    return SPRINGLINE_OK;
}

static springline_result walks_a_tree(const springline_json *config, springline_step *step)
{
    (void)config;
    springline_tree_entry *entries;
    size_t count;
    springline_result result = springline_tree_walk(springline_artifact("site"), &entries, &count);
    assert(result == SPRINGLINE_OK && count == 2);
    springline_blob *blob;
    char *bytes;
    size_t size;
    assert(springline_blob_open(entries[1].digest, &blob) == SPRINGLINE_OK);
    assert(springline_blob_bytes(blob, &bytes, &size) == SPRINGLINE_OK);
    springline_summary(step, "%s %s %llu %s", entries[0].path, entries[1].path, (unsigned long long)entries[1].size, bytes);
    return springline_tree_walk("sha256:none", &entries, &count);
}

int main(void)
{
    springline_fake_reset();
    assert(call(writes_and_reads) == SPRINGLINE_FAILED);
    springline_fake_same(springline_fake_error(), "`sha256:none` was not given to this call");
    assert(call(hashes) == SPRINGLINE_OK);
    springline_fake_same(springline_fake_summary(), "e3b0c442 9f4390f8 b35439a4 7d3e74a0 ffe054fe 635361c4 31eba51c 2f3d3354 41edece4 ");
    springline_fake_artifact("site", "index.html", "<h1>");
    springline_fake_artifact("site", "b", "b");
    assert(call(walks_a_tree) == SPRINGLINE_FAILED);
    springline_fake_same(springline_fake_summary(), "b index.html 4 <h1>");
}
