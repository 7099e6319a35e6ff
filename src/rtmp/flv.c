#include "rtmp/flv.h"

#include <stdio.h>
#include <string.h>

#include "base/reader.h"

enum { FRAME_TYPE_KEY = 1, FRAME_TYPE_COMMAND = 5, CODEC_ID_AVC = 7, CODEC_ID_HEVC = 12 };
enum { SOUND_FORMAT_ENHANCED = 9, SOUND_FORMAT_AAC = 10 };
enum { LEGACY_CONFIG = 0, LEGACY_FRAME = 1 };
enum { MODEX_NANO_OFFSET = 0, MODEX_COUNT_MAX = 8, NANO_OFFSET_MAX_NS = 999999 };
enum { ONE_TRACK = 0, MANY_TRACKS = 1, MANY_TRACKS_MANY_CODECS = 2, TRACKS_COUNT_MAX = 256 };

/* Packet types of Enhanced RTMP, those of sound and picture on one scale. */
enum packet {
    PACKET_UNKNOWN = 1,
    PACKET_CONFIG,
    PACKET_FRAME,
    PACKET_FRAME_X, /* composition time 0, not written */
    PACKET_NOTHING,
    PACKET_MULTITRACK,
    PACKET_MODEX
};

static const enum packet video_packets[16] = {
    [0] = PACKET_CONFIG,     [1] = PACKET_FRAME,   [2] = PACKET_NOTHING, /* end of sequence */
    [3] = PACKET_FRAME_X,    [4] = PACKET_NOTHING,                       /* metadata: colour */
    [6] = PACKET_MULTITRACK, [7] = PACKET_MODEX};

static const enum packet audio_packets[16] = {
    [0] = PACKET_CONFIG,     [1] = PACKET_FRAME, [2] = PACKET_NOTHING, /* end of sequence */
    [4] = PACKET_NOTHING,                                              /* order of channels */
    [5] = PACKET_MULTITRACK, [7] = PACKET_MODEX};

struct fourcc {
    char name[5];
    enum codec codec;
    bool has_composition; /* CodedFrames begins with a composition time */
};

static const struct fourcc video_fourccs[] = {
    {"avc1", CODEC_H264, true},
    {"hvc1", CODEC_H265, true},
    {"av01", CODEC_AV1, false},
    {"vp09", CODEC_VP9, false},
};

static const struct fourcc audio_fourccs[] = {
    {"mp4a", CODEC_AAC, false},
    {"Opus", CODEC_OPUS, false},
};

/* One kind of enhanced message. */
struct dialect {
    const enum packet *packets;
    const struct fourcc *fourccs;
    size_t fourccs_count;
};

static const struct dialect video_dialect = {video_packets, video_fourccs,
                                             sizeof(video_fourccs) / sizeof(video_fourccs[0])};
static const struct dialect audio_dialect = {audio_packets, audio_fourccs,
                                             sizeof(audio_fourccs) / sizeof(audio_fourccs[0])};

static enum packet packet_of(const struct dialect *dialect, unsigned type)
{
    enum packet packet = dialect->packets[type];

    return packet ? packet : PACKET_UNKNOWN;
}

/* NULL, and its name in the tag, when it is none of ours. */
static const struct fourcc *find_fourcc(const struct dialect *dialect, struct text name,
                                        struct flv_tag *tag)
{
    for (size_t i = 0; i < dialect->fourccs_count; i++)
        if (text_equal(text_of(dialect->fourccs[i].name), name))
            return &dialect->fourccs[i];
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c < 0x20 || c > 0x7e)
            c = '?';
        tag->name[i] = c;
    }
    return NULL;
}

/* ModEx: data that changes the meaning of the packet, then the packet's real type; any number. */
static enum packet read_modex(struct reader *r, const struct dialect *dialect, struct flv_tag *tag)
{
    enum packet packet = PACKET_MODEX;

    for (int i = 0; i < MODEX_COUNT_MAX && packet == PACKET_MODEX; i++) {
        size_t data_len = reader_u8(r) + 1U;
        if (data_len == 256)
            data_len = reader_u16(r) + 1U;
        struct reader data = reader_sub(r, data_len);
        uint8_t types = reader_u8(r);

        packet = packet_of(dialect, types & 15);
        if (types >> 4 == MODEX_NANO_OFFSET) {
            uint32_t offset_ns = reader_u24(&data);
            if (offset_ns <= NANO_OFFSET_MAX_NS)
                tag->offset_ns = offset_ns;
        }
    }
    return packet == PACKET_MODEX ? PACKET_UNKNOWN : packet;
}

/* What stands behind the FourCC. The reader is bounded to this track. */
static void read_track(struct reader *r, const uint8_t *message, enum packet packet,
                       const struct fourcc *fourcc, struct flv_tag *tag)
{
    static const enum flv_what whats[] = {
        [PACKET_UNKNOWN] = FLV_SKIPPED, [PACKET_CONFIG] = FLV_CONFIG,
        [PACKET_FRAME] = FLV_FRAME,     [PACKET_FRAME_X] = FLV_FRAME,
        [PACKET_NOTHING] = FLV_NOTHING, [PACKET_MULTITRACK] = FLV_SKIPPED,
        [PACKET_MODEX] = FLV_SKIPPED,
    };

    tag->what = whats[packet];
    if (fourcc && fourcc->has_composition && packet == PACKET_FRAME)
        tag->composition_ms = (int32_t)(reader_u24(r) << 8) >> 8; /* SI24 */
    tag->codec = fourcc ? fourcc->codec : CODEC_NONE;
    tag->payload_at = (size_t)(r->ptr - message);
    tag->payload_len = r->left;
}

/* Finds track 0, the one that a receiver takes who wants only one. */
static void read_multitrack(struct reader *r, const uint8_t *message, const struct dialect *dialect,
                            struct flv_tag *tag)
{
    uint8_t types = reader_u8(r);
    unsigned tracks = types >> 4;
    enum packet packet = packet_of(dialect, types & 15);
    struct text name = {0};

    tag->what = FLV_SKIPPED;
    if (tracks > MANY_TRACKS_MANY_CODECS)
        return;
    if (tracks != MANY_TRACKS_MANY_CODECS)
        name = reader_text(r, 4);
    for (int i = 0; i < TRACKS_COUNT_MAX && r->left > 0; i++) {
        if (tracks == MANY_TRACKS_MANY_CODECS)
            name = reader_text(r, 4);
        uint8_t id = reader_u8(r);
        size_t len = tracks == ONE_TRACK ? r->left : reader_u24(r);
        struct reader track = reader_sub(r, len);

        if (id == 0 && !r->failed) {
            read_track(&track, message, packet, find_fourcc(dialect, name, tag), tag);
            if (track.failed)
                reader_fail(r);
            return;
        }
    }
}

static void read_enhanced(struct reader *r, const uint8_t *message, enum packet packet,
                          const struct dialect *dialect, struct flv_tag *tag)
{
    if (packet == PACKET_MODEX)
        packet = read_modex(r, dialect, tag);
    if (packet == PACKET_MULTITRACK) {
        read_multitrack(r, message, dialect, tag);
        return;
    }
    struct text name = reader_text(r, 4);
    if (!r->failed)
        read_track(r, message, packet, find_fourcc(dialect, name, tag), tag);
}

static void read_legacy_video(struct reader *r, const uint8_t *message, unsigned codec_id,
                              struct flv_tag *tag)
{
    if (codec_id != CODEC_ID_AVC && codec_id != CODEC_ID_HEVC) {
        tag->what = FLV_FRAME;
        (void)snprintf(tag->name, sizeof(tag->name), "id %u", codec_id);
        return;
    }
    uint8_t type = reader_u8(r);
    tag->composition_ms = (int32_t)(reader_u24(r) << 8) >> 8;
    tag->what = type == LEGACY_CONFIG ? FLV_CONFIG : type == LEGACY_FRAME ? FLV_FRAME : FLV_NOTHING;
    tag->codec = codec_id == CODEC_ID_AVC ? CODEC_H264 : CODEC_H265;
    tag->payload_at = (size_t)(r->ptr - message);
    tag->payload_len = r->left;
}

enum err flv_parse_video(const uint8_t *bytes, size_t len, struct flv_tag *ret_tag)
{
    struct reader r = reader_of(bytes, len);
    struct flv_tag tag = {.what = FLV_NOTHING};

    if (len == 0) {
        *ret_tag = tag;
        return OK;
    }
    uint8_t first = reader_u8(&r);
    unsigned frame_type = first >> 4 & 7;
    enum packet packet = packet_of(&video_dialect, first & 15);

    tag.is_keyframe = frame_type == FRAME_TYPE_KEY;
    if (frame_type == FRAME_TYPE_COMMAND)
        tag.what = FLV_NOTHING; /* seeking in a player: no media, whatever the dialect */
    else if (first & 0x80)
        read_enhanced(&r, bytes, packet, &video_dialect, &tag);
    else
        read_legacy_video(&r, bytes, first & 15, &tag);
    if (r.failed)
        return ERR_MALFORMED;
    *ret_tag = tag;
    return OK;
}

enum err flv_parse_audio(const uint8_t *bytes, size_t len, struct flv_tag *ret_tag)
{
    static const char *const names[16] = {"PCM",         "ADPCM",      "MP3",        "PCM",
                                          "Nellymoser",  "Nellymoser", "Nellymoser", "G.711 A-law",
                                          "G.711 u-law", "",           "AAC",        "Speex",
                                          "unknown",     "unknown",    "MP3 8 kHz",  "unknown"};
    struct reader r = reader_of(bytes, len);
    struct flv_tag tag = {.what = FLV_NOTHING, .is_keyframe = true};

    if (len == 0) { /* Enhanced RTMP: "the audio message containing zero bytes: silence" */
        *ret_tag = tag;
        return OK;
    }
    uint8_t first = reader_u8(&r);
    unsigned format = first >> 4;

    if (format == SOUND_FORMAT_ENHANCED) {
        read_enhanced(&r, bytes, packet_of(&audio_dialect, first & 15), &audio_dialect, &tag);
    } else if (format == SOUND_FORMAT_AAC) {
        tag.what = reader_u8(&r) == LEGACY_CONFIG ? FLV_CONFIG : FLV_FRAME;
        tag.codec = CODEC_AAC;
        tag.payload_at = 2;
        tag.payload_len = r.left;
    } else {
        tag.what = FLV_FRAME;
        (void)snprintf(tag.name, sizeof(tag.name), "%s", names[format]);
    }
    if (r.failed)
        return ERR_MALFORMED;
    *ret_tag = tag;
    return OK;
}
