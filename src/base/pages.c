#include "base/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; older ones answer EINVAL */
#endif

enum {
    BLOCK_LEN = 1 << 20, /* some seconds of one channel */
    FILL_LEN = 256 << 10,
    LEN_MAX = 1 << 30,
};

/* A place for each byte of a hundred years at 300 MB/s. */
static const int64_t FILE_LEN = INT64_C(1) << 60;

/* At the beginning of its own mapping. */
struct pages_block {
    atomic_uint refs; /* ranges in use, and one while a cursor cuts from it */
    size_t len;
    size_t used;
    size_t filled; /* has pages */
    off_t offset;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int file = -1;
static size_t page_len = 4096;
static _Atomic int64_t file_used; /* by all blocks that were ever mapped */

static void open_file(void)
{
    struct rlimit limit;
    long len = sysconf(_SC_PAGESIZE);

    if (len > 0)
        page_len = (size_t)len;
    /* Beyond this limit the kernel would end us by a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY)
        return;
    int fd = memfd_create("stoa-media", MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, FILE_LEN) != 0) {
        (void)close(fd);
        fd = -1;
    }
    file = fd;
}

int pages_fd(void)
{
    (void)pthread_once(&once, open_file); /* cannot fail */
    return file;
}

static size_t whole_pages(size_t len)
{
    return (len + page_len - 1) / page_len * page_len;
}

/* The pages go back to the system, but for those that a socket still holds. */
static void punch(off_t offset, size_t len)
{
    int failed;

    do {
        failed = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, (off_t)len);
    } while (failed && errno == EINTR);
}

static void block_unref(struct pages_block *block)
{
    /* acq_rel: all that was done with the ranges happens before they are unmapped. */
    if (atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1) {
        size_t len = block->len;
        off_t offset = block->offset;

        (void)munmap(block, len); /* cannot fail for what was mapped */
        punch(offset, len);
    }
}

static struct pages_block *map_block(size_t len)
{
    size_t room = whole_pages(sizeof(struct pages_block) + len);
    size_t block_len = room > BLOCK_LEN ? room : BLOCK_LEN;
    int64_t offset =
        atomic_fetch_add_explicit(&file_used, (int64_t)block_len, memory_order_relaxed);

    if (offset > FILE_LEN - (int64_t)block_len)
        return NULL;
    void *at = mmap(NULL, block_len, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);
    if (at == MAP_FAILED)
        return NULL;

    struct pages_block *block = at;
    atomic_init(&block->refs, 1);
    block->len = block_len;
    block->used = sizeof(*block);
    block->filled = page_len;
    block->offset = offset;
    return block;
}

/* Many pages at once cost half of a fault each. Where it cannot, the faults come. */
static void fill(struct pages_block *block)
{
    if (block->used <= block->filled)
        return;
    size_t end = whole_pages(block->used);

    end = end - block->filled < FILL_LEN ? block->filled + FILL_LEN : end;
    end = end < block->len ? end : block->len;
    (void)madvise((uint8_t *)block + block->filled, end - block->filled, MADV_POPULATE_WRITE);
    block->filled = end;
}

bool pages_take(struct pages_cursor *cursor, size_t len, struct pages *ret_pages)
{
    struct pages_block *block = cursor->block;

    if (pages_fd() < 0 || len > LEN_MAX)
        return false;
    if (!block || len > block->len - block->used) {
        block = map_block(len);
        if (!block)
            return false;
        pages_cursor_deinit(cursor);
        cursor->block = block;
    }
    *ret_pages = (struct pages){
        .block = block,
        .data = (uint8_t *)block + block->used,
        .len = len,
        .offset = block->offset + (off_t)block->used,
    };
    atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    block->used += len;
    fill(block);
    return true;
}

void pages_give_back(const struct pages *pages)
{
    block_unref(pages->block);
}

void pages_cursor_deinit(struct pages_cursor *cursor)
{
    if (cursor->block)
        block_unref(cursor->block);
    cursor->block = NULL;
}
