#include "support/rtmp_client.h"

#include <assert.h>
#include <string.h>

#include "rtmp/amf0.h"
#include "rtmp/handshake.h"

enum { OUT_LEN_MAX = 64 << 20, BODY_LEN_MAX = 4096, HEX_LEN_MAX = 1024 };
enum { TYPE_SET_CHUNK_SIZE = 1, TYPE_AUDIO = 8, TYPE_VIDEO = 9, TYPE_DATA = 18, TYPE_COMMAND = 20 };
enum { COMMAND_CHUNKS = 3, EXTENDED = 0xffffff };

struct rtmp_client rtmp_client_new(void)
{
    return (struct rtmp_client){.out = writer_growing(OUT_LEN_MAX), .chunk_size = 128};
}

void rtmp_client_free(struct rtmp_client *client)
{
    assert(!client->out.failed);
    writer_deinit(&client->out);
}

void rtmp_client_handshake(struct rtmp_client *client, enum rtmp_client_handshake kind)
{
    uint8_t c1[HANDSHAKE_PACKET_LEN];

    for (size_t i = 0; i < sizeof(c1); i++)
        c1[i] = (uint8_t)(i * 37 + i / 256);
    memset(c1, 0, 8);
    if (kind != RTMP_CLIENT_PLAIN) {
        uint8_t digest[HANDSHAKE_DIGEST_LEN];
        c1[4] = 9; /* the version of a Flash Player */
        unsigned at = handshake_digest_at(c1, kind == RTMP_CLIENT_SCHEME_0 ? 0 : 1);

        handshake_digest(c1, at, handshake_client_key, HANDSHAKE_CLIENT_NAME_LEN, digest);
        memcpy(c1 + at, digest, sizeof(digest));
    }
    writer_u8(&client->out, HANDSHAKE_VERSION);
    writer_bytes(&client->out, c1, sizeof(c1));
    writer_zeroes(&client->out, HANDSHAKE_PACKET_LEN);
}

static void write_basic(struct writer *w, unsigned type, uint32_t chunk_stream)
{
    if (chunk_stream < 64) {
        writer_u8(w, (uint8_t)(type << 6 | chunk_stream));
    } else if (chunk_stream < 320) {
        writer_u8(w, (uint8_t)(type << 6));
        writer_u8(w, (uint8_t)(chunk_stream - 64));
    } else {
        writer_u8(w, (uint8_t)(type << 6 | 1));
        writer_u8(w, (uint8_t)((chunk_stream - 64) & 255));
        writer_u8(w, (uint8_t)((chunk_stream - 64) >> 8));
    }
}

void rtmp_client_chunk(struct rtmp_client *client, const struct rtmp_client_chunk *chunk,
                       const void *payload, size_t len)
{
    struct writer *w = &client->out;
    bool is_extended = chunk->timestamp >= EXTENDED;

    write_basic(w, chunk->type, chunk->chunk_stream);
    if (chunk->type <= 2)
        writer_u24(w, is_extended ? EXTENDED : chunk->timestamp);
    if (chunk->type <= 1) {
        writer_u24(w, chunk->message_len);
        writer_u8(w, chunk->message_type);
    }
    if (chunk->type == 0)
        writer_u32_le(w, chunk->stream);
    if (is_extended && !(chunk->type == 3 && client->omits_repetition))
        writer_u32(w, chunk->timestamp);
    writer_bytes(w, payload, len);
}

void rtmp_client_message(struct rtmp_client *client, uint32_t chunk_stream, uint8_t type,
                         uint32_t timestamp, uint32_t stream, const void *body, size_t len)
{
    struct rtmp_client_chunk chunk = {.chunk_stream = chunk_stream,
                                      .timestamp = timestamp,
                                      .message_len = (uint32_t)len,
                                      .message_type = type,
                                      .stream = stream};
    const uint8_t *from = body;

    do {
        size_t part = len < client->chunk_size ? len : client->chunk_size;

        rtmp_client_chunk(client, &chunk, from, part);
        chunk.type = 3;
        from += part;
        len -= part;
    } while (len > 0);
}

void rtmp_client_set_chunk_size(struct rtmp_client *client, uint32_t size)
{
    uint8_t body[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                       (uint8_t)size};

    rtmp_client_message(client, 2, TYPE_SET_CHUNK_SIZE, 0, 0, body, sizeof(body));
    client->chunk_size = size;
}

static void send_body(struct rtmp_client *client, uint8_t type, uint32_t stream,
                      const struct writer *body)
{
    assert(!body->failed);
    rtmp_client_message(client, COMMAND_CHUNKS, type, 0, stream, body->data, body->len);
}

void rtmp_client_connect(struct rtmp_client *client, const char *app)
{
    uint8_t memory[BODY_LEN_MAX];
    struct writer body = writer_fixed(memory, sizeof(memory));

    amf0_write_string(&body, TEXT("connect"));
    amf0_write_number(&body, 1);
    amf0_write_object_begin(&body);
    amf0_write_member_string(&body, "app", text_of(app));
    amf0_write_member_string(&body, "type", TEXT("nonprivate"));
    amf0_write_member_string(&body, "flashVer", TEXT("FMLE/3.0 (compatible; FMSc/1.0)"));
    amf0_write_member_string(&body, "tcUrl", TEXT("rtmp://127.0.0.1/live"));
    amf0_write_name(&body, TEXT("fourCcList"));
    amf0_write_strict_array_begin(&body, 3);
    amf0_write_string(&body, TEXT("av01"));
    amf0_write_string(&body, TEXT("vp09"));
    amf0_write_string(&body, TEXT("hvc1"));
    amf0_write_member_number(&body, "capsEx", 1);
    amf0_write_object_end(&body);
    send_body(client, TYPE_COMMAND, 0, &body);
}

void rtmp_client_command(struct rtmp_client *client, const char *name, double transaction,
                         uint32_t stream, const char *argument)
{
    uint8_t memory[BODY_LEN_MAX];
    struct writer body = writer_fixed(memory, sizeof(memory));

    amf0_write_string(&body, text_of(name));
    amf0_write_number(&body, transaction);
    amf0_write_null(&body);
    if (argument)
        amf0_write_string(&body, text_of(argument));
    send_body(client, TYPE_COMMAND, stream, &body);
}

void rtmp_client_create_stream(struct rtmp_client *client)
{
    rtmp_client_command(client, "createStream", 4, 0, NULL);
}

void rtmp_client_publish(struct rtmp_client *client, const char *key)
{
    rtmp_client_command(client, "releaseStream", 2, 0, key);
    rtmp_client_command(client, "FCPublish", 3, 0, key);
    rtmp_client_command(client, "publish", 5, RTMP_CLIENT_STREAM, key);
}

void rtmp_client_delete_stream(struct rtmp_client *client)
{
    uint8_t memory[64];
    struct writer body = writer_fixed(memory, sizeof(memory));

    amf0_write_string(&body, TEXT("deleteStream"));
    amf0_write_number(&body, 7);
    amf0_write_null(&body);
    amf0_write_number(&body, RTMP_CLIENT_STREAM);
    send_body(client, TYPE_COMMAND, 0, &body);
}

void rtmp_client_start(struct rtmp_client *client, const char *app, const char *key)
{
    rtmp_client_handshake(client, RTMP_CLIENT_PLAIN);
    rtmp_client_connect(client, app);
    rtmp_client_create_stream(client);
    rtmp_client_publish(client, key);
}

void rtmp_client_metadata(struct rtmp_client *client)
{
    uint8_t memory[512];
    struct writer body = writer_fixed(memory, sizeof(memory));

    amf0_write_string(&body, TEXT("@setDataFrame"));
    amf0_write_string(&body, TEXT("onMetaData"));
    amf0_write_ecma_array_begin(&body, 6);
    amf0_write_member_number(&body, "width", 1280);
    amf0_write_member_number(&body, "height", 720);
    amf0_write_member_number(&body, "framerate", 30);
    amf0_write_member_number(&body, "videodatarate", 2500);
    amf0_write_member_number(&body, "audiodatarate", 160);
    amf0_write_member_string(&body, "encoder", TEXT("obs-output module"));
    amf0_write_object_end(&body);
    send_body(client, TYPE_DATA, RTMP_CLIENT_STREAM, &body);
}

static void send_video(struct rtmp_client *client, uint32_t timestamp, const struct writer *body)
{
    assert(!body->failed);
    rtmp_client_message(client, RTMP_CLIENT_VIDEO_CHUNKS, TYPE_VIDEO, timestamp, RTMP_CLIENT_STREAM,
                        body->data, body->len);
}

static void send_audio(struct rtmp_client *client, uint32_t timestamp, const struct writer *body)
{
    assert(!body->failed);
    rtmp_client_message(client, RTMP_CLIENT_AUDIO_CHUNKS, TYPE_AUDIO, timestamp, RTMP_CLIENT_STREAM,
                        body->data, body->len);
}

void rtmp_client_avc_config(struct rtmp_client *client, uint32_t timestamp)
{
    /* avcC of 1280x720, main profile, from x264 */
    rtmp_client_video_hex(client, timestamp,
                          "17 00 000000 014d401f ffe1 001b 674d401fe8802802dd80b501010140000003"
                          "004000000fa3c60c4480 01 0004 68ebaf20");
}

static void fill(struct writer *body, size_t len)
{
    for (size_t i = 0; i < len; i++)
        writer_u8(body, (uint8_t)(i * 31 + len));
}

void rtmp_client_avc_frame(struct rtmp_client *client, uint32_t timestamp, int32_t composition_ms,
                           bool is_keyframe, size_t len)
{
    struct writer body = writer_growing(OUT_LEN_MAX);

    assert(len > 0);
    writer_u8(&body, is_keyframe ? 0x17 : 0x27);
    writer_u8(&body, 1);
    writer_u24(&body, (uint32_t)composition_ms & 0xffffff);
    writer_u32(&body, (uint32_t)len);
    writer_u8(&body, is_keyframe ? 0x65 : 0x41);
    fill(&body, len - 1);
    send_video(client, timestamp, &body);
    writer_deinit(&body);
}

void rtmp_client_aac_config(struct rtmp_client *client, uint32_t timestamp)
{
    rtmp_client_audio_hex(client, timestamp, "af 00 1190"); /* AAC-LC, 48 kHz, stereo */
}

void rtmp_client_aac_frame(struct rtmp_client *client, uint32_t timestamp, size_t len)
{
    struct writer body = writer_growing(OUT_LEN_MAX);

    writer_u16(&body, 0xaf01);
    fill(&body, len);
    send_audio(client, timestamp, &body);
    writer_deinit(&body);
}

static void write_hex(struct writer *body, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    unsigned value = 0;
    bool is_half = false;

    for (; *hex; hex++) {
        const char *digit = strchr(digits, *hex);

        if (!digit)
            continue;
        value = value << 4 | (unsigned)(digit - digits);
        if (is_half)
            writer_u8(body, (uint8_t)value);
        is_half = !is_half;
    }
    assert(!is_half);
}

void rtmp_client_video_hex(struct rtmp_client *client, uint32_t timestamp, const char *hex)
{
    uint8_t memory[HEX_LEN_MAX];
    struct writer body = writer_fixed(memory, sizeof(memory));

    write_hex(&body, hex);
    send_video(client, timestamp, &body);
}

void rtmp_client_audio_hex(struct rtmp_client *client, uint32_t timestamp, const char *hex)
{
    uint8_t memory[HEX_LEN_MAX];
    struct writer body = writer_fixed(memory, sizeof(memory));

    write_hex(&body, hex);
    send_audio(client, timestamp, &body);
}
