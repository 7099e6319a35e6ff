/*
 * Viewers of HLS, as players do it: multivariant playlist, media playlist, init segment; then
 *
 *     low-latency   reload with _HLS_msn and _HLS_part, which waits for the next part, and fetch it
 *     plain         reload each half target, and fetch each new segment whole
 *
 * on one connection each, one request after the other.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "playlist.h"
#include "viewers.h"

enum { ASK_MULTIVARIANT = 1, ASK_PLAYLIST, ASK_INIT, ASK_ITEM };

enum { SEEN_MAX = 1 << 14, PART_BITS = 12, START_SEGMENTS = 3 };

static const int64_t RETRY_US = 200 * US_PER_MS;
static const int64_t AT_ONCE_US = 20 * US_PER_MS;

/* When the first of all viewers was told of an item. */
static struct {
    uint64_t key;
    int64_t at_us;
} seen[SEEN_MAX];

static struct playlist playlist; /* of the answer in hand */

static uint64_t key_of(const struct playlist_item *item)
{
    return (item->msn + 1) << PART_BITS | item->part; /* never 0 */
}

static size_t seen_slot(uint64_t key)
{
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 50);
}

static void note_seen(uint64_t key, int64_t now_us)
{
    size_t slot = seen_slot(key);

    if (seen[slot].key != key) {
        seen[slot].key = key;
        seen[slot].at_us = now_us;
    }
}

static bool is_low_latency(const struct bench *bench)
{
    return bench->mode == &mode_live;
}

static void start(struct bench *bench, struct viewer *viewer)
{
    viewer->has_tuned_in = false;
    viewer->last_key = 0;
    viewer->queue_begin = viewer->queue_end = 0;
    viewer->last_new_us = bench->now_us;
    viewer_ask(bench, viewer, ASK_MULTIVARIANT, bench->path, true);
}

static void ask_playlist(struct bench *bench, struct viewer *viewer)
{
    viewer_ask(bench, viewer, ASK_PLAYLIST, viewer->playlist_path, true);
}

/* The playlist in viewer->body is the one that this viewer knows. */
static void ask_next_part(struct bench *bench, struct viewer *viewer)
{
    char path[HTTP_GET_PATH_MAX + 64];
    uint64_t msn = (viewer->last_key >> PART_BITS) - 1;
    uint64_t part = (viewer->last_key & ((1U << PART_BITS) - 1)) + 1;

    (void)snprintf(path, sizeof(path), "%s%s_HLS_msn=%llu&_HLS_part=%llu", viewer->playlist_path,
                   strchr(viewer->playlist_path, '?') ? "&" : "?", (unsigned long long)msn,
                   (unsigned long long)part);
    viewer_ask(bench, viewer, ASK_PLAYLIST, path, true);
}

static void go_on(struct bench *bench, struct viewer *viewer)
{
    if (viewer->queue_begin != viewer->queue_end) {
        const struct viewer_item *item = &viewer->queue[viewer->queue_begin % VIEWER_QUEUE_MAX];
        viewer_ask(bench, viewer, item->key ? ASK_ITEM : ASK_INIT, item->name, false);
    } else if (is_low_latency(bench) && viewer->last_key) {
        ask_next_part(bench, viewer);
    } else {
        int64_t wait_us = bench->target_us ? bench->target_us / 2 : RETRY_US;
        int64_t wake_us = viewer->asked_us + wait_us;
        viewer_rest(viewer, wake_us > bench->now_us ? wake_us : bench->now_us + wait_us);
    }
}

static void enqueue(struct viewer *viewer, uint64_t key, struct text name)
{
    if (viewer->queue_end - viewer->queue_begin == VIEWER_QUEUE_MAX)
        viewer->queue_begin++; /* too far behind: the oldest is skipped, as a player would */
    struct viewer_item *item = &viewer->queue[viewer->queue_end++ % VIEWER_QUEUE_MAX];

    item->key = key;
    resolve_path(viewer->playlist_path, name, item->name, sizeof(item->name));
}

/* Where a viewer begins: the newest part with a key frame, or three segments before the end. */
static uint32_t first_item(const struct bench *bench, const struct playlist_item *items,
                           uint32_t count)
{
    if (!is_low_latency(bench))
        return count > START_SEGMENTS ? count - START_SEGMENTS : 0;
    for (uint32_t i = count; i-- > 0;)
        if (items[i].is_independent)
            return i;
    return count ? count - 1 : 0;
}

static void on_playlist(struct bench *bench, struct viewer *viewer)
{
    struct text text = writer_as_text(&viewer->body);
    bool is_low = is_low_latency(bench);

    if (viewer->get.status != 200 || playlist_parse(text, &playlist) != OK) {
        bench->counters.errors += viewer->get.status != 404 || bench->is_measuring;
        viewer->last_key = 0;
        viewer_rest(viewer, bench->now_us + RETRY_US);
        return;
    }
    double target_s = is_low ? playlist.part_target_s : playlist.target_s;
    bench->target_us = (int64_t)llround(target_s * (double)US_PER_S);
    const struct playlist_item *items = is_low ? playlist.parts : playlist.segments;
    uint32_t count = is_low ? playlist.part_count : playlist.segment_count;
    uint32_t first = first_item(bench, items, count);

    if (viewer->last_key == 0 && playlist.map_uri.len)
        enqueue(viewer, 0, playlist.map_uri);
    if (viewer->last_key != 0)
        for (first = count; first > 0 && key_of(&items[first - 1]) > viewer->last_key;)
            first--;
    if (viewer->last_key && first == count && bench->now_us - viewer->asked_us < AT_ONCE_US) {
        bench->counters.unblocked += bench->is_measuring && is_low;
        viewer_rest(viewer, viewer->asked_us + (is_low ? AT_ONCE_US : bench->target_us / 2));
        return;
    }
    if (is_low && viewer->last_key)
        viewer->has_tuned_in = true;
    for (uint32_t i = first; i < count; i++) {
        uint64_t key = key_of(&items[i]);
        note_seen(key, bench->now_us);
        enqueue(viewer, key, items[i].uri);
        viewer->last_key = key;
    }
    go_on(bench, viewer);
}

static void on_multivariant(struct bench *bench, struct viewer *viewer)
{
    struct text text = writer_as_text(&viewer->body);

    if (viewer->get.status != 200) {
        bench->counters.errors += viewer->get.status != 404 || bench->is_measuring;
        viewer_rest(viewer, bench->now_us + RETRY_US);
    } else if (text_contains(text, TEXT("#EXT-X-TARGETDURATION"))) {
        (void)snprintf(viewer->playlist_path, sizeof(viewer->playlist_path), "%s", bench->path);
        on_playlist(bench, viewer);
    } else {
        resolve_path(bench->path, playlist_first_variant(text), viewer->playlist_path,
                     sizeof(viewer->playlist_path));
        ask_playlist(bench, viewer);
    }
}

static void on_item(struct bench *bench, struct viewer *viewer)
{
    const struct viewer_item *item = &viewer->queue[viewer->queue_begin++ % VIEWER_QUEUE_MAX];
    bool is_init = item->key == 0;

    if (viewer->get.status != 200) {
        bench->counters.errors++;
    } else if (!is_init) {
        size_t slot = seen_slot(item->key);

        if (viewer->has_tuned_in && seen[slot].key == item->key)
            bench_note_delay(bench, seen[slot].at_us);
        bench->counters.items += bench->is_measuring;
        viewer->last_new_us = bench->now_us;
        viewer->is_late = false;
    }
    if (!is_low_latency(bench) && viewer->queue_begin == viewer->queue_end)
        viewer->has_tuned_in = true;
    go_on(bench, viewer);
}

static void on_answer(struct bench *bench, struct viewer *viewer)
{
    if (viewer->asking == ASK_MULTIVARIANT)
        on_multivariant(bench, viewer);
    else if (viewer->asking == ASK_PLAYLIST)
        on_playlist(bench, viewer);
    else
        on_item(bench, viewer);
}

static void on_wake(struct bench *bench, struct viewer *viewer)
{
    if (viewer->playlist_path[0] == '\0')
        start(bench, viewer);
    else if (is_low_latency(bench) && viewer->last_key)
        ask_next_part(bench, viewer);
    else
        ask_playlist(bench, viewer);
}

static void on_tick(struct bench *bench)
{
    if (!bench->is_measuring || bench->target_us == 0)
        return;
    for (unsigned i = 0; i < bench->viewer_count; i++) {
        struct viewer *viewer = &bench->viewers[i];

        if (!viewer->is_late && viewer->has_tuned_in &&
            bench->now_us - viewer->last_new_us > 3 * bench->target_us) {
            viewer->is_late = true;
            bench->counters.late++;
        }
    }
}

const struct mode mode_live = {"live", start, on_answer, on_wake, on_tick, NULL};
const struct mode mode_plain = {"plain", start, on_answer, on_wake, on_tick, NULL};
