#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/writer.h"
#include "loop/pool.h"
#include "record/record.h"
#include "unit/record/shoot.h"

enum { CHANNEL = 7, BROADCAST = 12, DELETED_MAX = 16 };

/* A media loop with a recorder, and a broadcast that runs through it. */
struct stage {
    struct scratch scratch;
    char root[96];
    struct loop *loop;
    struct loop_timer timer;
    struct pool *pool;
    struct recorder *recorder;
    struct feed *feed;
    struct record_status status; /* the newest */
    struct record_status final;  /* the newest that is */
    size_t status_count;
    size_t final_count;
    uint64_t deleted[DELETED_MAX];
    size_t deleted_count;
    bool is_closed;
    sem_t may_go_on; /* of the thread, while it is held */
    struct pool_job holder;
    bool is_held;
};

static void on_status(void *ctx, const struct record_status *status)
{
    struct stage *stage = ctx;

    stage->status = *status;
    stage->status_count++;
    if (status->is_final)
        stage->final = *status;
    stage->final_count += status->is_final;
}

static void on_deleted(void *ctx, uint64_t channel_id, uint64_t broadcast_id)
{
    struct stage *stage = ctx;

    assert_int_equal(channel_id, CHANNEL);
    assert_true(stage->deleted_count < DELETED_MAX);
    stage->deleted[stage->deleted_count++] = broadcast_id;
}

static const struct recorder_handler handler = {on_status, on_deleted};

static void on_turn(struct loop_timer *timer)
{
    loop_stop(CONTAINER_OF(timer, struct stage, timer)->loop);
}

/* Lets the loop run for a millisecond. */
static void turn(struct stage *stage)
{
    loop_timer_set(stage->loop, &stage->timer, loop_now_us(stage->loop) + US_PER_MS, on_turn);
    loop_run(stage->loop);
}

#define WAIT_FOR(stage, condition)                                                                 \
    for (int turns = 0; !(condition); turns++) {                                                   \
        assert_true(turns < 30000);                                                                \
        turn(stage);                                                                               \
    }

static void create_recorder(struct stage *stage, const struct recorder_config *config)
{
    struct recorder_config with_root = *config;

    with_root.root = stage->root;
    stage->recorder = recorder_create(stage->loop, stage->pool, &with_root, &handler, stage);
}

static void open_stage(struct stage *stage, const struct recorder_config *config)
{
    *stage = (struct stage){0};
    scratch_make(&stage->scratch);
    (void)snprintf(stage->root, sizeof(stage->root), "%s/recordings", stage->scratch.path);
    assert_ok(loop_create("test", &stage->loop));
    assert_ok(pool_create("record", 1, 1000, &stage->pool));
    stage->feed = feed_create("va");
    create_recorder(stage, config);
}

static void on_closed(void *ctx)
{
    struct stage *stage = ctx;

    stage->is_closed = true;
}

/* Ends the recorder as a shutdown does, and waits for it. */
static void close_recorder(struct stage *stage)
{
    stage->is_closed = false;
    recorder_close(stage->recorder, on_closed, stage);
    WAIT_FOR(stage, stage->is_closed);
}

static void drop_stage(struct stage *stage)
{
    pool_destroy(stage->pool);
    loop_destroy(stage->loop);
    feed_destroy(stage->feed);
    scratch_remove(&stage->scratch);
}

static void close_stage(struct stage *stage)
{
    close_recorder(stage);
    drop_stage(stage);
}

static void show(struct stage *stage)
{
    if (feed_snapshot(stage->feed))
        recorder_on_snapshot(stage->recorder, CHANNEL, BROADCAST, feed_snapshot(stage->feed));
}

/* A picture each 33 ms; the recorder sees each snapshot. */
static void shoot_seconds(struct stage *stage, int seconds)
{
    for (int i = 0; i < 30 * seconds; i++) {
        int64_t frame = stage->feed->video_dts_us / 33333;

        if (feed_frame(stage->feed, frame % 30 == 0, 33334))
            show(stage);
    }
}

static void end_shoot(struct stage *stage)
{
    assert_true(hls_packager_finish(stage->feed->packager, stage->feed->now_us));
    show(stage);
}

static void wait_final(struct stage *stage)
{
    size_t before = stage->final_count;

    WAIT_FOR(stage, stage->final_count > before);
}

static void wait_bytes(struct stage *stage)
{
    WAIT_FOR(stage, stage->status.bytes != 0);
}

/* Nothing waits for the disk any more. */
static void wait_written(struct stage *stage)
{
    WAIT_FOR(stage, stage->status.state != RECORD_RUNNING ||
                        recorder_get_counters(stage->recorder).queued_bytes == 0);
}

/* The disk hangs. */
static void work_hold(struct pool_job *job)
{
    struct stage *stage = CONTAINER_OF(job, struct stage, holder);

    while (sem_wait(&stage->may_go_on) != 0)
        ;
}

static void done_hold(struct pool_job *job)
{
    CONTAINER_OF(job, struct stage, holder)->is_held = false;
}

static void hold_disk(struct stage *stage)
{
    assert_int_equal(sem_init(&stage->may_go_on, 0, 0), 0);
    stage->holder.work = work_hold;
    stage->holder.done = done_hold;
    stage->is_held = true;
    assert_ok(pool_submit(stage->pool, stage->loop, &stage->holder));
}

static void let_disk_go_on(struct stage *stage)
{
    (void)sem_post(&stage->may_go_on);
}

static struct recorded read_back(struct stage *stage)
{
    return recorded_read(&stage->scratch, "recordings/7/12");
}

/* The list has its durations in steps of ten microseconds. */
static void assert_near(int64_t got_us, int64_t wanted_us)
{
    assert_true(got_us - wanted_us < US_PER_MS && wanted_us - got_us < US_PER_MS);
}

static const struct recorder_config all = {.records_all = true};
static const struct recorder_config by_hand = {0};

static void whole_broadcast_is_on_the_disk(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 7);
    assert_int_equal(stage.status.state, RECORD_RUNNING);
    end_shoot(&stage);
    assert_true(recorder_end(stage.recorder, CHANNEL, BROADCAST));
    wait_final(&stage);
    assert_int_equal(stage.status.state, RECORD_ENDED);
    assert_true(stage.status.is_broadcast_over);
    assert_int_equal(stage.status.channel_id, CHANNEL);
    assert_int_equal(stage.status.broadcast_id, BROADCAST);

    struct recorded recorded = read_back(&stage);
    assert_true(recorded.has_end && recorded.header.is_ended);
    assert_int_equal(recorded.entries, 4);
    assert_int_equal(recorded.files, 1);
    assert_int_equal(recorded.discontinuities, 0);
    assert_near(recorded.duration_us, stage.status.duration_us);
    assert_true(recorded.duration_us > 6900000 && recorded.duration_us < 7100000);
    assert_false(recorder_end(stage.recorder, CHANNEL, BROADCAST)); /* it is told already */
    close_stage(&stage);
}

static void nothing_is_recorded_unless_asked(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &by_hand);

    shoot_seconds(&stage, 5);
    end_shoot(&stage);
    assert_false(recorder_end(stage.recorder, CHANNEL, BROADCAST));
    close_recorder(&stage);
    assert_int_equal(stage.status_count, 0);
    assert_false(scratch_has(&stage.scratch, "recordings"));
    drop_stage(&stage);
}

static void recording_by_hand_begins_with_the_next_segment(void **state)
{
    (void)state;
    struct stage stage;
    struct diag diag = {0};
    open_stage(&stage, &by_hand);

    shoot_seconds(&stage, 5); /* segments 1 and 2 are whole, 3 runs */
    assert_ok(recorder_start(stage.recorder, CHANNEL, BROADCAST, feed_snapshot(stage.feed), &diag));
    assert_int_equal(stage.status.state, RECORD_RUNNING);
    assert_ok(recorder_start(stage.recorder, CHANNEL, BROADCAST, feed_snapshot(stage.feed), &diag));
    shoot_seconds(&stage, 6); /* 4 and 5 become whole */
    recorder_stop(stage.recorder, CHANNEL, BROADCAST);
    wait_final(&stage);
    assert_false(stage.status.is_broadcast_over);
    struct recorded recorded = read_back(&stage);
    assert_int_equal(recorded.entries, 2);
    assert_true(recorded.has_end);
    assert_true(recorded.duration_us > 3900000 && recorded.duration_us < 4100000);
    shoot_seconds(&stage, 4); /* the broadcast goes on without it */
    assert_int_equal(read_back(&stage).entries, 2);
    close_stage(&stage);
}

static void recording_that_is_ended_by_hand_is_not_begun_again_by_itself(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 5);
    recorder_stop(stage.recorder, CHANNEL, BROADCAST);
    wait_final(&stage);
    size_t entries = read_back(&stage).entries;
    shoot_seconds(&stage, 5);
    end_shoot(&stage);
    assert_false(recorder_end(stage.recorder, CHANNEL, BROADCAST));
    assert_int_equal(read_back(&stage).entries, entries);
    close_stage(&stage);
}

static void recording_that_is_begun_again_goes_on_in_a_new_file(void **state)
{
    (void)state;
    struct stage stage;
    struct diag diag = {0};
    open_stage(&stage, &all);

    shoot_seconds(&stage, 5);
    recorder_stop(stage.recorder, CHANNEL, BROADCAST);
    assert_err(recorder_start(stage.recorder, CHANNEL, BROADCAST, feed_snapshot(stage.feed), &diag),
               ERR_CONFLICT);
    assert_true(text_contains(text_of(diag.message), TEXT("still being finished")));
    wait_final(&stage);
    assert_ok(recorder_start(stage.recorder, CHANNEL, BROADCAST, feed_snapshot(stage.feed), &diag));
    shoot_seconds(&stage, 5);
    end_shoot(&stage);
    wait_final(&stage);
    struct recorded recorded = read_back(&stage);
    assert_int_equal(recorded.files, 2);
    assert_int_equal(recorded.discontinuities, 1);
    assert_true(recorded.has_end);
    assert_near(recorded.duration_us, stage.status.duration_us);
    close_stage(&stage);
}

static void another_picture_begins_another_file(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 4);
    format_unref(stage.feed->video);
    stage.feed->video = feed_h264(feed_avcc_1080p);
    assert_ok(hls_packager_set_formats(stage.feed->packager, stage.feed->video, stage.feed->audio,
                                       stage.feed->now_us, NULL, NULL));
    show(&stage);
    shoot_seconds(&stage, 4);
    end_shoot(&stage);
    wait_final(&stage);
    struct recorded recorded = read_back(&stage);
    assert_int_equal(recorded.files, 2);
    assert_int_equal(recorded.maps, 2);
    assert_int_equal(recorded.discontinuities, 1);
    close_stage(&stage);
}

static void next_broadcast_of_the_channel_ends_the_recording_of_the_last(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 5);
    recorder_on_snapshot(stage.recorder, CHANNEL, BROADCAST + 1, feed_snapshot(stage.feed));
    wait_final(&stage);
    assert_int_equal(stage.final.broadcast_id, BROADCAST);
    assert_int_equal(recorder_get_counters(stage.recorder).running, 1);
    close_recorder(&stage);
    assert_true(read_back(&stage).has_end);
    assert_true(recorded_read(&stage.scratch, "recordings/7/13").has_end);
    drop_stage(&stage);
}

static void shutdown_finishes_what_runs(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 5);
    close_recorder(&stage);
    assert_true(read_back(&stage).has_end);
    assert_int_equal(read_back(&stage).entries, 2);
    drop_stage(&stage);
}

static void a_late_shutdown_drops_what_waits(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 3);
    wait_bytes(&stage);
    hold_disk(&stage);
    shoot_seconds(&stage, 6);
    recorder_drop_queue(stage.recorder);
    let_disk_go_on(&stage);
    close_recorder(&stage);
    assert_int_equal(read_back(&stage).entries, 1);
    assert_true(read_back(&stage).has_end);
    drop_stage(&stage);
}

static void slow_disk_ends_the_recording_and_not_the_broadcast(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    stage.feed->video_len = 100000; /* 6 MB a segment */
    shoot_seconds(&stage, 3);
    wait_bytes(&stage);
    hold_disk(&stage);
    for (int i = 0; i < 60 && stage.status.state == RECORD_RUNNING; i++)
        shoot_seconds(&stage, 1);
    assert_int_equal(stage.status.state, RECORD_FAILED);
    assert_text(text_of(stage.status.reason),
                "The disk for recordings is too slow: too much waited to be written.");
    assert_false(stage.status.is_final);
    assert_true(recorder_get_counters(stage.recorder).queued_bytes <= RECORD_QUEUE_BYTES_MAX);
    shoot_seconds(&stage, 3);
    let_disk_go_on(&stage);
    wait_final(&stage);
    /* What waited was written, and can be played. */
    assert_int_equal(stage.status.state, RECORD_FAILED);
    assert_true(read_back(&stage).has_end);
    assert_true(read_back(&stage).entries > 3);
    assert_int_equal(recorder_get_counters(stage.recorder).queued_bytes, 0);
    assert_int_equal(recorder_get_counters(stage.recorder).failed, 1);
    close_stage(&stage);
}

static void full_disk_ends_the_recording_with_what_was_written(void **state)
{
    (void)state;
    struct stage stage;
    struct rlimit before;
    open_stage(&stage, &all);

    /* A file may not grow beyond this: the write that passes it is cut short, as on a full disk. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 200000, .rlim_max = before.rlim_max};
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 120 && stage.status.state != RECORD_FAILED; i++) {
        shoot_seconds(&stage, 1);
        wait_written(&stage);
    }
    if (!stage.status.is_final)
        wait_final(&stage);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, old);
    assert_int_equal(stage.status.state, RECORD_FAILED);
    assert_text(text_of(stage.status.reason),
                "The recording has reached the size that the system allows a file.");
    struct recorded recorded = read_back(&stage);
    assert_true(recorded.has_end);
    assert_near(recorded.duration_us, stage.status.duration_us);
    assert_true(recorded.entries > 1);
    close_stage(&stage);
}

static void folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    scratch_write(&stage.scratch, "recordings", "no folder", 9);
    shoot_seconds(&stage, 3);
    wait_final(&stage);
    assert_int_equal(stage.status.state, RECORD_FAILED);
    assert_int_equal(stage.status.bytes, 0);
    assert_true(text_contains(text_of(stage.status.reason), TEXT("cannot be written")));
    close_stage(&stage);
}

static void two_servers_do_not_share_a_folder(void **state)
{
    (void)state;
    struct stage stage;
    struct pool *pool;
    open_stage(&stage, &all);
    struct recorder *first = stage.recorder;

    shoot_seconds(&stage, 3);
    wait_bytes(&stage);
    assert_ok(pool_create("second", 1, 1000, &pool));
    const struct recorder_config config = {.root = stage.root, .records_all = true};
    struct recorder *second = recorder_create(stage.loop, pool, &config, &handler, &stage);
    recorder_on_snapshot(second, CHANNEL, BROADCAST + 1, feed_snapshot(stage.feed));
    wait_final(&stage);
    assert_int_equal(stage.status.broadcast_id, BROADCAST + 1);
    assert_text(text_of(stage.status.reason), "Another server uses this folder of recordings.");
    stage.recorder = second;
    close_recorder(&stage);
    pool_destroy(pool);
    stage.recorder = first;
    close_stage(&stage);
}

/* ---- what is on the shelf ---- */

/* Records a broadcast of some seconds and waits for its end. */
static void record_broadcast(struct stage *stage, uint64_t broadcast_id)
{
    feed_destroy(stage->feed);
    stage->feed = feed_create("va");
    for (int i = 0; i < 30 * 5; i++)
        if (feed_frame(stage->feed, i % 30 == 0, 33334))
            recorder_on_snapshot(stage->recorder, CHANNEL, broadcast_id,
                                 feed_snapshot(stage->feed));
    assert_true(hls_packager_finish(stage->feed->packager, stage->feed->now_us));
    recorder_on_snapshot(stage->recorder, CHANNEL, broadcast_id, feed_snapshot(stage->feed));
    wait_final(stage);
}

static void crash_is_repaired_at_the_next_start(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    open_stage(&stage, &all);

    shoot_seconds(&stage, 7);
    close_recorder(&stage);
    char *list = scratch_read(&stage.scratch, "recordings/7/12/index.m3u8", &len);
    len = (size_t)(strstr(list, "#EXT-X-ENDLIST") - list);
    scratch_write(&stage.scratch, "recordings/7/12/index.m3u8", list, len - 30);
    mem_free(list);
    stage.final_count = 0;
    create_recorder(&stage, &all);
    wait_final(&stage);
    assert_true(stage.status.is_repaired);
    assert_int_equal(stage.status.state, RECORD_ENDED);
    assert_int_equal(stage.status.broadcast_id, BROADCAST);
    assert_int_equal(read_back(&stage).entries, 3);
    assert_true(read_back(&stage).has_end);
    assert_near(stage.status.duration_us, read_back(&stage).duration_us);
    close_stage(&stage);
}

static void start_leaves_whole_recordings_alone_and_counts_them(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    for (uint64_t id = 1; id <= 40; id++)
        record_broadcast(&stage, id);
    uint64_t bytes = recorder_get_counters(stage.recorder).bytes;
    close_recorder(&stage);
    scratch_make_folder(&stage.scratch, "recordings/lost+found"); /* nothing of ours */
    scratch_make_folder(&stage.scratch, "recordings/7/notes");
    stage.status_count = 0;
    create_recorder(&stage, &all);
    WAIT_FOR(&stage, recorder_get_counters(stage.recorder).recordings == 40);
    assert_true(recorder_get_counters(stage.recorder).bytes >= bytes);
    assert_int_equal(stage.status_count, 0);
    assert_int_equal(stage.deleted_count, 0);
    close_stage(&stage);
}

static void oldest_recordings_make_room_for_new_ones(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    record_broadcast(&stage, 1);
    uint64_t size = stage.status.bytes;
    close_recorder(&stage);
    create_recorder(&stage,
                    &(struct recorder_config){.records_all = true, .bytes_max = size * 5 / 2});
    record_broadcast(&stage, 2);
    assert_int_equal(stage.deleted_count, 0);
    record_broadcast(&stage, 3);
    assert_int_equal(stage.deleted_count, 1);
    assert_int_equal(stage.deleted[0], 1);
    record_broadcast(&stage, 4);
    assert_int_equal(stage.deleted[1], 2);
    assert_true(recorder_get_counters(stage.recorder).bytes <= size * 5 / 2);
    assert_false(scratch_has(&stage.scratch, "recordings/7/1"));
    assert_true(recorded_read(&stage.scratch, "recordings/7/4").has_end);
    close_stage(&stage);
}

static void recording_ends_when_there_is_no_room_left_at_all(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &(struct recorder_config){.records_all = true, .bytes_max = 150000});

    for (int i = 0; i < 60 && stage.status.state != RECORD_FAILED; i++) {
        shoot_seconds(&stage, 1);
        wait_written(&stage);
    }
    if (!stage.status.is_final)
        wait_final(&stage);
    assert_true(text_contains(text_of(stage.status.reason), TEXT("record.max_bytes")));
    assert_true(stage.status.bytes <= 150000);
    assert_true(read_back(&stage).has_end);
    close_stage(&stage);
}

static void old_recordings_are_deleted_after_their_time(void **state)
{
    (void)state;
    struct stage stage;
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    open_stage(&stage, &all);

    record_broadcast(&stage, 1);
    record_broadcast(&stage, 2);
    close_recorder(&stage);
    assert_int_equal(utimensat(stage.scratch.fd, "recordings/7/1/1.mp4", old, 0), 0);
    create_recorder(&stage, &(struct recorder_config){.records_all = true,
                                                      .keep_us = INT64_C(86400) * US_PER_S});
    WAIT_FOR(&stage, stage.deleted_count == 1);
    close_recorder(&stage);
    assert_int_equal(stage.deleted_count, 1);
    assert_int_equal(stage.deleted[0], 1);
    assert_true(scratch_has(&stage.scratch, "recordings/7/2/1.mp4"));
    drop_stage(&stage);
}

static void recordings_of_a_channel_are_deleted_but_for_the_one_that_runs(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, &all);

    for (uint64_t id = 1; id <= 6; id++)
        record_broadcast(&stage, id);
    feed_destroy(stage.feed);
    stage.feed = feed_create("va");
    stage.status.bytes = 0;
    shoot_seconds(&stage, 3);
    wait_bytes(&stage);
    recorder_delete(stage.recorder, CHANNEL, 3);
    recorder_delete(stage.recorder, CHANNEL, BROADCAST);
    WAIT_FOR(&stage, stage.deleted_count == 1);
    assert_int_equal(stage.deleted[0], 3);
    recorder_delete(stage.recorder, CHANNEL, 0);
    WAIT_FOR(&stage, stage.deleted_count == 6);
    close_recorder(&stage);
    assert_int_equal(stage.deleted_count, 6);
    assert_true(read_back(&stage).has_end);
    drop_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(whole_broadcast_is_on_the_disk),
        TEST_CASE(nothing_is_recorded_unless_asked),
        TEST_CASE(recording_by_hand_begins_with_the_next_segment),
        TEST_CASE(recording_that_is_ended_by_hand_is_not_begun_again_by_itself),
        TEST_CASE(recording_that_is_begun_again_goes_on_in_a_new_file),
        TEST_CASE(another_picture_begins_another_file),
        TEST_CASE(next_broadcast_of_the_channel_ends_the_recording_of_the_last),
        TEST_CASE(shutdown_finishes_what_runs),
        TEST_CASE(a_late_shutdown_drops_what_waits),
        TEST_CASE(slow_disk_ends_the_recording_and_not_the_broadcast),
        TEST_CASE(full_disk_ends_the_recording_with_what_was_written),
        TEST_CASE(folder_that_cannot_be_made_is_told),
        TEST_CASE(two_servers_do_not_share_a_folder),
        TEST_CASE(crash_is_repaired_at_the_next_start),
        TEST_CASE(start_leaves_whole_recordings_alone_and_counts_them),
        TEST_CASE(oldest_recordings_make_room_for_new_ones),
        TEST_CASE(recording_ends_when_there_is_no_room_left_at_all),
        TEST_CASE(old_recordings_are_deleted_after_their_time),
        TEST_CASE(recordings_of_a_channel_are_deleted_but_for_the_one_that_runs),
    };
    return RUN_TESTS("record_recorder", tests);
}
