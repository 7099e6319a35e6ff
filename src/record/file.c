/* What is behind a path: names and reading. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/writer.h"
#include "record/folder.h"
#include "record/record.h"

enum { TAIL_LEN = 1024 };
_Static_assert((int)TAIL_LEN >= 3 * (int)PLAYLIST_ENTRY_LEN_MAX, "a whole entry is in the tail");

/* Decimal as we write it: no leading zeroes, so that a file has one name only. */
static bool parse_number(struct text text, uint64_t max, uint64_t *ret_number)
{
    return text.len && text.ptr[0] != '0' && text_parse_u64(text, max, ret_number);
}

bool record_name_parse(struct text channel, struct text broadcast, struct text file,
                       struct record_name *ret_name)
{
    struct record_name name = {0};
    uint64_t number = 0;

    if (!parse_number(channel, INT64_MAX, &name.channel_id) ||
        !parse_number(broadcast, INT64_MAX, &name.broadcast_id))
        return false;
    if (!text_equal(file, TEXT("index.m3u8")) &&
        !(text_ends_with(file, TEXT(".mp4")) &&
          parse_number(text_sub(file, 0, file.len - 4), RECORD_FILES_MAX, &number)))
        return false;
    name.file = (uint32_t)number;
    *ret_name = name;
    return true;
}

static enum err read_all(int fd, uint64_t offset, void *to, size_t len)
{
    char *at = to;

    while (len) {
        ssize_t got = pread(fd, at, len, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        at += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return OK;
}

/* Opens a regular file of a recording. */
static enum err open_at(const char *root, const struct record_name *name, uint32_t file,
                        int *ret_fd, struct stat *ret_about)
{
    char path[FOLDER_PATH_LEN_MAX + 1];
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    folder_file_path(path, name->channel_id, name->broadcast_id, file);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int error = errno;
    (void)close(folder);
    if (fd < 0)
        return error == ENOENT || error == ENOTDIR || error == ELOOP ? ERR_NOT_FOUND : ERR_IO;
    if (fstat(fd, ret_about) != 0 || !S_ISREG(ret_about->st_mode)) {
        (void)close(fd);
        return ERR_NOT_FOUND;
    }
    *ret_fd = fd;
    return OK;
}

/* How long a list is up to its last whole entry, and whether it has its end. */
static enum err measure_list(int fd, uint64_t size, uint64_t *ret_len, bool *ret_is_ended)
{
    char tail[TAIL_LEN];
    size_t len = size < sizeof(tail) ? (size_t)size : sizeof(tail);
    enum err err = read_all(fd, size - len, tail, len);

    if (!err)
        *ret_len = size - playlist_unfinished_len((struct text){tail, len}, ret_is_ended);
    return err;
}

enum err record_file_open(const char *root, const struct record_name *name,
                          struct record_file *ret_file)
{
    struct stat about;
    struct stat list_about;
    struct record_file file = {.fd = -1};
    int list = -1;
    uint64_t list_len = 0;
    enum err err = open_at(root, name, name->file, &file.fd, &about);

    if (err)
        return err;
    file.len = (uint64_t)about.st_size;
    if (name->file == 0) {
        err = measure_list(file.fd, file.len, &file.len, &file.is_final);
    } else {
        /* A list that is gone is about to be deleted with the rest. */
        err = open_at(root, name, 0, &list, &list_about);
        if (!err)
            err = measure_list(list, (uint64_t)list_about.st_size, &list_len, &file.is_final);
        if (list >= 0)
            (void)close(list);
    }
    if (!err && file.len == 0)
        err = ERR_NOT_FOUND; /* nothing whole is there yet */
    if (err) {
        record_file_close(&file);
        return err;
    }
    (void)snprintf(file.etag, sizeof(file.etag), "\"%llx-%llx\"", (unsigned long long)file.len,
                   (unsigned long long)about.st_mtim.tv_sec * 1000000000ULL +
                       (unsigned long long)about.st_mtim.tv_nsec);
    *ret_file = file;
    return OK;
}

enum err record_file_read(const struct record_file *file, uint64_t offset, void *to, size_t len)
{
    return read_all(file->fd, offset, to, len);
}

void record_file_close(struct record_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
}
