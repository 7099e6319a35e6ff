#include "base/bitreader.h"
#include "base/writer.h"
#include "codec/codec.h"

enum {
    TYPE_LC = 2,
    TYPE_LTP = 4,
    TYPE_SBR = 5,
    TYPE_ESCAPE = 31,
    TYPE_PS = 29,
    RATE_ESCAPE = 15,
    RATE_MAX = 192000,
    SYNC_SBR = 0x2b7, /* syncExtensionType (ISO 14496-3 section 1.6.2.1) */
    SYNC_PS = 0x548
};

/* ISO 14496-3 table 1.18, samplingFrequencyIndex. */
static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                 22050, 16000, 12000, 11025, 8000,  7350};
enum { RATE_COUNT = sizeof(rates) / sizeof(rates[0]) };

/* Table 1.19, channelConfiguration; 0: not defined, or said by a program config element. */
static const uint8_t layouts[16] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0};

static unsigned read_type(struct bitreader *r)
{
    unsigned type = bitreader_bits(r, 5);
    return type == TYPE_ESCAPE ? 32 + bitreader_bits(r, 6) : type;
}

static uint32_t read_rate(struct bitreader *r)
{
    unsigned index = bitreader_bits(r, 4);

    if (index == RATE_ESCAPE)
        return bitreader_bits(r, 24);
    return index < RATE_COUNT ? rates[index] : 0;
}

/* program_config_element() (section 4.4.1.1) as far as it counts channels. */
static uint32_t read_program_channels(struct bitreader *r)
{
    uint32_t channels = 0;

    bitreader_skip(r, 4 + 2 + 4);
    unsigned pairs_or_single = bitreader_bits(r, 4);
    pairs_or_single += bitreader_bits(r, 4);
    pairs_or_single += bitreader_bits(r, 4);
    channels += bitreader_bits(r, 2); /* LFE */
    bitreader_skip(r, 3 + 4);
    if (bitreader_bit(r))
        bitreader_skip(r, 4);
    if (bitreader_bit(r))
        bitreader_skip(r, 4);
    if (bitreader_bit(r))
        bitreader_skip(r, 3);
    for (unsigned i = 0; i < pairs_or_single && !r->failed; i++) {
        channels += bitreader_bit(r) ? 2 : 1;
        bitreader_skip(r, 4);
    }
    return channels;
}

/* The backward-compatible announcement of SBR and PS behind the LC configuration. */
static void read_sync_extension(struct bitreader *r, struct aac_config *config, uint32_t *rate)
{
    if (r->bits_left < 16 || bitreader_bits(r, 11) != SYNC_SBR || read_type(r) != TYPE_SBR ||
        !bitreader_bit(r))
        return;
    uint32_t extended = read_rate(r);
    if (r->failed)
        return;
    config->has_sbr = true;
    *rate = extended;
    if (r->bits_left >= 12 && bitreader_bits(r, 11) == SYNC_PS)
        config->has_ps = bitreader_bit(r);
}

enum err aac_parse_config(struct slice bytes, struct aac_config *ret_config)
{
    struct bitreader r = bitreader_of(bytes.data, bytes.len);
    struct aac_config config = {0};

    if (bytes.len > CODEC_CONFIG_MAX)
        return ERR_LIMIT;
    unsigned type = read_type(&r);
    uint32_t core_rate = read_rate(&r);
    uint32_t rate = core_rate;
    unsigned layout = bitreader_bits(&r, 4);
    if (type == TYPE_SBR || type == TYPE_PS) {
        config.has_sbr = true;
        config.has_ps = type == TYPE_PS;
        rate = read_rate(&r);
        type = read_type(&r);
    }
    if (r.failed)
        return ERR_MALFORMED;
    if (type < 1 || type > TYPE_LTP)
        return ERR_UNSUPPORTED;
    config.object_type = (uint8_t)type;

    bool is_short = bitreader_bit(&r); /* frameLengthFlag: 960 instead of 1024 */
    if (bitreader_bit(&r))
        bitreader_skip(&r, 14); /* coreCoderDelay */
    bitreader_skip(&r, 1);      /* extensionFlag */
    config.channels = layout ? layouts[layout] : read_program_channels(&r);
    if (r.failed)
        return ERR_MALFORMED;
    if (layout && !config.has_sbr)
        read_sync_extension(&r, &config, &rate);
    if (core_rate == 0 || core_rate > RATE_MAX || rate == 0 || rate > RATE_MAX)
        return ERR_MALFORMED;
    if (config.channels == 0 || config.channels > 8)
        return ERR_UNSUPPORTED;
    config.sample_rate = rate;
    config.frame_len = (is_short ? 960U : 1024U) * (rate == 2 * core_rate ? 2 : 1);
    *ret_config = config;
    return OK;
}

enum err aac_write_lc_config(uint32_t sample_rate, uint32_t channels, struct buf **ret_config)
{
    static const uint8_t layout_of_channels[] = {0, 1, 2, 3, 4, 5, 6, 11, 7};
    uint8_t bytes[5];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    unsigned index = 0;

    if (channels < 1 || channels > 8 || sample_rate == 0 || sample_rate > RATE_MAX)
        return ERR_INVALID;
    while (index < RATE_COUNT && rates[index] != sample_rate)
        index++;
    unsigned layout = layout_of_channels[channels];
    if (index < RATE_COUNT) { /* 5 bits type, 4 rate, 4 layout, 3 flags */
        writer_u16(&w, (uint16_t)(TYPE_LC << 11 | index << 7 | layout << 3));
    } else { /* the rate itself, 24 bits, behind the escape */
        writer_u8(&w, (uint8_t)(TYPE_LC << 3 | RATE_ESCAPE >> 1));
        writer_u32(&w, (uint32_t)1 << 31 | sample_rate << 7 | layout << 3);
    }
    *ret_config = buf_copy(bytes, w.len);
    return OK;
}

struct buf *aac_silence(uint32_t channels)
{
    /* raw_data_block() (section 4.4.2.1) with max_sfb 0 in each channel, so no spectrum at all:
     * single_channel_element resp. channel_pair_element without common_window, then ID_END. */
    static const uint8_t mono[] = {0x00, 0x00, 0x00, 0x07};
    static const uint8_t stereo[] = {0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0e};

    if (channels == 1)
        return buf_copy(mono, sizeof(mono));
    return channels == 2 ? buf_copy(stereo, sizeof(stereo)) : NULL;
}
