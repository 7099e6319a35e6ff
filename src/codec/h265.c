#include "base/bitreader.h"
#include "base/reader.h"
#include "codec/codec.h"
#include "codec/nal.h"

enum {
    NAL_SPS = 33, /* H.265 table 7-1 */
    SPS_BYTES_READ = 256,
    ARRAY_COUNT_MAX = 32,
    NAL_COUNT_MAX = 64
};

/* profile_tier_level() with profilePresentFlag (section 7.3.3): 88 bits and the level, then for
 * each sub-layer what its flags announce. */
static void skip_profile_tier_level(struct bitreader *r, unsigned sub_layers_minus1)
{
    bool has_profile[8] = {0};
    bool has_level[8] = {0};

    bitreader_skip(r, 88 + 8);
    for (unsigned i = 0; i < sub_layers_minus1; i++) {
        has_profile[i] = bitreader_bit(r);
        has_level[i] = bitreader_bit(r);
    }
    if (sub_layers_minus1 > 0)
        bitreader_skip(r, (size_t)2 * (8 - sub_layers_minus1));
    for (unsigned i = 0; i < sub_layers_minus1; i++)
        bitreader_skip(r, (has_profile[i] ? 88U : 0U) + (has_level[i] ? 8U : 0U));
}

static enum err parse_sps(struct slice nal, struct h265_config *config)
{
    uint8_t rbsp[SPS_BYTES_READ];
    struct bitreader r = bitreader_of(rbsp, nal_unescape(nal, rbsp, sizeof(rbsp)));

    bitreader_skip(&r, 16 + 4); /* NAL unit header, sps_video_parameter_set_id */
    unsigned sub_layers_minus1 = bitreader_bits(&r, 3);
    bitreader_skip(&r, 1); /* sps_temporal_id_nesting_flag */
    skip_profile_tier_level(&r, sub_layers_minus1);
    (void)bitreader_ue(&r); /* sps_seq_parameter_set_id */
    uint32_t chroma = bitreader_ue(&r);
    bool separate_planes = chroma == 3 && bitreader_bit(&r);
    uint64_t width = bitreader_ue(&r);
    uint64_t height = bitreader_ue(&r);
    uint64_t crop[4] = {0};
    if (bitreader_bit(&r)) {
        for (unsigned i = 0; i < 4; i++)
            crop[i] = bitreader_ue(&r);
    }
    if (r.failed || chroma > 3 || width == 0 || height == 0)
        return ERR_MALFORMED;
    if (width > CODEC_DIMENSION_MAX || height > CODEC_DIMENSION_MAX)
        return ERR_UNSUPPORTED;

    unsigned format = separate_planes ? 0 : chroma;
    uint64_t cut_x = (crop[0] + crop[1]) * (format == 1 || format == 2 ? 2 : 1);
    uint64_t cut_y = (crop[2] + crop[3]) * (format == 1 ? 2 : 1);
    if (cut_x >= width || cut_y >= height)
        return ERR_MALFORMED;
    config->width = (uint32_t)(width - cut_x);
    config->height = (uint32_t)(height - cut_y);
    return OK;
}

/* Finds the first SPS in the arrays of parameter sets (ISO 14496-15 section 8.3.3.1). */
static enum err find_sps(struct reader *r, struct h265_config *config)
{
    unsigned array_count = reader_u8(r);
    unsigned nal_count = 0;

    if (array_count > ARRAY_COUNT_MAX)
        return ERR_LIMIT;
    for (unsigned i = 0; i < array_count && !r->failed; i++) {
        unsigned type = reader_u8(r) & 63U;
        unsigned count = reader_u16(r);

        for (unsigned n = 0; n < count && !r->failed; n++) {
            size_t len = reader_u16(r);
            const uint8_t *bytes = reader_bytes(r, len);

            if (++nal_count > NAL_COUNT_MAX)
                return ERR_LIMIT;
            if (!r->failed && type == NAL_SPS)
                return parse_sps(codec_bytes(bytes, len), config);
        }
    }
    return ERR_MALFORMED;
}

enum err h265_parse_hvcc(struct slice hvcc, struct h265_config *ret_config)
{
    struct reader r = reader_of(hvcc.data, hvcc.len);
    struct h265_config config = {0};

    if (hvcc.len > CODEC_CONFIG_MAX)
        return ERR_LIMIT;
    uint8_t version = reader_u8(&r);
    uint8_t profile = reader_u8(&r);
    config.profile_space = profile >> 6;
    config.is_high_tier = profile >> 5 & 1;
    config.profile_idc = profile & 31;
    config.compatibility_flags = reader_u32(&r);
    reader_copy(&r, config.constraint_flags, sizeof(config.constraint_flags));
    config.level_idc = reader_u8(&r);
    reader_skip(&r, 8); /* segmentation, parallelism, chroma, depths, frame rate */
    config.length_size = (reader_u8(&r) & 3U) + 1;
    if (r.failed || version != 1 || config.length_size == 3)
        return ERR_MALFORMED;
    enum err err = find_sps(&r, &config);
    if (err)
        return err;
    *ret_config = config;
    return OK;
}
