/*
 * reader - a cursor over bytes that cannot leave its bounds and remembers failure.
 *
 * A read past the end gives 0, sets `failed` and empties the reader. So a parser is written as
 * straight as the table in the spec and checks `failed` once, before any value is used as a size,
 * an index or a loop bound. Sub-readers bound nested fields. Numbers are big-endian unless the name
 * says otherwise. The bytes are borrowed.
 *
 *     uint16_t type = reader_u16(&r);
 *     uint16_t length = reader_u16(&r);
 *     struct reader value = reader_sub(&r, length);
 *     if (r.failed)
 *         return ERR_MALFORMED;
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

struct reader {
    const uint8_t *ptr; /* next byte */
    size_t left;        /* bytes from ptr to the end */
    bool failed;
};

static inline struct reader reader_of(const void *bytes, size_t len)
{
    return (struct reader){(const uint8_t *)bytes, len, false};
}

/* Marks the reader as failed and empties it: for a rule that the parser itself finds broken. */
static inline void reader_fail(struct reader *r)
{
    r->left = 0;
    r->failed = true;
}

/* The next `len` bytes in place, or NULL (also for len 0 of an empty reader: test `failed`). */
static inline const uint8_t *reader_bytes(struct reader *r, size_t len)
{
    if (len > r->left) {
        reader_fail(r);
        return NULL;
    }
    const uint8_t *bytes = r->ptr;
    r->ptr += len;
    r->left -= len;
    return bytes;
}

static inline void reader_skip(struct reader *r, size_t len)
{
    (void)reader_bytes(r, len);
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *b = reader_bytes(r, 1);
    return b ? b[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *b = reader_bytes(r, 2);
    return (uint16_t)(b ? (uint16_t)(b[0] << 8 | b[1]) : 0);
}

static inline uint32_t reader_u24(struct reader *r)
{
    const uint8_t *b = reader_bytes(r, 3);
    return b ? (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2] : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *b = reader_bytes(r, 4);
    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
    uint64_t high = reader_u32(r);
    return high << 32 | reader_u32(r);
}

static inline uint32_t reader_u32_le(struct reader *r)
{
    const uint8_t *b = reader_bytes(r, 4);
    return b ? (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0] : 0;
}

static inline uint16_t reader_u16_le(struct reader *r)
{
    const uint8_t *b = reader_bytes(r, 2);
    return (uint16_t)(b ? (uint16_t)(b[1] << 8 | b[0]) : 0);
}

/* The next byte without moving; 0 at the end, and no failure. */
static inline uint8_t reader_peek_u8(const struct reader *r)
{
    return r->left ? r->ptr[0] : 0;
}

/* Copies `len` bytes out; fills with zeroes when they are not there. */
static inline void reader_copy(struct reader *r, void *to, size_t len)
{
    const uint8_t *bytes = reader_bytes(r, len);

    if (bytes && len)
        memcpy(to, bytes, len);
    else if (len)
        memset(to, 0, len);
}

static inline struct text reader_text(struct reader *r, size_t len)
{
    const uint8_t *bytes = reader_bytes(r, len);
    return (struct text){(const char *)bytes, bytes ? len : 0};
}

/* A reader of the next `len` bytes, which this reader skips. Fails both when they are not there. */
static inline struct reader reader_sub(struct reader *r, size_t len)
{
    const uint8_t *bytes = reader_bytes(r, len);

    if (!bytes && r->failed)
        return (struct reader){NULL, 0, true};
    return reader_of(bytes, len);
}

#endif
