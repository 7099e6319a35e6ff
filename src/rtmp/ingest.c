#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/reader.h"
#include "media/sample.h"
#include "rtmp/amf0.h"
#include "rtmp/flv.h"
#include "rtmp/nal.h"
#include "rtmp/session.h"

enum { CONFIG_LEN_MAX = 16384, AAC_CONFIG_LEN_MIN = 2, AV1_CONFIG_LEN_MIN = 4 };
enum { VP9_CONFIG_LEN_MIN = 4, METADATA_DIMENSION_MAX = 65535, NS_PER_US = 1000 };

static struct track *track_of(struct rtmp_session *session, enum media_kind kind)
{
    return &session->tracks[kind == MEDIA_VIDEO ? 0 : 1];
}

void ingest_reset(struct rtmp_session *session)
{
    for (size_t i = 0; i < 2; i++) {
        buf_unref(session->tracks[i].config);
        session->tracks[i] = (struct track){0};
    }
    session->has_time = false;
    session->told = 0;
}

void ingest_tell(struct rtmp_session *session, unsigned what, struct text sentence)
{
    if (session->told & what)
        return;
    session->told |= what;
    session->handler.on_unsupported(session->ctx, sentence);
}

static void tell_codec(struct rtmp_session *session, enum media_kind kind, const char *name)
{
    bool is_video = kind == MEDIA_VIDEO;
    char memory[128];
    struct writer sentence = writer_fixed(memory, sizeof(memory));

    writer_str(&sentence, is_video ? "Video codec " : "Audio codec ");
    writer_str(&sentence, name);
    writer_str(&sentence, " is not supported; set the encoder to ");
    writer_str(&sentence, is_video ? "H.264." : "AAC.");
    ingest_tell(session, is_video ? TOLD_VIDEO : TOLD_AUDIO, writer_as_text(&sentence));
}

/* RTMP counts milliseconds in 32 bits: 49.7 days. The distance to the last message, taken as
 * signed, goes on over the wrap. Sound and picture share the reference, or they would part when
 * only one of them has wrapped. */
static int64_t extend_ms(struct rtmp_session *session, uint32_t ms32)
{
    if (!session->has_time)
        session->last_ms = ms32;
    else
        session->last_ms += (int32_t)(ms32 - session->last_ms32);
    session->has_time = true;
    session->last_ms32 = ms32;
    return session->last_ms;
}

static bool config_is_sane(enum codec codec, const uint8_t *config, size_t len)
{
    switch (codec) {
    case CODEC_H264:
    case CODEC_H265:
        return len <= CONFIG_LEN_MAX && nal_length_size(codec, config, len) != 0;
    case CODEC_AAC:
        return len <= CONFIG_LEN_MAX && len >= AAC_CONFIG_LEN_MIN;
    case CODEC_AV1:
        return len <= CONFIG_LEN_MAX && len >= AV1_CONFIG_LEN_MIN;
    case CODEC_VP9:
        return len <= CONFIG_LEN_MAX && len >= VP9_CONFIG_LEN_MIN;
    case CODEC_OPUS: /* may be empty: mono or stereo in the default order */
        return len <= CONFIG_LEN_MAX;
    case CODEC_NONE:
    case CODEC_VP8:
    case CODEC_MP3:
        return false;
    }
    return false;
}

static bool is_known(const struct track *track, const struct flv_tag *tag, const uint8_t *config)
{
    size_t len = track->config ? track->config->len : 0;

    return track->codec == tag->codec && len == tag->payload_len &&
           (len == 0 || memcmp(track->config->data, config, len) == 0);
}

/* Encoders repeat the configuration, some before each key frame: only a new one is an event. */
static void take_config(struct rtmp_session *session, enum media_kind kind,
                        const struct flv_tag *tag, const uint8_t *config)
{
    struct track *track = track_of(session, kind);

    if (is_known(track, tag, config))
        return;
    if (!config_is_sane(tag->codec, config, tag->payload_len)) {
        session->stats.bad_count++;
        return;
    }
    buf_unref(track->config);
    *track = (struct track){.codec = tag->codec};
    if (tag->payload_len)
        track->config = buf_copy(config, tag->payload_len);

    /* The owner gets a copy of its own, because it may complete the format. */
    struct buf *copy = tag->payload_len ? buf_copy(config, tag->payload_len) : NULL;
    if (copy && (tag->codec == CODEC_H264 || tag->codec == CODEC_H265)) {
        track->length_size = nal_length_size(tag->codec, config, tag->payload_len);
        nal_set_length_size_4(tag->codec, copy->data);
    }
    session->handler.on_format(session->ctx, kind, format_create(tag->codec, copy));
}

/* A temporal unit in a sample begins without its delimiter (AV1-ISOBMFF 2.4). */
static void cut_temporal_delimiter(struct slice *payload)
{
    if (payload->len >= 2 && payload->data[0] == 0x12 && payload->data[1] == 0) {
        payload->data += 2;
        payload->len -= 2;
    }
}

static void take_frame(struct rtmp_session *session, enum media_kind kind,
                       const struct flv_tag *tag, const struct chunk_message *message, int64_t ms)
{
    struct track *track = track_of(session, kind);
    struct slice payload;

    if (track->codec != tag->codec) {
        session->stats.bad_count++; /* no configuration: nobody could decode it */
        return;
    }
    payload = slice_of(message->body, tag->payload_at, tag->payload_len);
    if (track->length_size && nal_normalize(tag->codec, track->length_size, &payload)) {
        session->stats.bad_count++;
        slice_unref(&payload);
        return;
    }
    if (tag->codec == CODEC_AV1)
        cut_temporal_delimiter(&payload);
    if (payload.len == 0) { /* silence, or only parameter sets */
        slice_unref(&payload);
        return;
    }
    struct sample *sample = sample_create(kind, payload);
    sample->is_keyframe = tag->is_keyframe;
    sample->dts_us = ms * US_PER_MS + tag->offset_ns / NS_PER_US;
    sample->pts_us = sample->dts_us + tag->composition_ms * US_PER_MS;
    if (kind == MEDIA_VIDEO)
        session->stats.video_count++;
    else
        session->stats.audio_count++;
    session->handler.on_sample(session->ctx, sample);
}

static void take_tag(struct rtmp_session *session, enum media_kind kind, const struct flv_tag *tag,
                     const struct chunk_message *message)
{
    int64_t ms = extend_ms(session, message->timestamp);

    if (tag->what == FLV_NOTHING)
        return;
    if (tag->what == FLV_SKIPPED) {
        session->stats.skipped_count++;
        return;
    }
    if (tag->codec == CODEC_NONE) {
        session->stats.skipped_count++;
        tell_codec(session, kind, tag->name);
        return;
    }
    if (tag->what == FLV_CONFIG)
        take_config(session, kind, tag, message->body->data + tag->payload_at);
    else
        take_frame(session, kind, tag, message, ms);
}

static void read_metadata(struct amf0_value *object, struct rtmp_metadata *metadata)
{
    struct amf0_value value;
    struct text name;

    while (amf0_next_member(object, &name, &value)) {
        if (text_equal(name, TEXT("width")))
            metadata->width = (uint32_t)amf0_to_u64(&value, METADATA_DIMENSION_MAX);
        else if (text_equal(name, TEXT("height")))
            metadata->height = (uint32_t)amf0_to_u64(&value, METADATA_DIMENSION_MAX);
        else if (text_equal(name, TEXT("framerate")) && value.number >= 0 && value.number <= 1000)
            metadata->frames_per_s = value.number;
        else if (text_equal(name, TEXT("videodatarate"))) /* kbit/s, as the next */
            metadata->video_rate_bps = 1000 * amf0_to_u64(&value, UINT32_MAX);
        else if (text_equal(name, TEXT("audiodatarate")))
            metadata->audio_rate_bps = 1000 * amf0_to_u64(&value, UINT32_MAX);
        else if (text_equal(name, TEXT("encoder")))
            metadata->encoder = value.string;
    }
}

static void take_data(struct rtmp_session *session, const struct chunk_message *message)
{
    struct reader r = reader_of(message->body->data, message->body->len);
    struct rtmp_metadata metadata = {0};
    struct amf0_value object;

    if (message->type == MESSAGE_DATA_AMF3)
        reader_skip(&r, 1); /* 0: AMF0 values follow */
    struct text name = amf0_read_string(&r);
    if (text_equal(name, TEXT("@setDataFrame")))
        name = amf0_read_string(&r);
    if (!text_equal(name, TEXT("onMetaData"))) {
        session->stats.bad_count += r.failed;
        return; /* captions, cue points, and whatever else encoders send */
    }
    amf0_read(&r, &object);
    if (r.failed) {
        session->stats.bad_count++;
        return;
    }
    read_metadata(&object, &metadata);
    session->handler.on_metadata(session->ctx, &metadata);
}

void ingest_message(struct rtmp_session *session, const struct chunk_message *message)
{
    const uint8_t *bytes = message->body->data;
    size_t len = message->body->len;
    bool is_video = message->type == MESSAGE_VIDEO;
    struct flv_tag tag;

    if (!is_video && message->type != MESSAGE_AUDIO) {
        take_data(session, message);
        return;
    }
    if (is_video ? flv_parse_video(bytes, len, &tag) : flv_parse_audio(bytes, len, &tag)) {
        session->stats.bad_count++;
        return;
    }
    take_tag(session, is_video ? MEDIA_VIDEO : MEDIA_AUDIO, &tag, message);
}
