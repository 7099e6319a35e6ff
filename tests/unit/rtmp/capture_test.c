/*
 * What real encoders sent, taken from loopback: the events must stay what they were when they were
 * compared with what ffprobe says of the same stream. The captures are the seeds of the fuzz
 * target, whose first byte is not the encoder's.
 */
#include <stdio.h>

#include "rtmp/rtmp.h"
#include "support/rtmp_recorder.h"
#include "support/test.h"
#include "unit/rtmp/captures.h"

enum { FILE_LEN_MAX = 65536 };

static struct text read_file(const char *path, char memory[FILE_LEN_MAX])
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    size_t len = fread(memory, 1, FILE_LEN_MAX, file);
    (void)fclose(file);
    return (struct text){memory, len};
}

static void assert_capture(const char *capture_path, const char *events_path)
{
    static char capture_memory[FILE_LEN_MAX], events_memory[FILE_LEN_MAX];
    static const struct rtmp_config config = {.seed = {7}};
    struct text capture = read_file(capture_path, capture_memory);
    struct text wanted = read_file(events_path, events_memory);
    struct rtmp_recorder recorder;

    rtmp_recorder_init(&recorder, RTMP_RECORDER_ACCEPTS, &config, 0);
    assert_ok(rtmp_session_receive(recorder.session, capture.ptr + 1, capture.len - 1, 0));
    assert_true(recorder.sample_count > 60);
    assert_true(text_equal(writer_as_text(&recorder.events), wanted));
    assert_int_equal(rtmp_session_stats(recorder.session)->bad_count, 0);
    assert_int_equal(rtmp_session_stats(recorder.session)->skipped_count, 0);
    rtmp_recorder_deinit(&recorder);
}

static void ffmpeg_is_understood(void **state)
{
    (void)state;
    assert_capture(CAPTURES "/capture_ffmpeg_5.1", EVENTS "/ffmpeg_5.1.events");
}

static void librtmp_is_understood(void **state)
{
    (void)state;
    assert_capture(CAPTURES "/capture_librtmp_2.4", EVENTS "/librtmp_2.4.events");
}

static void gstreamer_is_understood(void **state)
{
    (void)state;
    assert_capture(CAPTURES "/capture_gstreamer_1.22", EVENTS "/gstreamer_1.22.events");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(ffmpeg_is_understood),
        TEST_CASE(librtmp_is_understood),
        TEST_CASE(gstreamer_is_understood),
    };
    return RUN_TESTS("rtmp_capture", tests);
}
