/* What all codecs share: complete a format from its configuration, name it in CODECS. */
#include "base/writer.h"
#include "codec/codec.h"

struct shape {
    uint32_t width;
    uint32_t height;
    uint32_t sample_rate;
    uint32_t channels;
};

static struct slice config_of(const struct format *format)
{
    return format->config ? codec_bytes(format->config->data, format->config->len)
                          : codec_bytes(NULL, 0);
}

static enum err h264_first_sps(const struct format *format, struct h264_sps *ret_sps)
{
    struct h264_params params;
    enum err err = h264_parse_avcc(config_of(format), &params);

    return err ? err : h264_parse_sps(params.sps[0], ret_sps);
}

static enum err shape_h264(const struct format *format, struct shape *shape)
{
    struct h264_sps sps;
    enum err err = h264_first_sps(format, &sps);

    if (err)
        return err;
    shape->width = sps.width;
    shape->height = sps.height;
    return OK;
}

static enum err shape_h265(const struct format *format, struct shape *shape)
{
    struct h265_config config;
    enum err err = h265_parse_hvcc(config_of(format), &config);

    if (err)
        return err;
    shape->width = config.width;
    shape->height = config.height;
    return OK;
}

static enum err shape_av1(const struct format *format, struct shape *shape)
{
    struct av1_config config;
    enum err err = av1_parse_av1c(config_of(format), &config);

    if (err)
        return err;
    shape->width = config.width;
    shape->height = config.height;
    return OK;
}

static enum err shape_aac(const struct format *format, struct shape *shape)
{
    struct aac_config config;
    enum err err = aac_parse_config(config_of(format), &config);

    if (err)
        return err;
    shape->sample_rate = config.sample_rate;
    shape->channels = config.channels;
    return OK;
}

static enum err shape_opus(const struct format *format, struct shape *shape)
{
    struct opus_head head;
    enum err err = opus_parse_head(config_of(format), &head);

    if (err)
        return err;
    shape->sample_rate = 48000; /* RFC 7845: whatever the input was, Opus decodes to 48 kHz */
    shape->channels = head.channels;
    return OK;
}

static enum err text_h264(struct writer *w, const struct format *format)
{
    struct h264_sps sps;
    enum err err = h264_first_sps(format, &sps);

    if (err)
        return err;
    writer_printf(w, "avc1.%02x%02x%02x", sps.profile_idc, sps.constraint_flags, sps.level_idc);
    return OK;
}

/* The compatibility flags are written in reverse bit order (ISO 14496-15 Annex E.3). */
static uint32_t reverse_bits(uint32_t value)
{
    uint32_t reversed = 0;

    for (unsigned i = 0; i < 32; i++)
        reversed |= (value >> i & 1U) << (31 - i);
    return reversed;
}

static enum err text_h265(struct writer *w, const struct format *format)
{
    struct h265_config config;
    enum err err = h265_parse_hvcc(config_of(format), &config);

    if (err)
        return err;
    writer_str(w, "hvc1.");
    if (config.profile_space)
        writer_char(w, (char)('A' + config.profile_space - 1));
    writer_printf(w, "%u.%X.%c%u", config.profile_idc, reverse_bits(config.compatibility_flags),
                  config.is_high_tier ? 'H' : 'L', config.level_idc);
    size_t count = sizeof(config.constraint_flags);
    while (count > 0 && config.constraint_flags[count - 1] == 0)
        count--;
    for (size_t i = 0; i < count; i++)
        writer_printf(w, ".%X", config.constraint_flags[i]);
    return OK;
}

static enum err text_av1(struct writer *w, const struct format *format)
{
    struct av1_config config;
    enum err err = av1_parse_av1c(config_of(format), &config);

    if (err)
        return err;
    writer_printf(w, "av01.%u.%02u%c.%02u", config.profile, config.level_idx,
                  config.is_high_tier ? 'H' : 'M', config.bit_depth);
    return OK;
}

static enum err text_aac(struct writer *w, const struct format *format)
{
    struct aac_config config;
    enum err err = aac_parse_config(config_of(format), &config);

    if (err)
        return err;
    writer_printf(w, "mp4a.40.%u",
                  config.has_ps    ? 29U
                  : config.has_sbr ? 5U
                                   : (unsigned)config.object_type);
    return OK;
}

static enum err text_opus(struct writer *w, const struct format *format)
{
    (void)format;
    writer_str(w, "opus");
    return OK;
}

/* VP8 and MP3 have no configuration, VP9's has no dimensions: nothing to complete. */
static const struct {
    enum err (*shape)(const struct format *format, struct shape *shape);
    enum err (*text)(struct writer *w, const struct format *format);
} codecs[] = {
    [CODEC_H264] = {shape_h264, text_h264},
    [CODEC_H265] = {shape_h265, text_h265},
    [CODEC_AV1] = {shape_av1, text_av1},
    [CODEC_VP8] = {NULL, NULL},
    [CODEC_VP9] = {NULL, NULL},
    [CODEC_AAC] = {shape_aac, text_aac},
    [CODEC_OPUS] = {shape_opus, text_opus},
    [CODEC_MP3] = {NULL, NULL},
};

enum err codec_complete_format(struct format *format, struct diag *diag)
{
    struct shape shape = {format->width, format->height, format->sample_rate, format->channels};

    if (!codecs[format->codec].shape)
        return OK;
    enum err err = codecs[format->codec].shape(format, &shape);
    if (err) {
        diag_set(diag, "the %s decoder configuration is %s", codec_name(format->codec),
                 err == ERR_MALFORMED ? "broken" : "not supported");
        return err == ERR_LIMIT ? ERR_UNSUPPORTED : err;
    }
    format->width = shape.width;
    format->height = shape.height;
    format->sample_rate = shape.sample_rate;
    format->channels = shape.channels;
    return OK;
}

enum err codec_write_codecs_text(struct writer *w, const struct format *format)
{
    if (!codecs[format->codec].text)
        return ERR_UNSUPPORTED;
    return codecs[format->codec].text(w, format);
}

uint32_t codec_audio_frame_len(const struct format *format, struct slice payload)
{
    struct aac_config config;

    if (format->codec == CODEC_OPUS)
        return opus_packet_len(payload);
    if (format->codec != CODEC_AAC || aac_parse_config(config_of(format), &config))
        return 0;
    return config.frame_len;
}

struct buf *codec_silence(const struct format *format)
{
    if (format->codec == CODEC_AAC)
        return aac_silence(format->channels);
    if (format->codec == CODEC_OPUS && format->channels <= 2)
        return opus_silence(format->channels);
    return NULL;
}
