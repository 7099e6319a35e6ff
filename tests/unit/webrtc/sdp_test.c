#include "webrtc/sdp.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "support/test.h"
#include "webrtc/webrtc.h"

enum { TEXT_CAP = 64 * 1024 };

#define FINGERPRINT                                                                                \
    "E0:C3:EF:A9:88:33:47:87:0D:37:98:1B:D9:45:62:B3:18:5C:07:1B:87:8B:34:56:69:58:2F:1C:AF:C0:"   \
    "68:92"

/* An offer of two tracks that we take; tests change one line of it. */
static const char good_offer[] = "v=0\r\n"
                                 "o=- 1 2 IN IP4 127.0.0.1\r\n"
                                 "s=-\r\n"
                                 "t=0 0\r\n"
                                 "a=group:BUNDLE a v\r\n"
                                 "a=ice-ufrag:abcd\r\n"
                                 "a=ice-pwd:0123456789012345678901\r\n"
                                 "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
                                 "a=setup:actpass\r\n"
                                 "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
                                 "a=mid:a\r\n"
                                 "a=sendonly\r\n"
                                 "a=rtcp-mux\r\n"
                                 "a=rtpmap:111 opus/48000/2\r\n"
                                 "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\n"
                                 "a=mid:v\r\n"
                                 "a=sendonly\r\n"
                                 "a=rtcp-mux\r\n"
                                 "a=rtpmap:96 VP8/90000\r\n"
                                 "a=rtpmap:97 H264/90000\r\n"
                                 "a=fmtp:97 packetization-mode=1;profile-level-id=42e01f\r\n"
                                 "a=rtpmap:98 rtx/90000\r\n"
                                 "a=fmtp:98 apt=97\r\n";

/* The fixtures of the dialects are the seeds of the fuzz target. */
static struct text read_offer(const char *name, char *to)
{
    char path[512];
    const char *slash = strrchr(__FILE__, '/');

    (void)snprintf(path, sizeof(path), "%.*s/../../fuzz/corpus/webrtc_sdp/%s",
                   (int)(slash - __FILE__), __FILE__, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(to, 1, TEXT_CAP, file);
    (void)fclose(file);
    assert_true(len > 0);
    return (struct text){to, len};
}

/* `text` with the first `from` replaced; "" removes it. */
static struct text replace(struct text text, const char *from, const char *to, char *room)
{
    size_t at = 0;
    struct text wanted = text_of(from);

    while (at + wanted.len <= text.len && !text_equal(text_sub(text, at, wanted.len), wanted))
        at++;
    assert_true(at + wanted.len <= text.len); /* else the test changes nothing */
    struct writer w = writer_fixed(room, TEXT_CAP);
    writer_text(&w, text_sub(text, 0, at));
    writer_str(&w, to);
    writer_text(&w, text_sub(text, at + wanted.len, text.len));
    assert_false(w.failed);
    return writer_as_text(&w);
}

struct bench {
    struct sdp offer;
    struct sdp answer;
    struct sdp_choice choice;
    struct webrtc_candidate candidates[3];
    char answer_text[TEXT_CAP];
    size_t answer_len;
};

static struct bench *bench_create(void)
{
    return mem_zalloc(sizeof(struct bench));
}

static void write_answer(struct bench *bench)
{
    struct sdp_local local = {
        .ufrag = TEXT("ourufrag"),
        .pwd = TEXT("ourpassword2345678901234567890ab"),
        .fingerprint = TEXT(FINGERPRINT),
        .candidates = bench->candidates,
        .candidate_count = 3,
        .session_id = 77,
        .start_bitrate_kbps = 2500,
    };
    struct writer w = writer_fixed(bench->answer_text, sizeof(bench->answer_text));

    assert_true(webrtc_address_parse(TEXT("192.0.2.1"), 8189, 0, &bench->candidates[0].address));
    assert_true(webrtc_address_parse(TEXT("2001:db8::1"), 8189, 0, &bench->candidates[1].address));
    assert_true(webrtc_address_parse(TEXT("192.0.2.1"), 8189, 0, &bench->candidates[2].address));
    bench->candidates[2].is_tcp = true;
    sdp_write_answer(&w, &bench->offer, &bench->choice, &local);
    assert_false(w.failed);
    bench->answer_len = w.len;
}

static struct text answer_of(const struct bench *bench)
{
    return (struct text){bench->answer_text, bench->answer_len};
}

static void take(struct bench *bench, struct text offer)
{
    struct diag diag = {0};
    enum err err = sdp_parse(offer, &bench->offer, &diag);

    if (err == OK)
        err = sdp_choose(&bench->offer, &bench->choice, &diag);
    if (err != OK)
        print_error("%s (line %d)\n", diag.message, diag.line);
    assert_ok(err);
    write_answer(bench);
}

static void assert_has_line(const struct bench *bench, const char *line)
{
    char wanted[256];

    (void)snprintf(wanted, sizeof(wanted), "\r\n%s\r\n", line);
    if (!text_contains(answer_of(bench), text_of(wanted))) {
        print_error("no \"%s\" in\n%.*s", line, TEXT_ARG(answer_of(bench)));
        fail();
    }
}

static void assert_has_not(const struct bench *bench, const char *words)
{
    if (text_contains(answer_of(bench), text_of(words))) {
        print_error("\"%s\" in\n%.*s", words, TEXT_ARG(answer_of(bench)));
        fail();
    }
}

static void each_dialect_gets_h264_and_opus(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t h264_count;
        uint8_t h264_type;
        uint8_t rtx_type;
        uint8_t opus_type;
        uint32_t ssrc;
        uint32_t rtx_ssrc;
        bool has_twcc;
    } dialects[] = {
        {"chromium.sdp", 6, 102, 103, 111, 2285337000, 2758652555, true},
        {"firefox.sdp", 2, 126, 127, 109, 3027480231, 1254786392, true},
        {"safari.sdp", 2, 96, 97, 111, 2231627014, 632943048, true},
        {"obs_libdatachannel.sdp", 1, 96, 97, 111, 1377929924, 0, false},
        {"pion.sdp", 3, 102, 103, 111, 2596996162, 4039455774, true},
        {"gstreamer.sdp", 1, 96, 97, 98, 3384078951, 2267823411, true},
    };
    static char memory[TEXT_CAP];
    struct bench *bench = bench_create();

    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        take(bench, read_offer(dialects[i].name, memory));
        const struct sdp_track *video = &bench->choice.video;
        assert_int_equal(video->codec_count, dialects[i].h264_count);
        assert_int_equal(video->codecs[0].payload->type, dialects[i].h264_type);
        assert_int_equal(video->codecs[0].rtx_type, dialects[i].rtx_type);
        assert_int_equal(bench->choice.audio.codecs[0].payload->type, dialects[i].opus_type);
        assert_int_equal(video->section->ssrc, dialects[i].ssrc);
        assert_int_equal(video->section->rtx_ssrc, dialects[i].rtx_ssrc);
        assert_int_equal(bench->choice.extensions[SDP_EXT_TWCC] != 0, dialects[i].has_twcc);
        assert_int_equal(bench->choice.transport.fingerprint_count, 1);
        assert_int_equal(bench->choice.transport.fingerprints[0].digest[0], 0xe0);
        assert_int_equal(bench->choice.transport.fingerprints[0].digest[31], 0x92);

        /* Our parser reads what we answer. */
        assert_ok(sdp_parse(answer_of(bench), &bench->answer, NULL));
        assert_true(bench->answer.has_ice_lite);
        assert_int_equal(bench->answer.section_count, 2);
        assert_true(text_equal(bench->answer.bundle, bench->offer.bundle));
    }
    mem_free(bench);
}

static void answer_to_chromium_says_all_that_it_must(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "a=ice-lite",
        "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=setup:passive",
        "a=ice-ufrag:ourufrag",
        "a=ice-pwd:ourpassword2345678901234567890ab",
        "a=fingerprint:sha-256 " FINGERPRINT,
        "a=recvonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtcp-xr:rcvr-rtt=all",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;stereo=1;useinbandfec=1",
        "a=rtcp-fb:111 transport-cc",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host",
        "a=candidate:3 1 tcp 1526726143 192.0.2.1 8189 typ host tcptype passive",
        "a=end-of-candidates",
        "m=video 9 UDP/TLS/RTP/SAVPF 102 103 108 109 116 117 104 107 114 115 39 40",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=420034;"
        "x-google-start-bitrate=2500",
        "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034;"
        "x-google-start-bitrate=2500",
        "a=rtcp-fb:102 goog-remb",
        "a=rtcp-fb:102 transport-cc",
        "a=rtcp-fb:102 ccm fir",
        "a=rtcp-fb:102 nack",
        "a=rtcp-fb:102 nack pli",
        "a=rtpmap:103 rtx/90000",
        "a=fmtp:103 apt=102",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 "
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    };
    static char memory[TEXT_CAP];
    struct bench *bench = bench_create();

    take(bench, read_offer("chromium.sdp", memory));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_has_line(bench, lines[i]);
    assert_has_not(bench, "VP8");
    assert_has_not(bench, "red/");
    assert_has_not(bench, "toffset");
    assert_has_not(bench, "extmap-allow-mixed");
    mem_free(bench);
}

static void level_is_mirrored_without_asymmetry(void **state)
{
    (void)state;
    struct bench *bench = bench_create();

    take(bench, text_of(good_offer));
    assert_has_line(bench, "a=fmtp:97 packetization-mode=1;profile-level-id=42e01f;"
                           "x-google-start-bitrate=2500");
    mem_free(bench);
}

static void transport_cc_needs_its_extension(void **state)
{
    (void)state;
    char memory[TEXT_CAP];
    struct bench *bench = bench_create();

    take(bench, replace(text_of(good_offer), "a=rtpmap:97",
                        "a=rtcp-fb:* transport-cc\r\na=rtcp-fb:* nack\r\na=rtpmap:97", memory));
    assert_has_line(bench, "a=rtcp-fb:97 nack");
    assert_has_not(bench, "transport-cc");
    mem_free(bench);
}

static void sections_of_no_use_are_answered_with_port_0(void **state)
{
    (void)state;
    char memory[TEXT_CAP], memory2[TEXT_CAP];
    struct bench *bench = bench_create();
    struct text offer =
        replace(text_of(good_offer), "m=video",
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\nm=video", memory);

    take(bench, replace(offer, "BUNDLE a v", "BUNDLE d a v", memory2));
    assert_has_line(bench, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    assert_has_line(bench, "a=group:BUNDLE a v");

    take(bench,
         replace(text_of(good_offer), "a=mid:a\r\na=sendonly", "a=mid:a\r\na=recvonly", memory));
    assert_null(bench->choice.audio.section);
    assert_has_line(bench, "m=audio 0 UDP/TLS/RTP/SAVPF 111");
    mem_free(bench);
}

static void offer_of_sound_alone_is_taken(void **state)
{
    (void)state;
    char memory[TEXT_CAP];
    struct text offer = text_of(good_offer);
    struct bench *bench = bench_create();

    take(bench, text_sub(offer, 0, 0 + (size_t)(strstr(good_offer, "m=video") - good_offer)));
    assert_null(bench->choice.video.section);
    assert_non_null(bench->choice.audio.section);

    /* Alone it needs no bundle, and no mid. */
    offer = text_sub(offer, 0, (size_t)(strstr(good_offer, "m=video") - good_offer));
    offer = replace(offer, "a=group:BUNDLE a v\r\n", "", memory);
    take(bench, offer);
    assert_has_not(bench, "BUNDLE");
    mem_free(bench);
}

static void refusals_have_one_clear_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        enum err err;
        const char *sentence;
    } cases[] = {
        {"a=rtpmap:97 H264", "a=rtpmap:97 VP9", ERR_UNSUPPORTED,
         "Your browser offered only VP8 and VP9 for video; enable H.264."},
        {"packetization-mode=1;profile-level-id=42e01f", "packetization-mode=2", ERR_UNSUPPORTED,
         "enable H.264."},
        {"profile-level-id=42e01f", "profile-level-id=f4e01f", ERR_UNSUPPORTED, "enable H.264."},
        {"profile-level-id=42e01f", "profile-level-id=zz", ERR_UNSUPPORTED, "enable H.264."},
        {"opus/48000/2", "PCMU/8000", ERR_UNSUPPORTED, "only PCMU for audio; enable Opus."},
        {"a=group:BUNDLE a v\r\n", "", ERR_UNSUPPORTED, "bundle"},
        {"BUNDLE a v", "BUNDLE a", ERR_UNSUPPORTED, "bundle"},
        {"a=rtcp-mux\r\n", "", ERR_UNSUPPORTED, "a=rtcp-mux"},
        {"a=fingerprint:sha-256 " FINGERPRINT "\r\n", "", ERR_UNSUPPORTED, "lacks a=fingerprint"},
        {"sha-256", "sha-1", ERR_UNSUPPORTED, "not sha-256"},
        {"E0:C3", "E0:C", ERR_MALFORMED, "fingerprint"},
        {"E0:C3", "E0:XX", ERR_MALFORMED, "fingerprint"},
        {"E0:C3", "E0-C3", ERR_MALFORMED, "fingerprint"},
        {"a=ice-ufrag:abcd\r\n", "", ERR_UNSUPPORTED, "lacks a=ice-ufrag"},
        {"a=ice-pwd:0123456789012345678901\r\n", "", ERR_UNSUPPORTED, "ice-pwd"},
        {"a=ice-ufrag:abcd", "a=ice-ufrag:abc", ERR_MALFORMED, "ice-ufrag"},
        {"a=ice-ufrag:abcd", "a=ice-ufrag:ab:cd", ERR_MALFORMED, "ice-ufrag"},
        {"0123456789012345678901", "012345678901234567890", ERR_MALFORMED, "ice-pwd"},
        {"setup:actpass", "setup:passive", ERR_UNSUPPORTED, "must be actpass or active"},
        {"setup:actpass", "setup:holdconn", ERR_UNSUPPORTED, "must be actpass or active"},
        {"setup:actpass", "setup:maybe", ERR_MALFORMED, "none of"},
        {"a=setup", "a=ice-lite\r\na=setup", ERR_UNSUPPORTED, "ICE-lite"},
        {"m=audio", "m=video", ERR_UNSUPPORTED, "more than one video"},
        {"m=video", "m=audio", ERR_UNSUPPORTED, "more than one audio"},
        {"m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP", ERR_UNSUPPORTED, "not WebRTC"},
        {"m=audio 9", "m=audio x", ERR_MALFORMED, "m= line"},
        {"m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF", ERR_MALFORMED,
         "without formats"},
        {"opus/48000/2", "opus/0/2", ERR_MALFORMED, "rtpmap"},
        {"a=mid:a", "a=mid:a b", ERR_MALFORMED, "mid"},
        {"v=0", "v=1", ERR_MALFORMED, "v=0"},
        {"s=-", "s", ERR_MALFORMED, "no SDP"},
        {"s=-", "s=\x01", ERR_MALFORMED, "control character"},
    };
    char memory[TEXT_CAP];
    struct bench *bench = bench_create();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text offer = replace(text_of(good_offer), cases[i].from, cases[i].to, memory);
        struct diag diag = {0};
        enum err err = sdp_parse(offer, &bench->offer, &diag);

        if (err == OK)
            err = sdp_choose(&bench->offer, &bench->choice, &diag);
        if (!text_contains(text_of(diag.message), text_of(cases[i].sentence)))
            print_error("\"%s\" instead of \"%s\"\n", diag.message, cases[i].sentence);
        assert_err(err, cases[i].err);
        assert_true(text_contains(text_of(diag.message), text_of(cases[i].sentence)));
    }
    mem_free(bench);
}

static void malformed_line_is_named_by_its_number(void **state)
{
    (void)state;
    struct bench *bench = bench_create();
    struct diag diag = {0};

    assert_err(sdp_parse(TEXT("v=0\r\ns=-\r\nhello\r\n"), &bench->offer, &diag), ERR_MALFORMED);
    assert_int_equal(diag.line, 3);
    mem_free(bench);
}

static void offer_without_media_is_refused(void **state)
{
    (void)state;
    struct bench *bench = bench_create();
    struct diag diag = {0};

    assert_ok(sdp_parse(TEXT("v=0\n"), &bench->offer, &diag));
    assert_err(sdp_choose(&bench->offer, &bench->choice, &diag), ERR_UNSUPPORTED);
    assert_text(text_of(diag.message), "The offer sends neither video nor audio.");
    assert_err(sdp_parse(TEXT(""), &bench->offer, &diag), ERR_MALFORMED);
    mem_free(bench);
}

static void sizes_are_limited(void **state)
{
    (void)state;
    static char memory[WEBRTC_OFFER_LEN_MAX + 1];
    struct bench *bench = bench_create();
    struct diag diag = {0};
    struct writer w = writer_fixed(memory, sizeof(memory));

    memset(memory, 'a', sizeof(memory));
    assert_err(sdp_parse((struct text){memory, sizeof(memory)}, &bench->offer, &diag), ERR_LIMIT);

    writer_str(&w, "v=0\n");
    for (int i = 0; i <= SDP_SECTIONS_MAX; i++)
        writer_str(&w, "m=audio 9 UDP/TLS/RTP/SAVPF 1\n");
    assert_err(sdp_parse(writer_as_text(&w), &bench->offer, &diag), ERR_LIMIT);

    w = writer_fixed(memory, sizeof(memory));
    writer_str(&w, "v=0\na=");
    for (int i = 0; i < SDP_LINE_LEN_MAX; i++)
        writer_char(&w, 'x');
    assert_err(sdp_parse(writer_as_text(&w), &bench->offer, &diag), ERR_LIMIT);

    w = writer_fixed(memory, sizeof(memory));
    writer_str(&w, "v=0\n");
    for (int i = 0; i < SDP_LINES_MAX; i++)
        writer_str(&w, "b=x\n");
    assert_err(sdp_parse(writer_as_text(&w), &bench->offer, &diag), ERR_LIMIT);
    mem_free(bench);
}

static void each_truncation_is_refused_or_taken_in_order(void **state)
{
    (void)state;
    static char memory[TEXT_CAP];
    struct bench *bench = bench_create();
    struct text offer = read_offer("chromium.sdp", memory);

    for (size_t len = 0; len < offer.len; len++) {
        struct diag diag = {0};
        enum err err = sdp_parse(text_sub(offer, 0, len), &bench->offer, &diag);

        if (err == OK)
            err = sdp_choose(&bench->offer, &bench->choice, &diag);
        assert_true(err == OK || diag.message[0] != '\0');
    }
    mem_free(bench);
}

static void fragments_are_read_and_written(void **state)
{
    (void)state;
    struct sdp_frag frag;
    struct diag diag = {0};

    assert_ok(sdp_frag_parse(TEXT("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
                                  "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
                                  "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"
                                  "a=candidate:2 1 tcp 1518280447 x.local 9 typ host tcptype "
                                  "active\r\na=end-of-candidates\r\n"),
                             &frag, &diag));
    assert_text(frag.ufrag, "EsAw");
    assert_int_equal(frag.candidate_count, 2);
    assert_true(frag.has_end_of_candidates);

    static const char *const bad[] = {
        "",
        "v=0\r\n",
        "a=ice-ufrag:EsAw\r\n",
        "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
        "a=ice-ufrag:x\r\n",
        "a=candidate:1 1 udp\r\n",
        "a=candidate:1 999 udp 1 192.0.2.1 61764 typ host\r\n",
        "a=candidate:1 1 udp 1 192.0.2.1 70000 typ host\r\n",
        "a=candidate:1 1 udp 1 192.0.2.1 7000 tip host\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        diag.message[0] = '\0';
        assert_err(sdp_frag_parse(text_of(bad[i]), &frag, &diag), ERR_MALFORMED);
        assert_true(diag.message[0] != '\0');
    }

    char memory[1024];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct webrtc_candidate candidate = {0};
    struct sdp_local local = {.ufrag = TEXT("ourufrag"),
                              .pwd = TEXT("ourpassword2345678901234567890ab"),
                              .candidates = &candidate,
                              .candidate_count = 1};
    assert_true(webrtc_address_parse(TEXT("192.0.2.1"), 8189, 0, &candidate.address));
    sdp_frag_write(&w, TEXT("a v"), TEXT("audio"), &local);
    assert_ok(sdp_frag_parse(writer_as_text(&w), &frag, &diag));
    assert_text(frag.ufrag, "ourufrag");
    assert_int_equal(frag.candidate_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_dialect_gets_h264_and_opus),
        TEST_CASE(answer_to_chromium_says_all_that_it_must),
        TEST_CASE(level_is_mirrored_without_asymmetry),
        TEST_CASE(transport_cc_needs_its_extension),
        TEST_CASE(sections_of_no_use_are_answered_with_port_0),
        TEST_CASE(offer_of_sound_alone_is_taken),
        TEST_CASE(refusals_have_one_clear_sentence),
        TEST_CASE(malformed_line_is_named_by_its_number),
        TEST_CASE(offer_without_media_is_refused),
        TEST_CASE(sizes_are_limited),
        TEST_CASE(each_truncation_is_refused_or_taken_in_order),
        TEST_CASE(fragments_are_read_and_written),
    };
    return RUN_TESTS("webrtc_sdp", tests);
}
