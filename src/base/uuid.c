#include "base/uuid.h"

#include "base/crypto.h"
#include "base/writer.h"

enum { UUID_BYTES = 16 };

/* RFC 9562 section 4: the version in byte 6, the variant in byte 8. */
static void write_uuid(char to[UUID_LEN + 1], uint8_t bytes[UUID_BYTES], unsigned version)
{
    static const size_t groups[] = {4, 2, 2, 2, 6};
    struct writer w = writer_fixed(to, UUID_LEN);
    size_t at = 0;

    bytes[6] = (uint8_t)(version << 4 | (bytes[6] & 0x0f));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (i > 0)
            writer_char(&w, '-');
        crypto_hex(&w, bytes + at, groups[i]);
        at += groups[i];
    }
    to[UUID_LEN] = '\0';
}

void uuid_draw_v4(char to[UUID_LEN + 1])
{
    uint8_t bytes[UUID_BYTES];

    crypto_random(bytes, sizeof(bytes));
    write_uuid(to, bytes, 4);
}

/* RFC 9562 section 6.2, method 1: in one millisecond the 12 bits behind the version count, from a
 * random start in their lower half. When they run over, or the clock goes back, the time that is
 * written goes on from the last one. */
static void next_v7(int64_t wall_us, uint64_t *ret_ms, uint32_t *ret_count)
{
    static _Thread_local uint64_t last_ms;
    static _Thread_local uint32_t count;
    uint64_t ms = wall_us > 0 ? (uint64_t)wall_us / 1000 : 0;

    if (ms > last_ms) {
        last_ms = ms;
        count = (uint32_t)crypto_random_u64() & 0x7ff;
    } else if (++count > 0xfff) {
        last_ms++;
        count = 0;
    }
    *ret_ms = last_ms;
    *ret_count = count;
}

void uuid_draw_v7(char to[UUID_LEN + 1], int64_t wall_us)
{
    uint8_t bytes[UUID_BYTES];
    uint64_t ms;
    uint32_t count;

    crypto_random(bytes, sizeof(bytes));
    next_v7(wall_us, &ms, &count);
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(ms >> 8 * (5 - i));
    bytes[6] = (uint8_t)(count >> 8);
    bytes[7] = (uint8_t)count;
    write_uuid(to, bytes, 7);
}

bool uuid_is_valid(struct text text)
{
    if (text.len != UUID_LEN)
        return false;
    for (size_t i = 0; i < UUID_LEN; i++) {
        char c = text.ptr[i];
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

        if (is_dash ? c != '-' : !is_digit)
            return false;
    }
    return true;
}
