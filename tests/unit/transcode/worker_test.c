/* The real worker process, spoken to in its own messages. Its path is in STOA_WORKER. */
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/writer.h"
#include "support/sound.h"
#include "support/test.h"
#include "transcode/frame.h"

enum { PACKET_US = 20000, TIMES_MAX = 2000, WAIT_MS = 20000 };

extern char **environ;

struct peer {
    pid_t pid;
    int fd;
    struct frame_parser parser;
    struct frame_queue queue;

    uint8_t config[64];
    size_t config_len;
    struct sound_sink *sink; /* of stream 1 */
    struct {
        int64_t dts_us;
        int64_t duration_us;
        unsigned flags;
    } times[TIMES_MAX]; /* of stream 1 */
    size_t count;       /* samples of stream 1 */
    size_t other_count; /* of other streams */
    size_t errors;
    size_t flushed;
    size_t pongs;
};

static struct peer *start(void)
{
    struct peer *peer = mem_zalloc(sizeof(*peer));
    const char *path = getenv("STOA_WORKER");
    posix_spawn_file_actions_t actions;
    char *args[] = {(char *)(uintptr_t)path, NULL};
    int pair[2];

    assert_non_null(path);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    /* Through a number that is not 3: a dup2 onto itself would leave the descriptor to be closed.
     */
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], 99), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 99, 3), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, 99), 0);
    assert_int_equal(posix_spawn(&peer->pid, path, &actions, NULL, args, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
    peer->fd = pair[0];
    peer->queue = frame_queue_of(16 << 20);
    return peer;
}

/* Closes the socket and returns how the worker ended. */
static int finish(struct peer *peer)
{
    int status = 0;

    close(peer->fd);
    assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
    if (peer->sink)
        sound_sink_destroy(peer->sink);
    frame_parser_deinit(&peer->parser);
    frame_queue_deinit(&peer->queue);
    mem_free(peer);
    return status;
}

static void on_frame(struct peer *peer, const struct frame *frame)
{
    struct frame_opened opened;

    peer->errors += frame->type == FRAME_ERROR;
    peer->flushed += frame->type == FRAME_FLUSH;
    peer->pongs += frame->type == FRAME_PONG;
    if (frame->type == FRAME_OPENED && frame->stream_id == 1) {
        assert_ok(frame_opened_parse(frame->payload, frame->payload_len, &opened));
        assert_int_equal(opened.rate, 48000);
        assert_int_equal(opened.channels, 2);
        peer->sink = sound_sink_create(opened.config, opened.config_len);
    }
    if (frame->type == FRAME_SAMPLE && frame->stream_id != 1)
        peer->other_count++;
    if (frame->type != FRAME_SAMPLE || frame->stream_id != 1)
        return;
    assert_true(peer->count < TIMES_MAX);
    assert_int_equal(frame->pts_us, frame->dts_us);
    peer->times[peer->count].dts_us = frame->dts_us;
    peer->times[peer->count].duration_us = frame->duration_us;
    peer->times[peer->count++].flags = frame->flags;
    sound_sink_push(peer->sink, frame->payload, frame->payload_len);
}

/* Writes what waits and reads what comes, until `*counter` is `wanted` or the worker is gone. */
static void exchange(struct peer *peer, const size_t *counter, size_t wanted)
{
    for (bool is_open = true; is_open && *counter < wanted;) {
        struct text bytes = frame_queue_bytes(&peer->queue);
        struct pollfd watch = {peer->fd, (short)(POLLIN | (bytes.len ? POLLOUT : 0)), 0};
        struct frame frame;

        assert_true(poll(&watch, 1, WAIT_MS) > 0);
        if (watch.revents & POLLOUT) {
            ssize_t sent = send(peer->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
            frame_queue_sent(&peer->queue, sent > 0 ? (size_t)sent : 0);
        }
        if (watch.revents & (POLLIN | POLLHUP)) {
            size_t room;
            uint8_t *to = frame_parser_room(&peer->parser, &room);
            ssize_t got = recv(peer->fd, to, room, MSG_DONTWAIT);
            is_open = got > 0;
            frame_parser_commit(&peer->parser, got > 0 ? (size_t)got : 0);
        }
        while (frame_parser_next(&peer->parser, &frame) == OK)
            on_frame(peer, &frame);
    }
}

static void push(struct peer *peer, enum frame_type type, uint32_t id, int64_t pts_us,
                 const uint8_t *payload, size_t len)
{
    assert_true(frame_queue_push(&peer->queue, &(struct frame){.type = type,
                                                               .stream_id = id,
                                                               .dts_us = pts_us,
                                                               .pts_us = pts_us,
                                                               .payload = payload,
                                                               .payload_len = len}));
}

static void push_open(struct peer *peer, uint32_t id, enum frame_codec codec, unsigned channels)
{
    uint8_t payload[64];
    struct writer w = writer_fixed(payload, sizeof(payload));

    frame_open_write(&w, &(struct frame_open){.in_codec = codec,
                                              .in_channels = (uint8_t)channels,
                                              .in_rate = 48000,
                                              .out_codec = FRAME_CODEC_AAC,
                                              .out_channels = 2,
                                              .out_rate = 48000,
                                              .out_bitrate = 128000});
    push(peer, FRAME_OPEN, id, 0, payload, w.len);
}

/* Packets [from, to) of 20 ms, for stream 1, timed from `origin_us`. */
static void push_sound(struct peer *peer, struct sound_source *source, int from, int to,
                       int64_t origin_us)
{
    for (int i = from; i < to; i++) {
        size_t len;
        const uint8_t *packet = sound_source_next(source, 0, &len);
        push(peer, FRAME_SAMPLE, 1, origin_us + (int64_t)i * PACKET_US, packet, len);
    }
}

static void flush(struct peer *peer)
{
    push(peer, FRAME_FLUSH, 1, 0, NULL, 0);
    exchange(peer, &peer->flushed, 1);
    assert_int_equal(peer->flushed, 1);
}

/* Samples [first, end) have the times of one unbroken row that begins at `origin_us`. */
static void assert_continuous(const struct peer *peer, size_t first, size_t end, int64_t origin_us)
{
    for (size_t i = first; i < end; i++) {
        int64_t begin = origin_us + (int64_t)(i - first) * 1024 * 125 / 6;
        int64_t next = origin_us + (int64_t)(i - first + 1) * 1024 * 125 / 6;

        assert_int_equal(peer->times[i].dts_us, begin);
        assert_int_equal(peer->times[i].duration_us, next - begin);
        assert_int_equal(peer->times[i].flags,
                         FRAME_KEYFRAME | (i == first && i > 0 ? FRAME_DISCONTINUITY : 0));
    }
}

static void ten_seconds_of_sine_come_back_whole(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);

    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    push_sound(peer, source, 0, 500, 5000000);
    flush(peer);
    assert_int_equal(peer->count, 469); /* 480,000 samples in frames of 1024 */
    assert_continuous(peer, 0, peer->count, 5000000);
    for (int channel = 0; channel < 2; channel++)
        for (size_t from = 4800; from < 470000; from += 4800)
            assert_in_range(1000 * sound_sink_rms(peer->sink, channel, from, 4800), 335, 372);
    assert_in_range(sound_sink_crossings(peer->sink, 4800, 9 * 48000), 9 * 440 - 2, 9 * 440 + 2);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

/* The times say when the sound is heard: silence for a second, then a tone. A player's decoder adds
 * its own overlap of 1024 samples before the first packet's sound. */
static void a_tone_is_heard_when_it_was_played(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);

    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    for (int i = 0; i < 100; i++) {
        size_t len;
        const uint8_t *packet = sound_source_next(source, i < 50, &len);
        push(peer, FRAME_SAMPLE, 1, (int64_t)i * PACKET_US, packet, len);
    }
    flush(peer);
    size_t onset = 0;
    while (sound_sink_rms(peer->sink, 0, onset, 48) < 0.1)
        onset += 48;
    /* Opus looks 312 samples ahead, which a live stream keeps as delay. */
    assert_in_range(onset, 48000, 48000 + 312 + 240);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

static void mono_becomes_stereo(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(1);

    push_open(peer, 1, FRAME_CODEC_OPUS, 1);
    push_sound(peer, source, 0, 50, 0);
    flush(peer);
    assert_in_range(1000 * sound_sink_rms(peer->sink, 0, 9600, 24000), 335, 372);
    assert_in_range(1000 * sound_sink_rms(peer->sink, 1, 9600, 24000), 335, 372);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

static void pause_of_400_ms_is_filled_and_a_long_one_jumps(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);

    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    push_sound(peer, source, 0, 50, 0);
    push_sound(peer, source, 70, 120, 0);    /* 400 ms without packets */
    push_sound(peer, source, 1120, 1170, 0); /* 20 s without */
    flush(peer);
    /* 2.4 s are 112.5 frames, then a second. */
    assert_int_equal(peer->count, 113 + 47);
    assert_continuous(peer, 0, 113, 0);
    assert_continuous(peer, 113, peer->count, 1120 * PACKET_US);
    assert_in_range(1000 * sound_sink_rms(peer->sink, 0, 75000, 9600), 335, 372);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

static void lost_packet_is_concealed_without_a_hole(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);
    size_t len;

    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    push_sound(peer, source, 0, 50, 0);
    (void)sound_source_next(source, 0, &len);
    push_sound(peer, source, 51, 100, 0);
    flush(peer);
    assert_int_equal(peer->count, 94);
    assert_continuous(peer, 0, peer->count, 0);
    /* Around the lost 20 ms the tone goes on, if a little weaker. */
    assert_in_range(1000 * sound_sink_rms(peer->sink, 0, 48000, 1440), 150, 400);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

enum { OTHER_RATE = 44100 };

static void open_other(void *ctx, const uint8_t *config, size_t len)
{
    uint8_t payload[128];
    struct writer w = writer_fixed(payload, sizeof(payload));

    frame_open_write(&w, &(struct frame_open){.in_codec = FRAME_CODEC_AAC,
                                              .in_channels = 1,
                                              .in_rate = OTHER_RATE,
                                              .out_codec = FRAME_CODEC_AAC,
                                              .out_channels = 2,
                                              .out_rate = 48000,
                                              .out_bitrate = 128000,
                                              .config = config,
                                              .config_len = len});
    push(ctx, FRAME_OPEN, 1, 0, payload, w.len);
}

static void push_other(void *ctx, const uint8_t *bytes, size_t len)
{
    static int64_t count;

    push(ctx, FRAME_SAMPLE, 1, count++ * 1024 * 1000000 / OTHER_RATE, bytes, len);
}

static void aac_mono_of_44100_hz_becomes_48_khz_stereo(void **state)
{
    (void)state;
    static const struct aac_listener listener = {open_other, push_other};
    struct peer *peer = start();

    sound_make_aac(OTHER_RATE, 200, &listener, peer);
    push(peer, FRAME_SAMPLE, 1, 200 * 1024 * INT64_C(1000000) / OTHER_RATE,
         (const uint8_t *)"garbage", 7);
    flush(peer);
    /* 200 * 1024 samples of 44,100 Hz are 217.7 frames at 48,000 Hz. */
    assert_in_range(peer->count, 217, 219);
    assert_continuous(peer, 0, peer->count, 0);
    for (int channel = 0; channel < 2; channel++)
        assert_in_range(1000 * sound_sink_rms(peer->sink, channel, 4800, 200000), 335, 372);
    assert_in_range(sound_sink_crossings(peer->sink, 4800, 4 * 48000), 4 * 440 - 2, 4 * 440 + 2);
    assert_int_equal(finish(peer), 0);
}

static void garbage_packets_are_lost_packets(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);
    uint32_t seed = 1;

    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    for (int i = 0; i < 200; i++) {
        uint8_t garbage[300];

        for (size_t k = 0; k < sizeof(garbage); k++) {
            seed = seed * 1664525 + 1013904223;
            garbage[k] = (uint8_t)(seed >> 24);
        }
        push(peer, FRAME_SAMPLE, 1, (int64_t)i * PACKET_US, garbage, (size_t)i);
    }
    push_sound(peer, source, 200, 300, 0);
    flush(peer);
    assert_true(peer->count > 94);
    for (size_t i = 1; i < peer->count; i++)
        assert_true(peer->times[i].dts_us > peer->times[i - 1].dts_us);
    size_t end = sound_sink_count(peer->sink);
    assert_in_range(1000 * sound_sink_rms(peer->sink, 0, end - 50000, 40000), 335, 372);
    assert_int_equal(peer->errors, 0);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

static void advance_makes_silence_without_any_packet(void **state)
{
    (void)state;
    struct peer *peer = start();

    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    for (int i = 0; i <= 60; i++)
        push(peer, FRAME_ADVANCE, 1, 7000000 + (int64_t)i * 33333, NULL, 0);
    flush(peer);
    assert_in_range(peer->count, 93, 94); /* 2 s */
    assert_continuous(peer, 0, peer->count, 7000000);
    assert_true(sound_sink_rms(peer->sink, 0, 0, 90000) < 0.001);
    assert_int_equal(finish(peer), 0);
}

static void one_worker_serves_many_streams(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);

    for (uint32_t id = 1; id <= 40; id++)
        push_open(peer, id, FRAME_CODEC_OPUS, 2);
    for (int i = 0; i < 50; i++) {
        size_t len;
        const uint8_t *packet = sound_source_next(source, 0, &len);
        for (uint32_t id = 1; id <= 40; id++)
            push(peer, FRAME_SAMPLE, id, (int64_t)i * PACKET_US, packet, len);
    }
    for (uint32_t id = 1; id <= 40; id++)
        push(peer, FRAME_FLUSH, id, 0, NULL, 0);
    exchange(peer, &peer->flushed, 40);
    assert_int_equal(peer->flushed, 40);
    assert_int_equal(peer->count, 47);
    assert_int_equal(peer->other_count, 39 * 47);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

static void what_cannot_be_opened_is_refused_and_others_go_on(void **state)
{
    (void)state;
    struct peer *peer = start();
    struct sound_source *source = sound_source_create(2);

    push_open(peer, 2, FRAME_CODEC_OPUS, 6);
    push(peer, FRAME_SAMPLE, 2, 0, (const uint8_t *)"x", 1);
    push_open(peer, 1, FRAME_CODEC_OPUS, 2);
    for (uint32_t id = 10; id < 10 + FRAME_STREAMS_MAX; id++)
        push_open(peer, id, FRAME_CODEC_OPUS, 2); /* one too many */
    push_sound(peer, source, 0, 50, 0);
    flush(peer);
    assert_int_equal(peer->errors, 2);
    assert_int_equal(peer->count, 47);
    sound_source_destroy(source);
    assert_int_equal(finish(peer), 0);
}

static void ping_is_answered(void **state)
{
    (void)state;
    struct peer *peer = start();

    push(peer, FRAME_PING, 0, 42, NULL, 0);
    exchange(peer, &peer->pongs, 1);
    assert_int_equal(peer->pongs, 1);
    assert_int_equal(finish(peer), 0);
}

/* Sends the bytes; the worker must end by itself with status 1, not by a signal. */
static void assert_ends_worker(const char *hex)
{
    struct peer *peer = start();
    uint8_t bytes[256];
    size_t len = test_unhex(hex, bytes, sizeof(bytes)), never = 0;

    assert_int_equal(send(peer->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    exchange(peer, &never, 1);
    int status = finish(peer);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void wrong_bytes_end_the_worker_in_order(void **state)
{
    (void)state;
    assert_ends_worker("474554202f20485454502f312e310d0a0d0a474554202f20485454502f312e310d0a0d0a");
    assert_ends_worker("ffffffff 03 00 0000 00000001 0000000000000000 0000000000000000 00000000");
    /* OPENED and ERROR are the worker's to say. */
    assert_ends_worker("00000006 02 00 0000 00000001 0000000000000000 0000000000000000 00000000"
                       "02 02 0000bb80");
    assert_ends_worker("00000000 07 00 0000 00000001 0000000000000000 0000000000000000 00000000");
    /* An OPEN with no codec. */
    assert_ends_worker("00000010 01 00 0000 00000001 0000000000000000 0000000000000000 00000000"
                       "00 02 0000bb80 02 02 0000bb80 0001f400");
}

static void half_a_message_and_a_closed_socket_end_it_quietly(void **state)
{
    (void)state;
    struct peer *peer = start();

    assert_int_equal(send(peer->fd, "\0\0\0", 3, MSG_NOSIGNAL), 3);
    assert_int_equal(finish(peer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(ten_seconds_of_sine_come_back_whole),
        TEST_CASE(a_tone_is_heard_when_it_was_played),
        TEST_CASE(mono_becomes_stereo),
        TEST_CASE(pause_of_400_ms_is_filled_and_a_long_one_jumps),
        TEST_CASE(lost_packet_is_concealed_without_a_hole),
        TEST_CASE(aac_mono_of_44100_hz_becomes_48_khz_stereo),
        TEST_CASE(garbage_packets_are_lost_packets),
        TEST_CASE(advance_makes_silence_without_any_packet),
        TEST_CASE(one_worker_serves_many_streams),
        TEST_CASE(what_cannot_be_opened_is_refused_and_others_go_on),
        TEST_CASE(ping_is_answered),
        TEST_CASE(wrong_bytes_end_the_worker_in_order),
        TEST_CASE(half_a_message_and_a_closed_socket_end_it_quietly),
    };
    return RUN_TESTS("transcode_worker", tests);
}
