#include "rtmp/rtmp.h"

#include <string.h>

#include "support/rtmp_client.h"
#include "support/rtmp_recorder.h"
#include "support/test.h"

static const struct rtmp_config config = {.seed = {4, 2}};

/* hvcC of 320x180, main profile, without the parameter sets, which nobody looks at here */
#define HVCC "01 01600000009000000000003f f000 fcfd f8f8 0000 0f 00"
#define AV1C "81 00 0c 00"

struct fixture {
    struct rtmp_client client;
    struct rtmp_recorder recorder;
};

/* A session that publishes already. */
static struct fixture *begin(void)
{
    static struct fixture f;

    f = (struct fixture){.client = rtmp_client_new()};
    rtmp_recorder_init(&f.recorder, RTMP_RECORDER_ACCEPTS, &config, 0);
    rtmp_client_start(&f.client, "live", "key");
    assert_ok(rtmp_session_receive(f.recorder.session, f.client.out.data, f.client.out.len, 0));
    writer_clear(&f.client.out);
    writer_clear(&f.recorder.events);
    return &f;
}

/* Delivers what the client wrote and compares the events; the digests at the ends of samples are
 * left out. */
static void assert_events(struct fixture *f, const char *wanted)
{
    char memory[4096];
    struct writer got = writer_fixed(memory, sizeof(memory));

    assert_ok(rtmp_session_receive(f->recorder.session, f->client.out.data, f->client.out.len, 0));
    writer_clear(&f->client.out);
    struct text rest = writer_as_text(&f->recorder.events);
    while (rest.len) {
        struct text line = text_cut(&rest, '\n');

        if (text_starts_with(line, TEXT("sample ")))
            line.len -= strlen(" sha=01234567");
        writer_text(&got, line);
        writer_char(&got, '\n');
    }
    assert_text(writer_as_text(&got), wanted);
    writer_clear(&f->recorder.events);
}

static void assert_payload(const struct fixture *f, const char *hex)
{
    uint8_t wanted[256];
    size_t len = test_unhex(hex, wanted, sizeof(wanted));

    assert_int_equal(f->recorder.last_payload.len, len);
    assert_memory_equal(f->recorder.last_payload.data, wanted, len);
}

static const struct rtmp_stats *stats(const struct fixture *f)
{
    return rtmp_session_stats(f->recorder.session);
}

static void end(struct fixture *f)
{
    rtmp_recorder_deinit(&f->recorder);
    rtmp_client_free(&f->client);
}

static void h264_and_aac_become_formats_and_samples(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_metadata(&f->client);
    rtmp_client_video_hex(&f->client, 0, "17 00 000000 01 4d401f ff e1 0001 67 01 0001 68");
    rtmp_client_audio_hex(&f->client, 0, "af 00 1190");
    rtmp_client_video_hex(&f->client, 0, "17 01 000042 00000003 65aabb");
    rtmp_client_audio_hex(&f->client, 21, "af 01 2112");
    rtmp_client_video_hex(&f->client, 33, "27 01 ffffdf 00000002 41cc"); /* composition -33 ms */
    rtmp_client_video_hex(&f->client, 66, "17 02 000000");               /* end of sequence */
    assert_events(
        f, "metadata 1280x720 fps=30.000 video=2500000 audio=160000 encoder=obs-output module\n"
           "format video h264 config=014d401fffe100016701000168\n"
           "format audio aac config=1190\n"
           "sample video dts=0 pts=66000 key len=7\n"
           "sample audio dts=21000 pts=21000 key len=2\n"
           "sample video dts=33000 pts=0 delta len=6\n");
    assert_payload(f, "00000002 41cc");
    assert_int_equal(stats(f)->video_count, 2);
    assert_int_equal(stats(f)->audio_count, 1);
    assert_int_equal(stats(f)->bad_count, 0);
    end(f);
}

static void a_payload_is_not_copied_out_of_its_message(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_avc_config(&f->client, 0);
    rtmp_client_avc_frame(&f->client, 0, 0, true, 5000);
    assert_ok(rtmp_session_receive(f->recorder.session, f->client.out.data, f->client.out.len, 0));
    const struct slice *payload = &f->recorder.last_payload;
    assert_int_equal(payload->len, 5004);
    assert_int_equal(payload->buf->len, 5 + 5004); /* the whole message, exactly */
    assert_ptr_equal(payload->data, payload->buf->data + 5);
    end(f);
}

static void a_repeated_configuration_is_no_event_and_a_new_one_is(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_audio_hex(&f->client, 0, "af 00 1190");
    rtmp_client_audio_hex(&f->client, 0, "af 00 1190");
    rtmp_client_audio_hex(&f->client, 0, "af 00 1210");
    assert_events(f, "format audio aac config=1190\n"
                     "format audio aac config=1210\n");
    end(f);
}

static void samples_without_configuration_are_dropped_and_counted(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_avc_frame(&f->client, 0, 0, true, 9);
    rtmp_client_aac_frame(&f->client, 0, 9);
    rtmp_client_audio_hex(&f->client, 0, "af 00 1190");
    rtmp_client_audio_hex(&f->client, 0, "91 4f707573 aa"); /* Opus frame in an AAC track */
    assert_events(f, "format audio aac config=1190\n");
    assert_int_equal(stats(f)->bad_count, 3);
    end(f);
}

static void configurations_that_make_no_sense_are_dropped(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "17 00 000000 01 4d401f ff e1");        /* too short */
    rtmp_client_video_hex(&f->client, 0, "17 00 000000 02 4d401f ff e1 000000"); /* version 2 */
    rtmp_client_video_hex(&f->client, 0, "17 00 000000 01 4d401f fe e1 000000"); /* lengths of 3 */
    rtmp_client_video_hex(&f->client, 0, "17 00 000000");
    rtmp_client_audio_hex(&f->client, 0, "af 00 11");
    rtmp_client_video_hex(&f->client, 0, "90 61763031 8100");
    assert_events(f, "");
    assert_int_equal(stats(f)->bad_count, 6);
    end(f);
}

static void length_fields_are_widened_to_four_bytes(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "17 00 000000 01 4d401f fd e1 000000"); /* two bytes */
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 0002 0605 0003 65aabb");
    assert_events(f, "format video h264 config=014d401fffe1000000\n"
                     "sample video dts=0 pts=0 key len=13\n");
    assert_payload(f, "00000002 0605 00000003 65aabb");
    rtmp_client_video_hex(&f->client, 0, "17 00 000000 01 4d401f fc e1 000000"); /* one byte */
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 01 67 03 65aabb");
    assert_events(f, "format video h264 config=014d401fffe1000000\n"
                     "sample video dts=0 pts=0 key len=7\n");
    assert_payload(f, "00000003 65aabb");
    end(f);
}

static void units_in_front_that_belong_elsewhere_are_cut_off(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_avc_config(&f->client, 0);
    /* AUD, SPS, PPS, then SEI and picture: the first three go */
    rtmp_client_video_hex(&f->client, 0,
                          "17 01 000000 00000002 09f0 00000001 67 00000001 68"
                          "00000002 0605 00000002 6588");
    rtmp_client_video_hex(&f->client, 40, "17 01 000000 00000002 09f0"); /* nothing is left */
    assert_ok(rtmp_session_receive(f->recorder.session, f->client.out.data, f->client.out.len, 0));
    assert_payload(f, "00000002 0605 00000002 6588");
    assert_int_equal(f->recorder.sample_count, 1);
    assert_int_equal(stats(f)->bad_count, 0);
    end(f);
}

static void unit_lengths_that_do_not_add_up_drop_the_sample(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "17 00 000000 01 4d401f ff e1 000000");
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 00000004 6588bb"); /* longer than the rest */
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 00000002 6588 00"); /* a rest */
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 00000000");         /* empty unit */
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 ffffffff 65");
    rtmp_client_video_hex(&f->client, 0, "17 01 000000 00000001 6588010203"); /* start codes */
    assert_events(f, "format video h264 config=014d401fffe1000000\n");
    assert_int_equal(stats(f)->bad_count, 5);
    end(f);
}

static void zero_length_media_are_silence(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_audio_hex(&f->client, 0, "");
    rtmp_client_video_hex(&f->client, 0, "");
    rtmp_client_audio_hex(&f->client, 0, "af 00 1190");
    rtmp_client_audio_hex(&f->client, 0, "af 01");
    assert_events(f, "format audio aac config=1190\n");
    assert_int_equal(stats(f)->bad_count, 0);
    end(f);
}

static void each_truncation_of_a_tag_header_is_dropped(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "17 01 000000",             /* legacy */
        "91 68766331 000000",       /* CodedFrames hvc1 */
        "93 68766331",              /* CodedFramesX */
        "97 02 0001f4 01 68766331", /* ModEx */
        "96 11 68766331 00 000001", /* Multitrack */
    };

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        uint8_t bytes[64];
        size_t len = test_unhex(tags[i], bytes, sizeof(bytes));

        for (size_t part = 1; part < len; part++) {
            struct fixture *f = begin();

            rtmp_client_message(&f->client, 6, 9, 0, 1, bytes, part);
            assert_events(f, "");
            /* a track cut off behind its type is one that is not there */
            assert_int_equal(stats(f)->bad_count + stats(f)->skipped_count, 1);
            end(f);
        }
    }
}

static void enhanced_h265_comes_with_and_without_composition_time(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "90 68766331 " HVCC);
    rtmp_client_video_hex(&f->client, 0, "91 68766331 000021 00000003 2601aa");
    rtmp_client_video_hex(&f->client, 33, "a3 68766331 00000003 0201aa");
    rtmp_client_video_hex(&f->client, 66, "92 68766331"); /* end of sequence */
    assert_events(f, "format video h265 config=0101600000009000000000003ff000fcfdf8f800000f00\n"
                     "sample video dts=0 pts=33000 key len=7\n"
                     "sample video dts=33000 pts=33000 delta len=7\n");
    assert_payload(f, "00000003 0201aa");
    assert_int_equal(stats(f)->bad_count, 0);
    end(f);
}

static void h265_under_codec_id_12_is_the_same(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "1c 00 000000 " HVCC);
    rtmp_client_video_hex(&f->client, 0, "1c 01 000021 00000002 4001 00000003 2601aa");
    assert_events(f, "format video h265 config=0101600000009000000000003ff000fcfdf8f800000f00\n"
                     "sample video dts=0 pts=33000 key len=7\n");
    assert_payload(f, "00000003 2601aa"); /* the VPS in front was cut off */
    end(f);
}

static void enhanced_av1_loses_its_temporal_delimiter(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "90 61763031 " AV1C);
    rtmp_client_video_hex(&f->client, 0, "91 61763031 1200 0a01aa");
    rtmp_client_video_hex(&f->client, 33, "a1 61763031 3201bb");
    rtmp_client_video_hex(&f->client, 33, "94 61763031 0200"); /* metadata: colour */
    assert_events(f, "format video av1 config=81000c00\n"
                     "sample video dts=0 pts=0 key len=3\n"
                     "sample video dts=33000 pts=33000 delta len=3\n");
    end(f);
}

static void enhanced_sound_is_aac_or_opus(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_audio_hex(&f->client, 0, "90 6d703461 1190");
    rtmp_client_audio_hex(&f->client, 0, "91 6d703461 2112");
    rtmp_client_audio_hex(&f->client, 20, "90 4f707573");        /* empty: default channels */
    rtmp_client_audio_hex(&f->client, 20, "94 4f707573 000200"); /* order of channels */
    rtmp_client_audio_hex(&f->client, 20, "91 4f707573 fcfffe");
    assert_events(f, "format audio aac config=1190\n"
                     "sample audio dts=0 pts=0 key len=2\n"
                     "format audio opus config=\n"
                     "sample audio dts=20000 pts=20000 key len=3\n");
    end(f);
}

static void modex_adds_nanoseconds(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "90 61763031 " AV1C);
    /* 3 bytes of data: 500,000 ns; type 0; then the real packet type 1 */
    rtmp_client_video_hex(&f->client, 10, "97 02 07a120 01 61763031 3200");
    /* an unknown ModEx of one byte before it */
    rtmp_client_video_hex(&f->client, 20, "97 00 ff 17 02 07a120 01 61763031 3200");
    /* an offset of a whole millisecond is not allowed, and ignored */
    rtmp_client_video_hex(&f->client, 30, "97 02 0f4240 01 61763031 3200");
    rtmp_client_audio_hex(&f->client, 30, "90 4f707573");
    rtmp_client_audio_hex(&f->client, 30, "97 02 0003e8 01 4f707573 fc"); /* 1000 ns */
    assert_events(f, "format video av1 config=81000c00\n"
                     "sample video dts=10500 pts=10500 key len=2\n"
                     "sample video dts=20500 pts=20500 key len=2\n"
                     "sample video dts=30000 pts=30000 key len=2\n"
                     "format audio opus config=\n"
                     "sample audio dts=30001 pts=30001 key len=1\n");
    end(f);
}

static void modex_may_be_long(void **state)
{
    (void)state;
    struct fixture *f = begin();
    uint8_t body[400] = {0x97, 0xff, 0x00, 0xff}; /* 256 bytes: said in the long form */
    size_t at = 4 + 256;

    memcpy(body + 4, "\x00\x03\xe8", 3); /* 1000 ns, and more that nobody knows */
    at += test_unhex("01 61763031 3200", body + at, sizeof(body) - at);
    rtmp_client_video_hex(&f->client, 0, "90 61763031 " AV1C);
    rtmp_client_message(&f->client, 6, 9, 0, 1, body, at);
    assert_events(f, "format video av1 config=81000c00\n"
                     "sample video dts=1 pts=1 key len=2\n");
    end(f);
}

static void vp9_is_handed_on(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "90 76703039 01000000 000a0802");
    rtmp_client_video_hex(&f->client, 7, "91 76703039 8249");
    assert_events(f, "format video vp9 config=01000000000a0802\n"
                     "sample video dts=7000 pts=7000 key len=2\n");
    end(f);
}

static void configurations_have_a_limit(void **state)
{
    (void)state;
    struct fixture *f = begin();
    static uint8_t body[2 + 16385] = {0xaf, 0};

    rtmp_client_message(&f->client, 4, 8, 0, 1, body, sizeof(body));
    assert_ok(rtmp_session_receive(f->recorder.session, f->client.out.data, f->client.out.len, 0));
    assert_int_equal(f->recorder.format_count, 0);
    assert_int_equal(stats(f)->bad_count, 1);
    end(f);
}

static void a_track_without_room_for_its_composition_time_is_dropped(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "96 11 68766331 00 000002 0000 aabbccdd");
    assert_events(f, "");
    assert_int_equal(stats(f)->bad_count, 1);
    end(f);
}

static void modex_without_end_is_skipped(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0,
                          "97 00ff17 00ff17 00ff17 00ff17 00ff17 00ff17 00ff17 00ff17 00ff17 00ff01"
                          "61763031 3200");
    assert_events(f, "");
    assert_int_equal(stats(f)->skipped_count, 1);
    end(f);
}

static void track_0_is_taken_of_many(void **state)
{
    (void)state;
    struct fixture *f = begin();

    /* one track: 0 is ours, 1 is not */
    rtmp_client_video_hex(&f->client, 0, "96 00 61763031 00 " AV1C);
    rtmp_client_video_hex(&f->client, 0, "96 00 61763031 01 81 01 0c 00");
    /* many tracks of one codec: the second is 0 */
    rtmp_client_video_hex(&f->client, 10,
                          "96 11 61763031 01 000002 3201 00 000003 3202aa 02 000001 32");
    /* many codecs: the FourCC stands before each track; composition time of hvc1 only */
    rtmp_client_video_hex(&f->client, 20,
                          "96 21 68766331 03 000004 00000000 61763031 00 000002 3203");
    /* no track 0 at all; a kind of multitrack that we do not know */
    rtmp_client_video_hex(&f->client, 30, "96 11 61763031 01 000002 3201");
    rtmp_client_video_hex(&f->client, 30, "96 31 61763031 00 000002 3201");
    assert_events(f, "format video av1 config=81000c00\n"
                     "sample video dts=10000 pts=10000 key len=3\n"
                     "sample video dts=20000 pts=20000 key len=2\n");
    assert_int_equal(stats(f)->skipped_count, 3);
    assert_int_equal(stats(f)->bad_count, 0);
    end(f);
}

static void a_track_longer_than_its_message_is_dropped(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "96 11 61763031 00 000009 3201");
    assert_events(f, "");
    assert_int_equal(stats(f)->bad_count, 1);
    end(f);
}

static void other_codecs_are_told_once_in_words(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_audio_hex(&f->client, 0, "2f aabb"); /* MP3 */
    rtmp_client_audio_hex(&f->client, 0, "2f aabb");
    rtmp_client_audio_hex(&f->client, 0, "91 61632d33 aabb"); /* ac-3: sound was told already */
    rtmp_client_video_hex(&f->client, 0, "12 aabb");          /* Sorenson H.263 */
    rtmp_client_video_hex(&f->client, 0, "91 76767631 000000 aabb"); /* vvc1 */
    rtmp_client_video_hex(&f->client, 0, "5f 00");                   /* a command: nothing */
    assert_events(f, "unsupported Audio codec MP3 is not supported; set the encoder to AAC.\n"
                     "unsupported Video codec id 2 is not supported; set the encoder to "
                     "H.264.\n");
    assert_int_equal(stats(f)->skipped_count, 5);
    end(f);

    f = begin();
    rtmp_client_video_hex(&f->client, 0, "91 0a766331 000000 aabb"); /* not printable */
    assert_events(f, "unsupported Video codec ?vc1 is not supported; set the encoder to H.264.\n");
    end(f);
}

static void unknown_packet_types_are_skipped(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_video_hex(&f->client, 0, "9f 61763031 00");
    rtmp_client_video_hex(&f->client, 0, "95 61763031 00"); /* MPEG-2 TS sequence start */
    rtmp_client_audio_hex(&f->client, 0, "9e 4f707573 00");
    assert_events(f, "");
    assert_int_equal(stats(f)->skipped_count, 3);
    end(f);
}

static void timestamps_wrap_into_64_bits(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_aac_config(&f->client, 0xfffffff0);
    rtmp_client_video_hex(&f->client, 0xfffffff0, "90 61763031 " AV1C);
    rtmp_client_aac_frame(&f->client, 0xfffffff0, 1);
    rtmp_client_aac_frame(&f->client, 5, 1);                         /* over the wrap */
    rtmp_client_video_hex(&f->client, 0xfffffffa, "91 61763031 32"); /* the other track not yet */
    rtmp_client_video_hex(&f->client, 27, "91 61763031 32");
    assert_events(f, "format audio aac config=1190\n"
                     "format video av1 config=81000c00\n"
                     "sample audio dts=4294967280000 pts=4294967280000 key len=1\n"
                     "sample audio dts=4294967301000 pts=4294967301000 key len=1\n"
                     "sample video dts=4294967290000 pts=4294967290000 key len=1\n"
                     "sample video dts=4294967323000 pts=4294967323000 key len=1\n");
    end(f);
}

static void timestamps_that_jump_or_repeat_are_handed_on(void **state)
{
    (void)state;
    struct fixture *f = begin();

    rtmp_client_aac_config(&f->client, 1000);
    rtmp_client_aac_frame(&f->client, 1000, 1);
    rtmp_client_aac_frame(&f->client, 1000, 1);
    rtmp_client_aac_frame(&f->client, 0, 1);          /* back */
    rtmp_client_aac_frame(&f->client, 0xffffffff, 1); /* 1 ms before 0, not 49 days after */
    rtmp_client_aac_frame(&f->client, 0x7ffffffe, 1); /* as far ahead as can be told */
    assert_events(f, "format audio aac config=1190\n"
                     "sample audio dts=1000000 pts=1000000 key len=1\n"
                     "sample audio dts=1000000 pts=1000000 key len=1\n"
                     "sample audio dts=0 pts=0 key len=1\n"
                     "sample audio dts=-1000 pts=-1000 key len=1\n"
                     "sample audio dts=2147483646000 pts=2147483646000 key len=1\n");
    end(f);
}

static void bad_metadata_harm_nobody(void **state)
{
    (void)state;
    struct fixture *f = begin();
    uint8_t body[128];
    size_t len =
        test_unhex("02 000a 6f6e4d65746144617461 03 0005 7769647468 00 4094", body, sizeof(body));

    rtmp_client_message(&f->client, 3, 18, 0, 1, body, len); /* cut short */
    rtmp_client_message(&f->client, 3, 18, 0, 1, "", 0);
    rtmp_client_message(&f->client, 3, 18, 0, 1, "\2\0\5hello", 8); /* something else */
    assert_events(f, "");
    assert_int_equal(stats(f)->bad_count, 2);

    /* width -1, height a string, framerate not a number; then an AMF3 wrapping of nothing */
    len = test_unhex("00 02 000a 6f6e4d65746144617461 03 0005 7769647468 00 bff0000000000000"
                     "0006 686569676874 02 0001 31  0009 6672616d6572617465 00 7ff8000000000000"
                     "0000 09",
                     body, sizeof(body));
    rtmp_client_message(&f->client, 3, 15, 0, 1, body, len);
    assert_events(f, "metadata 0x0 fps=0.000 video=0 audio=0 encoder=\n");
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(h264_and_aac_become_formats_and_samples),
        TEST_CASE(a_payload_is_not_copied_out_of_its_message),
        TEST_CASE(a_repeated_configuration_is_no_event_and_a_new_one_is),
        TEST_CASE(samples_without_configuration_are_dropped_and_counted),
        TEST_CASE(configurations_that_make_no_sense_are_dropped),
        TEST_CASE(length_fields_are_widened_to_four_bytes),
        TEST_CASE(units_in_front_that_belong_elsewhere_are_cut_off),
        TEST_CASE(unit_lengths_that_do_not_add_up_drop_the_sample),
        TEST_CASE(zero_length_media_are_silence),
        TEST_CASE(each_truncation_of_a_tag_header_is_dropped),
        TEST_CASE(enhanced_h265_comes_with_and_without_composition_time),
        TEST_CASE(h265_under_codec_id_12_is_the_same),
        TEST_CASE(enhanced_av1_loses_its_temporal_delimiter),
        TEST_CASE(enhanced_sound_is_aac_or_opus),
        TEST_CASE(modex_adds_nanoseconds),
        TEST_CASE(modex_may_be_long),
        TEST_CASE(vp9_is_handed_on),
        TEST_CASE(configurations_have_a_limit),
        TEST_CASE(a_track_without_room_for_its_composition_time_is_dropped),
        TEST_CASE(modex_without_end_is_skipped),
        TEST_CASE(track_0_is_taken_of_many),
        TEST_CASE(a_track_longer_than_its_message_is_dropped),
        TEST_CASE(other_codecs_are_told_once_in_words),
        TEST_CASE(unknown_packet_types_are_skipped),
        TEST_CASE(timestamps_wrap_into_64_bits),
        TEST_CASE(timestamps_that_jump_or_repeat_are_handed_on),
        TEST_CASE(bad_metadata_harm_nobody),
    };
    return RUN_TESTS("rtmp_ingest", tests);
}
