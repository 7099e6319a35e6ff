/*
 * writer - builds bytes or text: the mirror of reader, bounded, with sticky failure.
 *
 *   fixed    writer_fixed(): writes into the caller's memory, never past its end
 *   growing  writer_growing(): grows a block of its own up to a limit that must be named
 *
 * A write that does not fit sets `failed` and writes nothing; so does each later one. Check
 * `failed` once at the end. A length that is known only later is reserved and patched:
 *
 *     size_t size_at = writer_reserve(&w, 4);
 *     ... write the box ...
 *     writer_patch_u32(&w, size_at, (uint32_t)(w.len - size_at));
 *
 * Numbers are big-endian unless the name says otherwise.
 */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct buf;

struct writer {
    uint8_t *data;
    size_t len;   /* bytes written */
    size_t cap;   /* bytes that `data` holds now */
    size_t limit; /* 0: fixed; else the most that a growing writer may hold */
    bool failed;
};

/* Writes into `memory`, which the caller keeps. Nothing to release. */
struct writer writer_fixed(void *memory, size_t cap);

/* Grows up to `limit` bytes (> 0). Release with writer_deinit(). */
struct writer writer_growing(size_t limit);

/* Releases the block of a growing writer; the writer is then empty and may be used again. */
void writer_deinit(struct writer *w);

/* Empties the writer and clears `failed`, but keeps the block. */
void writer_clear(struct writer *w);

/* What was written, as a buf with one reference, copied to its exact size; the writer is cleared
 * and keeps its block. A failed writer gives an empty buf: check `failed` before. */
struct buf *writer_copy_buf(struct writer *w);

/* Makes room for `len` more bytes and returns where they go, or NULL (failed). Follow with
 * writer_commit() of at most that many. */
uint8_t *writer_room(struct writer *w, size_t len);
void writer_commit(struct writer *w, size_t len);

void writer_bytes(struct writer *w, const void *bytes, size_t len);
void writer_zeroes(struct writer *w, size_t len);
void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u24(struct writer *w, uint32_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_u16_le(struct writer *w, uint16_t value);
void writer_u32_le(struct writer *w, uint32_t value);

/* Leaves `len` zero bytes and returns their offset. */
size_t writer_reserve(struct writer *w, size_t len);

/* Overwrites bytes written before. Nothing happens in a failed writer. */
void writer_patch_u16(struct writer *w, size_t offset, uint16_t value);
void writer_patch_u24(struct writer *w, size_t offset, uint32_t value);
void writer_patch_u32(struct writer *w, size_t offset, uint32_t value);

/* Text. */
void writer_text(struct writer *w, struct text text);
void writer_str(struct writer *w, const char *string);
void writer_char(struct writer *w, char c);
void writer_dec(struct writer *w, uint64_t value);
void writer_dec_signed(struct writer *w, int64_t value);

/* Decimal with leading zeroes up to `width` digits. */
void writer_dec_padded(struct writer *w, uint64_t value, unsigned width);

/* A duration in microseconds as seconds with `decimals` (0..6) places, rounded: 200000 -> 0.200 */
void writer_seconds(struct writer *w, int64_t duration_us, unsigned decimals);

/* printf, for what is not hot. */
void writer_printf(struct writer *w, const char *format, ...) PRINTF_LIKE(2, 3);

/* What was written, as text. Borrowed until the next write. */
struct text writer_as_text(const struct writer *w);

#endif
