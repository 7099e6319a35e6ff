#include "support/sound.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <opus.h>
#include <string.h>

#include "base/mem.h"
#include "support/test.h"

enum { RATE = 48000, PACKET_SAMPLES = 960, PACKET_BYTES_MAX = 1500, SINK_SAMPLES_MAX = RATE * 60 };

struct sound_source {
    OpusEncoder *encoder;
    int channels;
    int64_t sample_count;
    uint8_t packet[PACKET_BYTES_MAX];
};

struct sound_source *sound_source_create(int channels)
{
    struct sound_source *source = mem_zalloc(sizeof(*source));
    int error;

    source->channels = channels;
    source->encoder = opus_encoder_create(RATE, channels, OPUS_APPLICATION_AUDIO, &error);
    assert_non_null(source->encoder);
    return source;
}

void sound_source_destroy(struct sound_source *source)
{
    opus_encoder_destroy(source->encoder);
    mem_free(source);
}

const uint8_t *sound_source_next(struct sound_source *source, int is_silent, size_t *ret_len)
{
    float pcm[PACKET_SAMPLES * 2];

    for (int i = 0; i < PACKET_SAMPLES; i++, source->sample_count++) {
        double at = (double)source->sample_count / (double)RATE;
        float value = is_silent ? 0 : (float)(0.5 * sin(2 * M_PI * 440 * at));

        for (int channel = 0; channel < source->channels; channel++)
            pcm[i * source->channels + channel] = value;
    }
    opus_int32 len =
        opus_encode_float(source->encoder, pcm, PACKET_SAMPLES, source->packet, PACKET_BYTES_MAX);
    assert_true(len > 0);
    *ret_len = (size_t)len;
    return source->packet;
}

static void fill_with_sine(AVFrame *frame, int rate, int64_t from)
{
    float *to = (float *)(void *)frame->extended_data[0];

    for (int i = 0; i < frame->nb_samples; i++)
        to[i] = (float)(0.5 * sin(2 * M_PI * 440 * (double)(from + i) / rate));
}

void sound_make_aac(int rate, int count, const struct aac_listener *listener, void *ctx)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();

    encoder->bit_rate = 96000;
    encoder->sample_rate = frame->sample_rate = rate;
    encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&encoder->ch_layout, 1);
    assert_int_equal(avcodec_open2(encoder, codec, NULL), 0);
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->nb_samples = 1024;
    av_channel_layout_default(&frame->ch_layout, 1);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    listener->on_config(ctx, encoder->extradata, (size_t)encoder->extradata_size);
    for (int64_t from = 0; count > 0; from += 1024) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        fill_with_sine(frame, rate, from);
        assert_int_equal(avcodec_send_frame(encoder, frame), 0);
        for (; count > 0 && avcodec_receive_packet(encoder, packet) == 0; count--) {
            listener->on_packet(ctx, packet->data, (size_t)packet->size);
            av_packet_unref(packet);
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&encoder);
}

struct sound_sink {
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    float *samples[2];
    size_t count;
};

struct sound_sink *sound_sink_create(const uint8_t *config, size_t len)
{
    struct sound_sink *sink = mem_zalloc(sizeof(*sink));
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_AAC);

    sink->codec = avcodec_alloc_context3(codec);
    sink->packet = av_packet_alloc();
    sink->frame = av_frame_alloc();
    sink->codec->extradata = av_mallocz(len + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(sink->codec->extradata, config, len);
    sink->codec->extradata_size = (int)len;
    assert_int_equal(avcodec_open2(sink->codec, codec, NULL), 0);
    for (int channel = 0; channel < 2; channel++)
        sink->samples[channel] = mem_zalloc(SINK_SAMPLES_MAX * sizeof(float));
    return sink;
}

void sound_sink_destroy(struct sound_sink *sink)
{
    avcodec_free_context(&sink->codec);
    av_packet_free(&sink->packet);
    av_frame_free(&sink->frame);
    mem_free(sink->samples[0]);
    mem_free(sink->samples[1]);
    mem_free(sink);
}

void sound_sink_push(struct sound_sink *sink, const uint8_t *bytes, size_t len)
{
    assert_int_equal(av_new_packet(sink->packet, (int)len), 0);
    memcpy(sink->packet->data, bytes, len);
    assert_int_equal(avcodec_send_packet(sink->codec, sink->packet), 0);
    av_packet_unref(sink->packet);
    assert_int_equal(avcodec_receive_frame(sink->codec, sink->frame), 0);
    assert_int_equal(sink->frame->sample_rate, RATE);
    assert_int_equal(sink->frame->ch_layout.nb_channels, 2);
    assert_int_equal(sink->frame->nb_samples, 1024);
    assert_true(sink->count + 1024 <= SINK_SAMPLES_MAX);
    for (int channel = 0; channel < 2; channel++)
        memcpy(sink->samples[channel] + sink->count, sink->frame->extended_data[channel],
               1024 * sizeof(float));
    sink->count += 1024;
    av_frame_unref(sink->frame);
}

size_t sound_sink_count(const struct sound_sink *sink)
{
    return sink->count;
}

double sound_sink_rms(const struct sound_sink *sink, int channel, size_t from, size_t count)
{
    double sum = 0;

    assert_true(from + count <= sink->count);
    for (size_t i = from; i < from + count; i++)
        sum += (double)sink->samples[channel][i] * (double)sink->samples[channel][i];
    return sqrt(sum / (double)count);
}

size_t sound_sink_crossings(const struct sound_sink *sink, size_t from, size_t count)
{
    size_t crossings = 0;

    assert_true(from + count <= sink->count);
    for (size_t i = from + 1; i < from + count; i++)
        crossings += sink->samples[0][i - 1] < 0 && sink->samples[0][i] >= 0;
    return crossings;
}
