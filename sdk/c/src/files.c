/* Files: ordinary ones, and what WASI has no word for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

static const char *below(const char *directory, const char *path)
{
    return springline_format("%s/%s%s%s", springline_root, directory, *path == '\0' ? "" : "/", path);
}

const char *springline_in(const char *path)
{
    return below("in", path);
}

const char *springline_out(const char *path)
{
    return below("out", path);
}

const char *springline_artifact_path(const char *name, const char *path)
{
    return below("artifacts", *path == '\0' ? name : springline_format("%s/%s", name, path));
}

static springline_result read_link(const char *path, const char **link)
{
    for (size_t size = 256;; size *= 2) {
        char *target = springline_alloc(size);
        ssize_t got = readlink(path, target, size);
        if (got < 0) {
            return springline_failed_errno(path);
        }
        if ((size_t)got < size) {
            *link = target;
            return SPRINGLINE_OK;
        }
    }
}

static springline_result collect(const char *directory, const char *prefix, springline_list *entries);

static springline_result collect_one(const char *directory, const char *prefix, const char *name, springline_list *entries)
{
    const char *path = springline_format("%s/%s", directory, name);
    springline_entry entry = { .path = springline_format("%s%s", prefix, name), .link = NULL };
    struct stat status;
    if (lstat(path, &status) != 0) {
        return springline_failed_errno(path);
    }
    if (S_ISDIR(status.st_mode)) {
        return collect(path, springline_format("%s/", entry.path), entries);
    }
    if (S_ISLNK(status.st_mode)) {
        springline_result result = read_link(path, &entry.link);
        if (result != SPRINGLINE_OK) {
            return result;
        }
    }
    *(springline_entry *)springline_list_add(entries, sizeof entry) = entry;
    return SPRINGLINE_OK;
}

static springline_result collect(const char *directory, const char *prefix, springline_list *entries)
{
    DIR *open = opendir(directory);
    if (open == NULL) {
        return springline_failed_errno(directory);
    }
    springline_result result = SPRINGLINE_OK;
    while (result == SPRINGLINE_OK) {
        errno = 0;
        const struct dirent *next = readdir(open);
        if (next == NULL) {
            result = errno == 0 ? SPRINGLINE_OK : springline_failed_errno(directory);
            break;
        }
        if (strcmp(next->d_name, ".") != 0 && strcmp(next->d_name, "..") != 0) {
            result = collect_one(directory, prefix, next->d_name, entries);
        }
    }
    closedir(open);
    return result;
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(((const springline_entry *)left)->path, ((const springline_entry *)right)->path);
}

springline_result springline_walk(const char *directory, springline_entry **entries, size_t *count)
{
    springline_list list = { 0 };
    springline_result result = collect(directory, "", &list);
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof(springline_entry), compare_paths);
    }
    *entries = list.items;
    *count = list.count;
    return result;
}

/* Reads a file that was just opened, and closes it; `file` below 0 is no file. */
static springline_result read_all(int file, const char *path, char **data, size_t *size)
{
    struct stat status;
    if (file < 0) {
        return springline_failed_errno(path);
    }
    /* Its size, and one byte to see that it ends there. */
    size_t capacity = fstat(file, &status) == 0 && status.st_size > 0 ? (size_t)status.st_size + 1 : SPRINGLINE_CHUNK;
    char *bytes = springline_alloc(capacity + 1);
    size_t got = 0;
    ssize_t more;
    while ((more = read(file, bytes + got, capacity - got)) > 0) {
        got += (size_t)more;
        if (got == capacity) {
            char *moved = springline_alloc(capacity * 2 + 1);
            memcpy(moved, bytes, got);
            bytes = moved;
            capacity *= 2;
        }
    }
    springline_result result = more == 0 ? SPRINGLINE_OK : springline_failed_errno(path);
    close(file);
    bytes[got] = '\0';
    *data = bytes;
    if (size != NULL) {
        *size = got;
    }
    return result;
}

springline_result springline_read(const char *path, char **data, size_t *size)
{
    return read_all(open(path, O_RDONLY), path, data, size);
}

springline_result springline_read_input(const char *path, char **data, size_t *size)
{
    const char *at = springline_in(path);
    int file = open(at, O_RDONLY);
    if (file < 0 && errno == ENOENT) {
        return springline_invalid_file(path, 0, "there is no such file");
    }
    return read_all(file, at, data, size);
}

springline_result springline_read_input_text(const char *path, char **text)
{
    size_t size;
    springline_result result = springline_read_input(path, text, &size);
    uint32_t number = 1;
    for (size_t start = 0; result == SPRINGLINE_OK && start < size; number++) {
        const char *line = *text + start, *end = memchr(line, '\n', size - start);
        size_t length = end == NULL ? size - start : (size_t)(end - line) + 1;
        if (!springline_is_utf8(line, length)) {
            return springline_invalid_file(path, number, "this is not UTF-8");
        }
        start += length;
    }
    return result;
}

springline_result springline_make_directories(const char *path)
{
    char *part = springline_copy_text(path);
    for (char *at = part + 1; *part != '\0'; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        char separator = *at;
        *at = '\0';
        /* A directory that is not ours to make may be there all the same: `/out` itself. */
        struct stat status;
        if (mkdir(part, 0777) != 0 && (stat(part, &status) != 0 || !S_ISDIR(status.st_mode))) {
            return springline_failed_errno(part);
        }
        if (separator == '\0') {
            break;
        }
        *at = separator;
    }
    return SPRINGLINE_OK;
}

static springline_result make_parents(const char *path)
{
    const char *end = strrchr(path, '/');
    if (end == NULL || end == path) {
        return SPRINGLINE_OK;
    }
    return springline_make_directories(springline_copy(path, (size_t)(end - path)));
}

springline_result springline_write(const char *path, const void *data, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 && errno == ENOENT) {
        springline_result result = make_parents(path);
        if (result != SPRINGLINE_OK) {
            return result;
        }
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    }
    if (file < 0) {
        return springline_failed_errno(path);
    }
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(file, at, size);
        if (written < 0) {
            springline_result result = springline_failed_errno(path);
            close(file);
            return result;
        }
        at += written;
        size -= (size_t)written;
    }
    return close(file) == 0 ? SPRINGLINE_OK : springline_failed_errno(path);
}

/* Copies what is left of a file, a piece at a time. */
static springline_result copy_bytes(int from, const char *from_path, int to, const char *to_path)
{
    char piece[16 << 10];
    ssize_t got;
    while ((got = read(from, piece, sizeof piece)) > 0) {
        for (ssize_t done = 0; done < got;) {
            ssize_t written = write(to, piece + done, (size_t)(got - done));
            if (written < 0) {
                return springline_failed_errno(to_path);
            }
            done += written;
        }
    }
    return got == 0 ? SPRINGLINE_OK : springline_failed_errno(from_path);
}

springline_result springline_copy_file(const char *from, const char *to)
{
    bool executable;
    springline_result result = springline_is_executable(from, &executable);
    if (result == SPRINGLINE_OK) {
        result = make_parents(to);
    }
    if (result != SPRINGLINE_OK) {
        return result;
    }
    int source = open(from, O_RDONLY);
    if (source < 0) {
        return springline_failed_errno(from);
    }
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (target < 0) {
        result = springline_failed_errno(to);
    } else {
        result = copy_bytes(source, from, target, to);
        if (close(target) != 0 && result == SPRINGLINE_OK) {
            result = springline_failed_errno(to);
        }
    }
    close(source);
    return result == SPRINGLINE_OK && executable ? springline_set_executable(to, true) : result;
}

static springline_result mode_error(const char *path, springline_host_files_mode_error_t error)
{
    bool missing = error == SPRINGLINE_HOST_FILES_MODE_ERROR_NOT_FOUND;
    return springline_failed("%s: %s", path, missing ? "there is no such file" : "not permitted");
}

springline_result springline_is_executable(const char *path, bool *executable)
{
    springline_host_string_t asked = springline_lend(path);
    springline_host_files_mode_error_t error;
    bool known = springline_host_files_is_executable(&asked, executable, &error);
    return known ? SPRINGLINE_OK : mode_error(path, error);
}

springline_result springline_set_executable(const char *path, bool executable)
{
    springline_host_string_t asked = springline_lend(path);
    springline_host_files_mode_error_t error;
    bool set = springline_host_files_set_executable(&asked, executable, &error);
    return set ? SPRINGLINE_OK : mode_error(path, error);
}
