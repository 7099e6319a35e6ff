#include "aac_out.h"

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <string.h>

#include "base/mem.h"
#include "transcode/sound_clock.h"

enum { TIMES_CAP = 8 }; /* the encoder holds back two frames */

struct frame_time {
    int64_t begin_us;
    int64_t end_us;
    bool is_discontinuity;
};

struct aac_out {
    AVCodecContext *codec;
    AVFrame *frame; /* being filled */
    AVPacket *packet;
    int filled; /* samples in it */
    aac_out_fn *on_sample;
    void *ctx;

    int64_t origin_us;
    int64_t frame_count; /* since the origin */
    bool has_begun;
    bool is_discontinuity; /* the next frame does not continue the one before */

    struct frame_time times[TIMES_CAP]; /* of frames that went in, oldest at [taken % TIMES_CAP] */
    unsigned given;
    unsigned taken;
    bool has_primed;
};

static bool open_codec(struct aac_out *out, const struct frame_open *open)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;

    out->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    out->frame = av_frame_alloc();
    out->packet = av_packet_alloc();
    if (!out->codec || !out->frame || !out->packet)
        return false;
    out->codec->bit_rate = open->out_bitrate;
    out->codec->sample_rate = SOUND_RATE;
    out->codec->sample_fmt = AV_SAMPLE_FMT_FLTP;
    out->codec->time_base = (AVRational){1, SOUND_RATE};
    out->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    out->codec->thread_count = 1;
    if (av_channel_layout_copy(&out->codec->ch_layout, &stereo) < 0 ||
        av_opt_set(out->codec->priv_data, "aac_coder", "fast", 0) < 0 ||
        avcodec_open2(out->codec, codec, NULL) < 0)
        return false;

    out->frame->format = AV_SAMPLE_FMT_FLTP;
    out->frame->nb_samples = AAC_FRAME_SAMPLES;
    out->frame->sample_rate = SOUND_RATE;
    return out->codec->frame_size == AAC_FRAME_SAMPLES &&
           av_channel_layout_copy(&out->frame->ch_layout, &stereo) == 0 &&
           av_frame_get_buffer(out->frame, 0) == 0;
}

enum err aac_out_create(const struct frame_open *open, aac_out_fn *on_sample, void *ctx,
                        struct aac_out **ret_out)
{
    struct aac_out *out = mem_zalloc(sizeof(*out));

    out->on_sample = on_sample;
    out->ctx = ctx;
    if (!open_codec(out, open)) {
        aac_out_destroy(out);
        return ERR_UNSUPPORTED;
    }
    *ret_out = out;
    return OK;
}

void aac_out_destroy(struct aac_out *out)
{
    if (!out)
        return;
    avcodec_free_context(&out->codec);
    av_frame_free(&out->frame);
    av_packet_free(&out->packet);
    mem_free(out);
}

const uint8_t *aac_out_config(const struct aac_out *out, size_t *ret_len)
{
    *ret_len = (size_t)out->codec->extradata_size;
    return out->codec->extradata;
}

static void give_packet(struct aac_out *out)
{
    if (!out->has_primed) {
        out->has_primed = true;
        return;
    }
    if (out->taken == out->given)
        return; /* the encoder gave more than it got: no time, no sample */

    const struct frame_time *time = &out->times[out->taken++ % TIMES_CAP];
    struct frame sample = {
        .type = FRAME_SAMPLE,
        .flags = (uint8_t)(FRAME_KEYFRAME | (time->is_discontinuity ? FRAME_DISCONTINUITY : 0)),
        .dts_us = time->begin_us,
        .pts_us = time->begin_us,
        .duration_us = (uint32_t)(time->end_us - time->begin_us),
        .payload = out->packet->data,
        .payload_len = (size_t)out->packet->size,
    };
    if (sample.payload_len <= FRAME_PAYLOAD_MAX)
        out->on_sample(out->ctx, &sample);
}

static void encode(struct aac_out *out, AVFrame *frame)
{
    if (avcodec_send_frame(out->codec, frame) < 0) {
        if (frame)
            out->given--; /* refused: no packet will ask for its time */
        return;
    }
    while (avcodec_receive_packet(out->codec, out->packet) == 0) {
        give_packet(out);
        av_packet_unref(out->packet);
    }
}

static void encode_full_frame(struct aac_out *out)
{
    int64_t first = out->frame_count++ * AAC_FRAME_SAMPLES;

    out->times[out->given++ % TIMES_CAP] = (struct frame_time){
        .begin_us = sound_time_us(out->origin_us, first),
        .end_us = sound_time_us(out->origin_us, first + AAC_FRAME_SAMPLES),
        .is_discontinuity = out->is_discontinuity,
    };
    out->is_discontinuity = false;
    out->filled = 0;
    encode(out, out->frame);
}

/* The encoder keeps references to frames; ours is copied when it still does. NaN and overflow would
 * live on in its psychoacoustic model. */
static void put(struct aac_out *out, const float *pcm, int count)
{
    if (av_frame_make_writable(out->frame) < 0)
        return;
    for (int channel = 0; channel < 2; channel++) {
        float *to = (float *)(void *)out->frame->extended_data[channel] + out->filled;

        for (int i = 0; i < count; i++) {
            float value = pcm ? pcm[2 * i + channel] : 0;
            to[i] = value > -4.0F && value < 4.0F ? value : 0;
        }
    }
    out->filled += count;
}

static void pad_frame(struct aac_out *out)
{
    if (out->filled == 0)
        return;
    put(out, NULL, AAC_FRAME_SAMPLES - out->filled);
    encode_full_frame(out);
}

void aac_out_begin(struct aac_out *out, int64_t origin_us)
{
    pad_frame(out);
    out->origin_us = origin_us;
    out->frame_count = 0;
    out->is_discontinuity = out->has_begun;
    out->has_begun = true;
}

void aac_out_append(struct aac_out *out, const float *pcm, uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        int room = AAC_FRAME_SAMPLES - out->filled;
        int step = count - done < (uint32_t)room ? (int)(count - done) : room;

        put(out, pcm + 2 * (size_t)done, step);
        done += (uint32_t)step;
        if (out->filled == AAC_FRAME_SAMPLES)
            encode_full_frame(out);
    }
}

void aac_out_finish(struct aac_out *out)
{
    pad_frame(out);
    if (out->frame_count > 0)
        encode(out, NULL);
}
