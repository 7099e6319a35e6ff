#include "webrtc/depacketize.h"

#include "base/bitreader.h"
#include "base/text.h"
#include "base/writer.h"
#include "media/format.h"

enum {
    SPS_ID_MAX = 31,  /* ITU-T H.264 section 7.4.2.1.1 */
    PPS_ID_MAX = 255, /* section 7.4.2.2 */
    DIMENSION_MAX = 16384,
    AVCC_LEN_MAX = 16 + (H264_SPS_COUNT_MAX + H264_PPS_COUNT_MAX) * (H264_SET_LEN_MAX + 2),
};

/* An SPS as far as the format needs it. */
struct sps {
    uint32_t profile;
    uint32_t id;
    uint32_t chroma_format; /* 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4 */
    uint32_t luma_depth_minus_8;
    uint32_t chroma_depth_minus_8;
    uint32_t width;
    uint32_t height;
};

/* Removes the bytes 03 that keep start codes out of a NAL unit (section 7.4.1.1). */
static size_t unescape(const uint8_t *nal, size_t len, uint8_t *to)
{
    size_t out = 0;
    unsigned zeroes = 0;

    for (size_t i = 0; i < len; i++) {
        if (zeroes >= 2 && nal[i] == 3) {
            zeroes = 0;
            continue;
        }
        zeroes = nal[i] == 0 ? zeroes + 1 : 0;
        to[out++] = nal[i];
    }
    return out;
}

static bool has_chroma_fields(uint32_t profile)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
                                       118, 128, 138, 139, 134, 135};

    for (size_t i = 0; i < sizeof(profiles); i++) {
        if (profiles[i] == profile)
            return true;
    }
    return false;
}

static void skip_scaling_list(struct bitreader *r, unsigned size)
{
    int32_t last = 8;
    int32_t next = 8;

    for (unsigned i = 0; i < size && !r->failed; i++) {
        if (next != 0)
            next = (last + bitreader_se(r) % 256 + 256) % 256;
        last = next == 0 ? last : next;
    }
}

static void read_chroma_fields(struct bitreader *r, struct sps *sps)
{
    sps->chroma_format = bitreader_ue(r);
    if (sps->chroma_format == 3)
        bitreader_skip(r, 1); /* separate_colour_plane_flag */
    sps->luma_depth_minus_8 = bitreader_ue(r);
    sps->chroma_depth_minus_8 = bitreader_ue(r);
    bitreader_skip(r, 1); /* qpprime_y_zero_transform_bypass_flag */
    if (!bitreader_bit(r))
        return;
    for (unsigned i = 0; i < (sps->chroma_format == 3 ? 12U : 8U); i++) {
        if (bitreader_bit(r))
            skip_scaling_list(r, i < 6 ? 16 : 64);
    }
}

static void skip_picture_order(struct bitreader *r)
{
    uint32_t type = bitreader_ue(r);

    if (type == 0) {
        (void)bitreader_ue(r); /* log2_max_pic_order_cnt_lsb_minus4 */
    } else if (type == 1) {
        bitreader_skip(r, 1);
        (void)bitreader_se(r);
        (void)bitreader_se(r);
        uint32_t count = bitreader_ue(r);

        for (uint32_t i = 0; i < count && i < 256 && !r->failed; i++)
            (void)bitreader_se(r);
    }
}

static bool read_dimensions(struct bitreader *r, struct sps *sps)
{
    uint32_t width_mbs = bitreader_ue(r) + 1;
    uint32_t height_units = bitreader_ue(r) + 1;
    uint32_t field_factor = 2 - bitreader_bit(r); /* frame_mbs_only_flag */
    uint32_t crops[4] = {0};                      /* left, right, top, bottom */

    if (field_factor == 2)
        bitreader_skip(r, 1);
    bitreader_skip(r, 1); /* direct_8x8_inference_flag */
    if (bitreader_bit(r)) {
        for (size_t i = 0; i < 4; i++)
            crops[i] = bitreader_ue(r);
    }
    if (r->failed || width_mbs > DIMENSION_MAX / 16 || height_units > DIMENSION_MAX / 16)
        return false;

    uint64_t crop_x = sps->chroma_format == 1 || sps->chroma_format == 2 ? 2 : 1;
    uint64_t crop_y = (sps->chroma_format == 1 ? 2 : 1) * field_factor;
    uint64_t width = (uint64_t)width_mbs * 16;
    uint64_t height = (uint64_t)height_units * 16 * field_factor;

    crop_x *= (uint64_t)crops[0] + crops[1];
    crop_y *= (uint64_t)crops[2] + crops[3];
    if (crop_x >= width || crop_y >= height)
        return false;
    sps->width = (uint32_t)(width - crop_x);
    sps->height = (uint32_t)(height - crop_y);
    return true;
}

/* Section 7.3.2.1.1. */
static bool parse_sps(const uint8_t *nal, size_t len, struct sps *ret_sps)
{
    uint8_t plain[H264_SET_LEN_MAX];
    struct bitreader r = bitreader_of(plain, unescape(nal, len, plain));
    struct sps sps = {.chroma_format = 1};

    bitreader_skip(&r, 8);
    sps.profile = bitreader_bits(&r, 8);
    bitreader_skip(&r, 16); /* constraints, level */
    sps.id = bitreader_ue(&r);
    if (has_chroma_fields(sps.profile))
        read_chroma_fields(&r, &sps);
    (void)bitreader_ue(&r); /* log2_max_frame_num_minus4 */
    skip_picture_order(&r);
    (void)bitreader_ue(&r); /* max_num_ref_frames */
    bitreader_skip(&r, 1);  /* gaps_in_frame_num_value_allowed_flag */
    if (!read_dimensions(&r, &sps) || sps.id > SPS_ID_MAX || sps.chroma_format > 3 ||
        sps.luma_depth_minus_8 > 6 || sps.chroma_depth_minus_8 > 6)
        return false;
    *ret_sps = sps;
    return true;
}

static bool parse_set(const uint8_t *nal, size_t len, struct h264_set *ret_set)
{
    if ((nal[0] & 0x1f) == H264_SPS) {
        struct sps sps;

        if (!parse_sps(nal, len, &sps))
            return false;
        *ret_set = (struct h264_set){.id = sps.id, .width = sps.width, .height = sps.height};
        return true;
    }
    struct bitreader r = bitreader_of(nal + 1, len - 1);

    *ret_set = (struct h264_set){0};
    ret_set->id = bitreader_ue(&r);
    ret_set->sps_id = bitreader_ue(&r);
    return !r.failed && ret_set->id <= PPS_ID_MAX && ret_set->sps_id <= SPS_ID_MAX;
}

static bool holds(const struct h264_set *set, const uint8_t *nal, size_t len)
{
    return set->nal && text_equal(buf_text(set->nal), (struct text){(const char *)nal, len});
}

/* The place with this id, else a free one, else the one whose last change is the oldest. */
static struct h264_set *place_for(struct h264_set *places, size_t count, uint32_t id)
{
    struct h264_set *place = &places[0];

    for (size_t i = 0; i < count; i++) {
        if (places[i].nal && places[i].id == id)
            return &places[i];
        if (place->nal && (!places[i].nal || places[i].age < place->age))
            place = &places[i];
    }
    return place;
}

void h264_sets_put(struct h264_sets *sets, const uint8_t *nal, size_t len)
{
    struct h264_set set;

    if (len < 2 || len > H264_SET_LEN_MAX)
        return;

    bool is_sps = (nal[0] & 0x1f) == H264_SPS;
    struct h264_set *places = is_sps ? sets->sps : sets->pps;
    size_t count = is_sps ? H264_SPS_COUNT_MAX : H264_PPS_COUNT_MAX;

    /* Encoders repeat the same sets before each key frame: this is the usual way out. */
    for (size_t i = 0; i < count; i++) {
        if (holds(&places[i], nal, len))
            return;
    }
    if (!parse_set(nal, len, &set))
        return;

    struct h264_set *place = place_for(places, count, set.id);

    buf_unref(place->nal);
    set.nal = buf_copy(nal, len);
    set.age = ++sets->change_count;
    *place = set;
}

void h264_sets_deinit(struct h264_sets *sets)
{
    for (size_t i = 0; i < H264_SPS_COUNT_MAX; i++)
        buf_unref(sets->sps[i].nal);
    for (size_t i = 0; i < H264_PPS_COUNT_MAX; i++)
        buf_unref(sets->pps[i].nal);
    *sets = (struct h264_sets){0};
}

static const struct h264_set *find(const struct h264_set *places, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (places[i].nal && places[i].id == id)
            return &places[i];
    }
    return NULL;
}

static uint8_t count_sets(const struct h264_set *places, size_t count)
{
    uint8_t present = 0;

    for (size_t i = 0; i < count; i++)
        present = (uint8_t)(present + (places[i].nal != NULL));
    return present;
}

static void write_set(struct writer *w, const struct h264_set *set)
{
    writer_u16(w, (uint16_t)set->nal->len);
    writer_bytes(w, set->nal->data, set->nal->len);
}

/* The active SPS first, so that readers of the first one see what is on air. The PPS keep their
 * places: pictures may take turns with them, and the record must not change for that. */
static void write_sets(struct writer *w, const struct h264_set *places, size_t count,
                       const struct h264_set *first)
{
    if (first)
        write_set(w, first);
    for (size_t i = 0; i < count; i++) {
        if (places[i].nal && &places[i] != first)
            write_set(w, &places[i]);
    }
}

/* AVCDecoderConfigurationRecord, ISO 14496-15 section 5.3.3.1.2. */
static void write_avcc(struct writer *w, const struct h264_sets *sets, const struct h264_set *sps)
{
    struct sps fields = {0};

    (void)parse_sps(sps->nal->data, sps->nal->len, &fields); /* it was parsed when it came */
    writer_u8(w, 1);
    writer_bytes(w, sps->nal->data + 1, 3); /* profile, compatibility, level */
    writer_u8(w, 0xfc | 3);                 /* lengthSizeMinusOne */
    writer_u8(w, 0xe0 | count_sets(sets->sps, H264_SPS_COUNT_MAX));
    write_sets(w, sets->sps, H264_SPS_COUNT_MAX, sps);
    writer_u8(w, count_sets(sets->pps, H264_PPS_COUNT_MAX));
    write_sets(w, sets->pps, H264_PPS_COUNT_MAX, NULL);
    if (fields.profile == 66 || fields.profile == 77 || fields.profile == 88)
        return;
    writer_u8(w, (uint8_t)(0xfc | fields.chroma_format));
    writer_u8(w, (uint8_t)(0xf8 | fields.luma_depth_minus_8));
    writer_u8(w, (uint8_t)(0xf8 | fields.chroma_depth_minus_8));
    writer_u8(w, 0); /* numOfSequenceParameterSetExt */
}

struct format *h264_sets_format(const struct h264_sets *sets, uint32_t pps_id)
{
    const struct h264_set *pps = find(sets->pps, H264_PPS_COUNT_MAX, pps_id);
    const struct h264_set *sps = pps ? find(sets->sps, H264_SPS_COUNT_MAX, pps->sps_id) : NULL;

    if (!sps)
        return NULL;

    uint8_t avcc[AVCC_LEN_MAX];
    struct writer w = writer_fixed(avcc, sizeof(avcc));

    write_avcc(&w, sets, sps);
    struct format *format = format_create(CODEC_H264, buf_copy(avcc, w.len));

    format->width = sps->width;
    format->height = sps->height;
    return format;
}
