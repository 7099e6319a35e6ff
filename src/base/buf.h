/*
 * buf - ref-counted bytes that never change once they are shared.
 *
 * A buf is filled by its creator and is frozen from the moment a second reference exists: from then
 * on everybody only reads. Media payloads, finished parts and segments, rendered playlists and
 * static files are bufs; ten thousand viewers send from the same one.
 *
 *     const struct buf *   borrowed: valid while the lender holds it
 *     struct buf *         a reference: give it away or buf_unref() it
 *
 * Threads   References may be taken and dropped on any thread.
 * Units     len counts bytes.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

struct pages_cursor;

enum buf_kind { BUF_INLINE = 1, BUF_OWNED, BUF_STATIC, BUF_PAGED };

struct buf {
    atomic_uint refs;
    size_t len;
    uint8_t *data; /* the bytes: behind this struct, in a block or pages of their own, or static */
    enum buf_kind kind;
};

/* A buf of `len` bytes, not initialised, with one reference, which the caller owns. */
struct buf *buf_create(size_t len);

/* The same in pages that the kernel can send from without copying them (slice_in_file): for media
 * that many peers get. Where there are none, or with a NULL cursor, as from buf_create(). */
struct buf *buf_create_paged(struct pages_cursor *cursor, size_t len);

/* A buf with a copy of the bytes. */
struct buf *buf_copy(const void *bytes, size_t len);

/* A buf with a copy of the text. */
struct buf *buf_from_text(struct text text);

/* A buf around a mem_alloc() block; takes the block. */
struct buf *buf_take(uint8_t *block, size_t len);

/* A buf around bytes that live as long as the program. */
struct buf *buf_static(const void *bytes, size_t len);

/* Another reference to the same bytes. */
struct buf *buf_ref(const struct buf *buf);

/* Drops a reference; returns NULL, so that `x = buf_unref(x)` clears the pointer. NULL is allowed.
 */
struct buf *buf_unref(struct buf *buf);

/* The bytes as text. Borrowed. */
struct text buf_text(const struct buf *buf);

/* A part of a buf. Whoever stores a slice owns one reference to `buf`; `buf` may be NULL when the
 * bytes outlive the slice anyway. A plain value; zeroed is empty. */
struct slice {
    struct buf *buf;
    const uint8_t *data;
    size_t len;
};

/* A slice of the whole buf; takes the caller's reference. */
struct slice slice_take(struct buf *buf);

/* A slice of `len` bytes from `offset`, with a reference of its own. The range must be inside. */
struct slice slice_of(const struct buf *buf, size_t offset, size_t len);

/* The same slice with a reference of its own. */
struct slice slice_ref(struct slice slice);

/* Drops the reference and empties the slice. */
void slice_unref(struct slice *slice);

/* Where sendfile() finds the slice's bytes, while somebody holds it. False: only in memory. */
bool slice_in_file(const struct slice *slice, int *ret_fd, off_t *ret_offset);

#endif
