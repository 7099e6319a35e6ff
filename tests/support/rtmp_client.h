/*
 * rtmp_client - the publisher's side of RTMP for tests: writes what an encoder would send into a
 * writer. It does not read answers; the server's ids are known (the first stream is 1).
 *
 *     struct rtmp_client client = rtmp_client_new();
 *     rtmp_client_start(&client, "live", "secret");       handshake up to publish
 *     rtmp_client_avc_config(&client, 0);
 *     rtmp_client_avc_frame(&client, 0, 0, true, 1000);
 *     send(client.out.data, client.out.len); rtmp_client_free(&client);
 */
#ifndef TESTS_SUPPORT_RTMP_CLIENT_H
#define TESTS_SUPPORT_RTMP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/writer.h"

enum rtmp_client_handshake {
    RTMP_CLIENT_PLAIN = 1,
    RTMP_CLIENT_SCHEME_0, /* with digest */
    RTMP_CLIENT_SCHEME_1
};

enum { RTMP_CLIENT_STREAM = 1, RTMP_CLIENT_AUDIO_CHUNKS = 4, RTMP_CLIENT_VIDEO_CHUNKS = 6 };

struct rtmp_client {
    struct writer out;
    uint32_t chunk_size;
    bool omits_repetition; /* leaves the extended timestamp out of type 3 chunks */
};

struct rtmp_client rtmp_client_new(void);
void rtmp_client_free(struct rtmp_client *client);

/* C0, C1 and C2 at once, as if the answer had come. C1 is in `out` from byte 1. */
void rtmp_client_handshake(struct rtmp_client *client, enum rtmp_client_handshake kind);

/* A whole message with a header of type 0, in chunks. */
void rtmp_client_message(struct rtmp_client *client, uint32_t chunk_stream, uint8_t type,
                         uint32_t timestamp, uint32_t stream, const void *body, size_t len);

/* A single chunk: basic header of the given type, the fields that it has, and the payload. */
struct rtmp_client_chunk {
    unsigned type;
    uint32_t chunk_stream;
    uint32_t timestamp; /* or delta; extended when it has to be */
    uint32_t message_len;
    uint8_t message_type;
    uint32_t stream;
};
void rtmp_client_chunk(struct rtmp_client *client, const struct rtmp_client_chunk *chunk,
                       const void *payload, size_t len);

void rtmp_client_set_chunk_size(struct rtmp_client *client, uint32_t size);

/* Commands. `connect` says what OBS says. */
void rtmp_client_connect(struct rtmp_client *client, const char *app);
void rtmp_client_create_stream(struct rtmp_client *client);
void rtmp_client_publish(struct rtmp_client *client, const char *key);
void rtmp_client_delete_stream(struct rtmp_client *client);

/* Any command: name, transaction, null, and one string argument unless NULL. */
void rtmp_client_command(struct rtmp_client *client, const char *name, double transaction,
                         uint32_t stream, const char *argument);

/* Plain handshake, connect, createStream, publish. */
void rtmp_client_start(struct rtmp_client *client, const char *app, const char *key);

/* Media. A frame is one NAL unit of `len` bytes, an audio frame `len` bytes of data. */
void rtmp_client_metadata(struct rtmp_client *client);
void rtmp_client_avc_config(struct rtmp_client *client, uint32_t timestamp);
void rtmp_client_avc_frame(struct rtmp_client *client, uint32_t timestamp, int32_t composition_ms,
                           bool is_keyframe, size_t len);
void rtmp_client_aac_config(struct rtmp_client *client, uint32_t timestamp);
void rtmp_client_aac_frame(struct rtmp_client *client, uint32_t timestamp, size_t len);

/* A video or audio message written as hexadecimal. */
void rtmp_client_video_hex(struct rtmp_client *client, uint32_t timestamp, const char *hex);
void rtmp_client_audio_hex(struct rtmp_client *client, uint32_t timestamp, const char *hex);

#endif
