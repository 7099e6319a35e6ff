#include "rtmp/chunk.h"

#include "base/buf.h"
#include "support/rtmp_client.h"
#include "support/test.h"

enum { AUDIO = 8, VIDEO = 9 };

static struct chunk_reader new_reader(void)
{
    return (struct chunk_reader){
        .chunk_size = CHUNK_SIZE_FIRST, .message_len_max = 100000, .buffered_max = 150000};
}

/* Reads all of the client's output in pieces of `step` bytes; says each message in a line. The
 * first error ends it. */
static enum err read_all(const struct rtmp_client *client, size_t step, struct writer *w)
{
    struct chunk_reader r = new_reader();
    enum err err = ERR_AGAIN;

    for (size_t at = 0; at < client->out.len && err == ERR_AGAIN; at += step) {
        size_t left = client->out.len - at;
        struct reader input = reader_of(client->out.data + at, left < step ? left : step);
        struct chunk_message m;

        while ((err = chunk_reader_next(&r, &input, &m)) == OK) {
            uint32_t sum = 0;

            for (size_t i = 0; i < m.body->len; i++)
                sum = sum * 31 + m.body->data[i];
            writer_printf(w, "type %d at %u on %u: %zu bytes %08x\n", m.type, m.timestamp,
                          m.stream_id, m.body->len, sum);
            buf_unref(m.body);
        }
    }
    chunk_reader_deinit(&r);
    return err;
}

/* Any split gives `wanted`. */
static void assert_messages(const struct rtmp_client *client, const char *wanted)
{
    static const size_t steps[] = {1, 2, 3, 5, 7, 64, 1000, SIZE_MAX / 2};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct writer w = writer_growing(100000);

        assert_err(read_all(client, steps[i], &w), ERR_AGAIN);
        assert_text(writer_as_text(&w), wanted);
        writer_deinit(&w);
    }
}

static void assert_refused(struct rtmp_client *client, enum err wanted)
{
    struct writer w = writer_growing(100000);

    assert_err(read_all(client, 1, &w), wanted);
    writer_clear(&w);
    assert_err(read_all(client, SIZE_MAX / 2, &w), wanted);
    writer_deinit(&w);
    rtmp_client_free(client);
}

static void each_size_of_chunk_stream_id_is_read(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_message(&c, 3, AUDIO, 1, 1, "a", 1);
    rtmp_client_message(&c, 63, AUDIO, 2, 1, "b", 1);
    rtmp_client_message(&c, 64, AUDIO, 3, 1, "c", 1);
    rtmp_client_message(&c, 319, AUDIO, 4, 1, "d", 1);
    rtmp_client_message(&c, 320, AUDIO, 5, 1, "e", 1);
    rtmp_client_message(&c, 65599, AUDIO, 6, 0x01020304, "f", 1);
    assert_messages(&c, "type 8 at 1 on 1: 1 bytes 00000061\n"
                        "type 8 at 2 on 1: 1 bytes 00000062\n"
                        "type 8 at 3 on 1: 1 bytes 00000063\n"
                        "type 8 at 4 on 1: 1 bytes 00000064\n"
                        "type 8 at 5 on 1: 1 bytes 00000065\n"
                        "type 8 at 6 on 16909060: 1 bytes 00000066\n");
    rtmp_client_free(&c);
}

static void each_type_of_header_takes_over_what_it_leaves_out(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 1000, 1, AUDIO, 1}, "a", 1);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){1, 4, 20, 2, VIDEO, 0}, "bb", 2);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){2, 4, 30, 0, 0, 0}, "bb", 2);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 4, 0, 0, 0, 0}, "bb", 2);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 4, 0, 0, 0, 0}, "bb", 2);
    assert_messages(&c, "type 8 at 1000 on 1: 1 bytes 00000061\n"
                        "type 9 at 1020 on 1: 2 bytes 00000c40\n"
                        "type 9 at 1050 on 1: 2 bytes 00000c40\n"
                        "type 9 at 1080 on 1: 2 bytes 00000c40\n"
                        "type 9 at 1110 on 1: 2 bytes 00000c40\n");
    rtmp_client_free(&c);
}

static void type_3_after_type_0_steps_by_its_timestamp(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 23, 1, AUDIO, 1}, "a", 1);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 4, 0, 0, 0, 0}, "a", 1);
    assert_messages(&c, "type 8 at 23 on 1: 1 bytes 00000061\n"
                        "type 8 at 46 on 1: 1 bytes 00000061\n");
    rtmp_client_free(&c);
}

static void chunk_streams_may_be_mixed(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();
    uint8_t body[300] = {1, 2, 3};

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 6, 10, 300, VIDEO, 1}, body, 128);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 11, 200, AUDIO, 1}, body, 128);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 6, 0, 0, 0, 0}, body, 128);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 4, 0, 0, 0, 0}, body, 72);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 6, 0, 0, 0, 0}, body, 44);
    struct writer w = writer_growing(1000);
    assert_err(read_all(&c, 1, &w), ERR_AGAIN);
    assert_true(text_starts_with(writer_as_text(&w), TEXT("type 8 at 11 on 1: 200 bytes")));
    assert_true(text_contains(writer_as_text(&w), TEXT("\ntype 9 at 10 on 1: 300 bytes")));
    writer_deinit(&w);
    rtmp_client_free(&c);
}

static const char extended_wanted[] = "type 9 at 16777215 on 1: 300 bytes efdfdc96\n"
                                      "type 9 at 4294967295 on 1: 300 bytes efdfdc96\n"
                                      "type 8 at 7 on 1: 1 bytes 0000007a\n";

static void write_extended(struct rtmp_client *c)
{
    uint8_t body[300];

    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)i;
    rtmp_client_message(c, 6, VIDEO, 0xffffff, 1, body, sizeof(body));
    rtmp_client_message(c, 6, VIDEO, 0xffffffff, 1, body, sizeof(body));
    rtmp_client_message(c, 4, AUDIO, 7, 1, "z", 1);
}

static void extended_timestamps_are_read_and_their_repetition(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    write_extended(&c);
    assert_messages(&c, extended_wanted);
    rtmp_client_free(&c);
}

static void extended_timestamps_may_miss_in_type_3(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    c.omits_repetition = true;
    write_extended(&c);
    assert_messages(&c, extended_wanted);
    rtmp_client_free(&c);
}

static void missing_repetition_with_a_short_last_chunk_loses_nothing(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();
    uint8_t body[130] = {0};

    c.omits_repetition = true;
    c.chunk_size = 128;
    rtmp_client_message(&c, 6, VIDEO, 0x1000000, 1, body, 130);
    rtmp_client_message(&c, 6, VIDEO, 0x1000001, 1, body, 129);
    rtmp_client_message(&c, 4, AUDIO, 7, 1, "zz", 2);
    assert_messages(&c, "type 9 at 16777216 on 1: 130 bytes 00000000\n"
                        "type 9 at 16777217 on 1: 129 bytes 00000000\n"
                        "type 8 at 7 on 1: 2 bytes 00000f40\n");
    rtmp_client_free(&c);
}

static void extended_deltas_wrap(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 5, 1, AUDIO, 1}, "a", 1);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){2, 4, 0xffffffff, 0, 0, 0}, "a", 1);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 4, 0xffffffff, 0, 0, 0}, "a", 1);
    assert_messages(&c, "type 8 at 5 on 1: 1 bytes 00000061\n"
                        "type 8 at 4 on 1: 1 bytes 00000061\n"
                        "type 8 at 3 on 1: 1 bytes 00000061\n");
    rtmp_client_free(&c);
}

static void an_empty_message_is_complete_with_its_header(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_message(&c, 4, AUDIO, 9, 1, "", 0);
    assert_messages(&c, "type 8 at 9 on 1: 0 bytes 00000000\n");
    rtmp_client_free(&c);
}

static void the_first_chunk_of_a_stream_must_describe_itself(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){3, 4, 0, 0, 0, 0}, "a", 1);
    assert_refused(&c, ERR_MALFORMED);
    c = rtmp_client_new();
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){2, 4, 0, 0, 0, 0}, "a", 1);
    assert_refused(&c, ERR_MALFORMED);

    /* librtmp begins its control stream with type 1 */
    c = rtmp_client_new();
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){1, 2, 0, 1, AUDIO, 0}, "a", 1);
    assert_messages(&c, "type 8 at 0 on 0: 1 bytes 00000061\n");
    rtmp_client_free(&c);
}

static void a_new_message_within_a_message_is_refused(void **state)
{
    (void)state;

    for (unsigned type = 0; type <= 2; type++) {
        struct rtmp_client c = rtmp_client_new();
        uint8_t body[128] = {0};

        rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 0, 200, AUDIO, 1}, body, 128);
        rtmp_client_chunk(&c, &(struct rtmp_client_chunk){type, 4, 0, 200, AUDIO, 1}, body, 128);
        assert_refused(&c, ERR_MALFORMED);
    }
}

static void sizes_and_counts_have_limits(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 0, 100001, AUDIO, 1}, "", 0);
    assert_refused(&c, ERR_LIMIT);

    c = rtmp_client_new(); /* two partial messages, each allowed, together not */
    uint8_t body[128] = {0};
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 0, 100000, AUDIO, 1}, body, 128);
    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 5, 0, 50001, AUDIO, 1}, body, 128);
    assert_refused(&c, ERR_LIMIT);

    c = rtmp_client_new();
    for (uint32_t i = 0; i <= CHUNK_STREAMS_MAX; i++)
        rtmp_client_message(&c, 3 + i, AUDIO, 0, 1, "a", 1);
    assert_refused(&c, ERR_LIMIT);
}

static void abort_drops_a_partial_message_and_its_bytes(void **state)
{
    (void)state;
    struct rtmp_client c = rtmp_client_new();
    struct chunk_reader r = new_reader();
    struct chunk_message m;
    uint8_t body[128] = {0};

    rtmp_client_chunk(&c, &(struct rtmp_client_chunk){0, 4, 0, 90000, AUDIO, 1}, body, 128);
    struct reader input = reader_of(c.out.data, c.out.len);
    assert_err(chunk_reader_next(&r, &input, &m), ERR_AGAIN);
    assert_int_equal(r.buffered_len, 90000);
    chunk_reader_abort(&r, 99); /* never seen: nothing to do */
    chunk_reader_abort(&r, 4);
    chunk_reader_abort(&r, 4);
    assert_int_equal(r.buffered_len, 0);

    writer_clear(&c.out);
    rtmp_client_message(&c, 4, AUDIO, 3, 1, "abc", 3);
    input = reader_of(c.out.data, c.out.len);
    assert_ok(chunk_reader_next(&r, &input, &m));
    assert_int_equal(m.body->len, 3);
    buf_unref(m.body);
    chunk_reader_deinit(&r);
    rtmp_client_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_size_of_chunk_stream_id_is_read),
        TEST_CASE(each_type_of_header_takes_over_what_it_leaves_out),
        TEST_CASE(type_3_after_type_0_steps_by_its_timestamp),
        TEST_CASE(chunk_streams_may_be_mixed),
        TEST_CASE(extended_timestamps_are_read_and_their_repetition),
        TEST_CASE(extended_timestamps_may_miss_in_type_3),
        TEST_CASE(missing_repetition_with_a_short_last_chunk_loses_nothing),
        TEST_CASE(extended_deltas_wrap),
        TEST_CASE(an_empty_message_is_complete_with_its_header),
        TEST_CASE(the_first_chunk_of_a_stream_must_describe_itself),
        TEST_CASE(a_new_message_within_a_message_is_refused),
        TEST_CASE(sizes_and_counts_have_limits),
        TEST_CASE(abort_drops_a_partial_message_and_its_bytes),
    };
    return RUN_TESTS("rtmp_chunk", tests);
}
