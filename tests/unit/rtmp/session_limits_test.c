#include "unit/rtmp/session_fixture.h"

static void a_ping_is_answered(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();
    uint8_t wanted[32];
    size_t len = test_unhex("02 000000 000006 04 00000000 0007 01020304", wanted, sizeof(wanted));

    rtmp_client_message(&f->client, 2, 4, 0, 0, "\0\6\1\2\3\4", 6);
    rtmp_client_message(&f->client, 2, 4, 0, 0, "\0\3\0\0\0\1\0\0\1\0", 10); /* Set Buffer Length */
    rtmp_client_message(&f->client, 2, 4, 0, 0, "\0\6\1", 3); /* too short: nothing to answer */
    assert_ok(deliver(f));
    assert_int_equal(output(f).len, len);
    assert_memory_equal(output(f).ptr, wanted, len);
    end(f);
}

static void who_asks_without_reading_answers_is_cut_off(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    for (int i = 0; i < 4000; i++)
        rtmp_client_message(&f->client, 2, 4, 0, 0, "\0\6\1\2\3\4", 6);
    assert_err(deliver(f), ERR_LIMIT);
    assert_true(output(f).len <= RTMP_OUTPUT_LEN_MAX);
    assert_events(f, "end 2\n");
    end(f);
}

static void received_bytes_are_acknowledged_by_the_window(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_message(&f->client, 2, 5, 0, 0, "\0\0\x4e\x20", 4); /* 20,000 */
    assert_ok(deliver(f));
    uint64_t before = rtmp_session_stats(f->recorder.session)->received_len;
    while (rtmp_session_stats(f->recorder.session)->received_len < 20000) {
        assert_int_equal(output(f).len, 0);
        before = rtmp_session_stats(f->recorder.session)->received_len;
        rtmp_client_aac_frame(&f->client, 0, 500);
        assert_ok(deliver(f));
    }
    assert_true(before < 20000);
    assert_int_equal(output(f).len, 16);
    struct reader r = reader_of(output(f).ptr, output(f).len);
    reader_skip(&r, 12);
    assert_int_equal(reader_u32(&r), rtmp_session_stats(f->recorder.session)->received_len);
    end(f);
}

static void bad_control_messages_end_the_session(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *body;
        size_t len;
    } rows[] = {
        {1, "\0\0\0\0", 4},   /* chunk size 0 */
        {1, "\x80\0\0\1", 4}, /* its first bit set */
        {1, "\0\0", 2},       {2, "\0", 1}, {5, "\0\0\0", 3},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = begin_publishing();

        rtmp_client_message(&f->client, 2, rows[i].type, 0, 0, rows[i].body, rows[i].len);
        assert_err(deliver(f), ERR_MALFORMED);
        assert_events(f, "end 2\n");
        end(f);
    }
}

static void chunk_sizes_from_1_to_huge_work(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 127, 4096, 65536, 0x7fffffff};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fixture *f = begin_publishing();

        rtmp_client_set_chunk_size(&f->client, sizes[i]);
        rtmp_client_aac_config(&f->client, 0);
        rtmp_client_aac_frame(&f->client, 0, 5000);
        assert_ok(deliver(f));
        assert_int_equal(f->recorder.last_payload.len, 5000);
        end(f);
    }
}

static void strangers_may_not_send_large_messages(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);

    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_chunk(&f->client, &(struct rtmp_client_chunk){0, 3, 0, 65537, 20, 0}, "", 0);
    assert_err(deliver(f), ERR_LIMIT);
    end(f);

    f = begin_publishing();
    rtmp_client_chunk(&f->client, &(struct rtmp_client_chunk){0, 3, 0, (8 << 20) + 1, 9, 1}, "", 0);
    assert_err(deliver(f), ERR_LIMIT);
    assert_events(f, "end 2\n");
    end(f);
}

static void garbage_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);

    assert_err(rtmp_session_receive(f->recorder.session, "GET / HTTP/1.1\r\n\r\n", 18, f->now_us),
               ERR_MALFORMED);
    assert_int_equal(output(f).len, 0);
    end(f);
}

static void garbage_after_the_handshake_never_gets_far(void **state)
{
    (void)state;
    uint32_t random = 1;

    for (int round = 0; round < 200; round++) {
        struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);
        uint8_t bytes[600];

        rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(random >> 24);
        }
        writer_bytes(&f->client.out, bytes, sizeof(bytes));
        (void)deliver(f); /* some rounds stay within an unfinished message: no error yet */
        assert_events(f, "");
        end(f);
    }
}

static void each_truncation_waits_for_more(void **state)
{
    (void)state;
    struct rtmp_client client = rtmp_client_new();

    rtmp_client_start(&client, "live", "key");
    rtmp_client_avc_config(&client, 0);
    for (size_t len = 3000; len < client.out.len; len++) {
        struct rtmp_recorder recorder;

        rtmp_recorder_init(&recorder, RTMP_RECORDER_ACCEPTS, &config, 0);
        assert_ok(rtmp_session_receive(recorder.session, client.out.data, len, 0));
        assert_int_equal(recorder.format_count, 0);
        rtmp_recorder_deinit(&recorder);
    }
    rtmp_client_free(&client);
}

static void write_a_whole_stream(struct rtmp_client *client)
{
    rtmp_client_handshake(client, RTMP_CLIENT_SCHEME_1);
    rtmp_client_connect(client, "live");
    rtmp_client_create_stream(client);
    rtmp_client_publish(client, "key");
    rtmp_client_metadata(client);
    rtmp_client_avc_config(client, 0xfffffe);
    rtmp_client_aac_config(client, 0xfffffe);
    for (uint32_t i = 0; i < 20; i++) {
        rtmp_client_avc_frame(client, 0xfffffe + i * 40, 40, i == 0, 300 + i * 50);
        rtmp_client_aac_frame(client, 0xfffffe + i * 40 + 5, 100);
        if (i == 10)
            rtmp_client_set_chunk_size(client, 1000);
    }
    rtmp_client_delete_stream(client);
}

static void any_split_gives_the_same_events_and_answers(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 2, 3, 11, 127, 1536, 1 << 20};
    struct rtmp_client client = rtmp_client_new();
    struct writer events = writer_growing(100000);
    struct writer answers = writer_growing(100000);

    write_a_whole_stream(&client);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct rtmp_recorder recorder;

        rtmp_recorder_init(&recorder, RTMP_RECORDER_ACCEPTS, &config, 0);
        for (size_t at = 0; at < client.out.len; at += steps[i]) {
            size_t left = client.out.len - at;
            assert_ok(rtmp_session_receive(recorder.session, client.out.data + at,
                                           left < steps[i] ? left : steps[i], 0));
        }
        assert_int_equal(recorder.sample_count, 40);
        assert_int_equal(recorder.end_count, 1);
        const struct writer *output_now = rtmp_session_output(recorder.session);
        if (i == 0) {
            writer_text(&events, writer_as_text(&recorder.events));
            writer_text(&answers, writer_as_text(output_now));
        }
        assert_true(text_equal(writer_as_text(&events), writer_as_text(&recorder.events)));
        assert_true(text_equal(writer_as_text(&answers), writer_as_text(output_now)));
        rtmp_recorder_deinit(&recorder);
    }
    writer_deinit(&events);
    writer_deinit(&answers);
    rtmp_client_free(&client);
}

static void who_does_not_publish_in_time_is_let_go(void **state)
{
    (void)state;
    struct rtmp_config times = {.setup_limit_us = 5 * US_PER_S, .idle_limit_us = 7 * US_PER_S};
    struct fixture *f = begin_with(&times, RTMP_RECORDER_WAITS);
    struct rtmp_session *session = f->recorder.session;

    assert_int_equal(rtmp_session_deadline_us(session), f->now_us + 5 * US_PER_S);
    f->now_us += 4 * US_PER_S; /* the steps of the set-up do not move its deadline */
    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_connect(&f->client, "live");
    assert_ok(deliver(f));
    assert_int_equal(rtmp_session_deadline_us(session), f->now_us + US_PER_S);
    assert_err(rtmp_session_on_time(session, f->now_us + US_PER_S), ERR_TIMEOUT);
    assert_events(f, "");
    end(f);
}

static void a_silent_publisher_is_let_go(void **state)
{
    (void)state;
    struct rtmp_config times = {.setup_limit_us = 5 * US_PER_S, .idle_limit_us = 7 * US_PER_S};
    struct fixture *f = begin_with(&times, RTMP_RECORDER_ACCEPTS);
    struct rtmp_session *session = f->recorder.session;

    rtmp_client_start(&f->client, "live", "key");
    assert_ok(deliver(f));
    assert_int_equal(rtmp_session_deadline_us(session), f->now_us + 7 * US_PER_S);
    f->now_us += 6 * US_PER_S;
    rtmp_client_aac_config(&f->client, 0);
    assert_ok(deliver(f));
    clear_events(f);
    assert_int_equal(rtmp_session_deadline_us(session), f->now_us + 7 * US_PER_S);
    assert_ok(rtmp_session_on_time(session, f->now_us + 7 * US_PER_S - 1));
    assert_err(rtmp_session_on_time(session, f->now_us + 7 * US_PER_S), ERR_TIMEOUT);
    assert_events(f, "end 3\n");
    assert_int_equal(rtmp_session_deadline_us(session), INT64_MAX);
    assert_err(deliver(f), ERR_TIMEOUT);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_ping_is_answered),
        TEST_CASE(who_asks_without_reading_answers_is_cut_off),
        TEST_CASE(received_bytes_are_acknowledged_by_the_window),
        TEST_CASE(bad_control_messages_end_the_session),
        TEST_CASE(chunk_sizes_from_1_to_huge_work),
        TEST_CASE(strangers_may_not_send_large_messages),
        TEST_CASE(garbage_is_refused_at_its_first_byte),
        TEST_CASE(garbage_after_the_handshake_never_gets_far),
        TEST_CASE(each_truncation_waits_for_more),
        TEST_CASE(any_split_gives_the_same_events_and_answers),
        TEST_CASE(who_does_not_publish_in_time_is_let_go),
        TEST_CASE(a_silent_publisher_is_let_go),
    };
    return RUN_TESTS("rtmp_session_limits", tests);
}
