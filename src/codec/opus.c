#include "base/reader.h"
#include "codec/codec.h"

enum { PACKET_LEN_MAX = 5760 /* 120 ms at 48 kHz, RFC 6716 section 3.2 */, FRAME_COUNT_MAX = 48 };

/* Samples of one frame by configuration number (RFC 6716 table 2). */
static uint32_t frame_len(unsigned config)
{
    static const uint16_t silk[] = {480, 960, 1920, 2880};
    static const uint16_t celt[] = {120, 240, 480, 960};

    if (config < 12)
        return silk[config & 3];
    if (config < 16) /* hybrid: 10 or 20 ms */
        return silk[config & 1];
    return celt[config & 3];
}

uint32_t opus_packet_len(struct slice packet)
{
    struct reader r = reader_of(packet.data, packet.len);
    uint8_t toc = reader_u8(&r);
    unsigned code = toc & 3;
    unsigned count = code == 0 ? 1 : 2;

    if (code == 3)
        count = reader_u8(&r) & 63;
    if (r.failed || count == 0 || count > FRAME_COUNT_MAX)
        return 0;
    uint32_t len = count * frame_len(toc >> 3);
    return len <= PACKET_LEN_MAX ? len : 0;
}

enum err opus_parse_head(struct slice bytes, struct opus_head *ret_head)
{
    struct reader r = reader_of(bytes.data, bytes.len);
    struct opus_head head = {.channels = 2, .input_sample_rate = 48000};

    if (bytes.len == 0) { /* RFC 7587: WebRTC's Opus is always announced as stereo */
        *ret_head = head;
        return OK;
    }
    if (bytes.len > CODEC_CONFIG_MAX)
        return ERR_LIMIT;
    struct text magic = reader_text(&r, 8);
    uint8_t version = reader_u8(&r);
    head.channels = reader_u8(&r);
    head.pre_skip = reader_u16_le(&r);
    head.input_sample_rate = reader_u32_le(&r);
    head.output_gain = (int16_t)reader_u16_le(&r);
    head.mapping_family = reader_u8(&r);
    /* Section 5.1: a major version other than 0 is not compatible. */
    if (r.failed || !text_equal(magic, TEXT("OpusHead")) || head.channels == 0)
        return ERR_MALFORMED;
    if (version > 15)
        return ERR_UNSUPPORTED;
    if (head.mapping_family == 0) {
        if (head.channels > 2)
            return ERR_MALFORMED;
    } else {
        size_t len = 2 + (size_t)head.channels;
        head.mapping_table = codec_bytes(reader_bytes(&r, len), len);
        if (r.failed)
            return ERR_MALFORMED;
        if (head.channels > 8)
            return ERR_UNSUPPORTED;
    }
    *ret_head = head;
    return OK;
}

struct buf *opus_silence(uint32_t channels)
{
    /* CELT, full band, 20 ms; the frame is two bytes that decode to nothing. */
    static const uint8_t mono[] = {0xf8, 0xff, 0xfe};
    static const uint8_t stereo[] = {0xfc, 0xff, 0xfe};

    return buf_copy(channels == 1 ? mono : stereo, sizeof(mono));
}
