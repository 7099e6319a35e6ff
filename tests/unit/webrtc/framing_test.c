#include <string.h>

#include "base/writer.h"
#include "support/test.h"
#include "webrtc/webrtc.h"

enum { STREAM_CAP = 16 * 1024 };

/* What came out: each frame behind its length again. */
struct sink {
    uint8_t bytes[STREAM_CAP];
    struct writer w;
};

static void on_frame(void *ctx, uint8_t *frame, size_t len)
{
    struct sink *sink = ctx;
    uint8_t header[WEBRTC_FRAME_HEADER_LEN];

    webrtc_framing_write_header(len, header);
    writer_bytes(&sink->w, header, sizeof(header));
    writer_bytes(&sink->w, frame, len);
}

static size_t write_stream(uint8_t *to)
{
    static const size_t lens[] = {20, 0, 1, 1200, WEBRTC_DATAGRAM_LEN_MAX, 2, 257};
    struct writer w = writer_fixed(to, STREAM_CAP);

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        writer_u16(&w, (uint16_t)lens[i]);
        for (size_t k = 0; k < lens[i]; k++)
            writer_u8(&w, (uint8_t)(i * 31 + k));
    }
    assert_false(w.failed);
    return w.len;
}

static void each_way_to_split_the_stream_gives_the_same_frames(void **state)
{
    (void)state;
    static uint8_t stream[STREAM_CAP];
    static struct sink sink;
    size_t len = write_stream(stream);

    for (size_t step = 1; step <= len; step += step < 40 ? 1 : 97) {
        struct webrtc_framing framing = {0};

        sink.w = writer_fixed(sink.bytes, sizeof(sink.bytes));
        for (size_t at = 0; at < len; at += step)
            assert_ok(webrtc_framing_push(&framing, stream + at, len - at < step ? len - at : step,
                                          on_frame, &sink));
        assert_int_equal(sink.w.len, len);
        assert_memory_equal(sink.bytes, stream, len);
        webrtc_framing_deinit(&framing);
    }
}

static void frame_that_is_too_long_is_refused_at_once(void **state)
{
    (void)state;
    uint8_t header[] = {0x08, 0x01}; /* 2049 */
    static struct sink sink;
    struct webrtc_framing framing = {0};

    sink.w = writer_fixed(sink.bytes, sizeof(sink.bytes));
    assert_err(webrtc_framing_push(&framing, header, 2, on_frame, &sink), ERR_MALFORMED);
    webrtc_framing_deinit(&framing);

    assert_ok(webrtc_framing_push(&framing, header, 1, on_frame, &sink));
    assert_err(webrtc_framing_push(&framing, header + 1, 1, on_frame, &sink), ERR_MALFORMED);
    webrtc_framing_deinit(&framing);
    assert_int_equal(sink.w.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_way_to_split_the_stream_gives_the_same_frames),
        TEST_CASE(frame_that_is_too_long_is_refused_at_once),
    };
    return RUN_TESTS("webrtc_framing", tests);
}
