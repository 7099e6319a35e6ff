/*
 * pages - memory that the kernel sends from without copying it.
 *
 * Ranges of one file without a name (memfd), which is mapped into this process: a range is memory
 * to us and a place in a file to sendfile(). A place is used once: its bytes never change, so a
 * socket may still hold the pages of a range that was given back.
 *
 *     file    |aaaabbbcc...|ddde....|         |....      grows for ever
 *             '- a block -''-another-'' a hole -'          each mapped at once
 *
 * A cursor cuts its ranges one behind the other, byte by byte, so that what belongs together can be
 * sent with one call. A block goes back to the system, and becomes a hole in the file, when all its
 * ranges were given back: with a cursor a channel they are as old as each other. (A hole a range
 * would interrupt the other processors each time, to forget the mapping.)
 *
 * Threads   A cursor belongs to one thread; ranges may be given back on any.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pages_block;

/* Where the next range comes from. Zeroed is valid. */
struct pages_cursor {
    struct pages_block *block;
};

struct pages {
    struct pages_block *block;
    uint8_t *data;
    size_t len;
    off_t offset;
};

/* False: this system has no such file (seccomp, a limit on the size of files), or there is no room
 * for a mapping: take other memory. The bytes are not initialised. */
bool pages_take(struct pages_cursor *cursor, size_t len, struct pages *ret_pages);

void pages_give_back(const struct pages *pages);

/* What was taken stays. */
void pages_cursor_deinit(struct pages_cursor *cursor);

/* The file of all pages; -1: there is none. It is for sending only. */
int pages_fd(void);

#endif
