#include "sound_in.h"

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <opus.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "transcode/sound_clock.h"

enum {
    OPUS_STEP = SOUND_RATE / 400, /* libopus conceals in multiples of 2.5 ms */
    OPUS_PACKET_SAMPLES_MAX = SOUND_RATE * 120 / 1000,
    CONCEAL_MAX = SOUND_RATE * 400 / 1000, /* after so long a loss there is silence */
};

struct sound_in {
    OpusDecoder *opus; /* else libavcodec: */
    uint32_t concealed_count;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    SwrContext *resampler;
    int resampler_rate;
    int resampler_format;
    AVChannelLayout resampler_layout;
};

/* OpusHead (RFC 7845 section 5.1), or nothing. Returns the output gain in 1/256 dB. */
static enum err opus_head_parse(const struct frame_open *open, int *ret_gain)
{
    struct reader r = reader_of(open->config, open->config_len);

    *ret_gain = 0;
    if (open->config_len == 0)
        return OK;
    struct text magic = reader_text(&r, 8);
    uint8_t version = reader_u8(&r);
    uint8_t channels = reader_u8(&r);
    reader_skip(&r, 2 + 4); /* pre-skip, input rate */
    uint16_t gain = reader_u16_le(&r);
    reader_skip(&r, 1); /* mapping family: 1 and 2 channels are alike in all of them */
    if (r.failed || !text_equal(magic, TEXT("OpusHead")) || version >> 4 != 0)
        return ERR_MALFORMED;
    if (channels < 1 || channels > 2)
        return ERR_UNSUPPORTED;
    *ret_gain = (int16_t)gain;
    return OK;
}

static enum err open_opus(struct sound_in *in, const struct frame_open *open,
                          const char **ret_reason)
{
    int gain, error;

    if (opus_head_parse(open, &gain) != OK || open->in_channels > 2) {
        *ret_reason = "this OpusHead or number of channels is not supported";
        return ERR_UNSUPPORTED;
    }
    in->opus = opus_decoder_create(SOUND_RATE, 2, &error);
    if (!in->opus) {
        *ret_reason = "libopus cannot start a decoder";
        return ERR_UNSUPPORTED;
    }
    (void)opus_decoder_ctl(in->opus, OPUS_SET_GAIN(gain)); /* out of range: no gain */
    return OK;
}

static enum err open_libav(struct sound_in *in, const struct frame_open *open,
                           const char **ret_reason)
{
    enum AVCodecID id = open->in_codec == FRAME_CODEC_AAC ? AV_CODEC_ID_AAC : AV_CODEC_ID_MP3;
    const AVCodec *codec = avcodec_find_decoder(id);

    in->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    in->packet = av_packet_alloc();
    in->frame = av_frame_alloc();
    if (!in->codec || !in->packet || !in->frame) {
        *ret_reason = "libavcodec has no such decoder";
        return ERR_UNSUPPORTED;
    }
    in->codec->sample_rate = (int)open->in_rate;
    av_channel_layout_default(&in->codec->ch_layout, open->in_channels);
    if (open->config_len) {
        in->codec->extradata = av_mallocz(open->config_len + AV_INPUT_BUFFER_PADDING_SIZE);
        if (in->codec->extradata) {
            memcpy(in->codec->extradata, open->config, open->config_len);
            in->codec->extradata_size = (int)open->config_len;
        }
    }
    if (avcodec_open2(in->codec, codec, NULL) < 0) {
        *ret_reason = "libavcodec refuses the decoder configuration";
        return ERR_UNSUPPORTED;
    }
    return OK;
}

enum err sound_in_create(const struct frame_open *open, struct sound_in **ret_in,
                         const char **ret_reason)
{
    struct sound_in *in = mem_zalloc(sizeof(*in));
    enum err err = open->in_codec == FRAME_CODEC_OPUS ? open_opus(in, open, ret_reason)
                                                      : open_libav(in, open, ret_reason);

    if (err != OK) {
        sound_in_destroy(in);
        return err;
    }
    *ret_in = in;
    return OK;
}

void sound_in_destroy(struct sound_in *in)
{
    if (!in)
        return;
    if (in->opus)
        opus_decoder_destroy(in->opus);
    avcodec_free_context(&in->codec);
    av_packet_free(&in->packet);
    av_frame_free(&in->frame);
    swr_free(&in->resampler);
    av_channel_layout_uninit(&in->resampler_layout);
    mem_free(in);
}

enum err sound_in_measure(struct sound_in *in, const uint8_t *bytes, size_t len,
                          uint32_t *ret_count)
{
    if (!in->opus) {
        *ret_count = 0;
        return len ? OK : ERR_MALFORMED;
    }
    int count = len ? opus_packet_get_nb_samples(bytes, (opus_int32)len, SOUND_RATE) : -1;

    if (count <= 0 || count > OPUS_PACKET_SAMPLES_MAX)
        return ERR_MALFORMED;
    *ret_count = (uint32_t)count;
    return OK;
}

/* As loud as it is, like libopus does it; by itself libswresample takes 3 dB away. */
static const double mono_to_stereo[2] = {1, 1};

/* Sets the resampler up for what the decoder gives now: it may change within a stream. */
static bool prepare_resampler(struct sound_in *in)
{
    AVFrame *frame = in->frame; /* FFmpeg 5 wants the layout without const, 7 with it */
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;

    if (in->resampler && in->resampler_rate == frame->sample_rate &&
        in->resampler_format == frame->format &&
        av_channel_layout_compare(&in->resampler_layout, &frame->ch_layout) == 0)
        return true;
    swr_free(&in->resampler);
    if (frame->sample_rate <= 0 || frame->sample_rate > FRAME_RATE_MAX ||
        swr_alloc_set_opts2(&in->resampler, &stereo, AV_SAMPLE_FMT_FLT, SOUND_RATE,
                            &frame->ch_layout, (enum AVSampleFormat)frame->format,
                            frame->sample_rate, 0, NULL) < 0 ||
        (frame->ch_layout.nb_channels == 1 &&
         swr_set_matrix(in->resampler, mono_to_stereo, 1) < 0) ||
        swr_init(in->resampler) < 0) {
        swr_free(&in->resampler);
        return false;
    }
    in->resampler_rate = frame->sample_rate;
    in->resampler_format = frame->format;
    return av_channel_layout_copy(&in->resampler_layout, &frame->ch_layout) == 0;
}

static enum err decode_libav(struct sound_in *in, const uint8_t *bytes, size_t len, float *pcm,
                             uint32_t *ret_count)
{
    int count = 0;

    if (av_new_packet(in->packet, (int)len) < 0)
        return ERR_MALFORMED;
    memcpy(in->packet->data, bytes, len);
    int sent = avcodec_send_packet(in->codec, in->packet);
    av_packet_unref(in->packet);
    if (sent < 0)
        return ERR_MALFORMED;
    while (avcodec_receive_frame(in->codec, in->frame) == 0) {
        const uint8_t *from[FRAME_CHANNELS_MAX] = {NULL}; /* the planes, to be read only */
        int channels = in->frame->ch_layout.nb_channels;
        uint8_t *to[1] = {(uint8_t *)(pcm + 2 * (ptrdiff_t)count)};
        int got = -1;

        for (int i = 0; i < channels && i < FRAME_CHANNELS_MAX; i++)
            from[i] = in->frame->extended_data[i];
        if (channels <= FRAME_CHANNELS_MAX && prepare_resampler(in))
            got = swr_convert(in->resampler, to, SOUND_PACKET_MAX - count, from,
                              in->frame->nb_samples);
        av_frame_unref(in->frame);
        if (got < 0)
            return ERR_MALFORMED;
        count += got;
    }
    *ret_count = (uint32_t)count;
    return OK;
}

enum err sound_in_decode(struct sound_in *in, const uint8_t *bytes, size_t len, float *pcm,
                         uint32_t *ret_count)
{
    if (!in->opus)
        return decode_libav(in, bytes, len, pcm, ret_count);

    int count =
        opus_decode_float(in->opus, bytes, (opus_int32)len, pcm, OPUS_PACKET_SAMPLES_MAX, 0);
    if (count <= 0)
        return ERR_MALFORMED;
    in->concealed_count = 0;
    *ret_count = (uint32_t)count;
    return OK;
}

void sound_in_conceal(struct sound_in *in, float *pcm, uint32_t count)
{
    memset(pcm, 0, (size_t)count * 2 * sizeof(*pcm));
    for (uint32_t done = 0; in->opus && in->concealed_count < CONCEAL_MAX;) {
        uint32_t step = count - done < SOUND_RATE / 50 ? count - done : SOUND_RATE / 50;

        step -= step % OPUS_STEP;
        if (step == 0 ||
            opus_decode_float(in->opus, NULL, 0, pcm + 2 * (size_t)done, (int)step, 0) <= 0)
            return;
        done += step;
        in->concealed_count += step;
    }
}

void sound_in_recover(struct sound_in *in, const uint8_t *bytes, size_t len, float *pcm,
                      uint32_t count)
{
    /* Without a spare copy inside libopus conceals as if there were no packet. */
    if (in->opus && count % OPUS_STEP == 0 && count <= OPUS_PACKET_SAMPLES_MAX &&
        opus_decode_float(in->opus, bytes, (opus_int32)len, pcm, (int)count, 1) > 0)
        return;
    sound_in_conceal(in, pcm, count);
}
