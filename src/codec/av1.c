#include "base/bitreader.h"
#include "base/reader.h"
#include "codec/codec.h"

enum { OBU_SEQUENCE_HEADER = 1, OBU_COUNT_MAX = 16 };

static void skip_timing_info(struct bitreader *r)
{
    bitreader_skip(r, 64); /* num_units_in_display_tick, time_scale */
    if (bitreader_bit(r))
        (void)bitreader_ue(r); /* uvlc() has the form of ue(v) */
}

/* Operating points up to the frame size (AV1 section 5.5.1). */
static void skip_operating_points(struct bitreader *r)
{
    bool has_model = false;
    unsigned delay_len = 0;

    if (bitreader_bit(r)) {
        skip_timing_info(r);
        has_model = bitreader_bit(r);
        if (has_model) {
            delay_len = bitreader_bits(r, 5) + 1;
            bitreader_skip(r, 32 + 5 + 5);
        }
    }
    bool has_display_delay = bitreader_bit(r);
    unsigned count = bitreader_bits(r, 5) + 1;
    for (unsigned i = 0; i < count && !r->failed; i++) {
        bitreader_skip(r, 12);
        if (bitreader_bits(r, 5) > 7)
            bitreader_skip(r, 1);
        if (has_model && bitreader_bit(r))
            bitreader_skip(r, (size_t)2 * delay_len + 1);
        if (has_display_delay && bitreader_bit(r))
            bitreader_skip(r, 4);
    }
}

static enum err parse_sequence_header(struct slice obu, struct av1_config *config)
{
    struct bitreader r = bitreader_of(obu.data, obu.len);

    bitreader_skip(&r, 3 + 1);
    if (bitreader_bit(&r)) /* reduced_still_picture_header */
        bitreader_skip(&r, 5);
    else
        skip_operating_points(&r);
    unsigned width_len = bitreader_bits(&r, 4) + 1;
    unsigned height_len = bitreader_bits(&r, 4) + 1;
    uint32_t width = bitreader_bits(&r, width_len) + 1;
    uint32_t height = bitreader_bits(&r, height_len) + 1;

    if (r.failed)
        return ERR_MALFORMED;
    if (width > CODEC_DIMENSION_MAX || height > CODEC_DIMENSION_MAX)
        return ERR_UNSUPPORTED;
    config->width = width;
    config->height = height;
    return OK;
}

static size_t read_leb128(struct reader *r)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t byte = reader_u8(r);

        value |= (uint64_t)(byte & 127) << 7 * i;
        if (!(byte & 128))
            break;
    }
    return value > CODEC_CONFIG_MAX ? SIZE_MAX : (size_t)value; /* longer than any input here */
}

static enum err find_sequence_header(struct reader *r, struct av1_config *config)
{
    for (unsigned i = 0; i < OBU_COUNT_MAX && r->left; i++) {
        uint8_t header = reader_u8(r);
        bool has_extension = header & 4;
        bool has_size = header & 2;

        if (has_extension)
            reader_skip(r, 1);
        size_t len = has_size ? read_leb128(r) : r->left;
        const uint8_t *bytes = reader_bytes(r, len);
        if (r->failed || header & 128)
            return ERR_MALFORMED;
        if ((header >> 3 & 15) == OBU_SEQUENCE_HEADER)
            return parse_sequence_header(codec_bytes(bytes, len), config);
    }
    return ERR_MALFORMED;
}

enum err av1_parse_av1c(struct slice av1c, struct av1_config *ret_config)
{
    struct reader r = reader_of(av1c.data, av1c.len);
    struct av1_config config = {0};

    if (av1c.len > CODEC_CONFIG_MAX)
        return ERR_LIMIT;
    uint8_t marker = reader_u8(&r);
    uint8_t profile = reader_u8(&r);
    uint8_t flags = reader_u8(&r);
    reader_skip(&r, 1); /* initial_presentation_delay */
    if (r.failed || marker != 0x81)
        return ERR_MALFORMED;
    config.profile = profile >> 5;
    config.level_idx = profile & 31;
    config.is_high_tier = flags >> 7;
    config.bit_depth = flags & 64 ? (flags & 32 ? 12 : 10) : 8;
    enum err err = find_sequence_header(&r, &config);
    if (err)
        return err;
    *ret_config = config;
    return OK;
}
