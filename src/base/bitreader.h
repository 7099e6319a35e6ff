/*
 * bitreader - reader for single bits, most significant first, with the same sticky failure.
 * Knows Exp-Golomb codes (ITU-T H.264 section 9.1), because every video header has them.
 */
#ifndef BASE_BITREADER_H
#define BASE_BITREADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bitreader {
    const uint8_t *ptr;
    size_t bits_left;
    unsigned bit; /* 0..7, counted from the most significant bit of *ptr */
    bool failed;
};

static inline struct bitreader bitreader_of(const uint8_t *bytes, size_t len)
{
    return (struct bitreader){bytes, len * 8, 0, false};
}

static inline uint32_t bitreader_bit(struct bitreader *r)
{
    if (r->bits_left == 0) {
        r->failed = true;
        return 0;
    }
    uint32_t value = *r->ptr >> (7 - r->bit) & 1U;
    r->bits_left--;
    if (++r->bit == 8) {
        r->bit = 0;
        r->ptr++;
    }
    return value;
}

/* The next `count` bits, at most 32, as a number. */
static inline uint32_t bitreader_bits(struct bitreader *r, unsigned count)
{
    uint32_t value = 0;

    if (count > r->bits_left) {
        r->bits_left = 0;
        r->failed = true;
        return 0;
    }
    while (count--)
        value = value << 1 | bitreader_bit(r);
    return value;
}

static inline void bitreader_skip(struct bitreader *r, size_t count)
{
    if (count > r->bits_left) {
        r->bits_left = 0;
        r->failed = true;
        return;
    }
    size_t from = r->bit + count;
    r->ptr += from / 8;
    r->bit = (unsigned)(from % 8);
    r->bits_left -= count;
}

/* ue(v): unsigned Exp-Golomb. More than 31 leading zeroes fail. */
static inline uint32_t bitreader_ue(struct bitreader *r)
{
    unsigned zeroes = 0;

    while (!r->failed && bitreader_bit(r) == 0) {
        if (++zeroes > 31) {
            r->bits_left = 0;
            r->failed = true;
        }
    }
    if (r->failed)
        return 0;
    return (uint32_t)((UINT64_C(1) << zeroes) - 1 + bitreader_bits(r, zeroes));
}

/* se(v): signed Exp-Golomb. */
static inline int32_t bitreader_se(struct bitreader *r)
{
    uint32_t code = bitreader_ue(r);
    int64_t half = (int64_t)((code + UINT64_C(1)) / 2);

    return (int32_t)(code & 1 ? half : -half);
}

#endif
