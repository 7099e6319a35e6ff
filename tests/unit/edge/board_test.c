#include "edge/board.h"

#include "base/clock.h"
#include "base/writer.h"
#include "edge/viewers.h"
#include "support/http_pipe.h"
#include "unit/hls/feed.h"

/* A board with one channel behind a server of pipes. */
struct stage {
    struct board board;
    struct viewers viewers;
    struct board_channel *channel;
    struct http_pipe pipe;
    struct http_pipe_end other;
    struct feed *feed;
    int64_t now_us;
};

static void on_file(struct http_request *request)
{
    struct stage *stage = http_owner(request);
    struct viewer *viewer = viewers_see(&stage->viewers, 1, 42, stage->now_us);

    board_serve(stage->channel, request, request->params[0], viewer, stage->now_us);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/{file}", 0, 0, on_file, NULL},
};

static void open_stage(struct stage *stage)
{
    struct http_server_params params = {
        .routes = routes,
        .routes_count = 1,
        .owner = stage,
        .config = http_config_default(),
    };

    *stage = (struct stage){.now_us = US_PER_S};
    stage->channel = board_find_or_create(&stage->board, 1);
    stage->feed = feed_create("v");
    http_pipe_open_with(&stage->pipe, &params);
    http_pipe_connect(&stage->pipe, &stage->other, "127.0.0.1");
    stage->pipe.current = &stage->pipe.end;
}

static void close_stage(struct stage *stage)
{
    board_deinit(&stage->board);
    http_pipe_close(&stage->pipe);
    http_pipe_end_deinit(&stage->other);
    viewers_deinit(&stage->viewers);
    feed_destroy(stage->feed);
}

static void get(struct stage *stage, const char *target)
{
    char request[256];
    int len = snprintf(request, sizeof(request), "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", target);

    http_pipe_send_bytes(stage->pipe.current, request, (size_t)len);
}

static void publish(struct stage *stage)
{
    board_set_snapshot(&stage->board, stage->channel, hls_snapshot_ref(feed_snapshot(stage->feed)));
    http_pipe_pass_ms(&stage->pipe, 0);
}

/* Pushes a frame of 30 fps; a key frame each two seconds. */
static void push_frames(struct stage *stage, int count)
{
    for (int i = 0; i < count; i++) {
        struct feed *feed = stage->feed;
        int64_t frame = feed->video_dts_us / 33334;

        (void)feed_push(feed, MEDIA_VIDEO, frame % 60 == 0, feed->video_dts_us, feed->video_dts_us,
                        500);
        feed->video_dts_us += 33334;
    }
}

static bool answered(struct stage *stage, const char *beginning)
{
    struct text output = http_pipe_output(&stage->pipe);

    return text_starts_with(output, text_of(beginning));
}

static void nothing_on_air_is_404_but_a_start_is_waited_for(void **state)
{
    (void)state;
    struct stage stage;

    open_stage(&stage);
    get(&stage, "index.m3u8");
    assert_true(answered(&stage, "HTTP/1.1 404 "));

    stage.channel->may_start = true;
    get(&stage, "index.m3u8");
    assert_int_equal(http_pipe_output(&stage.pipe).len, 0);
    push_frames(&stage, 20);
    publish(&stage);
    assert_true(answered(&stage, "HTTP/1.1 200 "));

    board_set_snapshot(&stage.board, stage.channel, NULL); /* and forgets the channel */
    stage.channel = board_find_or_create(&stage.board, 1);
    get(&stage, "e1-1.0.m4s");
    assert_true(answered(&stage, "HTTP/1.1 404 "));
    close_stage(&stage);
}

static void blocked_playlist_is_answered_by_the_part_it_waits_for(void **state)
{
    (void)state;
    struct stage stage;
    char target[80];

    open_stage(&stage);
    push_frames(&stage, 20);
    publish(&stage);
    uint64_t part = stage.channel->snapshot->running_count;
    (void)snprintf(target, sizeof(target), "live.m3u8?_HLS_msn=1&_HLS_part=%d", (int)part);
    get(&stage, target);
    stage.pipe.current = &stage.other;
    get(&stage, target);
    assert_int_equal(stage.channel->group_count, 1); /* both wait for the same */
    assert_int_equal(http_pipe_output(&stage.pipe).len, 0);

    push_frames(&stage, 6);
    publish(&stage);
    assert_int_equal(stage.channel->group_count, 0);
    (void)snprintf(target, sizeof(target), "e1-1.%d.m4s\"", (int)part);
    assert_true(text_contains(writer_as_text(&stage.pipe.end.output), text_of(target)));
    assert_true(text_contains(writer_as_text(&stage.other.output), text_of(target)));
    close_stage(&stage);
}

static void hinted_part_is_held_and_then_sent(void **state)
{
    (void)state;
    struct stage stage;
    char target[40];

    open_stage(&stage);
    push_frames(&stage, 20);
    publish(&stage);
    (void)snprintf(target, sizeof(target), "e1-1.%d.m4s",
                   (int)stage.channel->snapshot->running_count);
    get(&stage, target);
    assert_int_equal(http_pipe_output(&stage.pipe).len, 0);
    push_frames(&stage, 6);
    publish(&stage);
    assert_true(answered(&stage, "HTTP/1.1 200 "));
    get(&stage, "e1-9.0.m4s");
    assert_true(answered(&stage, "HTTP/1.1 404 "));
    close_stage(&stage);
}

static void rules_of_blocking_reload_are_kept(void **state)
{
    (void)state;
    struct stage stage;
    static const char *const bad[] = {
        "live.m3u8?_HLS_part=1", "live.m3u8?_HLS_msn=x", "live.m3u8?_HLS_msn=99",
        "live.m3u8?_HLS_msn=1&_HLS_part=1000000", "live.m3u8?_HLS_msn=1&_HLS_msn=2"};

    open_stage(&stage);
    push_frames(&stage, 20);
    publish(&stage);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        get(&stage, bad[i]);
        assert_true(answered(&stage, "HTTP/1.1 400 "));
    }
    close_stage(&stage);
}

static void who_waits_too_long_gets_503(void **state)
{
    (void)state;
    struct stage stage;

    open_stage(&stage);
    push_frames(&stage, 20);
    publish(&stage);
    get(&stage, "live.m3u8?_HLS_msn=2");
    board_expire(&stage.board, stage.now_us + 5 * US_PER_S);
    http_pipe_pass_ms(&stage.pipe, 0);
    assert_int_equal(http_pipe_output(&stage.pipe).len, 0);
    board_expire(&stage.board, stage.now_us + 7 * US_PER_S);
    http_pipe_pass_ms(&stage.pipe, 0);
    assert_true(answered(&stage, "HTTP/1.1 503 "));
    close_stage(&stage);
}

static uint32_t count_waiting(struct stage *stage)
{
    struct edge_report *report = viewers_report(&stage->viewers, stage->now_us);
    uint32_t waiting = report->count ? report->viewers[0].waiting : UINT32_MAX;

    mem_free(report);
    return waiting;
}

static void each_player_behind_one_address_counts_while_it_waits(void **state)
{
    (void)state;
    struct stage stage;

    open_stage(&stage);
    push_frames(&stage, 20);
    publish(&stage);
    get(&stage, "live.m3u8?_HLS_msn=2");
    stage.pipe.current = &stage.other;
    get(&stage, "live.m3u8?_HLS_msn=2");
    assert_int_equal(count_waiting(&stage), 2);
    http_pipe_send_fin(&stage.other); /* one leaves */
    http_pipe_pass_ms(&stage.pipe, 0);
    assert_int_equal(count_waiting(&stage), 1);
    push_frames(&stage, 120); /* the segment that is asked for is whole */
    publish(&stage);
    assert_int_equal(count_waiting(&stage), 0);
    close_stage(&stage);
}

static void viewer_is_forgotten_after_ten_seconds(void **state)
{
    (void)state;
    struct viewers viewers = {0};

    assert_non_null(viewers_see(&viewers, 1, 5, 0));
    assert_non_null(viewers_see(&viewers, 2, 5, 9 * US_PER_S));
    struct edge_report *report = viewers_report(&viewers, 11 * US_PER_S);
    assert_int_equal(report->count, 1);
    assert_int_equal(report->viewers[0].channel_id, 2);
    mem_free(report);
    viewers_deinit(&viewers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(nothing_on_air_is_404_but_a_start_is_waited_for),
        TEST_CASE(blocked_playlist_is_answered_by_the_part_it_waits_for),
        TEST_CASE(hinted_part_is_held_and_then_sent),
        TEST_CASE(rules_of_blocking_reload_are_kept),
        TEST_CASE(who_waits_too_long_gets_503),
        TEST_CASE(each_player_behind_one_address_counts_while_it_waits),
        TEST_CASE(viewer_is_forgotten_after_ten_seconds),
    };
    return RUN_TESTS("edge_board", tests);
}
