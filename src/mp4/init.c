/* The init segment: ftyp and moov without any sample (ISO/IEC 14496-12, 23000-19 section 7.3). */
#include <assert.h>

#include "base/writer.h"
#include "codec/codec.h"
#include "mp4/mp4.h"

enum {
    INIT_LEN_MAX = 32 * 1024,
    LANGUAGE_UNDETERMINED = 0x55c4, /* "und", 5 bits a letter */
    NAL_LENGTH_AT_AVCC = 4,
    NAL_LENGTH_AT_HVCC = 21
};

/* Begins a box: the size comes with box_end(). */
static size_t box_begin(struct writer *w, const char *type)
{
    size_t at = writer_reserve(w, 4);

    writer_bytes(w, type, 4);
    return at;
}

static size_t full_box_begin(struct writer *w, const char *type, uint8_t version, uint32_t flags)
{
    size_t at = box_begin(w, type);

    writer_u8(w, version);
    writer_u24(w, flags);
    return at;
}

static void box_end(struct writer *w, size_t at)
{
    writer_patch_u32(w, at, (uint32_t)(w->len - at));
}

static void write_ftyp(struct writer *w)
{
    size_t box = box_begin(w, "ftyp");

    writer_str(w, "iso6");
    writer_u32(w, 0);
    writer_str(w, "iso6cmfcmp41dash");
    box_end(w, box);
}

static void write_matrix(struct writer *w)
{
    static const uint32_t unity[] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};

    for (size_t i = 0; i < sizeof(unity) / sizeof(unity[0]); i++)
        writer_u32(w, unity[i]);
}

static void write_mvhd(struct writer *w)
{
    size_t box = full_box_begin(w, "mvhd", 0, 0);

    writer_zeroes(w, 8); /* creation and modification time: not said, so equal inputs stay equal */
    writer_u32(w, 1000); /* timescale; nothing uses it */
    writer_u32(w, 0);    /* duration: in the fragments */
    writer_u32(w, 0x10000);
    writer_u16(w, 0x0100);
    writer_zeroes(w, 10);
    write_matrix(w);
    writer_zeroes(w, 24);
    writer_u32(w, MP4_TRACK_COUNT_MAX + 1); /* next_track_ID */
    box_end(w, box);
}

struct aspect {
    uint32_t horizontal;
    uint32_t vertical;
};

static void write_tkhd(struct writer *w, const struct format *format, struct aspect aspect)
{
    bool is_video = codec_kind(format->codec) == MEDIA_VIDEO;
    size_t box = full_box_begin(w, "tkhd", 0, 7); /* enabled, in movie, in preview */

    writer_zeroes(w, 8);
    writer_u32(w, is_video ? MP4_TRACK_VIDEO : MP4_TRACK_AUDIO);
    writer_zeroes(w, 4 + 4 + 8 + 2 + 2);
    writer_u16(w, is_video ? 0 : 0x0100); /* volume */
    writer_u16(w, 0);
    write_matrix(w);
    /* As presented: the width in square pixels, 16.16. */
    uint64_t width = (uint64_t)format->width * aspect.horizontal / aspect.vertical;
    writer_u32(w, is_video ? (uint32_t)((width < UINT16_MAX ? width : UINT16_MAX) << 16) : 0);
    writer_u32(w, is_video ? format->height << 16 : 0);
    box_end(w, box);
}

static void write_mdhd(struct writer *w, const struct format *format)
{
    size_t box = full_box_begin(w, "mdhd", 0, 0);

    writer_zeroes(w, 8);
    writer_u32(w, mp4_timescale(format));
    writer_u32(w, 0);
    writer_u16(w, LANGUAGE_UNDETERMINED);
    writer_u16(w, 0);
    box_end(w, box);
}

static void write_hdlr(struct writer *w, bool is_video)
{
    size_t box = full_box_begin(w, "hdlr", 0, 0);

    writer_u32(w, 0);
    writer_str(w, is_video ? "vide" : "soun");
    writer_zeroes(w, 12 + 1); /* reserved, empty name */
    box_end(w, box);
}

static void write_media_header(struct writer *w, bool is_video)
{
    size_t box = full_box_begin(w, is_video ? "vmhd" : "smhd", 0, is_video ? 1 : 0);

    writer_zeroes(w, is_video ? 8 : 4);
    box_end(w, box);

    box = box_begin(w, "dinf");
    size_t dref = full_box_begin(w, "dref", 0, 0);
    writer_u32(w, 1);
    size_t url = full_box_begin(w, "url ", 0, 1); /* in the same file */
    box_end(w, url);
    box_end(w, dref);
    box_end(w, box);
}

/* A configuration record as a box. Our samples have 4-byte NAL lengths whatever the publisher's
 * had, so the field that says so (at `length_at`, when not 0) is set. */
static void write_config(struct writer *w, const char *type, const struct buf *config,
                         size_t length_at)
{
    size_t box = box_begin(w, type);

    writer_bytes(w, config->data, length_at ? length_at : config->len);
    if (length_at) {
        writer_u8(w, config->data[length_at] | 3);
        writer_bytes(w, config->data + length_at + 1, config->len - length_at - 1);
    }
    box_end(w, box);
}

/* What the SPS says of H.264; other codecs keep it in their stream. */
static struct h264_sps first_sps(const struct format *format)
{
    struct h264_params params;
    struct h264_sps sps = {0};

    if (format->codec == CODEC_H264 &&
        h264_parse_avcc(codec_bytes(format->config->data, format->config->len), &params) == OK &&
        h264_parse_sps(params.sps[0], &sps) == OK)
        return sps;
    return (struct h264_sps){0};
}

static struct aspect aspect_of(const struct h264_sps *sps)
{
    if (sps->sar_width == 0 || sps->sar_height == 0)
        return (struct aspect){1, 1};
    return (struct aspect){sps->sar_width, sps->sar_height};
}

static void write_video_extras(struct writer *w, const struct h264_sps *sps)
{
    if (sps->has_colour) {
        size_t box = box_begin(w, "colr");
        writer_str(w, "nclx");
        writer_u16(w, sps->colour_primaries);
        writer_u16(w, sps->colour_transfer);
        writer_u16(w, sps->colour_matrix);
        writer_u8(w, sps->is_full_range ? 0x80 : 0);
        box_end(w, box);
    }
    if (sps->sar_width && sps->sar_height) {
        size_t box = box_begin(w, "pasp");
        writer_u32(w, sps->sar_width);
        writer_u32(w, sps->sar_height);
        box_end(w, box);
    }
}

static void write_video_entry(struct writer *w, const struct format *format,
                              const struct h264_sps *sps)
{
    static const struct {
        const char *entry;
        const char *config;
        size_t length_at;
    } rows[] = {[CODEC_H264] = {"avc1", "avcC", NAL_LENGTH_AT_AVCC},
                [CODEC_H265] = {"hvc1", "hvcC", NAL_LENGTH_AT_HVCC},
                [CODEC_AV1] = {"av01", "av1C", 0}};
    size_t box = box_begin(w, rows[format->codec].entry);

    writer_zeroes(w, 6);
    writer_u16(w, 1); /* data_reference_index */
    writer_zeroes(w, 16);
    writer_u16(w, (uint16_t)format->width);
    writer_u16(w, (uint16_t)format->height);
    writer_u32(w, 0x00480000); /* 72 dpi */
    writer_u32(w, 0x00480000);
    writer_u32(w, 0);
    writer_u16(w, 1);     /* frames a sample */
    writer_zeroes(w, 32); /* compressor name */
    writer_u16(w, 0x0018);
    writer_u16(w, UINT16_MAX);
    write_config(w, rows[format->codec].config, format->config, rows[format->codec].length_at);
    write_video_extras(w, sps);
    box_end(w, box);
}

/* A descriptor's tag and length (ISO/IEC 14496-1 section 8.3.3), always in four bytes. */
static void write_descriptor(struct writer *w, uint8_t tag, size_t len)
{
    writer_u8(w, tag);
    for (unsigned shift = 21; shift > 0; shift -= 7)
        writer_u8(w, (uint8_t)(0x80 | (len >> shift & 0x7f)));
    writer_u8(w, (uint8_t)(len & 0x7f));
}

static void write_esds(struct writer *w, const struct buf *config)
{
    enum { HEAD = 5 };
    size_t specific = HEAD + config->len;
    size_t decoder = 13 + specific;
    size_t box = full_box_begin(w, "esds", 0, 0);

    write_descriptor(w, 3, 3 + HEAD + decoder + HEAD + 1); /* ES_Descriptor */
    writer_u16(w, 0);
    writer_u8(w, 0);
    write_descriptor(w, 4, decoder); /* DecoderConfigDescriptor */
    writer_u8(w, 0x40);              /* MPEG-4 audio */
    writer_u8(w, 5 << 2 | 1);        /* AudioStream */
    writer_u24(w, 0);
    writer_u32(w, 0); /* bit rates: not known */
    writer_u32(w, 0);
    write_descriptor(w, 5, config->len); /* DecoderSpecificInfo */
    writer_bytes(w, config->data, config->len);
    write_descriptor(w, 6, 1); /* SLConfigDescriptor */
    writer_u8(w, 2);           /* reserved for MP4 */
    box_end(w, box);
}

/* Big-endian here, little-endian in OpusHead (Opus in ISOBMFF, section 4.3.2). */
static void write_dops(struct writer *w, const struct opus_head *head)
{
    size_t box = box_begin(w, "dOps");

    writer_u8(w, 0);
    writer_u8(w, head->channels);
    writer_u16(w, head->pre_skip);
    writer_u32(w, head->input_sample_rate);
    writer_u16(w, (uint16_t)head->output_gain);
    writer_u8(w, head->mapping_family);
    writer_bytes(w, head->mapping_table.data, head->mapping_table.len);
    box_end(w, box);
}

static void write_audio_entry(struct writer *w, const struct format *format,
                              const struct opus_head *head)
{
    bool is_opus = format->codec == CODEC_OPUS;
    size_t box = box_begin(w, is_opus ? "Opus" : "mp4a");

    writer_zeroes(w, 6);
    writer_u16(w, 1);
    writer_zeroes(w, 8);
    writer_u16(w, (uint16_t)format->channels);
    writer_u16(w, 16);
    writer_u32(w, 0);
    /* 16.16; what does not fit is said by the configuration alone. */
    writer_u32(w, format->sample_rate <= UINT16_MAX ? format->sample_rate << 16 : 0);
    if (is_opus)
        write_dops(w, head);
    else
        write_esds(w, format->config);
    box_end(w, box);
}

static void write_stbl(struct writer *w, const struct format *format, const struct h264_sps *sps,
                       const struct opus_head *head)
{
    static const char *const empty[] = {"stts", "stsc", "stco"};
    size_t stbl = box_begin(w, "stbl");
    size_t box = full_box_begin(w, "stsd", 0, 0);

    writer_u32(w, 1);
    if (codec_kind(format->codec) == MEDIA_VIDEO)
        write_video_entry(w, format, sps);
    else
        write_audio_entry(w, format, head);
    box_end(w, box);
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        box = full_box_begin(w, empty[i], 0, 0);
        writer_u32(w, 0);
        box_end(w, box);
    }
    box = full_box_begin(w, "stsz", 0, 0);
    writer_zeroes(w, 8);
    box_end(w, box);
    box_end(w, stbl);
}

static void write_trak(struct writer *w, const struct format *format, const struct opus_head *head)
{
    bool is_video = codec_kind(format->codec) == MEDIA_VIDEO;
    struct h264_sps sps = first_sps(format);
    size_t trak = box_begin(w, "trak");

    write_tkhd(w, format, aspect_of(&sps));
    size_t mdia = box_begin(w, "mdia");
    write_mdhd(w, format);
    write_hdlr(w, is_video);
    size_t minf = box_begin(w, "minf");
    write_media_header(w, is_video);
    write_stbl(w, format, &sps, head);
    box_end(w, minf);
    box_end(w, mdia);
    box_end(w, trak);
}

static void write_trex(struct writer *w, uint32_t track_id, uint32_t sample_flags)
{
    size_t box = full_box_begin(w, "trex", 0, 0);

    writer_u32(w, track_id);
    writer_u32(w, 1); /* sample description */
    writer_zeroes(w, 8);
    writer_u32(w, sample_flags);
    box_end(w, box);
}

/* The writers above trust the formats; this is where they are judged. */
static enum err check(const struct format *format, struct opus_head *ret_head, struct diag *diag)
{
    struct slice config = codec_bytes(format->config ? format->config->data : NULL,
                                      format->config ? format->config->len : 0);
    struct h264_params params;
    struct h265_config h265;
    struct av1_config av1;
    struct aac_config aac;
    enum err err = ERR_UNSUPPORTED;

    switch (format->codec) {
    case CODEC_H264:
        err = h264_parse_avcc(config, &params);
        break;
    case CODEC_H265:
        err = h265_parse_hvcc(config, &h265);
        break;
    case CODEC_AV1:
        err = av1_parse_av1c(config, &av1);
        break;
    case CODEC_AAC:
        err = aac_parse_config(config, &aac);
        break;
    case CODEC_OPUS:
        err = opus_parse_head(config, ret_head);
        break;
    case CODEC_NONE:
    case CODEC_VP8:
    case CODEC_VP9:
    case CODEC_MP3:
        diag_set(diag, "%s cannot be put into MP4 here", codec_name(format->codec));
        return ERR_UNSUPPORTED;
    }
    if (!err &&
        (codec_kind(format->codec) == MEDIA_VIDEO
             ? format->width == 0 || format->height == 0 || format->width > CODEC_DIMENSION_MAX ||
                   format->height > CODEC_DIMENSION_MAX
             : format->sample_rate == 0 || format->channels == 0))
        err = ERR_MALFORMED;
    if (err)
        diag_set(diag, "the %s decoder configuration cannot be used", codec_name(format->codec));
    return err == ERR_LIMIT ? ERR_UNSUPPORTED : err;
}

enum err mp4_write_init(const struct format *video, const struct format *audio,
                        struct buf **ret_init, struct diag *diag)
{
    struct opus_head head = {0};
    enum err err = OK;

    assert(video || audio);
    assert(!video || codec_kind(video->codec) == MEDIA_VIDEO);
    assert(!audio || codec_kind(audio->codec) == MEDIA_AUDIO);
    if (video)
        err = check(video, &head, diag);
    if (!err && audio)
        err = check(audio, &head, diag);
    if (err)
        return err;

    struct writer w = writer_growing(INIT_LEN_MAX);
    write_ftyp(&w);
    size_t moov = box_begin(&w, "moov");
    write_mvhd(&w);
    if (video)
        write_trak(&w, video, &head);
    if (audio)
        write_trak(&w, audio, &head);
    size_t mvex = box_begin(&w, "mvex");
    if (video)
        write_trex(&w, MP4_TRACK_VIDEO, MP4_SAMPLE_IS_NO_KEYFRAME);
    if (audio)
        write_trex(&w, MP4_TRACK_AUDIO, MP4_SAMPLE_IS_KEYFRAME);
    box_end(&w, mvex);
    box_end(&w, moov);
    assert(!w.failed); /* two configurations of CODEC_CONFIG_MAX and less than 2 kB of boxes */
    *ret_init = writer_copy_buf(&w);
    writer_deinit(&w);
    return OK;
}
