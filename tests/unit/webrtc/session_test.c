#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "peer.h"
#include "support/test.h"
#include "webrtc/stun.h"
#include "webrtc/webrtc.h"

static const char both_profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";

/* One publisher before one server. */
struct stage {
    struct dtls_identity *identity;
    struct webrtc_mux *mux;
    struct webrtc_session *session;
    struct peer peer;
    int64_t now_us;
};

static struct webrtc_config config_of(struct stage *stage)
{
    static struct webrtc_candidate candidate;

    assert_true(webrtc_address_parse(TEXT("127.0.0.1"), 8189, 0, &candidate.address));
    return (struct webrtc_config){
        .identity = stage->identity,
        .mux = stage->mux,
        .candidates = &candidate,
        .candidate_count = 1,
    };
}

static struct stage *stage_create_with(const char *srtp_profiles, const char *fingerprint)
{
    struct stage *stage = mem_zalloc(sizeof(*stage));
    struct buf *answer;

    stage->now_us = 1000 * US_PER_S;
    assert_ok(dtls_identity_create(&stage->identity));
    stage->mux = webrtc_mux_create();
    peer_init(&stage->peer, srtp_profiles);
    struct webrtc_config config = config_of(stage);
    assert_ok(webrtc_session_create(peer_offer(&stage->peer, fingerprint), &config, &peer_handler,
                                    &stage->peer, stage->now_us, NULL, &stage->session, &answer));
    peer_read_answer(&stage->peer, buf_text(answer));
    (void)buf_unref(answer);
    return stage;
}

static struct stage *stage_create(void)
{
    return stage_create_with(both_profiles, NULL);
}

static void stage_destroy(struct stage *stage)
{
    peer_deinit(&stage->peer);
    webrtc_session_destroy(stage->session);
    webrtc_mux_destroy(stage->mux);
    dtls_identity_destroy(stage->identity);
    mem_free(stage);
}

static unsigned check(struct stage *stage, bool use_candidate)
{
    return peer_check(&stage->peer, stage->session, stage->mux, use_candidate, stage->now_us);
}

static struct stage *stage_connect(void)
{
    struct stage *stage = stage_create();

    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    peer_handshake(&stage->peer, stage->session, 0, stage->now_us);
    assert_int_equal(stage->peer.connected_count, 1);
    return stage;
}

static struct webrtc_stats stats_of(const struct stage *stage)
{
    struct webrtc_stats stats;

    webrtc_session_stats(stage->session, stage->now_us, &stats);
    return stats;
}

static size_t paths_of(const struct stage *stage)
{
    struct webrtc_mux_stats stats;

    webrtc_mux_stats(stage->mux, &stats);
    return stats.paths;
}

/* Opus for a while, 20 ms each, with the timers. */
static void talk(struct stage *stage, uint16_t from, int count)
{
    for (int i = 0; i < count; i++) {
        peer_send_opus(&stage->peer, stage->session, (uint16_t)(from + i), stage->now_us);
        stage->now_us += 20 * US_PER_MS;
        if (webrtc_session_deadline_us(stage->session) <= stage->now_us)
            webrtc_session_on_time(stage->session, stage->now_us);
    }
}

static void publisher_connects_and_its_samples_come_out(void **state)
{
    (void)state;
    static const char *const profiles[] = {both_profiles, "SRTP_AES128_CM_SHA1_80",
                                           "SRTP_AEAD_AES_128_GCM"};

    for (size_t i = 0; i < 3; i++) {
        struct stage *stage = stage_create_with(profiles[i], NULL);

        assert_int_equal(stats_of(stage).state, WEBRTC_WAITING);
        assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
        assert_int_equal(stats_of(stage).state, WEBRTC_SECURING);
        peer_handshake(&stage->peer, stage->session, 0, stage->now_us);
        assert_int_equal(stats_of(stage).state, WEBRTC_CONNECTED);
        talk(stage, 1, 100);
        assert_true(stage->peer.format_count == 1);
        assert_true(stage->peer.sample_count >= 95);
        assert_int_equal(stats_of(stage).audio.packets, 100);
        assert_int_equal(stats_of(stage).dropped, 0);

        /* Reports came back, readable with the server's key. */
        int reports = 0;
        for (size_t k = 0; k < stage->peer.queue_count; k++) {
            struct peer_datagram *datagram = &stage->peer.queue[k];
            size_t len;

            assert_memory_equal(&datagram->to, &stage->peer.address, sizeof(datagram->to));
            assert_ok(srtp_open_rtcp(stage->peer.open, datagram->bytes, datagram->len, &len));
            reports++;
        }
        assert_true(reports >= 1);
        stage_destroy(stage);
    }
}

static void handshake_recovers_from_a_lost_flight(void **state)
{
    (void)state;
    struct stage *stage = stage_create();

    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    peer_handshake(&stage->peer, stage->session, 1, stage->now_us);
    assert_int_equal(stage->peer.connected_count, 0);

    /* The deadline is that of OpenSSL's timer, at most 200 ms away at first. */
    int64_t deadline_us = webrtc_session_deadline_us(stage->session);
    assert_true(deadline_us <= stage->now_us + 200 * US_PER_MS);

    /* OpenSSL reads the clock itself, so here alone time is that of the machine. */
    int64_t offset_us = stage->now_us - clock_mono_us();
    while (stage->peer.queue_count == 0 && stage->peer.ended_count == 0) {
        stage->now_us = clock_mono_us() + offset_us;
        webrtc_session_on_time(stage->session, stage->now_us);
    }
    assert_int_equal(stage->peer.ended_count, 0);
    peer_handshake(&stage->peer, stage->session, 0, stage->now_us);
    assert_int_equal(stage->peer.connected_count, 1);
    stage_destroy(stage);
}

static void certificate_of_somebody_else_ends_the_session(void **state)
{
    (void)state;
    struct stage *stage = stage_create_with(
        both_profiles, "00:C3:EF:A9:88:33:47:87:0D:37:98:1B:D9:45:62:B3:18:5C:07:1B:87:8B:34:56:69:"
                       "58:2F:1C:AF:C0:68:92");

    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    peer_handshake(&stage->peer, stage->session, 0, stage->now_us);
    assert_int_equal(stage->peer.connected_count, 0);
    assert_int_equal(stage->peer.ended_count, 1);
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_FINGERPRINT);
    assert_int_equal(paths_of(stage), 0);
    stage_destroy(stage);
}

static void handshake_without_use_srtp_ends_the_session(void **state)
{
    (void)state;
    struct stage *stage = stage_create_with(NULL, NULL);

    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    peer_handshake(&stage->peer, stage->session, 0, stage->now_us);
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_DTLS_FAILED);
    stage_destroy(stage);
}

static void close_notify_ends_the_session_once(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    peer_close(&stage->peer, stage->session, stage->now_us);
    assert_int_equal(stage->peer.ended_count, 1);
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_PEER_CLOSED);
    assert_true(webrtc_session_deadline_us(stage->session) == INT64_MAX);
    webrtc_session_close(stage->session, WEBRTC_END_LOCAL, stage->now_us);
    webrtc_session_on_time(stage->session, stage->now_us + 60 * US_PER_S);
    assert_int_equal(stage->peer.ended_count, 1);
    stage_destroy(stage);
}

static void closing_tells_the_peer(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    stage->peer.queue_count = 0;
    webrtc_session_close(stage->session, WEBRTC_END_LOCAL, stage->now_us);
    assert_int_equal(stage->peer.queue_count, 1);
    assert_int_equal(stage->peer.queue[0].bytes[0], 21); /* a DTLS alert */
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_LOCAL);
    stage_destroy(stage);
}

static void publisher_that_never_checks_times_out(void **state)
{
    (void)state;
    struct stage *stage = stage_create();

    assert_true(webrtc_session_deadline_us(stage->session) == stage->now_us + 20 * US_PER_S);
    webrtc_session_on_time(stage->session, stage->now_us + 20 * US_PER_S - 1);
    assert_int_equal(stage->peer.ended_count, 0);
    webrtc_session_on_time(stage->session, stage->now_us + 20 * US_PER_S);
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_NO_CHECK);
    stage_destroy(stage);
}

static void publisher_that_never_secures_times_out(void **state)
{
    (void)state;
    struct stage *stage = stage_create();

    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    webrtc_session_on_time(stage->session, stage->now_us + 15 * US_PER_S);
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_NO_DTLS);
    stage_destroy(stage);
}

static void silence_of_30_seconds_ends_the_session(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    stage->now_us += 29 * US_PER_S;
    webrtc_session_on_time(stage->session, stage->now_us);
    assert_int_equal(check(stage, false), STUN_BINDING_RESPONSE); /* consent */
    stage->now_us += 29 * US_PER_S;
    webrtc_session_on_time(stage->session, stage->now_us);
    talk(stage, 1, 1); /* authentic media is a sign of life too */
    stage->now_us += 29 * US_PER_S;
    webrtc_session_on_time(stage->session, stage->now_us);
    assert_int_equal(stage->peer.ended_count, 0);
    stage->now_us += 2 * US_PER_S;
    assert_true(webrtc_session_deadline_us(stage->session) <= stage->now_us);
    webrtc_session_on_time(stage->session, stage->now_us);
    assert_int_equal(stage->peer.end_reason, WEBRTC_END_SILENT);
    assert_int_equal(paths_of(stage), 0);
    stage_destroy(stage);
}

static void wrong_credentials_are_refused(void **state)
{
    (void)state;
    struct stage *stage = stage_create();
    char *pwd = stage->peer.server_pwd;
    char first = pwd[0];

    pwd[0] = '!';
    assert_int_equal(check(stage, true), STUN_BINDING_ERROR);
    pwd[0] = first;
    stage->peer.ufrag[0] = '!';
    assert_int_equal(check(stage, true), STUN_BINDING_ERROR);
    stage->peer.ufrag[0] = 'p';
    stage->peer.server_ufrag[0] = '!'; /* nobody's: dropped by the mux without an answer */
    assert_int_equal(check(stage, true), 0);
    assert_int_equal(paths_of(stage), 0);
    assert_int_equal(stats_of(stage).state, WEBRTC_WAITING);
    stage_destroy(stage);
}

static void only_stun_is_taken_from_an_unknown_address(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    stage->peer.address.port = 50001;
    talk(stage, 1, 3);
    assert_int_equal(stage->peer.sample_count, 0);
    assert_int_equal(stats_of(stage).dropped, 3);

    uint8_t bytes[] = {22, 254, 253, 0};
    assert_null(
        webrtc_mux_receive(stage->mux, bytes, sizeof(bytes), &stage->peer.address, stage->now_us));
    stage_destroy(stage);
}

static void publisher_may_move_to_another_address(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    talk(stage, 1, 60);
    stage->peer.address.port = 50001; /* the NAT gave it another port */
    stage->peer.queue_count = 0;
    assert_int_equal(check(stage, false), STUN_BINDING_RESPONSE);
    assert_int_equal(stats_of(stage).peer.port, 50000); /* not nominated, no media: not yet */
    talk(stage, 61, 60);
    assert_int_equal(stats_of(stage).peer.port, 50001);
    assert_true(stage->peer.queue_count > 0);
    assert_int_equal(stage->peer.queue[stage->peer.queue_count - 1].to.port, 50001);
    assert_int_equal(stats_of(stage).audio.packets, 120);
    stage_destroy(stage);
}

static void addresses_of_one_publisher_are_bounded(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    for (uint16_t port = 1; port < 200; port++) {
        stage->peer.address.port = port;
        stage->now_us += US_PER_MS;
        assert_int_equal(check(stage, false), STUN_BINDING_RESPONSE);
        assert_true(paths_of(stage) <= WEBRTC_PATHS_MAX);
    }
    assert_int_equal(stats_of(stage).peer.port, 50000); /* the one in use was kept */
    stage_destroy(stage);
}

static void closed_connection_is_forgotten(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    assert_int_equal(paths_of(stage), 1);
    webrtc_mux_forget(stage->mux, &stage->peer.address);
    assert_int_equal(paths_of(stage), 0);
    assert_int_equal(stats_of(stage).peer.port, 0);
    stage->peer.address.socket = 2;
    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    talk(stage, 1, 10);
    assert_int_equal(stats_of(stage).audio.packets, 10);
    stage_destroy(stage);
}

static void restart_changes_credentials_and_keeps_the_media(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();
    struct diag diag = {0};
    struct buf *answer = NULL;
    char tag[64];
    struct text old_tag = webrtc_session_ice_tag(stage->session);

    memcpy(tag, old_tag.ptr, old_tag.len + 1);
    assert_ok(webrtc_session_patch(
        stage->session, TEXT("a=ice-ufrag:next\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"), &diag,
        &answer));
    assert_non_null(answer);
    assert_false(text_equal(webrtc_session_ice_tag(stage->session), text_of(tag)));

    /* Until the peer uses the new credentials the old ones are good. */
    assert_int_equal(check(stage, false), STUN_BINDING_RESPONSE);
    talk(stage, 1, 5);
    struct peer old = stage->peer;
    peer_read_answer(&stage->peer, buf_text(answer));
    (void)buf_unref(answer);
    memcpy(stage->peer.ufrag, "next", 5);
    stage->peer.address.port = 50002;
    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    assert_int_equal(stats_of(stage).peer.port, 50002);
    talk(stage, 6, 5);
    assert_int_equal(stats_of(stage).audio.packets, 10);

    /* Now the old ones are gone. */
    memcpy(stage->peer.ufrag, old.ufrag, sizeof(old.ufrag));
    memcpy(stage->peer.server_ufrag, old.server_ufrag, sizeof(old.server_ufrag));
    memcpy(stage->peer.server_pwd, old.server_pwd, sizeof(old.server_pwd));
    assert_int_equal(check(stage, true), 0);
    stage_destroy(stage);
}

static void trickle_changes_nothing(void **state)
{
    (void)state;
    struct stage *stage = stage_create();
    struct diag diag = {0};
    struct buf *answer = (struct buf *)stage; /* must be overwritten */

    assert_ok(webrtc_session_patch(
        stage->session,
        TEXT("a=ice-ufrag:peer\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\n"
             "a=mid:0\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"),
        &diag, &answer));
    assert_null(answer);
    assert_err(webrtc_session_patch(stage->session, TEXT("nonsense"), &diag, &answer),
               ERR_MALFORMED);
    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    stage_destroy(stage);
}

static void many_restarts_leave_nothing_behind(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    for (int i = 0; i < 20; i++) {
        char frag[] = "a=ice-ufrag:nextA\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n";
        struct buf *answer;

        frag[16] = (char)('A' + i);
        assert_ok(webrtc_session_patch(stage->session, text_of(frag), NULL, &answer));
        peer_read_answer(&stage->peer, buf_text(answer));
        (void)buf_unref(answer);
        memcpy(stage->peer.ufrag, "nextA", 6);
        stage->peer.ufrag[4] = (char)('A' + i);
    }
    assert_int_equal(check(stage, true), STUN_BINDING_RESPONSE);
    stage_destroy(stage);
}

static void garbage_changes_nothing_but_the_counter(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();

    for (unsigned first = 0; first < 256; first++) {
        uint8_t bytes[64];

        memset(bytes, (int)first, sizeof(bytes));
        webrtc_session_receive(stage->session, bytes, first % 64, &stage->peer.address,
                               stage->now_us);
    }
    static uint8_t large[WEBRTC_DATAGRAM_LEN_MAX + 1] = {0x80};
    webrtc_session_receive(stage->session, large, sizeof(large), &stage->peer.address,
                           stage->now_us);
    assert_int_equal(stage->peer.ended_count, 0);
    assert_true(stats_of(stage).dropped > 100);
    talk(stage, 1, 20);
    assert_int_equal(stats_of(stage).audio.packets, 20);
    stage_destroy(stage);
}

static void bad_offer_leaves_nothing_behind(void **state)
{
    (void)state;
    struct stage *stage = stage_create();
    struct webrtc_config config = config_of(stage);
    struct webrtc_session *session = NULL;
    struct buf *answer = NULL;
    struct diag diag = {0};

    assert_err(webrtc_session_create(TEXT("v=0\r\n"), &config, &peer_handler, &stage->peer, 0,
                                     &diag, &session, &answer),
               ERR_UNSUPPORTED);
    assert_null(session);
    assert_null(answer);
    assert_true(diag.message[0] != '\0');
    stage_destroy(stage);
}

static void new_session_from_the_same_address_takes_it_over(void **state)
{
    (void)state;
    struct stage *stage = stage_connect();
    static struct peer second;
    struct webrtc_config config = config_of(stage);
    struct webrtc_session *session;
    struct buf *answer;

    peer_init(&second, both_profiles);
    assert_ok(webrtc_session_create(peer_offer(&second, NULL), &config, &peer_handler, &second,
                                    stage->now_us, NULL, &session, &answer));
    peer_read_answer(&second, buf_text(answer));
    (void)buf_unref(answer);
    assert_int_equal(peer_check(&second, session, stage->mux, true, stage->now_us),
                     STUN_BINDING_RESPONSE);
    assert_int_equal(paths_of(stage), 1);
    assert_int_equal(stats_of(stage).peer.port, 0);
    webrtc_session_destroy(session);
    assert_int_equal(paths_of(stage), 0);
    peer_deinit(&second);
    stage_destroy(stage);
}

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    struct webrtc_address address;
    char ip[WEBRTC_IP_TEXT_CAP];

    assert_true(webrtc_address_parse(TEXT("192.0.2.1"), 1, 2, &address));
    assert_true(webrtc_address_is_ipv4(&address));
    webrtc_address_ip_text(&address, ip);
    assert_string_equal(ip, "192.0.2.1");
    assert_true(webrtc_address_parse(TEXT("2001:db8::1"), 1, 2, &address));
    assert_false(webrtc_address_is_ipv4(&address));
    webrtc_address_ip_text(&address, ip);
    assert_string_equal(ip, "2001:db8::1");
    assert_false(webrtc_address_parse(TEXT(""), 1, 2, &address));
    assert_false(webrtc_address_parse(TEXT("192.0.2"), 1, 2, &address));
    assert_false(webrtc_address_parse(TEXT("1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"), 1,
                                      2, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(publisher_connects_and_its_samples_come_out),
        TEST_CASE(handshake_recovers_from_a_lost_flight),
        TEST_CASE(certificate_of_somebody_else_ends_the_session),
        TEST_CASE(handshake_without_use_srtp_ends_the_session),
        TEST_CASE(close_notify_ends_the_session_once),
        TEST_CASE(closing_tells_the_peer),
        TEST_CASE(publisher_that_never_checks_times_out),
        TEST_CASE(publisher_that_never_secures_times_out),
        TEST_CASE(silence_of_30_seconds_ends_the_session),
        TEST_CASE(wrong_credentials_are_refused),
        TEST_CASE(only_stun_is_taken_from_an_unknown_address),
        TEST_CASE(publisher_may_move_to_another_address),
        TEST_CASE(addresses_of_one_publisher_are_bounded),
        TEST_CASE(closed_connection_is_forgotten),
        TEST_CASE(restart_changes_credentials_and_keeps_the_media),
        TEST_CASE(trickle_changes_nothing),
        TEST_CASE(many_restarts_leave_nothing_behind),
        TEST_CASE(garbage_changes_nothing_but_the_counter),
        TEST_CASE(bad_offer_leaves_nothing_behind),
        TEST_CASE(new_session_from_the_same_address_takes_it_over),
        TEST_CASE(addresses_are_read_and_written),
    };
    return RUN_TESTS("webrtc_session", tests);
}
