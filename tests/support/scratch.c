#include "support/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Also used by fuzz targets, which have no cmocka. */
static void need(bool is_true)
{
    if (!is_true)
        abort();
}

static void make_at(struct scratch *scratch, const char *place)
{
    (void)snprintf(scratch->path, sizeof(scratch->path), "%s/stoa-test-XXXXXX", place);
    need(mkdtemp(scratch->path) != NULL);
    scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    need(scratch->fd >= 0);
}

void scratch_make(struct scratch *scratch)
{
    make_at(scratch, "/tmp");
}

void scratch_make_in_memory(struct scratch *scratch)
{
    make_at(scratch, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

void scratch_remove(struct scratch *scratch)
{
    (void)close(scratch->fd);
    need(nftw(scratch->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

char *scratch_read(const struct scratch *scratch, const char *name, size_t *ret_len)
{
    struct stat about;
    int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    need(fstat(fd, &about) == 0);
    size_t len = (size_t)about.st_size;
    char *bytes = mem_alloc(len + 1);
    need(pread(fd, bytes, len, 0) == (ssize_t)len);
    bytes[len] = '\0';
    (void)close(fd);
    *ret_len = len;
    return bytes;
}

void scratch_write(const struct scratch *scratch, const char *name, const void *bytes, size_t len)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    need(fd >= 0);
    need(len == 0 || pwrite(fd, bytes, len, 0) == (ssize_t)len);
    (void)close(fd);
}

void scratch_truncate(const struct scratch *scratch, const char *name, uint64_t len)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CLOEXEC);

    need(fd >= 0 && ftruncate(fd, (off_t)len) == 0);
    (void)close(fd);
}

void scratch_make_folder(const struct scratch *scratch, const char *name)
{
    need(mkdirat(scratch->fd, name, 0700) == 0);
}

bool scratch_has(const struct scratch *scratch, const char *name)
{
    struct stat about;

    return fstatat(scratch->fd, name, &about, 0) == 0;
}
