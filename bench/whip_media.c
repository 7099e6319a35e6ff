#include "whip_media.h"

#include "base/reader.h"
#include "codec/codec.h"
#include "flv.h"
#include "ogg.h"

enum {
    BYTES_MAX = 1 << 30,
    ITEMS_MAX = 1 << 24,
    PAYLOAD_LEN_MAX = 1200, /* with the headers around it below 1280, as browsers do */
    FU_HEADER_LEN = 2,
    NAL_STAP_A = 24, /* RFC 6184 section 5.2 */
    NAL_FU_A = 28,
    FU_START = 0x80,
    FU_END = 0x40,
    NAL_TYPE_BITS = 0x1f,
    VIDEO_TAG_HEADER_LEN = 5, /* codec, kind of packet, composition time */
    VIDEO_TICKS_A_MS = 90,
    AUDIO_RATE = 48000,
};

/* ---- payloads ---- */

/* What was written since `begin` is a payload of the newest unit. */
static bool end_payload(struct whip_track *track, size_t begin)
{
    struct whip_payload payload = {begin, track->bytes.len - begin};

    track->units.items[track->units.count - 1].payload_count++;
    return !track->bytes.failed && vec_push(&track->payloads, payload, ITEMS_MAX);
}

static bool begin_unit(struct whip_track *track, int64_t ticks)
{
    struct whip_unit unit = {ticks, track->payloads.count, 0};

    return vec_push(&track->units, unit, ITEMS_MAX);
}

/* ---- H.264 ---- */

/* Fragments of about the same length, as libwebrtc makes them: no tiny one at the end. */
static bool add_fragments(struct whip_track *track, struct slice nal)
{
    struct reader r = reader_of(nal.data + 1, nal.len - 1);
    size_t left =
        (r.left + PAYLOAD_LEN_MAX - FU_HEADER_LEN - 1) / (PAYLOAD_LEN_MAX - FU_HEADER_LEN);
    unsigned bits = FU_START;

    for (; left > 0; left--, bits = 0) {
        size_t begin = track->bytes.len, len = (r.left + left - 1) / left;

        if (left == 1)
            bits |= FU_END;
        writer_u8(&track->bytes, (uint8_t)((nal.data[0] & ~NAL_TYPE_BITS) | NAL_FU_A));
        writer_u8(&track->bytes, (uint8_t)(bits | (nal.data[0] & NAL_TYPE_BITS)));
        writer_bytes(&track->bytes, reader_bytes(&r, len), len);
        if (!end_payload(track, begin))
            return false;
    }
    return true;
}

static bool add_nal(struct whip_track *track, struct slice nal)
{
    size_t begin = track->bytes.len;

    if (nal.len > PAYLOAD_LEN_MAX)
        return add_fragments(track, nal);
    writer_bytes(&track->bytes, nal.data, nal.len);
    return end_payload(track, begin);
}

/* The parameter sets in one packet, which a publisher without out-of-band sets repeats. */
static bool add_sets(struct whip_track *track, const struct h264_params *params)
{
    const struct slice sets[] = {params->sps[0], params->pps[0]};
    size_t begin = track->bytes.len;

    writer_u8(&track->bytes, (uint8_t)((sets[0].data[0] & ~NAL_TYPE_BITS) | NAL_STAP_A));
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        writer_u16(&track->bytes, (uint16_t)sets[i].len);
        writer_bytes(&track->bytes, sets[i].data, sets[i].len);
    }
    return end_payload(track, begin);
}

/* Slices only: encoders in browsers write neither SEI nor delimiters. */
static enum err add_access_unit(struct whip_track *track, const struct h264_params *params,
                                const struct flv_tag *tag)
{
    struct slice units =
        codec_bytes(tag->payload + VIDEO_TAG_HEADER_LEN, tag->payload_len - VIDEO_TAG_HEADER_LEN);
    struct nal_walk walk = nal_walk_lengths(units, params->length_size);
    bool is_ok = begin_unit(track, (int64_t)tag->time_ms * VIDEO_TICKS_A_MS), has_sets = false;
    struct slice nal;

    while (is_ok && nal_walk_next(&walk, &nal)) {
        if (h264_nal_type(nal) < H264_NAL_SLICE || h264_nal_type(nal) > H264_NAL_IDR)
            continue;
        if (h264_nal_type(nal) == H264_NAL_IDR && !has_sets)
            is_ok = has_sets = add_sets(track, params);
        is_ok = is_ok && add_nal(track, nal);
    }
    if (walk.failed)
        return ERR_MALFORMED;
    return is_ok ? OK : ERR_LIMIT;
}

static enum err read_header(const struct flv_tag *tag, struct h264_params *params,
                            uint32_t *profile_level)
{
    enum { H264_IN_FLV = 7, SPS_LEN_MIN = 4 };
    struct slice avcc =
        codec_bytes(tag->payload + VIDEO_TAG_HEADER_LEN, tag->payload_len - VIDEO_TAG_HEADER_LEN);

    if ((tag->payload[0] & 15) != H264_IN_FLV || h264_parse_avcc(avcc, params) != OK ||
        params->pps_count == 0 || params->sps_count == 0 || params->sps[0].len < SPS_LEN_MIN)
        return ERR_MALFORMED;
    struct reader r = reader_of(params->sps[0].data + 1, params->sps[0].len - 1);
    *profile_level = reader_u24(&r);
    return OK;
}

static enum err take_video(const struct flv *flv, struct whip_media *media)
{
    struct whip_track *track = &media->tracks[WHIP_VIDEO];
    struct h264_params params = {0};
    enum err err = OK;

    track->clock_rate = 1000 * VIDEO_TICKS_A_MS;
    track->duration = (int64_t)flv->duration_ms * VIDEO_TICKS_A_MS;
    for (size_t i = 0; i < flv->tag_count && err == OK; i++) {
        const struct flv_tag *tag = &flv->tags[i];

        if (tag->type != FLV_VIDEO || tag->payload_len <= VIDEO_TAG_HEADER_LEN)
            continue;
        if (tag->is_header)
            err = read_header(tag, &params, &media->profile_level);
        else
            err = params.sps_count ? add_access_unit(track, &params, tag) : ERR_MALFORMED;
    }
    return err == OK && track->units.count == 0 ? ERR_MALFORMED : err;
}

/* ---- Opus ---- */

static enum err take_audio(const struct ogg *ogg, struct whip_media *media)
{
    struct whip_track *track = &media->tracks[WHIP_AUDIO];

    track->clock_rate = AUDIO_RATE;
    for (size_t i = 0; i < ogg->packet_count; i++) {
        const struct ogg_packet *packet = &ogg->packets[i];
        uint32_t duration = opus_packet_len(codec_bytes(packet->bytes, packet->len));
        size_t begin = track->bytes.len;

        if (duration == 0 || packet->len > PAYLOAD_LEN_MAX)
            return ERR_MALFORMED;
        writer_bytes(&track->bytes, packet->bytes, packet->len);
        if (!begin_unit(track, track->duration) || !end_payload(track, begin))
            return ERR_LIMIT;
        track->duration += duration;
    }
    return OK;
}

enum err whip_media_load(const char *flv_path, const char *opus_path, struct whip_media *media,
                         struct diag *diag)
{
    struct flv flv = {0};
    struct ogg ogg = {0};

    for (size_t i = 0; i < WHIP_TRACKS; i++)
        media->tracks[i] = (struct whip_track){.bytes = writer_growing(BYTES_MAX)};
    enum err err = flv_load(flv_path, &flv);
    if (err == OK)
        err = take_video(&flv, media);
    if (err != OK) {
        diag_set(diag, "no H.264 in FLV: %s (%s)", flv_path, err_name(err));
        goto done;
    }
    err = ogg_load_opus(opus_path, &ogg);
    if (err == OK)
        err = take_audio(&ogg, media);
    if (err != OK)
        diag_set(diag, "no Opus in Ogg: %s (%s)", opus_path, err_name(err));
done:
    flv_deinit(&flv);
    ogg_deinit(&ogg);
    return err;
}

void whip_media_deinit(struct whip_media *media)
{
    for (size_t i = 0; i < WHIP_TRACKS; i++) {
        writer_deinit(&media->tracks[i].bytes);
        vec_deinit(&media->tracks[i].payloads);
        vec_deinit(&media->tracks[i].units);
    }
}
