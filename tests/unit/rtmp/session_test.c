#include "unit/rtmp/session_fixture.h"

static void app_and_key_reach_the_owner(void **state)
{
    (void)state;
    static const struct {
        const char *app, *name, *wanted;
    } rows[] = {
        {"live", "key", "publish app=live key=key\n"},
        {"live/", "key", "publish app=live key=key\n"},
        {"/live", "/key/", "publish app=live key=key\n"},
        {"live", "key?user=1&x=a/b", "publish app=live key=key\n"},
        {"live?token=1", "key", "publish app=live key=key\n"},
        {"live/key", "", "publish app=live key=key\n"},
        {"live/key/", "?x=1", "publish app=live key=key\n"},
        {"a/b/key?x=/1", "", "publish app=a/b key=key\n"},
        {"", "key", "publish app= key=key\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = begin(RTMP_RECORDER_WAITS);

        rtmp_client_start(&f->client, rows[i].app, rows[i].name);
        assert_ok(deliver(f));
        assert_events(f, rows[i].wanted);
        end(f);
    }
}

static void a_missing_or_too_long_key_is_refused_in_words(void **state)
{
    (void)state;
    char key[RTMP_KEY_LEN_MAX + 2];

    memset(key, 'k', sizeof(key));
    key[RTMP_KEY_LEN_MAX + 1] = 0;
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);
    rtmp_client_start(&f->client, "live", key);
    assert_ok(deliver(f));
    assert_events(f, "");
    assert_true(text_contains(output(f), TEXT("NetStream.Publish.BadName")));
    assert_true(text_contains(output(f), TEXT("The stream key is too long.")));
    end(f);

    key[RTMP_KEY_LEN_MAX] = 0;
    f = begin(RTMP_RECORDER_WAITS);
    rtmp_client_start(&f->client, "live", key);
    assert_ok(deliver(f));
    assert_int_equal(f->recorder.publish_count, 1);
    end(f);

    f = begin(RTMP_RECORDER_ACCEPTS);
    rtmp_client_start(&f->client, "live", "");
    assert_ok(deliver(f));
    assert_events(f, "");
    assert_true(text_contains(output(f), TEXT("The stream key is missing.")));
    end(f);
}

static void an_app_that_is_too_long_is_over_the_limit(void **state)
{
    (void)state;
    char app[RTMP_APP_LEN_MAX + 2];
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);

    memset(app, 'a', sizeof(app));
    app[RTMP_APP_LEN_MAX + 1] = 0;
    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_connect(&f->client, app);
    assert_err(deliver(f), ERR_LIMIT);
    end(f);
}

static void connect_is_answered_with_our_sizes_and_capabilities(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_WAITS);

    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    assert_ok(deliver(f));
    clear_output(f);
    rtmp_client_connect(&f->client, "live");
    assert_ok(deliver(f));

    uint8_t control[64];
    size_t len = test_unhex("02 000000 000004 05 00000000 002625a0"    /* Window Ack Size */
                            "02 000000 000005 06 00000000 002625a0 02" /* Set Peer Bandwidth */
                            "02 000000 000004 01 00000000 00010000",   /* Set Chunk Size */
                            control, sizeof(control));
    assert_true(output(f).len > len);
    assert_memory_equal(output(f).ptr, control, len);

    /* Read the answer as a client would. */
    struct chunk_reader r = {.chunk_size = 65536, .message_len_max = 65536, .buffered_max = 65536};
    struct reader input = reader_of(output(f).ptr + len, output(f).len - len);
    struct chunk_message m;
    assert_ok(chunk_reader_next(&r, &input, &m));
    assert_int_equal(input.left, 0);
    struct reader body = reader_of(m.body->data, m.body->len);
    struct amf0_value properties, info, value;
    struct text name;
    assert_text(amf0_read_string(&body), "_result");
    assert_true(amf0_read_number(&body) > 0.5);
    amf0_read(&body, &properties);
    amf0_read(&body, &info);
    assert_false(body.failed);
    assert_int_equal(body.left, 0);
    unsigned seen = 0;
    while (amf0_next_member(&info, &name, &value)) {
        if (text_equal(name, TEXT("code"))) {
            assert_text(value.string, "NetConnection.Connect.Success");
            seen++;
        } else if (text_equal(name, TEXT("fourCcList"))) {
            assert_int_equal(value.count, 6);
            seen++;
        } else if (text_equal(name, TEXT("capsEx"))) {
            assert_int_equal(amf0_to_u64(&value, 255), 15);
            seen++;
        }
    }
    assert_int_equal(seen, 3);
    buf_unref(m.body);
    chunk_reader_deinit(&r);
    end(f);
}

static void accept_says_start_and_reject_says_why(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_WAITS);

    rtmp_client_start(&f->client, "live", "key");
    assert_ok(deliver(f));
    assert_false(text_contains(output(f), TEXT("NetStream.Publish")));
    rtmp_session_accept(f->recorder.session);
    assert_true(text_contains(output(f), TEXT("NetStream.Publish.Start")));
    clear_output(f);
    rtmp_session_accept(f->recorder.session); /* answered already: nothing happens */
    rtmp_session_reject(f->recorder.session, RTMP_REJECT_DENIED, TEXT("no"));
    assert_int_equal(output(f).len, 0);
    end(f);

    static const char *const codes[] = {"", "NetStream.Publish.BadName", "NetStream.Publish.Denied",
                                        "NetStream.Publish.Rejected"};
    for (int reason = RTMP_REJECT_BAD_NAME; reason <= RTMP_REJECT_REJECTED; reason++) {
        f = begin(RTMP_RECORDER_WAITS);
        rtmp_client_start(&f->client, "live", "key");
        assert_ok(deliver(f));
        rtmp_session_reject(f->recorder.session, (enum rtmp_reject)reason,
                            TEXT("This key belongs to nobody."));
        assert_true(text_contains(output(f), text_of(codes[reason])));
        assert_true(text_contains(output(f), TEXT("This key belongs to nobody.")));
        end(f);
    }
}

static void a_rejected_publisher_is_ignored_and_then_timed_out(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_REJECTS);

    rtmp_client_start(&f->client, "live", "key");
    rtmp_client_avc_config(&f->client, 0);
    rtmp_client_avc_frame(&f->client, 0, 0, true, 90000); /* larger than a stranger may */
    rtmp_client_publish(&f->client, "other");
    assert_ok(deliver(f));
    assert_events(f, "publish app=live key=key\n");
    int64_t deadline_us = rtmp_session_deadline_us(f->recorder.session);
    assert_true(deadline_us <= f->now_us + 3 * US_PER_S);
    assert_ok(rtmp_session_on_time(f->recorder.session, deadline_us - 1));
    assert_err(rtmp_session_on_time(f->recorder.session, deadline_us), ERR_TIMEOUT);
    assert_int_equal(f->recorder.end_count, 0);
    end(f);
}

static void media_that_comes_before_the_answer_is_kept_in_order(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_WAITS);

    rtmp_client_start(&f->client, "live", "key");
    rtmp_client_metadata(&f->client);
    rtmp_client_aac_config(&f->client, 0);
    rtmp_client_aac_frame(&f->client, 5, 9);
    assert_ok(deliver(f));
    assert_events(f, "publish app=live key=key\n");
    clear_events(f);
    rtmp_session_accept(f->recorder.session);
    assert_int_equal(f->recorder.format_count, 1);
    assert_int_equal(f->recorder.sample_count, 1);
    assert_true(text_starts_with(
        writer_as_text(&f->recorder.events),
        TEXT("metadata 1280x720 fps=30.000 video=2500000 audio=160000 encoder=obs-output module\n"
             "format audio aac config=1190\n"
             "sample audio dts=5000 pts=5000 key len=9")));
    end(f);
}

static void media_that_waits_is_bounded(void **state)
{
    (void)state;
    struct rtmp_config small = {.message_len_max = 1000, .buffered_max = 2500};
    struct fixture *f = begin_with(&small, RTMP_RECORDER_WAITS);

    rtmp_client_start(&f->client, "live", "key");
    rtmp_client_aac_frame(&f->client, 0, 998);
    rtmp_client_aac_frame(&f->client, 0, 998);
    assert_ok(deliver(f));
    rtmp_client_aac_frame(&f->client, 0, 998);
    assert_err(deliver(f), ERR_LIMIT);
    assert_int_equal(f->recorder.end_count, 1);
    end(f);
}

static void commands_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);

    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_command(&f->client, "publish", 5, 1, "key"); /* before connect */
    assert_err(deliver(f), ERR_MALFORMED);
    assert_events(f, "");
    rtmp_client_connect(&f->client, "live"); /* failed is failed */
    assert_err(deliver(f), ERR_MALFORMED);
    end(f);

    f = begin(RTMP_RECORDER_ACCEPTS); /* connect twice */
    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_connect(&f->client, "live");
    rtmp_client_connect(&f->client, "live");
    assert_err(deliver(f), ERR_MALFORMED);
    end(f);
}

static void a_second_publish_leaves_the_first_alone(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_command(&f->client, "publish", 6, 1, "other");
    rtmp_client_aac_config(&f->client, 0);
    assert_ok(deliver(f));
    assert_true(text_contains(output(f), TEXT("This connection already publishes.")));
    assert_events(f, "format audio aac config=1190\n");
    assert_int_equal(f->recorder.publish_count, 1);
    end(f);
}

static void the_publisher_may_stop_and_begin_again(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_aac_config(&f->client, 0);
    rtmp_client_command(&f->client, "FCUnpublish", 6, 0, "key");
    rtmp_client_delete_stream(&f->client);   /* the same end, said again */
    rtmp_client_aac_frame(&f->client, 9, 9); /* late: ignored */
    rtmp_client_create_stream(&f->client);
    rtmp_client_command(&f->client, "publish", 8, 2, "again");
    rtmp_client_aac_config(&f->client, 0); /* on stream 1, which is not the one that publishes */
    assert_ok(deliver(f));
    assert_events(f, "format audio aac config=1190\n"
                     "end 1\n"
                     "publish app=live key=again\n");
    end(f);
}

static void close_stream_ends_its_own_stream_only(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_command(&f->client, "closeStream", 0, 7, NULL);
    assert_ok(deliver(f));
    assert_events(f, "");
    rtmp_client_command(&f->client, "closeStream", 0, RTMP_CLIENT_STREAM, NULL);
    assert_ok(deliver(f));
    assert_events(f, "end 1\n");
    end(f);
}

static void players_are_told_where_to_go(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);

    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_connect(&f->client, "live");
    rtmp_client_create_stream(&f->client);
    rtmp_client_command(&f->client, "play", 5, 1, "key");
    assert_ok(deliver(f));
    assert_events(f, "");
    assert_true(text_contains(output(f), TEXT("NetStream.Play.Failed")));
    end(f);
}

static void bad_amf_in_a_command_ends_the_session(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",                                                          /* nothing */
        "02 0007 636f6e6e656374",                                    /* connect, no more */
        "02 ffff 63",                                                /* a name that is not there */
        "00 0000000000000000 00 0000000000000000",                   /* a number as name */
        "02 0007 636f6e6e656374 00 3ff0000000000000 05",             /* connect without object */
        "02 0007 636f6e6e656374 00 3ff0000000000000 03 0003 617070", /* a member cut short */
        "02 0007 636f6e6e656374 00 7ff0000000000000 03 000009",      /* transaction infinity */
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);
        uint8_t body[128];
        size_t len = test_unhex(bodies[i], body, sizeof(body));

        rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
        rtmp_client_message(&f->client, 3, 20, 0, 0, body, len);
        assert_err(deliver(f), ERR_MALFORMED);
        end(f);
    }
}

static void unknown_commands_and_messages_are_passed_over(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_command(&f->client, "_checkbw", 9, 0, NULL);
    rtmp_client_message(&f->client, 2, 3, 0, 0, "\0\0\1\0", 4); /* Acknowledgement */
    rtmp_client_message(&f->client, 2, 6, 0, 0, "\0\0\1\0\2", 5);
    rtmp_client_message(&f->client, 5, 99, 0, 0, "?", 1);
    rtmp_client_message(&f->client, 5, 22, 0, 1, "?", 1); /* aggregate: told once */
    rtmp_client_message(&f->client, 5, 22, 0, 1, "?", 1);
    assert_ok(deliver(f));
    assert_int_equal(output(f).len, 0);
    assert_events(f, "unsupported Aggregate messages are not supported.\n");
    end(f);
}

static void commands_may_come_in_amf3_clothes(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();
    uint8_t body[64];
    struct writer w = writer_fixed(body, sizeof(body));

    writer_u8(&w, 0);
    amf0_write_string(&w, TEXT("closeStream"));
    amf0_write_number(&w, 0);
    amf0_write_null(&w);
    rtmp_client_message(&f->client, 3, 17, 0, RTMP_CLIENT_STREAM, w.data, w.len);
    assert_ok(deliver(f));
    assert_events(f, "end 1\n");
    end(f);
}

static void the_owner_ends_a_publisher_in_words(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_session_end(f->recorder.session, TEXT("The channel was closed."));
    assert_true(text_contains(output(f), TEXT("The channel was closed.")));
    rtmp_client_aac_config(&f->client, 0);
    rtmp_client_delete_stream(&f->client);
    assert_ok(deliver(f));
    assert_events(f, "");
    assert_true(rtmp_session_deadline_us(f->recorder.session) <= f->now_us + 3 * US_PER_S);
    end(f);
}

static void only_a_capable_publisher_is_asked_to_reconnect(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing(); /* the client says capsEx 1 */

    assert_true(rtmp_session_request_reconnect(f->recorder.session, TEXT("rtmp://other/live"),
                                               TEXT("Going down.")));
    assert_true(text_contains(output(f), TEXT("NetConnection.Connect.ReconnectRequest")));
    assert_true(text_contains(output(f), TEXT("rtmp://other/live")));
    end(f);

    f = begin(RTMP_RECORDER_ACCEPTS);
    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    uint8_t memory[64];
    struct writer body = writer_fixed(memory, sizeof(memory));
    amf0_write_string(&body, TEXT("connect"));
    amf0_write_number(&body, 1);
    amf0_write_object_begin(&body);
    amf0_write_member_string(&body, "app", TEXT("live"));
    amf0_write_object_end(&body);
    rtmp_client_message(&f->client, 3, 20, 0, 0, body.data, body.len);
    rtmp_client_create_stream(&f->client);
    rtmp_client_publish(&f->client, "key");
    assert_ok(deliver(f));
    assert_false(text_contains(output(f), TEXT("fourCcList"))); /* it would not know it */
    clear_output(f);
    assert_false(rtmp_session_request_reconnect(f->recorder.session, TEXT(""), TEXT("")));
    assert_int_equal(output(f).len, 0);
    end(f);
}

static void an_abort_lets_the_chunk_stream_begin_anew(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();
    uint8_t part[128] = {0};

    rtmp_client_chunk(&f->client, &(struct rtmp_client_chunk){0, 4, 0, 4000, 8, 1}, part, 128);
    rtmp_client_message(&f->client, 2, 2, 0, 0, "\0\0\0\4", 4);
    rtmp_client_aac_config(&f->client, 0);
    assert_ok(deliver(f));
    assert_events(f, "format audio aac config=1190\n");
    end(f);
}

static void streams_have_a_limit(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing(); /* has created one */

    for (int i = 0; i < 15; i++)
        rtmp_client_create_stream(&f->client);
    assert_ok(deliver(f));
    rtmp_client_create_stream(&f->client);
    assert_err(deliver(f), ERR_LIMIT);
    end(f);
}

static void who_wants_no_answer_gets_none(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_command(&f->client, "releaseStream", 0, 0, "key");
    assert_ok(deliver(f));
    assert_int_equal(output(f).len, 0);
    rtmp_client_command(&f->client, "releaseStream", 2, 0, "key");
    assert_ok(deliver(f));
    assert_true(text_contains(output(f), TEXT("_result")));
    end(f);
}

static void commands_without_their_arguments_end_the_session(void **state)
{
    (void)state;
    struct fixture *f = begin_publishing();

    rtmp_client_command(&f->client, "deleteStream", 0, 0, NULL);
    assert_err(deliver(f), ERR_MALFORMED);
    assert_events(f, "end 2\n");
    end(f);

    f = begin(RTMP_RECORDER_ACCEPTS);
    rtmp_client_handshake(&f->client, RTMP_CLIENT_PLAIN);
    rtmp_client_connect(&f->client, "live/key");
    rtmp_client_command(&f->client, "publish", 0, 1, NULL);
    assert_err(deliver(f), ERR_MALFORMED);
    assert_events(f, "");
    end(f);
}

/* An owner that ends the publishing as soon as it sees what is in it. */
static void end_at_once(void *ctx, enum media_kind kind, struct format *format)
{
    struct fixture *f = ctx;

    (void)kind;
    format_unref(format);
    f->recorder.format_count++;
    rtmp_session_end(f->recorder.session, TEXT("Not this codec."));
}

static void ignore_publish(void *ctx, struct text app, struct text key)
{
    (void)ctx;
    (void)app;
    (void)key;
}

static void no_sample(void *ctx, struct sample *sample)
{
    (void)ctx;
    (void)sample;
    fail_msg("a sample came after the end");
}

static void the_owner_may_end_from_within_media_that_waited(void **state)
{
    (void)state;
    struct fixture *f = begin(RTMP_RECORDER_WAITS);
    const struct rtmp_handler handler = {
        .on_publish = ignore_publish, .on_format = end_at_once, .on_sample = no_sample};

    rtmp_session_destroy(f->recorder.session);
    f->recorder.session = rtmp_session_create(&config, &handler, f, 0);
    rtmp_client_start(&f->client, "live", "key");
    rtmp_client_aac_config(&f->client, 0);
    rtmp_client_aac_frame(&f->client, 0, 10);
    rtmp_client_aac_frame(&f->client, 0, 10);
    assert_ok(deliver(f));
    rtmp_session_accept(f->recorder.session);
    assert_int_equal(f->recorder.format_count, 1);
    assert_true(text_contains(output(f), TEXT("Not this codec.")));
    end(f);
}

static void descriptions_are_cut(void **state)
{
    (void)state;
    static char chars[5000];
    struct fixture *f = begin(RTMP_RECORDER_WAITS);

    memset(chars, 'd', sizeof(chars));
    rtmp_client_start(&f->client, "live", "key");
    assert_ok(deliver(f));
    clear_output(f);
    rtmp_session_reject(f->recorder.session, RTMP_REJECT_DENIED,
                        (struct text){chars, sizeof(chars)});
    assert_true(output(f).len > 500 && output(f).len < 700);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(app_and_key_reach_the_owner),
        TEST_CASE(a_missing_or_too_long_key_is_refused_in_words),
        TEST_CASE(an_app_that_is_too_long_is_over_the_limit),
        TEST_CASE(connect_is_answered_with_our_sizes_and_capabilities),
        TEST_CASE(accept_says_start_and_reject_says_why),
        TEST_CASE(a_rejected_publisher_is_ignored_and_then_timed_out),
        TEST_CASE(media_that_comes_before_the_answer_is_kept_in_order),
        TEST_CASE(media_that_waits_is_bounded),
        TEST_CASE(commands_out_of_turn_are_refused),
        TEST_CASE(a_second_publish_leaves_the_first_alone),
        TEST_CASE(the_publisher_may_stop_and_begin_again),
        TEST_CASE(close_stream_ends_its_own_stream_only),
        TEST_CASE(players_are_told_where_to_go),
        TEST_CASE(bad_amf_in_a_command_ends_the_session),
        TEST_CASE(unknown_commands_and_messages_are_passed_over),
        TEST_CASE(commands_may_come_in_amf3_clothes),
        TEST_CASE(the_owner_ends_a_publisher_in_words),
        TEST_CASE(only_a_capable_publisher_is_asked_to_reconnect),
        TEST_CASE(an_abort_lets_the_chunk_stream_begin_anew),
        TEST_CASE(streams_have_a_limit),
        TEST_CASE(who_wants_no_answer_gets_none),
        TEST_CASE(commands_without_their_arguments_end_the_session),
        TEST_CASE(the_owner_may_end_from_within_media_that_waited),
        TEST_CASE(descriptions_are_cut),
    };
    return RUN_TESTS("rtmp_session", tests);
}
