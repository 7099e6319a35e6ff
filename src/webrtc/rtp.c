#include "webrtc/rtp.h"

#include "base/writer.h"

static void parse_extension_header(struct reader *r, struct rtp_packet *packet)
{
    packet->extension_profile = reader_u16(r);
    packet->extensions_len = (size_t)reader_u16(r) * 4;
    packet->extensions = reader_bytes(r, packet->extensions_len);
}

enum err rtp_parse(const uint8_t *bytes, size_t len, struct rtp_packet *ret_packet)
{
    struct reader r = reader_of(bytes, len);
    struct rtp_packet packet = {0};
    uint8_t first = reader_u8(&r);
    uint8_t second = reader_u8(&r);

    packet.has_marker = second >> 7;
    packet.payload_type = second & 0x7f;
    packet.seq = reader_u16(&r);
    packet.timestamp = reader_u32(&r);
    packet.ssrc = reader_u32(&r);
    packet.csrc_count = first & 0x0f;
    packet.csrcs = reader_bytes(&r, (size_t)packet.csrc_count * 4);
    if (first & 0x10)
        parse_extension_header(&r, &packet);
    if (r.failed || first >> 6 != 2)
        return ERR_MALFORMED;

    if (first & 0x20) {
        /* Section 5.1: the last octet counts the padding, including itself. */
        packet.padding_len = r.left ? r.ptr[r.left - 1] : 0;
        if (packet.padding_len == 0 || packet.padding_len > r.left)
            return ERR_MALFORMED;
    }
    packet.payload_len = r.left - packet.padding_len;
    packet.payload = reader_bytes(&r, packet.payload_len);
    *ret_packet = packet;
    return OK;
}

bool rtp_next_extension(struct reader *r, uint16_t profile, struct rtp_extension *ret_extension)
{
    bool is_two_byte = (profile & 0xfff0) == RTP_EXTENSION_TWO_BYTE;

    if (profile != RTP_EXTENSION_ONE_BYTE && !is_two_byte)
        return false;
    while (r->left > 0 && reader_peek_u8(r) == 0) /* padding between extensions */
        reader_skip(r, 1);
    if (r->left == 0)
        return false;

    struct rtp_extension extension;
    uint8_t first = reader_u8(r);

    if (is_two_byte) {
        extension.id = first;
        extension.len = reader_u8(r);
    } else {
        extension.id = first >> 4;
        extension.len = (size_t)(first & 0x0f) + 1;
        /* RFC 8285 section 4.2: id 15 ends the processing; id 0 with a length is no padding. */
        if (extension.id == 15 || extension.id == 0)
            return false;
    }
    extension.data = reader_bytes(r, extension.len);
    if (r->failed)
        return false;
    *ret_extension = extension;
    return true;
}

void rtp_write(struct writer *w, const struct rtp_packet *packet)
{
    bool has_extensions = packet->extension_profile != 0;

    writer_u8(w, (uint8_t)(2 << 6 | (packet->padding_len ? 0x20 : 0) | (has_extensions ? 0x10 : 0) |
                           packet->csrc_count));
    writer_u8(w, (uint8_t)((packet->has_marker ? 0x80 : 0) | packet->payload_type));
    writer_u16(w, packet->seq);
    writer_u32(w, packet->timestamp);
    writer_u32(w, packet->ssrc);
    writer_bytes(w, packet->csrcs, (size_t)packet->csrc_count * 4);
    if (has_extensions) {
        writer_u16(w, packet->extension_profile);
        writer_u16(w, (uint16_t)(packet->extensions_len / 4));
        writer_bytes(w, packet->extensions, packet->extensions_len);
    }
    writer_bytes(w, packet->payload, packet->payload_len);
    if (packet->padding_len) {
        writer_zeroes(w, packet->padding_len - 1U);
        writer_u8(w, packet->padding_len);
    }
}
