#include "edge/recordings.h"

#include "base/clock.h"
#include "loop/pool.h"
#include "support/http_pipe.h"
#include "unit/record/shoot.h"

/* A server of pipes, in front of a folder with the recording of broadcast 12 of channel 7. */
struct stage {
    struct scratch scratch;
    struct shoot shoot;
    struct record_folder folder;
    struct loop *loop;
    struct loop_timer timer;
    struct pool *pool;
    struct recordings *recordings;
    struct http_pipe pipe;
    char *video; /* what 1.mp4 holds */
    size_t video_len;
};

static void on_file(struct http_request *request)
{
    struct stage *stage = http_owner(request);

    recordings_serve(stage->recordings, request);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/recordings/{channel}/{broadcast}/{file}", 0, 0, on_file, NULL},
};

static void open_server(struct stage *stage, size_t queue_max)
{
    const struct http_server_params params = {
        .routes = routes,
        .routes_count = 1,
        .owner = stage,
        .config = http_config_default(),
    };

    assert_ok(loop_create("test", &stage->loop));
    assert_ok(pool_create("files", 1, queue_max, &stage->pool));
    stage->recordings = recordings_create(stage->loop, stage->pool, stage->scratch.path);
    http_pipe_open_with(&stage->pipe, &params);
}

static void open_stage(struct stage *stage)
{
    *stage = (struct stage){0};
    scratch_make(&stage->scratch);
    shoot_begin(&stage->shoot, "v");
    stage->shoot.feed->video_len = 10000; /* many chunks */
    shoot_segments(&stage->shoot, 2);
    assert_ok(folder_open(&stage->folder, stage->scratch.fd, 7, 12, NULL));
    for (size_t i = 0; i < 2; i++)
        assert_ok(folder_append(&stage->folder, stage->shoot.segments.items[i], false, 2 * US_PER_S,
                                NULL));
    stage->video = scratch_read(&stage->scratch, "7/12/1.mp4", &stage->video_len);
    assert_true(stage->video_len > 1000000);
    open_server(stage, 100);
}

static void close_server(struct stage *stage)
{
    http_pipe_close(&stage->pipe);
    recordings_destroy(stage->recordings);
    pool_destroy(stage->pool);
    loop_destroy(stage->loop);
}

static void close_stage(struct stage *stage)
{
    close_server(stage);
    mem_free(stage->video);
    folder_deinit(&stage->folder);
    shoot_end(&stage->shoot);
    scratch_remove(&stage->scratch);
}

static void on_turn(struct loop_timer *timer)
{
    loop_stop(CONTAINER_OF(timer, struct stage, timer)->loop);
}

/* Lets the pool work, and the server answer, for a millisecond. */
static void turn(struct stage *stage)
{
    loop_timer_set(stage->loop, &stage->timer, loop_now_us(stage->loop) + US_PER_MS, on_turn);
    loop_run(stage->loop);
    http_core_run(stage->pipe.server);
}

static void get(struct stage *stage, const char *file, const char *field)
{
    char request[256];

    (void)snprintf(request, sizeof(request), "GET /recordings/%s HTTP/1.1\r\nHost: a\r\n%s%s\r\n",
                   file, field, *field ? "\r\n" : "");
    http_pipe_send(&stage->pipe, request);
}

/* All that is sent until there is no request any more. */
static struct text wait_answer(struct stage *stage)
{
    for (int turns = 0; stage->pipe.server->counters.requests_suspended; turns++) {
        assert_true(turns < 10000);
        turn(stage);
    }
    return http_pipe_output(&stage->pipe);
}

static struct text body_of(struct text answer)
{
    while (answer.len && !text_starts_with(answer, TEXT("\r\n\r\n")))
        answer = text_sub(answer, 1, answer.len);
    return text_sub(answer, 4, answer.len);
}

static void assert_has(struct text answer, const char *wanted)
{
    if (!text_contains(text_sub(answer, 0, 600), text_of(wanted)))
        fail_msg("no \"%s\" in:\n%.*s", wanted, TEXT_ARG(text_sub(answer, 0, 600)));
}

static void a_file_comes_as_it_is_on_the_disk(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    get(&stage, "7/12/1.mp4", "");
    struct text answer = wait_answer(&stage);
    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "Content-Type: video/mp4\r\n");
    assert_has(answer, "Cache-Control: no-cache\r\n"); /* it still grows */
    struct text body = body_of(answer);
    assert_int_equal(body.len, stage.video_len);
    assert_memory_equal(body.ptr, stage.video, body.len);

    assert_ok(folder_finish(&stage.folder, NULL));
    get(&stage, "7/12/1.mp4", "");
    assert_has(wait_answer(&stage), "Cache-Control: public, max-age=31536000, immutable\r\n");
    close_stage(&stage);
}

static void the_list_is_a_playlist(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    open_stage(&stage);

    assert_ok(folder_finish(&stage.folder, NULL));
    get(&stage, "7/12/index.m3u8", "");
    struct text answer = wait_answer(&stage);
    char *list = scratch_read(&stage.scratch, "7/12/index.m3u8", &len);
    assert_has(answer, "Content-Type: application/vnd.apple.mpegurl\r\n");
    assert_has(answer, "Cache-Control: no-cache\r\n");
    assert_text(body_of(answer), list);
    mem_free(list);
    close_stage(&stage);
}

static void a_range_is_read_from_where_it_begins(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    get(&stage, "7/12/1.mp4", "Range: bytes=200000-599999");
    struct text answer = wait_answer(&stage);
    assert_has(answer, "HTTP/1.1 206 Partial Content\r\n");
    struct text body = body_of(answer);
    assert_int_equal(body.len, 400000);
    assert_memory_equal(body.ptr, stage.video + 200000, body.len);
    get(&stage, "7/12/1.mp4", "Range: bytes=99999999-");
    assert_has(wait_answer(&stage), "HTTP/1.1 416 ");
    close_stage(&stage);
}

static void what_the_client_has_is_not_sent_again(void **state)
{
    (void)state;
    struct stage stage;
    char field[128];
    open_stage(&stage);

    get(&stage, "7/12/index.m3u8", "");
    struct text answer = wait_answer(&stage);
    while (!text_starts_with(answer, TEXT("ETag: ")))
        answer = text_sub(answer, 1, answer.len);
    struct text tag = text_cut(&answer, '\r');
    (void)snprintf(field, sizeof(field), "If-None-Match: %.*s", TEXT_ARG(text_sub(tag, 6, 100)));
    get(&stage, "7/12/index.m3u8", field);
    assert_has(wait_answer(&stage), "HTTP/1.1 304 Not Modified\r\n");
    assert_ok(folder_finish(&stage.folder, NULL));
    get(&stage, "7/12/index.m3u8", field);
    assert_has(wait_answer(&stage), "HTTP/1.1 200 OK\r\n");
    close_stage(&stage);
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "7/12/2.mp4", "7/13/1.mp4",         "8/12/index.m3u8", "7/12/stoa.db",
        "7/12/..",    "7/%2e%2e/stoa.db",   "07/12/1.mp4",     "7/12/1.mp4%00",
        "7/12/%2e",   "7/12/1.mp4%2f..%2f", "0/12/1.mp4",      "7/12/index.m3u8.new",
    };
    struct stage stage;
    open_stage(&stage);

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        get(&stage, paths[i], "");
        struct text answer = wait_answer(&stage);
        if (!text_starts_with(answer, TEXT("HTTP/1.1 404 ")) &&
            !text_starts_with(answer, TEXT("HTTP/1.1 400 ")))
            fail_msg("%s: %.*s", paths[i], TEXT_ARG(text_sub(answer, 0, 40)));
    }
    close_stage(&stage);
}

/* One that takes nothing costs one chunk. */
static void a_slow_client_is_waited_for(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    stage.pipe.end.is_blocked = true;
    get(&stage, "7/12/1.mp4", "");
    for (int i = 0; i < 100; i++)
        turn(&stage);
    assert_true(stage.pipe.end.blocked.len > 0);
    assert_true(stage.pipe.end.blocked.len < 140000);
    http_pipe_unblock(&stage.pipe.end);
    assert_int_equal(body_of(wait_answer(&stage)).len, stage.video_len);
    close_stage(&stage);
}

static void a_client_may_leave_at_any_time(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    for (int turns = 0; turns < 6; turns++) {
        struct http_pipe_end other;

        http_pipe_connect(&stage.pipe, &other, "127.0.0.2");
        const char request[] = "GET /recordings/7/12/1.mp4 HTTP/1.1\r\nHost: a\r\n\r\n";
        http_pipe_send_bytes(&other, request, sizeof(request) - 1);
        other.is_blocked = turns % 2;
        for (int i = 0; i < turns; i++)
            turn(&stage);
        if (other.conn)
            conn_close(other.conn);
        http_core_run(stage.pipe.server);
        http_pipe_end_deinit(&other);
    }
    get(&stage, "7/12/1.mp4", "");
    assert_int_equal(body_of(wait_answer(&stage)).len, stage.video_len);
    get(&stage, "7/12/1.mp4", ""); /* the pool has it while all ends */
    close_stage(&stage);
}

static void a_file_that_is_cut_meanwhile_breaks_off(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    stage.pipe.end.is_blocked = true;
    get(&stage, "7/12/1.mp4", "");
    for (int i = 0; i < 1000 && stage.pipe.end.blocked.len < 100000; i++)
        turn(&stage);
    scratch_truncate(&stage.scratch, "7/12/1.mp4", 100000);
    http_pipe_unblock(&stage.pipe.end);
    assert_true(body_of(wait_answer(&stage)).len < stage.video_len);
    http_core_run(stage.pipe.server);
    assert_true(stage.pipe.end.is_closed);
    close_stage(&stage);
}

/* A pool without a place in its queue refuses. */
static void a_busy_pool_is_told(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    close_server(&stage);
    open_server(&stage, 0);
    get(&stage, "7/12/1.mp4", "");
    struct text answer = wait_answer(&stage);
    assert_has(answer, "HTTP/1.1 503 ");
    assert_has(answer, "Retry-After: 2\r\n");
    close_stage(&stage);
}

static void without_a_pool_there_are_no_recordings(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);

    recordings_destroy(stage.recordings);
    stage.recordings = recordings_create(stage.loop, NULL, NULL);
    get(&stage, "7/12/1.mp4", "");
    assert_has(wait_answer(&stage), "HTTP/1.1 404 ");
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_file_comes_as_it_is_on_the_disk),
        TEST_CASE(the_list_is_a_playlist),
        TEST_CASE(a_range_is_read_from_where_it_begins),
        TEST_CASE(what_the_client_has_is_not_sent_again),
        TEST_CASE(other_paths_are_not_found),
        TEST_CASE(a_slow_client_is_waited_for),
        TEST_CASE(a_client_may_leave_at_any_time),
        TEST_CASE(a_file_that_is_cut_meanwhile_breaks_off),
        TEST_CASE(a_busy_pool_is_told),
        TEST_CASE(without_a_pool_there_are_no_recordings),
    };
    return RUN_TESTS("edge_recordings", tests);
}
