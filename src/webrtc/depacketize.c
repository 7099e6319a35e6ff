#include "webrtc/depacketize.h"

#include <assert.h>
#include <string.h>

#include "base/bitreader.h"
#include "base/reader.h"
#include "base/writer.h"
#include "codec/codec.h"

enum { FU_START = 0x80, FU_END = 0x40, NAL_TYPE_MASK = 0x1f, NAL_LENGTH_LEN = 4 };

/* A NAL unit, or a part of one, as it lies in a payload. */
struct piece {
    uint8_t header; /* of the NAL unit */
    bool is_first;
    bool is_last;
    const uint8_t *bytes; /* after the NAL unit's header */
    size_t len;
};

/* A walk over the payloads of an access unit. */
struct cursor {
    const struct slice *payloads;
    size_t left;             /* payloads */
    struct reader aggregate; /* the rest of a STAP-A */
    bool is_in_fragments;    /* a FU-A with S was seen, its E was not */
    uint8_t fragmented_header;
    enum err err; /* why the walk ended */
};

static bool stop(struct cursor *cursor, enum err err)
{
    cursor->err = err;
    cursor->left = 0;
    cursor->aggregate.left = 0;
    return false;
}

static bool whole_nal(struct cursor *cursor, const uint8_t *nal, size_t len,
                      struct piece *ret_piece)
{
    uint8_t type = nal[0] & NAL_TYPE_MASK;

    if (type == 0 || type >= RTP_H264_STAP_A)
        return stop(cursor, ERR_UNSUPPORTED);
    *ret_piece = (struct piece){nal[0], true, true, nal + 1, len - 1};
    return true;
}

/* RFC 6184 section 5.7.1: each NAL unit behind its size in 16 bits. */
static bool next_aggregated(struct cursor *cursor, struct piece *ret_piece)
{
    size_t len = reader_u16(&cursor->aggregate);
    const uint8_t *nal = reader_bytes(&cursor->aggregate, len);

    if (cursor->aggregate.failed || len == 0)
        return stop(cursor, ERR_MALFORMED);
    return whole_nal(cursor, nal, len, ret_piece);
}

/* RFC 6184 section 5.8: indicator (F, NRI, 28), header (S, E, R, type), a part of the NAL unit. */
static bool next_fragment(struct cursor *cursor, struct reader *r, struct piece *ret_piece)
{
    uint8_t indicator = reader_u8(r);
    uint8_t header = reader_u8(r);
    struct piece piece = {
        .header = (uint8_t)((indicator & ~NAL_TYPE_MASK) | (header & NAL_TYPE_MASK)),
        .is_first = header & FU_START,
        .is_last = header & FU_END,
        .bytes = r->ptr,
        .len = r->left,
    };

    /* A part follows a start of the same unit. Both bits at once are forbidden, but harmless. */
    if (r->failed || piece.is_first == cursor->is_in_fragments)
        return stop(cursor, ERR_MALFORMED);
    if (!piece.is_first &&
        (piece.header & NAL_TYPE_MASK) != (cursor->fragmented_header & NAL_TYPE_MASK))
        return stop(cursor, ERR_MALFORMED);
    cursor->is_in_fragments = !piece.is_last;
    cursor->fragmented_header = piece.header;
    *ret_piece = piece;
    return true;
}

static bool next_in_payload(struct cursor *cursor, struct slice payload, struct piece *ret_piece)
{
    struct reader r = reader_of(payload.data, payload.len);
    uint8_t type = reader_peek_u8(&r) & NAL_TYPE_MASK;

    if (type == RTP_H264_FU_A)
        return next_fragment(cursor, &r, ret_piece);
    if (cursor->is_in_fragments)
        return stop(cursor, ERR_MALFORMED); /* the end of the fragmented unit never came */
    if (type == RTP_H264_STAP_A) {
        reader_skip(&r, 1);
        cursor->aggregate = r;
        return next_aggregated(cursor, ret_piece);
    }
    return whole_nal(cursor, payload.data, payload.len, ret_piece);
}

static bool next_piece(struct cursor *cursor, struct piece *ret_piece)
{
    if (cursor->aggregate.left > 0)
        return next_aggregated(cursor, ret_piece);
    while (cursor->left > 0) {
        struct slice payload = *cursor->payloads++;

        cursor->left--;
        if (payload.len > 0)
            return next_in_payload(cursor, payload, ret_piece);
    }
    if (cursor->err == OK && cursor->is_in_fragments)
        return stop(cursor, ERR_MALFORMED);
    return false;
}

static bool is_kept(uint8_t header)
{
    switch (header & NAL_TYPE_MASK) {
    case H264_NAL_SPS:
    case H264_NAL_PPS:
    case H264_NAL_AUD:
    case H264_NAL_FILLER:
        return false;
    default:
        return true;
    }
}

static void note_slice(const struct piece *piece, struct h264_unit *unit)
{
    struct bitreader r = bitreader_of(piece->bytes, piece->len);

    if (unit->has_slices)
        return;
    unit->has_slices = true;
    (void)bitreader_ue(&r); /* first_mb_in_slice */
    (void)bitreader_ue(&r); /* slice_type */
    unit->pps_id = bitreader_ue(&r);
}

static void note_piece(const struct piece *piece, struct h264_sets *sets, struct h264_unit *unit)
{
    uint8_t type = piece->header & NAL_TYPE_MASK;

    if (!is_kept(piece->header)) {
        /* A parameter set in fragments would be longer than any that we keep. */
        if ((type == H264_NAL_SPS || type == H264_NAL_PPS) && piece->is_first && piece->is_last)
            h264_sets_put(sets, piece->bytes - 1, piece->len + 1);
        return;
    }
    if (piece->is_first) {
        unit->len += NAL_LENGTH_LEN + 1;
        if (type >= H264_NAL_SLICE && type <= H264_NAL_IDR)
            note_slice(piece, unit);
        if (type == H264_NAL_IDR)
            unit->is_keyframe = true;
    }
    unit->len += piece->len;
}

enum err depacketize_h264_measure(const struct slice *payloads, size_t count,
                                  struct h264_sets *sets, struct h264_unit *ret_unit)
{
    struct cursor cursor = {.payloads = payloads, .left = count};
    struct h264_unit unit = {0};
    struct piece piece;

    while (next_piece(&cursor, &piece))
        note_piece(&piece, sets, &unit);
    if (cursor.err != OK)
        return cursor.err;
    *ret_unit = unit;
    return OK;
}

void depacketize_h264_write(const struct slice *payloads, size_t count, uint8_t *to, size_t len)
{
    struct cursor cursor = {.payloads = payloads, .left = count};
    struct writer w = writer_fixed(to, len);
    struct piece piece;
    size_t length_at = 0;

    while (next_piece(&cursor, &piece)) {
        if (!is_kept(piece.header))
            continue;
        if (piece.is_first) {
            length_at = writer_reserve(&w, NAL_LENGTH_LEN);
            writer_u8(&w, piece.header);
        }
        writer_bytes(&w, piece.bytes, piece.len);
        if (piece.is_last)
            writer_patch_u32(&w, length_at, (uint32_t)(w.len - length_at - NAL_LENGTH_LEN));
    }
    assert(!w.failed && w.len == len);
}

bool depacketize_h264_starts_keyframe(const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);
    uint8_t type = reader_peek_u8(&r) & NAL_TYPE_MASK;

    if (type != RTP_H264_STAP_A)
        return type == H264_NAL_SPS;
    reader_skip(&r, 1);
    while (r.left > 0) {
        struct reader nal = reader_sub(&r, reader_u16(&r));

        if ((reader_peek_u8(&nal) & NAL_TYPE_MASK) == H264_NAL_SPS)
            return true;
    }
    return false;
}

struct buf *depacketize_opus_head(uint8_t channels, uint32_t sample_rate)
{
    uint8_t head[19];
    struct writer w = writer_fixed(head, sizeof(head));

    writer_str(&w, "OpusHead");
    writer_u8(&w, 1); /* version */
    writer_u8(&w, channels);
    writer_u16_le(&w, 312); /* pre-skip: 6.5 ms, what libopus needs at 48 kHz */
    writer_u32_le(&w, sample_rate);
    writer_u16_le(&w, 0); /* gain */
    writer_u8(&w, 0);     /* mapping family: mono or stereo */
    assert(!w.failed && w.len == sizeof(head));
    return buf_copy(head, w.len);
}
