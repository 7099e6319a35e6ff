/*
 * What a peer sends, whole and in pieces: both ways give the same events, the same answers, the
 * same error and the same counts. The first byte of the input chooses how the owner answers, how
 * large the pieces are, and whether a plain handshake (high bit) was already made; the rest is the
 * peer's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "rtmp/rtmp.h"
#include "support/rtmp_recorder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_LEN_MAX = 65536, BUFFERED_MAX = 1 << 20, HANDSHAKE_LEN = 1 + 2 * 1536 };

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Feeds pieces of `step` bytes until the end or an error. */
static enum err feed(struct rtmp_recorder *recorder, const uint8_t *data, size_t size, size_t step)
{
    enum err err = OK;

    for (size_t at = 0; at < size && !err; at += step)
        err = rtmp_session_receive(recorder->session, data + at,
                                   size - at < step ? size - at : step, 0);
    if (!err && recorder->answer == RTMP_RECORDER_WAITS)
        rtmp_session_accept(recorder->session);
    return err;
}

static void shake_hands(struct rtmp_recorder *recorder)
{
    static const uint8_t handshake[HANDSHAKE_LEN] = {3};

    require(rtmp_session_receive(recorder->session, handshake, sizeof(handshake), 0) == OK);
    writer_clear(rtmp_session_output(recorder->session));
}

static void compare(const struct rtmp_recorder *a, const struct rtmp_recorder *b)
{
    const struct rtmp_stats *stats_a = rtmp_session_stats(a->session);
    const struct rtmp_stats *stats_b = rtmp_session_stats(b->session);

    require(text_equal(writer_as_text(&a->events), writer_as_text(&b->events)));
    require(text_equal(writer_as_text(rtmp_session_output(a->session)),
                       writer_as_text(rtmp_session_output(b->session))));
    require(memcmp(stats_a, stats_b, sizeof(*stats_a)) == 0);
    require(rtmp_session_deadline_us(a->session) == rtmp_session_deadline_us(b->session));
}

static void check_counts(const struct rtmp_recorder *recorder, enum err err)
{
    const struct rtmp_stats *stats = rtmp_session_stats(recorder->session);

    require(recorder->end_count <= recorder->publish_count);
    require(stats->video_count + stats->audio_count == recorder->sample_count);
    require(rtmp_session_output(recorder->session)->len <= RTMP_OUTPUT_LEN_MAX);
    if (err && recorder->answer == RTMP_RECORDER_ACCEPTS)
        require(recorder->end_count == recorder->publish_count);
    if (recorder->publish_count == 0)
        require(recorder->sample_count == 0 && recorder->format_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 3, 7, 19, 128, 1000, 4096};
    const struct rtmp_config config = {.message_len_max = BUFFERED_MAX,
                                       .buffered_max = BUFFERED_MAX};
    struct rtmp_recorder whole, pieces;
    size_t blocks_before = mem_live_blocks();

    if (size == 0 || size > INPUT_LEN_MAX)
        return 0;
    enum rtmp_recorder_answer answer = (enum rtmp_recorder_answer)((data[0] & 127) % 3 + 1);
    size_t step = steps[(data[0] & 127) / 3 % 8];
    bool is_past_handshake = data[0] & 128;

    rtmp_recorder_init(&whole, answer, &config, 0);
    rtmp_recorder_init(&pieces, answer, &config, 0);
    if (is_past_handshake) {
        shake_hands(&whole);
        shake_hands(&pieces);
    }
    enum err err = feed(&whole, data + 1, size - 1, INPUT_LEN_MAX);
    require(feed(&pieces, data + 1, size - 1, step) == err);
    check_counts(&whole, err);
    compare(&whole, &pieces);
    rtmp_recorder_deinit(&whole);
    rtmp_recorder_deinit(&pieces);
    require(mem_live_blocks() == blocks_before);
    return 0;
}
