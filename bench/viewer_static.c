/*
 * The yardstick's viewers: the same files again and again, at the pace that live viewers would ask.
 */
#include "base/clock.h"
#include "viewers.h"

static void ask_next(struct bench *bench, struct viewer *viewer)
{
    viewer_ask(bench, viewer, 1, bench->paths[viewer->next_path++], false);
}

static void on_start(struct bench *bench, struct viewer *viewer)
{
    int64_t first_us = bench->now_us + bench->interval_us;

    viewer->next_path = 0;
    if (bench->is_spread)
        first_us += bench->interval_us * (viewer - bench->viewers) / bench->viewer_count;
    else
        first_us -= first_us % bench->interval_us; /* all at once, as a new part wakes them */
    viewer->due_us = first_us;
    viewer_rest(viewer, first_us);
}

static void on_answer(struct bench *bench, struct viewer *viewer)
{
    if (viewer->get.status == 200)
        bench->counters.items += bench->is_measuring;
    else
        bench->counters.errors++;
    if (viewer->next_path < bench->path_count) {
        ask_next(bench, viewer);
        return;
    }
    viewer->next_path = 0;
    bench_note_delay(bench, viewer->due_us);
    viewer->due_us += bench->interval_us;
    if (viewer->due_us <= bench->now_us) {
        int64_t behind_us = bench->now_us - viewer->due_us;
        bench->counters.late += bench->is_measuring;
        viewer->due_us += (behind_us / bench->interval_us + 1) * bench->interval_us;
    }
    viewer_rest(viewer, viewer->due_us);
}

const struct mode mode_static = {"static", on_start, on_answer, ask_next, NULL, NULL};
