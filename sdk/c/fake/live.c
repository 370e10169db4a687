/* The directory that the fake host lends, in memory; directories are implied. */
#include <stdlib.h>
#include <strings.h>

#include "fake.h"

bool fake_is_lent;
/* Sorted by path. */
static springline_list nodes;

void fake_reset_live(void)
{
    nodes = (springline_list){ 0 };
    fake_is_lent = true;
}

size_t fake_live_count(void)
{
    return nodes.count;
}

const fake_live_node *fake_live_at(size_t index)
{
    return (const fake_live_node *)nodes.items + index;
}

static fake_live_node *find(const char *path)
{
    for (size_t i = 0; i < nodes.count; i++) {
        fake_live_node *node = (fake_live_node *)nodes.items + i;
        if (strcmp(node->path, path) == 0) {
            return node;
        }
    }
    return NULL;
}

const fake_live_node *fake_live_find(const char *path)
{
    return find(path);
}

static bool is_above(const char *directory, const char *path)
{
    size_t size = strlen(directory);
    return strncmp(directory, path, size) == 0 && path[size] == '/';
}

bool fake_live_is_directory(const char *path)
{
    for (size_t i = 0; i < nodes.count; i++) {
        if (is_above(path, fake_live_at(i)->path)) {
            return true;
        }
    }
    return false;
}

/* Whether a text has no control characters and backslashes, and at most 1,024 bytes. */
static bool is_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool is_control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f);
        if (is_control || *at == '\\') {
            return false;
        }
    }
    return strlen(text) <= 1024;
}

static bool is_part(const char *part, size_t size, const char *name)
{
    return size == strlen(name) && memcmp(part, name, size) == 0;
}

/* Whether a part of a path names Springline's own, on file systems that ignore case as well. */
static bool is_reserved(const char *part, size_t size)
{
    static const char owned[] = ".springline-owned", temporary[] = ".springline-tmp-";
    size_t least = sizeof temporary - 1;
    return (size == sizeof owned - 1 && strncasecmp(part, owned, size) == 0)
        || (size >= least && strncasecmp(part, temporary, least) == 0);
}

const char *fake_live_path_denied(const char *path)
{
    bool clean = is_plain(path);
    for (const char *part = path; clean; part++) {
        size_t size = strcspn(part, "/");
        clean = size > 0 && !is_part(part, size, ".") && !is_part(part, size, "..") && !is_reserved(part, size);
        part += size;
        if (*part == '\0') {
            break;
        }
    }
    return clean ? NULL : fake_format("%s: this leaves the directory, or is Springline's own", path);
}

const char *fake_live_link_denied(const char *path, const char *target)
{
    size_t above = 0;
    for (const char *at = path; *at != '\0'; at++) {
        above += *at == '/';
    }
    bool denied = *target == '\0' || *target == '/' || !is_plain(target), named = false;
    for (const char *part = target; !denied; part++) {
        size_t size = strcspn(part, "/");
        if (is_part(part, size, "..")) {
            denied = named || above-- == 0;
        } else if (size > 0 && !is_part(part, size, ".")) {
            named = true;
            denied = is_reserved(part, size);
        }
        part += size;
        if (*part == '\0') {
            break;
        }
    }
    return denied ? fake_format("%s: a link to `%s` could leave the directory", path, target) : NULL;
}

/* Why we may not write at `path`; NULL if we may, and what is there is what was expected. */
static const char *check(const char *path, const char *expected)
{
    for (size_t i = 0; i < nodes.count; i++) {
        if (is_above(fake_live_at(i)->path, path)) {
            return fake_format("%s: %s is no directory", path, fake_live_at(i)->path);
        }
    }
    if (fake_live_is_directory(path)) {
        return fake_format("%s: this is a directory", path);
    }
    const fake_live_node *there = find(path);
    const char *digest = there == NULL ? "" : fake_digest(there->bytes.data, there->bytes.size);
    if (strcmp(digest, expected) != 0) {
        return fake_format("%s: expected `%s`, found `%s`", path, expected, digest);
    }
    if (there != NULL && *there->owner != '\0' && strcmp(there->owner, fake_owner()) != 0) {
        return fake_format("%s: belongs to %s", path, there->owner);
    }
    return NULL;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const fake_live_node *)left)->path, ((const fake_live_node *)right)->path);
}

static void put(const char *path, springline_file_kind kind, const void *data, size_t size, const char *owner)
{
    fake_live_node *node = find(path);
    if (node == NULL) {
        node = fake_list_add(&nodes, sizeof *node);
    }
    *node = (fake_live_node){ fake_text(path), kind, { fake_copy(data, size), size }, fake_text(owner) };
    qsort(nodes.items, nodes.count, sizeof *node, compare);
}

const char *fake_live_put(const char *path, springline_file_kind kind, const fake_bytes *bytes, const char *expected)
{
    const char *problem = check(path, expected);
    if (problem == NULL) {
        put(path, kind, bytes->data, bytes->size, fake_owner());
    }
    return problem;
}

static void remove_node(fake_live_node *node)
{
    fake_live_node *end = (fake_live_node *)nodes.items + nodes.count--;
    memmove(node, node + 1, (size_t)(end - node - 1) * sizeof *node);
}

const char *fake_live_remove(const char *path, const char *expected)
{
    fake_live_node *node = find(path);
    const char *problem = node == NULL && !fake_live_is_directory(path) ? NULL : check(path, expected);
    if (problem == NULL && node != NULL) {
        remove_node(node);
    }
    return problem;
}

const char *fake_live_adopt(const char *path)
{
    fake_live_node *node = find(path);
    if (node == NULL) {
        return fake_format("%s: there is nothing", path);
    }
    const char *problem = check(path, fake_digest(node->bytes.data, node->bytes.size));
    if (problem == NULL) {
        node->owner = fake_owner();
    }
    return problem;
}

void springline_fake_live_put(const char *path, const char *text, const char *owner)
{
    put(path, SPRINGLINE_FILE, text, strlen(text), owner);
}

void springline_fake_live_remove(const char *path)
{
    fake_live_node *node = find(path);
    if (node == NULL) {
        fake_fault("there is no `%s` to remove", path);
    }
    remove_node(node);
}

const char *springline_fake_live(const char *path)
{
    const fake_live_node *node = find(path);
    return node == NULL ? NULL : node->bytes.data;
}

const char *springline_fake_live_all(void)
{
    char *all = fake_text("");
    for (size_t i = 0; i < nodes.count; i++) {
        fake_append(&all, "%s %s\n", fake_live_at(i)->path, fake_live_at(i)->owner);
    }
    return all;
}

void springline_fake_deny_directory(void)
{
    fake_is_lent = false;
}
