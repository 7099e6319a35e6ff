#include "transcode/frame.h"

#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "support/test.h"

static const uint8_t packet[] = {0xfc, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static const struct frame sample = {.type = FRAME_SAMPLE,
                                    .flags = FRAME_KEYFRAME,
                                    .stream_id = 7,
                                    .dts_us = -21333,
                                    .pts_us = -20000,
                                    .duration_us = 20000,
                                    .payload = packet,
                                    .payload_len = sizeof(packet)};

static size_t write_one(uint8_t *to, size_t cap, const struct frame *frame)
{
    struct writer w = writer_fixed(to, cap);

    frame_write(&w, frame);
    assert_false(w.failed);
    return w.len;
}

static void feed(struct frame_parser *parser, const uint8_t *bytes, size_t len)
{
    size_t room;
    uint8_t *to = frame_parser_room(parser, &room);

    assert_true(room >= len);
    memcpy(to, bytes, len);
    frame_parser_commit(parser, len);
}

static void assert_same(const struct frame *got, const struct frame *wanted)
{
    assert_int_equal(got->type, wanted->type);
    assert_int_equal(got->flags, wanted->flags);
    assert_int_equal(got->stream_id, wanted->stream_id);
    assert_int_equal(got->dts_us, wanted->dts_us);
    assert_int_equal(got->pts_us, wanted->pts_us);
    assert_int_equal(got->duration_us, wanted->duration_us);
    assert_int_equal(got->payload_len, wanted->payload_len);
    if (wanted->payload_len)
        assert_memory_equal(got->payload, wanted->payload, wanted->payload_len);
}

static void layout_is_what_the_header_says(void **state)
{
    (void)state;
    uint8_t got[64], wanted[64];
    size_t len = write_one(got, sizeof(got), &sample);

    assert_int_equal(len, test_unhex("0000000a 03 01 0000 00000007 ffffffffffffacab"
                                     "ffffffffffffb1e0 00004e20 fc010203040506070809",
                                     wanted, sizeof(wanted)));
    assert_memory_equal(got, wanted, len);
}

static void messages_come_out_whole_at_every_split(void **state)
{
    (void)state;
    const struct frame ping = {.type = FRAME_PING, .pts_us = 99};
    uint8_t bytes[256];
    size_t len = write_one(bytes, sizeof(bytes), &sample);
    len += write_one(bytes + len, sizeof(bytes) - len, &ping);
    len += write_one(bytes + len, sizeof(bytes) - len, &sample);
    const struct frame *wanted[] = {&sample, &ping, &sample};

    for (size_t step = 1; step <= len; step++) {
        struct frame_parser parser = {0};
        size_t seen = 0;

        for (size_t at = 0; at < len; at += step) {
            struct frame got;

            feed(&parser, bytes + at, at + step < len ? step : len - at);
            while (frame_parser_next(&parser, &got) == OK)
                assert_same(&got, wanted[seen++]);
        }
        assert_int_equal(seen, 3);
        frame_parser_deinit(&parser);
    }
}

static void room_never_runs_out_with_the_longest_messages(void **state)
{
    (void)state;
    struct frame longest = sample;
    struct frame_parser parser = {0};
    uint8_t *payload = mem_zalloc(FRAME_PAYLOAD_MAX);
    uint8_t *bytes = mem_alloc(FRAME_HEADER_LEN + FRAME_PAYLOAD_MAX);
    size_t seen = 0;

    longest.payload = payload;
    longest.payload_len = FRAME_PAYLOAD_MAX;
    size_t len = write_one(bytes, FRAME_HEADER_LEN + FRAME_PAYLOAD_MAX, &longest);
    for (size_t sent = 0; sent < 20 * len;) {
        size_t room;
        uint8_t *to = frame_parser_room(&parser, &room);
        size_t step = 10007 < 20 * len - sent ? 10007 : 20 * len - sent;

        assert_true(room > 0);
        step = step < room ? step : room;
        for (size_t i = 0; i < step; i++)
            to[i] = bytes[(sent + i) % len];
        frame_parser_commit(&parser, step);
        sent += step;
        for (struct frame got; frame_parser_next(&parser, &got) == OK; seen++)
            assert_int_equal(got.payload_len, FRAME_PAYLOAD_MAX);
    }
    assert_int_equal(seen, 20);
    frame_parser_deinit(&parser);
    mem_free(payload);
    mem_free(bytes);
}

static void each_broken_header_field_is_malformed_for_ever(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } breaks[] = {
        {0, 0x01},                            /* length 16 MB */
        {1, 0x02},                            /* length over the limit */
        {4, 0x00},                            /* no type */
        {4, FRAME_TYPE_END}, {4, FRAME_PING}, /* a ping with a stream and a payload */
        {4, FRAME_OPEN},                      /* too short for an OPEN */
        {5, 0x04},                            /* unknown flag */
        {6, 0x01},                            /* reserved */
        {7, 0x01},           {11, 0x00},      /* no stream id */
        {12, 0x7f},                           /* dts out of range */
        {20, 0x80},                           /* pts out of range */
    };

    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        struct frame_parser parser = {0};
        struct frame got;
        uint8_t bytes[64];
        size_t len = write_one(bytes, sizeof(bytes), &sample);

        bytes[breaks[i].at] = breaks[i].value;
        feed(&parser, bytes, len);
        assert_err(frame_parser_next(&parser, &got), ERR_MALFORMED);
        len = write_one(bytes, sizeof(bytes), &sample);
        feed(&parser, bytes, len);
        assert_err(frame_parser_next(&parser, &got), ERR_MALFORMED);
        frame_parser_deinit(&parser);
    }
}

static void open_survives_writing_and_parsing(void **state)
{
    (void)state;
    const struct frame_open open = {.in_codec = FRAME_CODEC_OPUS,
                                    .in_channels = 2,
                                    .in_rate = 48000,
                                    .out_codec = FRAME_CODEC_AAC,
                                    .out_channels = 2,
                                    .out_rate = 48000,
                                    .out_bitrate = 128000,
                                    .config = packet,
                                    .config_len = sizeof(packet)};
    struct frame_open got;
    uint8_t bytes[64];
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    frame_open_write(&w, &open);
    assert_ok(frame_open_parse(w.data, w.len, &got));
    assert_int_equal(got.in_codec, FRAME_CODEC_OPUS);
    assert_int_equal(got.in_channels, 2);
    assert_int_equal(got.in_rate, 48000);
    assert_int_equal(got.out_codec, FRAME_CODEC_AAC);
    assert_int_equal(got.out_bitrate, 128000);
    assert_int_equal(got.config_len, sizeof(packet));
    assert_memory_equal(got.config, packet, sizeof(packet));
    for (size_t len = 0; len < 16; len++)
        assert_err(frame_open_parse(w.data, len, &got), ERR_MALFORMED);
}

static void open_with_a_field_out_of_range_is_malformed(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "00 02 0000bb80 02 02 0000bb80 0001f400", /* no input codec */
        "04 02 0000bb80 02 02 0000bb80 0001f400", /* an unknown one */
        "01 09 0000bb80 02 02 0000bb80 0001f400", /* nine channels */
        "01 02 00030000 02 02 0000bb80 0001f400", /* 196,608 Hz */
        "01 02 0000bb80 00 02 0000bb80 0001f400", /* no output codec */
        "01 02 0000bb80 02 00 0000bb80 0001f400", /* no output channel */
        "01 02 0000bb80 02 02 00000000 0001f400", /* no output rate */
        "01 02 0000bb80 02 02 0000bb80 00000000", /* no bitrate */
        "01 02 0000bb80 02 02 0000bb80 001f4000", /* 2 Mbit/s */
    };
    uint8_t bytes[64];
    struct frame_open got;

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_err(frame_open_parse(bytes, test_unhex(broken[i], bytes, sizeof(bytes)), &got),
                   ERR_MALFORMED);
}

static void opened_survives_writing_and_parsing(void **state)
{
    (void)state;
    const uint8_t config[] = {0x11, 0x90};
    const struct frame_opened opened = {FRAME_CODEC_AAC, 2, 48000, config, sizeof(config)};
    struct frame_opened got;
    uint8_t bytes[64];
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    frame_opened_write(&w, &opened);
    assert_ok(frame_opened_parse(w.data, w.len, &got));
    assert_int_equal(got.codec, FRAME_CODEC_AAC);
    assert_int_equal(got.rate, 48000);
    assert_memory_equal(got.config, config, sizeof(config));
    for (size_t len = 0; len < 6; len++)
        assert_err(frame_opened_parse(w.data, len, &got), ERR_MALFORMED);
    bytes[1] = 0;
    assert_err(frame_opened_parse(w.data, w.len, &got), ERR_MALFORMED);
}

static void queue_refuses_what_exceeds_its_limit_and_takes_it_later(void **state)
{
    (void)state;
    size_t one = FRAME_HEADER_LEN + sizeof(packet);
    struct frame_queue queue = frame_queue_of(100 * one);

    for (int i = 0; i < 100; i++)
        assert_true(frame_queue_push(&queue, &sample));
    assert_false(frame_queue_push(&queue, &sample));
    assert_int_equal(frame_queue_bytes(&queue).len, 100 * one);
    frame_queue_sent(&queue, one - 1);
    assert_false(frame_queue_push(&queue, &sample));
    frame_queue_sent(&queue, 1);
    assert_true(frame_queue_push(&queue, &sample));
    frame_queue_clear(&queue);
    assert_int_equal(frame_queue_bytes(&queue).len, 0);
    frame_queue_deinit(&queue);
}

static void queue_gives_the_bytes_in_order_in_any_pieces(void **state)
{
    (void)state;
    struct frame_queue queue = frame_queue_of(4000);
    struct frame_parser parser = {0};
    struct frame numbered = sample, got;
    int64_t pushed = 0, received = 0;

    for (size_t round = 0; round < 5000; round++) {
        numbered.pts_us = pushed;
        if (frame_queue_push(&queue, &numbered))
            pushed++;
        struct text bytes = frame_queue_bytes(&queue);
        size_t step = round % 83 < bytes.len ? round % 83 : bytes.len;
        feed(&parser, (const uint8_t *)bytes.ptr, step);
        frame_queue_sent(&queue, step);
        while (frame_parser_next(&parser, &got) == OK)
            assert_int_equal(got.pts_us, received++);
    }
    assert_true(received > 4000);
    frame_queue_deinit(&queue);
    frame_parser_deinit(&parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(layout_is_what_the_header_says),
        TEST_CASE(messages_come_out_whole_at_every_split),
        TEST_CASE(room_never_runs_out_with_the_longest_messages),
        TEST_CASE(each_broken_header_field_is_malformed_for_ever),
        TEST_CASE(open_survives_writing_and_parsing),
        TEST_CASE(open_with_a_field_out_of_range_is_malformed),
        TEST_CASE(opened_survives_writing_and_parsing),
        TEST_CASE(queue_refuses_what_exceeds_its_limit_and_takes_it_later),
        TEST_CASE(queue_gives_the_bytes_in_order_in_any_pieces),
    };
    return RUN_TESTS("transcode_frame", tests);
}
