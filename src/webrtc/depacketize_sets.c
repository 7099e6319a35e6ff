#include "webrtc/depacketize.h"

#include "base/bitreader.h"
#include "base/text.h"
#include "codec/codec.h"
#include "media/format.h"

enum {
    SPS_ID_MAX = 31,  /* ITU-T H.264 section 7.4.2.1.1 */
    PPS_ID_MAX = 255, /* section 7.4.2.2 */
};

static bool parse_set(struct slice nal, struct h264_set *ret_set)
{
    if (h264_nal_type(nal) == H264_NAL_SPS) {
        struct h264_sps sps;

        if (h264_parse_sps(nal, &sps) != OK)
            return false;
        *ret_set = (struct h264_set){.id = sps.id, .width = sps.width, .height = sps.height};
        return true;
    }
    struct bitreader r = bitreader_of(nal.data + 1, nal.len - 1);

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

    if (len < 2 || len > H264_SETS_NAL_LEN_MAX)
        return;

    bool is_sps = h264_nal_type(codec_bytes(nal, len)) == H264_NAL_SPS;
    struct h264_set *places = is_sps ? sets->sps : sets->pps;
    size_t count = is_sps ? H264_SETS_SPS_MAX : H264_SETS_PPS_MAX;

    /* Encoders repeat the same sets before each key frame: this is the usual way out. */
    for (size_t i = 0; i < count; i++) {
        if (holds(&places[i], nal, len))
            return;
    }
    if (!parse_set(codec_bytes(nal, len), &set))
        return;

    struct h264_set *place = place_for(places, count, set.id);

    buf_unref(place->nal);
    set.nal = buf_copy(nal, len);
    set.age = ++sets->change_count;
    *place = set;
}

void h264_sets_deinit(struct h264_sets *sets)
{
    for (size_t i = 0; i < H264_SETS_SPS_MAX; i++)
        buf_unref(sets->sps[i].nal);
    for (size_t i = 0; i < H264_SETS_PPS_MAX; i++)
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

/* Lists the sets, `first` before all others, so that readers of the first SPS see what is on air.
 * The PPS keep their places: pictures may take turns with them, and the record must not change
 * then. */
static size_t list_sets(const struct h264_set *places, size_t count, const struct h264_set *first,
                        struct slice *ret_nals)
{
    size_t listed = 0;

    if (first)
        ret_nals[listed++] = codec_bytes(first->nal->data, first->nal->len);
    for (size_t i = 0; i < count; i++) {
        if (places[i].nal && &places[i] != first)
            ret_nals[listed++] = codec_bytes(places[i].nal->data, places[i].nal->len);
    }
    return listed;
}

struct format *h264_sets_format(const struct h264_sets *sets, uint32_t pps_id)
{
    const struct h264_set *pps = find(sets->pps, H264_SETS_PPS_MAX, pps_id);
    const struct h264_set *sps = pps ? find(sets->sps, H264_SETS_SPS_MAX, pps->sps_id) : NULL;
    struct h264_params params = {.length_size = 4};
    struct buf *avcc;

    if (!sps)
        return NULL;
    params.sps_count = list_sets(sets->sps, H264_SETS_SPS_MAX, sps, params.sps);
    params.pps_count = list_sets(sets->pps, H264_SETS_PPS_MAX, NULL, params.pps);
    if (h264_write_avcc(&params, &avcc) != OK)
        return NULL;

    struct format *format = format_create(CODEC_H264, avcc);

    format->width = sps->width;
    format->height = sps->height;
    return format;
}
