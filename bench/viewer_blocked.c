/*
 * Many requests that wait for one part. Each round:
 *
 *     all connected and idle --> all ask for the segment after next --> memory is read --> the part
 *     comes --> how long until the last one has its answer?
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "playlist.h"
#include "process_stats.h"
#include "viewers.h"

enum { ASK_MULTIVARIANT = 1, ASK_KNOWN, ASK_BLOCKED };
enum { ROUNDS_MAX = 32 };

enum phase { PHASE_CONNECTING = 1, PHASE_IDLE, PHASE_ASKING, PHASE_WAITING, PHASE_ANSWERED };

static const int64_t SETTLE_US = 300 * US_PER_MS;

static struct {
    enum phase phase;
    int64_t phase_us; /* when it began */
    unsigned ready;   /* viewers that are where the phase wants them */
    char playlist_path[HTTP_GET_PATH_MAX];
    int64_t rss_empty; /* before anybody connected */
    int64_t rss_idle;
    int64_t rss_blocked;
    int64_t first_answer_us;
    int64_t last_answer_us;
    unsigned early; /* answers that came before all had asked */
    unsigned round;
    double spread_ms[ROUNDS_MAX];
} run;

static struct playlist playlist;

static int64_t rss(const struct bench *bench)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < bench->pid_count; i++)
        sum += process_rss_bytes(bench->pids[i]);
    return sum;
}

static void enter(struct bench *bench, enum phase phase)
{
    run.phase = phase;
    run.phase_us = bench->now_us;
}

static void on_start(struct bench *bench, struct viewer *viewer)
{
    if (run.phase == 0) {
        run.rss_empty = rss(bench);
        enter(bench, PHASE_CONNECTING);
    }
    viewer_ask(bench, viewer, ASK_MULTIVARIANT, bench->path, true);
}

static void rest(struct viewer *viewer)
{
    viewer_rest(viewer, INT64_MAX);
}

static void on_blocked_answer(struct bench *bench, struct viewer *viewer)
{
    bench->counters.errors += viewer->get.status != 200;
    run.early += run.phase == PHASE_ASKING;
    if (run.ready++ == 0)
        run.first_answer_us = bench->now_us;
    run.last_answer_us = bench->now_us;
    rest(viewer);
}

static void on_answer(struct bench *bench, struct viewer *viewer)
{
    struct text text = writer_as_text(&viewer->body);

    if (viewer->asking == ASK_BLOCKED) {
        on_blocked_answer(bench, viewer);
        return;
    }
    if (viewer->get.status != 200) {
        bench->counters.errors++;
        bench->is_done = true;
        return;
    }
    if (viewer->asking == ASK_MULTIVARIANT && !text_contains(text, TEXT("#EXT-X-TARGET"))) {
        resolve_path(bench->path, playlist_first_variant(text), run.playlist_path,
                     sizeof(run.playlist_path));
        viewer_ask(bench, viewer, ASK_KNOWN, run.playlist_path, true);
        return;
    }
    if (run.phase == PHASE_CONNECTING)
        run.ready++;
    if (playlist_parse(text, &playlist) == OK && run.playlist_path[0] == '\0')
        (void)snprintf(run.playlist_path, sizeof(run.playlist_path), "%s", bench->path);
    rest(viewer);
}

static void ask_all(struct bench *bench)
{
    char path[HTTP_GET_PATH_MAX + 64];

    (void)snprintf(path, sizeof(path), "%s?_HLS_msn=%llu&_HLS_part=0", run.playlist_path,
                   (unsigned long long)(playlist.next_msn + 1));
    run.ready = 0;
    run.early = 0;
    for (unsigned i = 0; i < bench->viewer_count; i++) {
        viewer_ask(bench, &bench->viewers[i], ASK_BLOCKED, path, false);
        bench_serve(bench, &bench->viewers[i]);
    }
    enter(bench, PHASE_WAITING);
}

static void finish_round(struct bench *bench)
{
    if (run.round < ROUNDS_MAX)
        run.spread_ms[run.round] = (double)(run.last_answer_us - run.first_answer_us) / 1000;
    run.round++;
    if (run.round >= bench->rounds) {
        bench->is_done = true;
        return;
    }
    enter(bench, PHASE_ANSWERED);
}

static void on_tick(struct bench *bench)
{
    int64_t since_us = bench->now_us - run.phase_us;

    if (run.phase == PHASE_CONNECTING && run.ready == bench->viewer_count) {
        enter(bench, PHASE_IDLE);
    } else if (run.phase == PHASE_IDLE && since_us > SETTLE_US) {
        run.rss_idle = rss(bench);
        enter(bench, PHASE_ANSWERED);
    } else if (run.phase == PHASE_ANSWERED && since_us > SETTLE_US) {
        /* One asks what is newest now; on_answer parses it. The others go with it. */
        enter(bench, PHASE_ASKING);
        viewer_ask(bench, &bench->viewers[0], ASK_KNOWN, run.playlist_path, true);
        bench_serve(bench, &bench->viewers[0]);
    } else if (run.phase == PHASE_ASKING && bench->viewers[0].is_resting) {
        ask_all(bench);
    } else if (run.phase == PHASE_WAITING && run.ready == 0 && since_us > SETTLE_US) {
        run.rss_blocked = rss(bench);
    } else if (run.phase == PHASE_WAITING && run.ready == bench->viewer_count) {
        finish_round(bench);
    }
}

static void report(const struct bench *bench, struct jsonw *j)
{
    jsonw_member_i64(j, "rss_empty_bytes", run.rss_empty);
    jsonw_member_i64(j, "rss_idle_bytes", run.rss_idle);
    jsonw_member_i64(j, "rss_blocked_bytes", run.rss_blocked);
    jsonw_key(j, "bytes_a_request");
    jsonw_double(j, (double)(run.rss_blocked - run.rss_empty) / bench->viewer_count, 0);
    jsonw_member_u64(j, "answered_early", run.early);
    jsonw_key(j, "spread_ms");
    jsonw_array_begin(j);
    for (unsigned i = 0; i < run.round && i < ROUNDS_MAX; i++)
        jsonw_double(j, run.spread_ms[i], 1);
    jsonw_array_end(j);
}

static void on_wake(struct bench *bench, struct viewer *viewer)
{
    (void)bench;
    rest(viewer);
}

const struct mode mode_blocked = {"blocked", on_start, on_answer, on_wake, on_tick, report};
