/*
 * The splitter for ICE-TCP (RFC 4571 section 2). Whole frames are given out of the caller's bytes;
 * only one that is split between two reads is gathered in a block of the connection's own.
 */
#include "webrtc/webrtc.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"

enum { FRAMING_CAP = WEBRTC_FRAME_HEADER_LEN + WEBRTC_DATAGRAM_LEN_MAX };

void webrtc_framing_deinit(struct webrtc_framing *framing)
{
    mem_free(framing->partial);
    *framing = (struct webrtc_framing){0};
}

void webrtc_framing_write_header(size_t len, uint8_t ret_header[WEBRTC_FRAME_HEADER_LEN])
{
    struct writer w = writer_fixed(ret_header, WEBRTC_FRAME_HEADER_LEN);

    writer_u16(&w, (uint16_t)len);
}

static size_t frame_len(const uint8_t *header)
{
    struct reader r = reader_of(header, WEBRTC_FRAME_HEADER_LEN);

    return reader_u16(&r);
}

/* Moves up to `wanted` bytes behind the partial frame; returns how many there were. */
static size_t gather(struct webrtc_framing *framing, const uint8_t *bytes, size_t len,
                     size_t wanted)
{
    size_t taken = len < wanted ? len : wanted;

    if (taken)
        memcpy(framing->partial + framing->len, bytes, taken);
    framing->len += taken;
    return taken;
}

/* Goes on with the frame that the last bytes left; *ret_taken of the new ones belong to it. */
static enum err complete(struct webrtc_framing *framing, const uint8_t *bytes, size_t len,
                         webrtc_frame_fn on_frame, void *ctx, size_t *ret_taken)
{
    size_t taken = 0;

    if (framing->len < WEBRTC_FRAME_HEADER_LEN)
        taken = gather(framing, bytes, len, WEBRTC_FRAME_HEADER_LEN - framing->len);
    *ret_taken = taken;
    if (framing->len < WEBRTC_FRAME_HEADER_LEN)
        return OK;

    size_t whole = WEBRTC_FRAME_HEADER_LEN + frame_len(framing->partial);
    if (whole > FRAMING_CAP)
        return ERR_MALFORMED;
    *ret_taken += gather(framing, bytes + taken, len - taken, whole - framing->len);
    if (framing->len < whole)
        return OK;
    framing->len = 0;
    on_frame(ctx, framing->partial + WEBRTC_FRAME_HEADER_LEN, whole - WEBRTC_FRAME_HEADER_LEN);
    return OK;
}

enum err webrtc_framing_push(struct webrtc_framing *framing, uint8_t *bytes, size_t len,
                             webrtc_frame_fn on_frame, void *ctx)
{
    size_t at = 0;

    if (framing->len > 0) {
        enum err err = complete(framing, bytes, len, on_frame, ctx, &at);

        if (err != OK)
            return err;
    }
    while (len - at >= WEBRTC_FRAME_HEADER_LEN) {
        size_t whole = WEBRTC_FRAME_HEADER_LEN + frame_len(bytes + at);

        if (whole > FRAMING_CAP)
            return ERR_MALFORMED;
        if (whole > len - at)
            break;
        on_frame(ctx, bytes + at + WEBRTC_FRAME_HEADER_LEN, whole - WEBRTC_FRAME_HEADER_LEN);
        at += whole;
    }
    if (at < len) {
        if (!framing->partial)
            framing->partial = mem_alloc(FRAMING_CAP);
        (void)gather(framing, bytes + at, len - at, len - at);
    }
    return OK;
}
