#include "stream.h"

#include <string.h>

#include "base/mem.h"
#include "transcode/sound_clock.h"

struct stream {
    uint32_t id;
    struct sound_in *in;
    struct sound_clock clock;
    struct aac_out *out;
    struct scratch *scratch;
    aac_out_fn *on_sample;
    void *ctx;
};

static void on_encoded(void *ctx, const struct frame *sample)
{
    struct stream *stream = ctx;
    struct frame named = *sample;

    named.stream_id = stream->id;
    stream->on_sample(stream->ctx, &named);
}

enum err stream_create(uint32_t id, const struct frame_open *open, struct scratch *scratch,
                       aac_out_fn *on_sample, void *ctx, struct stream **ret_stream,
                       const char **ret_reason)
{
    struct stream *stream = mem_zalloc(sizeof(*stream));
    enum err err = ERR_UNSUPPORTED;

    stream->id = id;
    stream->scratch = scratch;
    stream->on_sample = on_sample;
    stream->ctx = ctx;
    if (open->out_codec != FRAME_CODEC_AAC || open->out_rate != SOUND_RATE ||
        open->out_channels != 2) {
        *ret_reason = "the output can only be AAC, 48 kHz, stereo";
        goto fail;
    }
    err = sound_in_create(open, &stream->in, ret_reason);
    if (err != OK)
        goto fail;
    err = aac_out_create(open, on_encoded, stream, &stream->out);
    if (err != OK) {
        *ret_reason = "libavcodec cannot start its AAC encoder";
        goto fail;
    }
    *ret_stream = stream;
    return OK;

fail:
    stream_destroy(stream);
    return err;
}

void stream_destroy(struct stream *stream)
{
    if (!stream)
        return;
    sound_in_destroy(stream->in);
    aac_out_destroy(stream->out);
    mem_free(stream);
}

uint32_t stream_id(const struct stream *stream)
{
    return stream->id;
}

struct frame_opened stream_opened(const struct stream *stream)
{
    struct frame_opened opened = {.codec = FRAME_CODEC_AAC, .channels = 2, .rate = SOUND_RATE};

    opened.config = aac_out_config(stream->out, &opened.config_len);
    return opened;
}

static void conceal(struct stream *stream, uint32_t count)
{
    while (count) {
        uint32_t step = count < SOUND_PACKET_MAX ? count : SOUND_PACKET_MAX;

        sound_in_conceal(stream->in, stream->scratch->made, step);
        aac_out_append(stream->out, stream->scratch->made, step);
        count -= step;
    }
}

/* Fills a hole before `packet`, whose own length is `packet_count`: the last piece of the hole may
 * be in the packet a second time. */
static void fill(struct stream *stream, uint32_t count, const struct frame *packet,
                 uint32_t packet_count)
{
    uint32_t spare_count = count >= packet_count ? packet_count : 0;

    conceal(stream, count - spare_count);
    if (spare_count) {
        sound_in_recover(stream->in, packet->payload, packet->payload_len, stream->scratch->made,
                         spare_count);
        aac_out_append(stream->out, stream->scratch->made, spare_count);
    }
}

/* Linear interpolation is enough for one sample more or less in 480. */
static void append_stretched(struct stream *stream, const float *pcm, uint32_t count, int32_t more)
{
    uint32_t made_count = (uint32_t)((int32_t)count + more);
    float *made = stream->scratch->made;

    if (more == 0) {
        aac_out_append(stream->out, pcm, count);
        return;
    }
    for (uint32_t i = 0; i < made_count; i++) {
        uint64_t at = ((uint64_t)i * count << 16) / made_count; /* 16 bits of fraction */
        size_t left = (size_t)(at >> 16);
        size_t right = left + 1 < count ? left + 1 : left;
        float part = (float)(at & 0xffff) / 65536.0F;

        for (size_t channel = 0; channel < 2; channel++) {
            float from = pcm[2 * left + channel];
            made[2 * (size_t)i + channel] = from + (pcm[2 * right + channel] - from) * part;
        }
    }
    aac_out_append(stream->out, made, made_count);
}

static void decode_exactly(struct stream *stream, const struct frame *packet, uint32_t count)
{
    float *pcm = stream->scratch->decoded;
    uint32_t got = 0;

    if (sound_in_decode(stream->in, packet->payload, packet->payload_len, pcm, &got) != OK)
        got = 0;
    if (got < count)
        sound_in_conceal(stream->in, pcm + 2 * (size_t)got, count - got);
}

void stream_packet(struct stream *stream, const struct frame *packet)
{
    bool is_first = !stream->clock.is_started;
    uint32_t count;

    if (sound_in_measure(stream->in, packet->payload, packet->payload_len, &count) != OK)
        return;
    bool is_measured = count != 0;
    if (!is_measured && (sound_in_decode(stream->in, packet->payload, packet->payload_len,
                                         stream->scratch->decoded, &count) != OK ||
                         count == 0))
        return;

    struct sound_step step = sound_clock_packet(&stream->clock, packet->pts_us, count);
    if (step.action == SOUND_DROP)
        return;
    if (is_first || step.action == SOUND_JUMP)
        aac_out_begin(stream->out, stream->clock.origin_us);
    fill(stream, step.fill_count, packet, is_measured ? count : UINT32_MAX);
    if (is_measured)
        decode_exactly(stream, packet, count);
    append_stretched(stream, stream->scratch->decoded, count, step.stretch_count);
}

void stream_advance(struct stream *stream, int64_t until_us)
{
    bool is_first = !stream->clock.is_started;
    struct sound_step step = sound_clock_advance(&stream->clock, until_us);

    if (is_first || step.action == SOUND_JUMP)
        aac_out_begin(stream->out, stream->clock.origin_us);
    conceal(stream, step.fill_count);
}

void stream_finish(struct stream *stream)
{
    aac_out_finish(stream->out);
}
