/* The client with the real worker, whose path is in STOA_WORKER, on a real loop. */
#include "transcode/transcode.h"

#include <signal.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "media/format.h"
#include "media/sample.h"
#include "support/sound.h"
#include "support/test.h"

enum { PACKET_US = 20000, GIVE_UP_AFTER_S = 60 };

struct heard {
    size_t formats;
    size_t samples;
    size_t failures;
    size_t final_failures;
    size_t recoveries;
    int64_t last_dts_us;
};

struct scene {
    struct loop *loop;
    struct transcoder *transcoder;
    struct transcode_stream *stream;
    struct sound_source *source;
    struct heard heard;
    int64_t next_packet;
    struct loop_timer give_up;
    struct loop_timer feed;
    struct loop_timer clock;       /* reads, when the transcoder does not by itself */
    size_t clock_samples;          /* what it found */
    struct transcoder_stats stats; /* at the end */
    bool has_stopped;

    void (*on_sample)(struct scene *scene); /* what the test does after each sample */
    size_t kill_at;                         /* samples */
    size_t samples_at_recovery;
};

static void on_stopped(void *ctx)
{
    struct scene *scene = ctx;

    scene->has_stopped = true;
    loop_stop(scene->loop);
}

/* Ends the scene from within a callback; the loop returns when the worker has ended. */
static void wrap_up(struct scene *scene)
{
    scene->stats = transcoder_stats(scene->transcoder);
    loop_timer_cancel(&scene->feed);
    loop_timer_cancel(&scene->clock);
    transcoder_stop(scene->transcoder, on_stopped, scene);
}

static void on_time_to_wrap_up(struct loop_timer *timer)
{
    wrap_up(CONTAINER_OF(timer, struct scene, feed));
}

static void on_format(void *ctx, const struct format *format)
{
    struct scene *scene = ctx;

    assert_int_equal(format->codec, CODEC_AAC);
    assert_int_equal(format->sample_rate, 48000);
    assert_int_equal(format->channels, 2);
    assert_non_null(format->config);
    scene->heard.formats++;
}

static void on_sample(void *ctx, const struct sample *sample)
{
    struct scene *scene = ctx;

    assert_int_equal(scene->heard.formats > 0, 1);
    assert_true(sample->dts_us > scene->heard.last_dts_us);
    assert_true(sample->duration_us == 21333 || sample->duration_us == 21334);
    assert_true(sample->payload.len > 0);
    scene->heard.last_dts_us = sample->dts_us;
    scene->heard.samples++;
    if (scene->on_sample)
        scene->on_sample(scene);
}

static void on_failed(void *ctx, const char *reason, bool is_final)
{
    struct scene *scene = ctx;

    assert_non_null(reason);
    scene->heard.failures++;
    if (is_final) {
        scene->heard.final_failures++;
        transcode_close(scene->stream);
        wrap_up(scene);
    }
}

static void on_recovered(void *ctx)
{
    struct scene *scene = ctx;

    scene->heard.recoveries++;
    scene->samples_at_recovery = scene->heard.samples;
}

static const struct transcode_handler handler = {on_format, on_sample, on_failed, on_recovered};

static void on_give_up(struct loop_timer *timer)
{
    (void)timer;
    fail_msg("nothing happened for %d s", GIVE_UP_AFTER_S);
}

static void push_packet(struct scene *scene)
{
    size_t len;
    const uint8_t *bytes = sound_source_next(scene->source, 0, &len);
    struct sample *sample = sample_create(MEDIA_AUDIO, slice_take(buf_copy(bytes, len)));

    sample->dts_us = sample->pts_us = scene->next_packet++ * PACKET_US;
    transcode_push(scene->stream, sample);
    sample_unref(sample);
}

/* Five packets each 10 ms: ten times as fast as life. */
static void on_feed(struct loop_timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, feed);

    for (int i = 0; i < 5; i++)
        push_packet(scene);
    loop_timer_set(scene->loop, timer, loop_now_us(scene->loop) + 10 * US_PER_MS, on_feed);
}

static void begin(struct scene *scene, const char *worker_path, uint32_t channels)
{
    struct format *format = format_create(CODEC_OPUS, NULL);

    assert_non_null(worker_path);
    assert_ok(loop_create("test", &scene->loop));
    scene->heard.last_dts_us = INT64_MIN;
    scene->source = sound_source_create(2);
    scene->transcoder = transcoder_create(scene->loop, worker_path);
    format->sample_rate = 48000;
    format->channels = channels;
    assert_ok(transcode_open(scene->transcoder, format, &handler, scene, &scene->stream));
    format_unref(format);
    loop_timer_set(scene->loop, &scene->give_up,
                   loop_now_us(scene->loop) + GIVE_UP_AFTER_S * US_PER_S, on_give_up);
}

static void end(struct scene *scene)
{
    loop_run(scene->loop);
    assert_true(scene->has_stopped);
    loop_timer_cancel(&scene->give_up);
    loop_destroy(scene->loop);
    sound_source_destroy(scene->source);
}

static void stop_after_100(struct scene *scene)
{
    if (scene->heard.samples == 100)
        wrap_up(scene);
}

static void sound_goes_in_and_comes_out(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = stop_after_100};

    begin(&scene, getenv("STOA_WORKER"), 2);
    for (int i = 0; i < 150; i++)
        push_packet(&scene);
    end(&scene);
    assert_int_equal(scene.stats.samples_in, 150);
    assert_int_equal(scene.stats.samples_dropped, 0);
    assert_int_equal(scene.stats.samples_out, 100);
    assert_int_equal(scene.stats.worker_starts, 1);
    assert_true(scene.stats.worker_pid > 0);
    assert_int_equal(scene.heard.samples, 100); /* none after the stop */
    assert_int_equal(scene.heard.formats, 1);
    assert_int_equal(scene.heard.failures, 0);
}

static void kill_then_wait_for_recovery(struct scene *scene)
{
    if (scene->heard.samples == scene->kill_at)
        assert_int_equal(kill(transcoder_stats(scene->transcoder).worker_pid, SIGKILL), 0);
    if (scene->heard.recoveries && scene->heard.samples == scene->samples_at_recovery + 100)
        wrap_up(scene);
}

static void on_time_to_unclock(struct loop_timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, clock);

    assert_int_equal(scene->heard.samples, 0); /* nobody has read yet */
    transcoder_set_clocked(scene->transcoder, false);
}

static void on_clock(struct loop_timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, clock);
    size_t before = scene->heard.samples;

    loop_timer_set(scene->loop, timer, loop_now_us(scene->loop) + 20 * US_PER_MS, on_clock);
    transcoder_read(scene->transcoder); /* may end the scene, and the clock */
    scene->clock_samples += scene->heard.samples - before;
}

/* Three seconds of sound are pushed; nobody reads yet. */
static void begin_clocked(struct scene *scene)
{
    begin(scene, getenv("STOA_WORKER"), 2);
    transcoder_set_clocked(scene->transcoder, true);
    for (int i = 0; i < 150; i++)
        push_packet(scene);
}

static void clocked_transcoder_is_read_on_request_alone(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = stop_after_100};

    begin_clocked(&scene);
    on_clock(&scene.clock);
    end(&scene);
    assert_int_equal(scene.heard.samples, 100);
    assert_int_equal(scene.clock_samples, 100);
    assert_int_equal(scene.stats.samples_dropped, 0);
}

/* Its end is told at once, and what the old one had said is not lost for the new one. */
static void killed_worker_is_replaced_under_the_clock_too(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = kill_then_wait_for_recovery, .kill_at = 50};

    begin(&scene, getenv("STOA_WORKER"), 2);
    transcoder_set_clocked(scene.transcoder, true);
    on_feed(&scene.feed);
    on_clock(&scene.clock);
    end(&scene);
    assert_int_equal(scene.heard.failures, 1);
    assert_int_equal(scene.heard.recoveries, 1);
    assert_int_equal(scene.stats.worker_starts, 2);
}

/* What the worker said meanwhile comes when the clock is given up. */
static void unclocked_transcoder_reads_again_by_itself(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = stop_after_100};

    begin_clocked(&scene);
    loop_timer_set(scene.loop, &scene.clock, loop_now_us(scene.loop) + 300 * US_PER_MS,
                   on_time_to_unclock);
    end(&scene);
    assert_int_equal(scene.heard.samples, 100);
    assert_int_equal(scene.clock_samples, 0);
}

static void advance_costs_nothing_while_sound_comes(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = stop_after_100};

    begin(&scene, getenv("STOA_WORKER"), 2);
    for (int i = 0; i < 10; i++)
        push_packet(&scene);
    uint64_t queued = transcoder_stats(scene.transcoder).queue_bytes;
    for (int i = 0; i < 10; i++)
        transcode_advance(scene.stream, (int64_t)i * PACKET_US);
    assert_int_equal(transcoder_stats(scene.transcoder).queue_bytes, queued);
    /* But when none comes, silence does: from 200 ms to 2.3 s. */
    transcode_advance(scene.stream, 1200 * US_PER_MS);
    transcode_advance(scene.stream, 2300 * US_PER_MS);
    end(&scene);
    assert_int_equal(scene.heard.samples, 100);
}

static void killed_worker_is_replaced_and_the_sound_goes_on(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = kill_then_wait_for_recovery, .kill_at = 50};

    begin(&scene, getenv("STOA_WORKER"), 2);
    on_feed(&scene.feed);
    end(&scene);
    assert_int_equal(scene.heard.failures, 1);
    assert_int_equal(scene.heard.final_failures, 0);
    assert_int_equal(scene.heard.recoveries, 1);
    assert_int_equal(scene.heard.formats, 2);
    assert_int_equal(scene.stats.worker_starts, 2);
    assert_true(scene.stats.samples_dropped > 0);
}

static void refused_stream_is_told_once_and_for_good(void **state)
{
    (void)state;
    struct scene scene = {0};

    begin(&scene, getenv("STOA_WORKER"), 6);
    push_packet(&scene);
    end(&scene);
    assert_int_equal(scene.heard.failures, 1);
    assert_int_equal(scene.heard.final_failures, 1);
    assert_int_equal(scene.stats.streams, 0);
}

static void close_in_callback(struct scene *scene)
{
    transcode_close(scene->stream);
    loop_timer_set(scene->loop, &scene->feed, loop_now_us(scene->loop) + 50 * US_PER_MS,
                   on_time_to_wrap_up);
}

/* What the worker sent for it meanwhile is let pass. */
static void stream_may_be_closed_in_its_own_callback(void **state)
{
    (void)state;
    struct scene scene = {.on_sample = close_in_callback};

    begin(&scene, getenv("STOA_WORKER"), 2);
    for (int i = 0; i < 50; i++)
        push_packet(&scene);
    end(&scene);
    assert_int_equal(scene.heard.samples, 1);
    assert_int_equal(scene.stats.worker_starts, 1);
    assert_int_equal(scene.heard.failures, 0);
}

/* /bin/false ends at once, again and again. */
static void stop_after_two_starts(struct loop_timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, feed);

    if (transcoder_stats(scene->transcoder).worker_starts >= 2)
        wrap_up(scene);
    else
        loop_timer_set(scene->loop, timer, loop_now_us(scene->loop) + 10 * US_PER_MS,
                       stop_after_two_starts);
}

static void program_that_is_no_worker_is_tried_again(void **state)
{
    (void)state;
    struct scene scene = {0};

    begin(&scene, "/bin/false", 2);
    push_packet(&scene);
    stop_after_two_starts(&scene.feed);
    end(&scene);
    assert_int_equal(scene.heard.failures, 1); /* told once, not at each try */
    assert_int_equal(scene.heard.samples, 0);
}

static void stop_after_failure(void *ctx, const char *reason, bool is_final)
{
    struct scene *scene = ctx;

    (void)reason;
    assert_false(is_final);
    scene->heard.failures++;
    wrap_up(scene);
}

static void missing_worker_drops_and_counts(void **state)
{
    (void)state;
    static const struct transcode_handler stopping = {on_format, on_sample, stop_after_failure,
                                                      on_recovered};
    struct format *format = format_create(CODEC_OPUS, NULL);
    struct scene scene = {0};
    struct transcode_stream *second;

    begin(&scene, "/nonexistent/stoa-worker", 2);
    assert_ok(transcode_open(scene.transcoder, format, &stopping, &scene, &second));
    push_packet(&scene);
    end(&scene);
    assert_int_equal(scene.heard.failures, 2);
    assert_int_equal(scene.stats.samples_dropped, 1);
    assert_int_equal(scene.stats.worker_pid, 0);
    format_unref(format);
}

static void queue_is_bounded_and_overflow_is_counted(void **state)
{
    (void)state;
    struct scene scene = {0};
    struct sample *large = sample_create(MEDIA_AUDIO, slice_take(buf_create(60000)));

    memset(large->payload.buf->data, 0, 60000);
    begin(&scene, getenv("STOA_WORKER"), 2);
    for (int i = 0; i < 100; i++) /* the loop does not run: nothing is sent */
        transcode_push(scene.stream, large);
    struct transcoder_stats stats = transcoder_stats(scene.transcoder);
    assert_true(stats.queue_bytes <= TRANSCODE_QUEUE_MAX);
    assert_in_range(stats.samples_dropped, 80, 90);
    sample_unref(large);
    wrap_up(&scene);
    end(&scene);
}

static void what_no_worker_can_take_is_refused_at_once(void **state)
{
    (void)state;
    struct scene scene = {0};
    struct transcode_stream *stream;
    struct format *video = format_create(CODEC_H264, NULL);
    struct format *wide = format_create(CODEC_OPUS, buf_create(5000));

    begin(&scene, getenv("STOA_WORKER"), 2);
    assert_err(transcode_open(scene.transcoder, video, &handler, &scene, &stream), ERR_UNSUPPORTED);
    assert_err(transcode_open(scene.transcoder, wide, &handler, &scene, &stream), ERR_UNSUPPORTED);
    format_unref(video);
    format_unref(wide);
    wrap_up(&scene);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(sound_goes_in_and_comes_out),
        TEST_CASE(clocked_transcoder_is_read_on_request_alone),
        TEST_CASE(killed_worker_is_replaced_under_the_clock_too),
        TEST_CASE(unclocked_transcoder_reads_again_by_itself),
        TEST_CASE(advance_costs_nothing_while_sound_comes),
        TEST_CASE(killed_worker_is_replaced_and_the_sound_goes_on),
        TEST_CASE(refused_stream_is_told_once_and_for_good),
        TEST_CASE(stream_may_be_closed_in_its_own_callback),
        TEST_CASE(program_that_is_no_worker_is_tried_again),
        TEST_CASE(missing_worker_drops_and_counts),
        TEST_CASE(queue_is_bounded_and_overflow_is_counted),
        TEST_CASE(what_no_worker_can_take_is_refused_at_once),
    };
    return RUN_TESTS("transcode_transcode", tests);
}
