#include <string.h>

#include "base/bitreader.h"
#include "base/reader.h"
#include "base/writer.h"
#include "codec/codec.h"
#include "codec/nal.h"

enum {
    SPS_BYTES_READ = 1024, /* more than the longest SPS with scaling lists and HRD */
    CHROMA_FORMAT_MAX = 3,
    EXTENDED_SAR = 255,
    CPB_COUNT_MAX = 32,
    POC_CYCLE_MAX = 255
};

/* Profiles whose SPS has the chroma fields (section 7.3.2.1.1). */
static bool has_chroma_fields(unsigned profile_idc)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
                                       118, 128, 138, 139, 134, 135};

    return memchr(profiles, (int)profile_idc, sizeof(profiles)) != NULL;
}

static void skip_scaling_list(struct bitreader *r, unsigned size)
{
    int32_t last = 8;
    int32_t next = 8;

    for (unsigned i = 0; i < size && !r->failed; i++) {
        if (next != 0)
            next = (int32_t)(((int64_t)last + bitreader_se(r) + 256) % 256);
        if (next != 0)
            last = next;
    }
}

static void read_chroma_fields(struct bitreader *r, struct h264_sps *sps, bool *ret_separate_planes)
{
    uint32_t chroma = bitreader_ue(r);

    if (chroma > CHROMA_FORMAT_MAX) {
        r->failed = true;
        return;
    }
    sps->chroma_format_idc = (uint8_t)chroma;
    *ret_separate_planes = chroma == 3 && bitreader_bit(r);
    uint32_t luma = bitreader_ue(r);
    uint32_t depth = bitreader_ue(r);

    if (luma > 6 || depth > 6) { /* section 7.4.2.1.1: 0 to 6 */
        r->failed = true;
        return;
    }
    sps->bit_depth_luma = (uint8_t)(8 + luma);
    sps->bit_depth_chroma = (uint8_t)(8 + depth);
    bitreader_skip(r, 1); /* qpprime_y_zero_transform_bypass_flag */
    if (bitreader_bit(r)) {
        for (unsigned i = 0; i < (chroma == 3 ? 12 : 8) && !r->failed; i++) {
            if (bitreader_bit(r))
                skip_scaling_list(r, i < 6 ? 16 : 64);
        }
    }
}

static void skip_order_count(struct bitreader *r)
{
    uint32_t type = bitreader_ue(r);

    if (type == 0) {
        (void)bitreader_ue(r);
    } else if (type == 1) {
        bitreader_skip(r, 1);
        (void)bitreader_se(r);
        (void)bitreader_se(r);
        uint32_t count = bitreader_ue(r);
        if (count > POC_CYCLE_MAX)
            r->failed = true;
        for (uint32_t i = 0; i < count && !r->failed; i++)
            (void)bitreader_se(r);
    } else if (type != 2) {
        r->failed = true;
    }
}

static void skip_hrd(struct bitreader *r)
{
    uint32_t count = bitreader_ue(r) + 1;

    if (count > CPB_COUNT_MAX) {
        r->failed = true;
        return;
    }
    bitreader_skip(r, 8);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        (void)bitreader_ue(r);
        (void)bitreader_ue(r);
        bitreader_skip(r, 1);
    }
    bitreader_skip(r, 20);
}

static void read_aspect(struct bitreader *r, struct h264_sps *sps)
{
    /* Table E-1, by aspect_ratio_idc. */
    static const uint8_t table[][2] = {{0, 0},   {1, 1},    {12, 11}, {10, 11}, {16, 11}, {40, 33},
                                       {24, 11}, {20, 11},  {32, 11}, {80, 33}, {18, 11}, {15, 11},
                                       {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};
    uint32_t idc = bitreader_bits(r, 8);

    if (idc == EXTENDED_SAR) {
        sps->sar_width = bitreader_bits(r, 16);
        sps->sar_height = bitreader_bits(r, 16);
    } else if (idc < sizeof(table) / sizeof(table[0])) {
        sps->sar_width = table[idc][0];
        sps->sar_height = table[idc][1];
    }
}

static void read_colour(struct bitreader *r, struct h264_sps *sps)
{
    bitreader_skip(r, 3); /* video_format */
    sps->is_full_range = bitreader_bit(r);
    if (bitreader_bit(r)) {
        sps->colour_primaries = (uint8_t)bitreader_bits(r, 8);
        sps->colour_transfer = (uint8_t)bitreader_bits(r, 8);
        sps->colour_matrix = (uint8_t)bitreader_bits(r, 8);
        sps->has_colour = !r->failed;
    }
}

/* Annex E.1.1. A VUI that is cut off is common and harmless: what was read until then counts. */
static void read_vui(struct bitreader *r, struct h264_sps *sps)
{
    if (bitreader_bit(r))
        read_aspect(r, sps);
    if (bitreader_bit(r))
        bitreader_skip(r, 1); /* overscan */
    if (bitreader_bit(r))
        read_colour(r, sps);
    if (bitreader_bit(r)) {
        (void)bitreader_ue(r); /* chroma location */
        (void)bitreader_ue(r);
    }
    if (bitreader_bit(r)) {
        uint64_t units = bitreader_bits(r, 32);
        uint64_t scale = bitreader_bits(r, 32);

        bitreader_skip(r, 1); /* fixed_frame_rate_flag */
        /* Two ticks a frame (section E.2.1); outside 1..1000 fps it is no frame rate. */
        uint64_t frame_us = scale ? units * 2000000 / scale : 0;
        if (!r->failed && frame_us >= 1000 && frame_us <= 1000000)
            sps->frame_duration_us = (int64_t)frame_us;
    }
    bool has_nal_hrd = bitreader_bit(r);
    if (has_nal_hrd)
        skip_hrd(r);
    bool has_vcl_hrd = bitreader_bit(r);
    if (has_vcl_hrd)
        skip_hrd(r);
    if (has_nal_hrd || has_vcl_hrd)
        bitreader_skip(r, 1);
    bitreader_skip(r, 1); /* pic_struct_present_flag */
    if (bitreader_bit(r)) {
        bitreader_skip(r, 1);
        for (unsigned i = 0; i < 4; i++)
            (void)bitreader_ue(r);
        uint32_t reorder = bitreader_ue(r);
        if (!r->failed && reorder <= 16) {
            sps->has_reorder_count = true;
            sps->reorder_count = reorder;
        }
    }
}

/* Macroblocks to pixels as shown (section 7.4.2.1.1, frame_cropping). */
static enum err read_dimensions(struct bitreader *r, struct h264_sps *sps, bool separate_planes)
{
    uint64_t mb_width = (uint64_t)bitreader_ue(r) + 1;
    uint64_t map_height = (uint64_t)bitreader_ue(r) + 1;
    uint64_t field_factor = bitreader_bit(r) ? 1 : 2;

    if (field_factor == 2)
        bitreader_skip(r, 1); /* mb_adaptive_frame_field_flag */
    bitreader_skip(r, 1);     /* direct_8x8_inference_flag */

    uint64_t crop[4] = {0}; /* left, right, top, bottom */
    if (bitreader_bit(r)) {
        for (unsigned i = 0; i < 4; i++)
            crop[i] = bitreader_ue(r);
    }
    if (r->failed)
        return ERR_MALFORMED;

    unsigned chroma = separate_planes ? 0 : sps->chroma_format_idc;
    uint64_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
    uint64_t unit_y = (chroma == 1 ? 2 : 1) * field_factor;
    uint64_t width = mb_width * 16;
    uint64_t height = map_height * 16 * field_factor;
    uint64_t cut_x = (crop[0] + crop[1]) * unit_x;
    uint64_t cut_y = (crop[2] + crop[3]) * unit_y;

    if (width > CODEC_DIMENSION_MAX || height > CODEC_DIMENSION_MAX)
        return ERR_UNSUPPORTED;
    if (cut_x >= width || cut_y >= height)
        return ERR_MALFORMED;
    sps->width = (uint32_t)(width - cut_x);
    sps->height = (uint32_t)(height - cut_y);
    return OK;
}

enum err h264_parse_sps(struct slice nal, struct h264_sps *ret_sps)
{
    uint8_t rbsp[SPS_BYTES_READ];
    struct h264_sps sps = {.chroma_format_idc = 1, .bit_depth_luma = 8, .bit_depth_chroma = 8};
    bool separate_planes = false;

    if (h264_nal_type(nal) != H264_NAL_SPS || nal.len > CODEC_CONFIG_MAX)
        return ERR_MALFORMED;
    struct bitreader r = bitreader_of(rbsp, nal_unescape(nal, rbsp, sizeof(rbsp)));

    bitreader_skip(&r, 8);
    sps.profile_idc = (uint8_t)bitreader_bits(&r, 8);
    sps.constraint_flags = (uint8_t)bitreader_bits(&r, 8);
    sps.level_idc = (uint8_t)bitreader_bits(&r, 8);
    uint32_t id = bitreader_ue(&r);
    if (r.failed || id > 31)
        return ERR_MALFORMED;
    sps.id = (uint8_t)id;
    if (has_chroma_fields(sps.profile_idc))
        read_chroma_fields(&r, &sps, &separate_planes);
    (void)bitreader_ue(&r); /* log2_max_frame_num_minus4 */
    skip_order_count(&r);
    (void)bitreader_ue(&r); /* max_num_ref_frames */
    bitreader_skip(&r, 1);  /* gaps_in_frame_num_value_allowed_flag */

    enum err err = read_dimensions(&r, &sps, separate_planes);
    if (err)
        return err;
    if (bitreader_bit(&r))
        read_vui(&r, &sps);
    /* Section A.2.1: Baseline has no B slices. */
    sps.may_reorder = sps.has_reorder_count ? sps.reorder_count > 0 : sps.profile_idc != 66;
    *ret_sps = sps;
    return OK;
}

static void write_sets(struct writer *w, const struct slice *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        writer_u16(w, (uint16_t)sets[i].len);
        writer_bytes(w, sets[i].data, sets[i].len);
    }
}

static bool sets_are_usable(const struct slice *sets, size_t count, size_t max, unsigned type)
{
    if (count == 0 || count > max)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (h264_nal_type(sets[i]) != type || sets[i].len > CODEC_CONFIG_MAX)
            return false;
    }
    return true;
}

enum err h264_write_avcc(const struct h264_params *params, struct buf **ret_avcc)
{
    uint8_t bytes[CODEC_CONFIG_MAX];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct h264_sps sps;

    if (!sets_are_usable(params->sps, params->sps_count, H264_SPS_COUNT_MAX, H264_NAL_SPS) ||
        !sets_are_usable(params->pps, params->pps_count, H264_PPS_COUNT_MAX, H264_NAL_PPS))
        return ERR_MALFORMED;
    enum err err = h264_parse_sps(params->sps[0], &sps);
    if (err)
        return err;

    writer_u8(&w, 1); /* configurationVersion */
    writer_u8(&w, sps.profile_idc);
    writer_u8(&w, sps.constraint_flags);
    writer_u8(&w, sps.level_idc);
    writer_u8(&w, 0xfc | 3); /* lengthSizeMinusOne */
    writer_u8(&w, (uint8_t)(0xe0 | params->sps_count));
    write_sets(&w, params->sps, params->sps_count);
    writer_u8(&w, (uint8_t)params->pps_count);
    write_sets(&w, params->pps, params->pps_count);
    if (sps.profile_idc != 66 && sps.profile_idc != 77 && sps.profile_idc != 88) {
        writer_u8(&w, 0xfc | sps.chroma_format_idc);
        writer_u8(&w, (uint8_t)(0xf8 | (sps.bit_depth_luma - 8)));
        writer_u8(&w, (uint8_t)(0xf8 | (sps.bit_depth_chroma - 8)));
        writer_u8(&w, 0); /* SPS extensions */
    }
    if (w.failed)
        return ERR_LIMIT;
    *ret_avcc = buf_copy(bytes, w.len);
    return OK;
}

/* Reads `count` sets of the type; empty and misplaced ones are broken. */
static enum err read_sets(struct reader *r, unsigned type, size_t count, size_t max,
                          struct slice *ret_sets)
{
    if (count > max)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        size_t len = reader_u16(r);
        const uint8_t *bytes = reader_bytes(r, len);

        if (r->failed || len == 0)
            return ERR_MALFORMED;
        ret_sets[i] = codec_bytes(bytes, len);
        if (h264_nal_type(ret_sets[i]) != type)
            return ERR_MALFORMED;
    }
    return OK;
}

enum err h264_parse_avcc(struct slice avcc, struct h264_params *ret_params)
{
    struct reader r = reader_of(avcc.data, avcc.len);
    struct h264_params params = {0};

    if (avcc.len > CODEC_CONFIG_MAX)
        return ERR_LIMIT;
    uint8_t version = reader_u8(&r);
    reader_skip(&r, 3);
    params.length_size = (reader_u8(&r) & 3U) + 1;
    params.sps_count = reader_u8(&r) & 31U;
    if (r.failed || version != 1 || params.length_size == 3 || params.sps_count == 0)
        return ERR_MALFORMED;
    enum err err = read_sets(&r, H264_NAL_SPS, params.sps_count, H264_SPS_COUNT_MAX, params.sps);
    if (err)
        return err;
    params.pps_count = reader_u8(&r);
    if (r.failed || params.pps_count == 0)
        return ERR_MALFORMED;
    err = read_sets(&r, H264_NAL_PPS, params.pps_count, H264_PPS_COUNT_MAX, params.pps);
    if (err)
        return err;
    *ret_params = params;
    return OK;
}

static bool has_type(struct slice payload, unsigned from, unsigned to)
{
    struct nal_walk walk = nal_walk_lengths(payload, 4);
    struct slice nal;

    while (nal_walk_next(&walk, &nal)) {
        if (h264_nal_type(nal) >= from && h264_nal_type(nal) <= to)
            return true;
    }
    return false;
}

bool h264_has_idr(struct slice payload)
{
    return has_type(payload, H264_NAL_IDR, H264_NAL_IDR);
}

bool h264_has_slice(struct slice payload)
{
    return has_type(payload, H264_NAL_SLICE, H264_NAL_IDR);
}
