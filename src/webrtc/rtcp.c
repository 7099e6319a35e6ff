#include "webrtc/rtcp.h"

#include <assert.h>

#include "base/writer.h"

enum { XR_RRTR = 4, XR_DLRR = 5, SDES_CNAME = 1, REMB_MANTISSA_BITS = 18 };

static const struct text REMB_NAME = TEXT_INIT("REMB");

bool rtcp_next(struct reader *r, struct rtcp_packet *ret_packet)
{
    if (r->left == 0)
        return false;

    uint8_t first = reader_u8(r);
    struct rtcp_packet packet = {.count = first & 0x1f};

    packet.type = reader_u8(r);
    packet.body = reader_sub(r, (size_t)reader_u16(r) * 4);
    if (r->failed || first >> 6 != 2) {
        reader_fail(r);
        return false;
    }
    if (first & 0x20) { /* the last octet counts the padding, including itself */
        size_t left = packet.body.left;
        size_t padding_len = left ? packet.body.ptr[left - 1] : 0;

        if (padding_len == 0 || padding_len > left) {
            reader_fail(r);
            return false;
        }
        packet.body.left -= padding_len;
    }
    *ret_packet = packet;
    return true;
}

enum err rtcp_read_sender_report(struct rtcp_packet *packet, struct rtcp_sender_report *ret_report)
{
    struct reader *r = &packet->body;
    struct rtcp_sender_report report = {0};

    report.ssrc = reader_u32(r);
    report.ntp = reader_u64(r);
    report.rtp_timestamp = reader_u32(r);
    report.packet_count = reader_u32(r);
    report.octet_count = reader_u32(r);
    if (r->failed)
        return ERR_MALFORMED;
    *ret_report = report;
    return OK;
}

static int32_t sign_extend_24(uint32_t value)
{
    return value & 0x800000 ? (int32_t)value - 0x1000000 : (int32_t)value;
}

bool rtcp_next_report_block(struct reader *r, struct rtcp_report_block *ret_block)
{
    struct rtcp_report_block block;

    if (r->left == 0)
        return false;
    block.ssrc = reader_u32(r);
    block.fraction_lost = reader_u8(r);
    block.cumulative_lost = sign_extend_24(reader_u24(r));
    block.highest_seq = reader_u32(r);
    block.jitter = reader_u32(r);
    block.last_sr = reader_u32(r);
    block.delay_since_sr = reader_u32(r);
    if (r->failed)
        return false;
    *ret_block = block;
    return true;
}

enum err rtcp_read_feedback(const struct rtcp_packet *packet, struct rtcp_feedback *ret_feedback)
{
    struct reader r = packet->body;
    struct rtcp_feedback feedback;

    feedback.sender_ssrc = reader_u32(&r);
    feedback.media_ssrc = reader_u32(&r);
    if (r.failed)
        return ERR_MALFORMED;
    feedback.fci = r;
    *ret_feedback = feedback;
    return OK;
}

bool rtcp_next_nack(struct reader *fci, uint16_t ret_seqs[17], size_t *ret_count)
{
    if (fci->left == 0)
        return false;

    uint16_t first = reader_u16(fci);
    uint16_t following = reader_u16(fci);
    size_t count = 0;

    if (fci->failed)
        return false;
    ret_seqs[count++] = first;
    for (unsigned bit = 0; bit < 16; bit++) {
        if (following >> bit & 1)
            ret_seqs[count++] = (uint16_t)(first + 1 + bit);
    }
    *ret_count = count;
    return true;
}

enum err rtcp_read_remb(const struct rtcp_feedback *feedback, uint64_t *ret_bitrate)
{
    struct reader r = feedback->fci;

    if (!text_equal(reader_text(&r, REMB_NAME.len), REMB_NAME))
        return ERR_UNSUPPORTED;

    uint8_t ssrc_count = reader_u8(&r);
    uint32_t scaled = reader_u24(&r);
    unsigned exponent = scaled >> REMB_MANTISSA_BITS;
    uint64_t mantissa = scaled & ((1U << REMB_MANTISSA_BITS) - 1);

    reader_skip(&r, (size_t)ssrc_count * 4);
    if (r.failed || mantissa << exponent >> exponent != mantissa)
        return ERR_MALFORMED;
    *ret_bitrate = mantissa << exponent;
    return OK;
}

static bool find_in_dlrr_block(struct reader *block, uint32_t ssrc, struct rtcp_dlrr *ret_dlrr)
{
    while (block->left > 0) {
        struct rtcp_dlrr entry;

        entry.ssrc = reader_u32(block);
        entry.last_rr = reader_u32(block);
        entry.delay = reader_u32(block);
        if (!block->failed && entry.ssrc == ssrc) {
            *ret_dlrr = entry;
            return true;
        }
    }
    return false;
}

bool rtcp_find_dlrr(const struct rtcp_packet *xr, uint32_t ssrc, struct rtcp_dlrr *ret_dlrr)
{
    struct reader r = xr->body;

    reader_skip(&r, 4); /* the sender's SSRC */
    while (r.left > 0) {
        uint8_t type = reader_u8(&r);

        reader_skip(&r, 1);
        struct reader block = reader_sub(&r, (size_t)reader_u16(&r) * 4);
        if (!r.failed && type == XR_DLRR && find_in_dlrr_block(&block, ssrc, ret_dlrr))
            return true;
    }
    return false;
}

size_t rtcp_begin(struct writer *w, uint8_t count, enum rtcp_type type)
{
    size_t begin = w->len;

    writer_u8(w, (uint8_t)(2 << 6 | count));
    writer_u8(w, (uint8_t)type);
    (void)writer_reserve(w, 2);
    return begin;
}

void rtcp_end(struct writer *w, size_t begin)
{
    size_t len = w->len - begin;

    /* RFC 3550 section 6.4.1: the length is in 32-bit words minus one. */
    writer_patch_u16(w, begin + 2, (uint16_t)(len / 4 - 1));
}

void rtcp_write_sender_report(struct writer *w, const struct rtcp_sender_report *report)
{
    size_t begin = rtcp_begin(w, 0, RTCP_SR);

    writer_u32(w, report->ssrc);
    writer_u64(w, report->ntp);
    writer_u32(w, report->rtp_timestamp);
    writer_u32(w, report->packet_count);
    writer_u32(w, report->octet_count);
    rtcp_end(w, begin);
}

void rtcp_write_receiver_report(struct writer *w, uint32_t ssrc,
                                const struct rtcp_report_block *blocks, size_t block_count)
{
    assert(block_count <= RTCP_SSRCS_MAX);
    size_t begin = rtcp_begin(w, (uint8_t)block_count, RTCP_RR);

    writer_u32(w, ssrc);
    for (size_t i = 0; i < block_count; i++) {
        writer_u32(w, blocks[i].ssrc);
        writer_u8(w, blocks[i].fraction_lost);
        writer_u24(w, (uint32_t)blocks[i].cumulative_lost & 0xffffff);
        writer_u32(w, blocks[i].highest_seq);
        writer_u32(w, blocks[i].jitter);
        writer_u32(w, blocks[i].last_sr);
        writer_u32(w, blocks[i].delay_since_sr);
    }
    rtcp_end(w, begin);
}

void rtcp_write_sdes_cname(struct writer *w, uint32_t ssrc, struct text cname)
{
    assert(cname.len <= UINT8_MAX);
    size_t begin = rtcp_begin(w, 1, RTCP_SDES);

    writer_u32(w, ssrc);
    writer_u8(w, SDES_CNAME);
    writer_u8(w, (uint8_t)cname.len);
    writer_text(w, cname);
    /* Section 6.5: the list ends with one or more null octets, up to a 32-bit boundary. */
    writer_zeroes(w, 4 - (w->len - begin) % 4);
    rtcp_end(w, begin);
}

void rtcp_write_bye(struct writer *w, uint32_t ssrc)
{
    size_t begin = rtcp_begin(w, 1, RTCP_BYE);

    writer_u32(w, ssrc);
    rtcp_end(w, begin);
}

static size_t begin_feedback(struct writer *w, enum rtcp_type type, enum rtcp_format format,
                             uint32_t sender_ssrc, uint32_t media_ssrc)
{
    size_t begin = rtcp_begin(w, (uint8_t)format, type);

    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
    return begin;
}

void rtcp_write_pli(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
    rtcp_end(w, begin_feedback(w, RTCP_PSFB, RTCP_PSFB_PLI, sender_ssrc, media_ssrc));
}

void rtcp_write_fir(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t number)
{
    /* RFC 5104 section 4.3.1.2: the SSRC of media source is not used and SHALL be 0. */
    size_t begin = begin_feedback(w, RTCP_PSFB, RTCP_PSFB_FIR, sender_ssrc, 0);

    writer_u32(w, media_ssrc);
    writer_u8(w, number);
    writer_zeroes(w, 3);
    rtcp_end(w, begin);
}

void rtcp_write_nack(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                     const uint16_t *seqs, size_t seq_count)
{
    size_t begin = begin_feedback(w, RTCP_RTPFB, RTCP_RTPFB_NACK, sender_ssrc, media_ssrc);

    for (size_t i = 0; i < seq_count;) {
        uint16_t first = seqs[i++];
        uint16_t following = 0;

        for (; i < seq_count && (uint16_t)(seqs[i] - first - 1) < 16; i++)
            following = (uint16_t)(following | 1U << (uint16_t)(seqs[i] - first - 1));
        writer_u16(w, first);
        writer_u16(w, following);
    }
    rtcp_end(w, begin);
}

void rtcp_write_remb(struct writer *w, uint32_t sender_ssrc, uint64_t bitrate,
                     const uint32_t *ssrcs, size_t ssrc_count)
{
    size_t begin = begin_feedback(w, RTCP_PSFB, RTCP_PSFB_AFB, sender_ssrc, 0);
    uint32_t exponent = 0;

    assert(ssrc_count <= RTCP_SSRCS_MAX);
    while (bitrate >> REMB_MANTISSA_BITS) {
        bitrate >>= 1;
        exponent++;
    }
    writer_text(w, REMB_NAME);
    writer_u8(w, (uint8_t)ssrc_count);
    writer_u24(w, exponent << REMB_MANTISSA_BITS | (uint32_t)bitrate);
    for (size_t i = 0; i < ssrc_count; i++)
        writer_u32(w, ssrcs[i]);
    rtcp_end(w, begin);
}

void rtcp_write_rrtr(struct writer *w, uint32_t ssrc, uint64_t ntp)
{
    size_t begin = rtcp_begin(w, 0, RTCP_XR);

    writer_u32(w, ssrc);
    writer_u8(w, XR_RRTR);
    writer_u8(w, 0);
    writer_u16(w, 2);
    writer_u64(w, ntp);
    rtcp_end(w, begin);
}

void rtcp_write_dlrr(struct writer *w, uint32_t ssrc, const struct rtcp_dlrr *dlrr)
{
    size_t begin = rtcp_begin(w, 0, RTCP_XR);

    writer_u32(w, ssrc);
    writer_u8(w, XR_DLRR);
    writer_u8(w, 0);
    writer_u16(w, 3);
    writer_u32(w, dlrr->ssrc);
    writer_u32(w, dlrr->last_rr);
    writer_u32(w, dlrr->delay);
    rtcp_end(w, begin);
}
