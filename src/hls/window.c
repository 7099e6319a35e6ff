#include "hls/window.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

enum {
    LISTED_TARGET_DURATIONS = 3,
    DEMAND_MIN = 16, /* bodies sent between two snapshots; from then on pages are the cheaper way */
    DEMAND_KEPT = 50, /* snapshots: demand comes in waves, with the segments */
};

struct hls_segment *hls_segment_ref(const struct hls_segment *segment)
{
    struct hls_segment *shared = (struct hls_segment *)(uintptr_t)segment;

    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

struct hls_segment *hls_segment_unref(struct hls_segment *segment)
{
    if (segment && atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < segment->part_count; i++)
            buf_unref(segment->bodies[i]);
        mem_free(segment->bodies);
        buf_unref(segment->text);
        hls_init_unref(segment->init);
        mem_free(segment);
    }
    return NULL;
}

struct hls_init *hls_init_create(uint32_t number, struct buf *body)
{
    struct hls_init *init = mem_zalloc(sizeof(*init));

    atomic_init(&init->refs, 1);
    init->number = number;
    init->body = body;
    return init;
}

struct hls_init *hls_init_ref(const struct hls_init *init)
{
    struct hls_init *shared = (struct hls_init *)(uintptr_t)init;

    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

struct hls_init *hls_init_unref(struct hls_init *init)
{
    if (init && atomic_fetch_sub_explicit(&init->refs, 1, memory_order_acq_rel) == 1) {
        buf_unref(init->body);
        mem_free(init);
    }
    return NULL;
}

void window_init(struct window *window, const struct hls_config *config, struct text epoch)
{
    assert(epoch.len <= sizeof(window->epoch));
    *window = (struct window){
        .config = *config,
        .epoch_len = epoch.len,
        .running.text = writer_growing(SEGMENT_TEXT_MAX),
        .scratch = writer_growing(PLAYLIST_LEN_MAX),
        .last_date_us = INT64_MIN,
        .next_msn = WINDOW_FIRST_MSN,
    };
    memcpy(window->epoch, epoch.ptr, epoch.len);
    window->target_duration_us = (config->segment_target_us + US_PER_S / 2) / US_PER_S * US_PER_S;
}

void window_deinit(struct window *window)
{
    for (size_t i = 0; i < window->segments.count; i++)
        hls_segment_unref(window->segments.items[i]);
    vec_deinit(&window->segments);
    for (size_t i = 0; i < window->running.bodies.count; i++)
        buf_unref(window->running.bodies.items[i]);
    vec_deinit(&window->running.bodies);
    writer_deinit(&window->running.text);
    writer_deinit(&window->scratch);
    hls_init_unref(window->running.init);
    hls_init_unref(window->init);
    hls_init_unref(window->last_init);
    buf_unref(window->multivariant);
    hls_snapshot_unref(window->snapshot);
}

void window_begin_segment(struct window *window, int64_t date_us, bool is_independent)
{
    struct running *running = &window->running;

    assert(!running->is_begun && window->init);
    running->is_begun = true;
    running->msn = window->next_msn++;
    running->duration_us = 0;
    running->len = 0;
    running->has_discontinuity = window->is_discontinuity_next && window->part_total > 0;
    running->has_map = window->init != window->last_init;
    running->is_independent = is_independent;
    running->init = hls_init_ref(window->init);
    if (running->has_map) {
        hls_init_unref(window->last_init);
        window->last_init = hls_init_ref(window->init);
    }
    window->is_discontinuity_next = false;
    window->discontinuity_total += running->has_discontinuity;
    window->was_cut_by_force |= !is_independent;
    if (date_us != 0) {
        date_us = date_us > window->last_date_us ? date_us : window->last_date_us;
        window->last_date_us = date_us;
    }
    running->date_us = date_us;
    playlist_write_segment_head(window, date_us);
}

/* EXTINF, rounded to the nearest integer, must not be above TARGETDURATION (section 4.4.3.1). It
 * is raised while the segment is still running, so no list ever shows a segment that breaks it. */
static void raise_target_duration(struct window *window)
{
    while (window->running.duration_us >= window->target_duration_us + US_PER_S / 2)
        window->target_duration_us *= 2;
}

static int64_t held_us(const struct window *window, size_t from)
{
    int64_t held = window->running.duration_us;

    for (size_t i = from; i < window->segments.count; i++)
        held += window->segments.items[i]->duration_us;
    return held;
}

size_t window_bytes(const struct window *window)
{
    size_t bytes = window->running.len + (window->last_init ? window->last_init->body->len : 0);

    for (size_t i = 0; i < window->segments.count; i++)
        bytes += window->segments.items[i]->len;
    return bytes;
}

int64_t window_listed_us(const struct window *window)
{
    int64_t wanted = window->config.window_us - 2 * window->config.segment_target_us;
    int64_t least = LISTED_TARGET_DURATIONS * window->target_duration_us;

    return wanted > least ? wanted : least;
}

static void unlist_oldest(struct window *window)
{
    struct hls_segment *segment = window->segments.items[window->listed_at++];

    window->discontinuity_sequence += segment->has_discontinuity;
}

static void drop_oldest(struct window *window)
{
    if (window->listed_at == 0)
        unlist_oldest(window);
    hls_segment_unref(window->segments.items[0]);
    vec_remove(&window->segments, 0);
    window->listed_at--;
}

/* Drops what is unlisted and out of the window, and, whatever the list needs, what is over the
 * limits. */
static void drop_old(struct window *window)
{
    int64_t least_us = window_listed_us(window) + 2 * window->config.segment_target_us;
    int64_t window_us = least_us > window->config.window_us ? least_us : window->config.window_us;

    while (window->listed_at > 0 && held_us(window, 0) > window_us)
        drop_oldest(window);
    while (window->segments.count > 1 && (window_bytes(window) > window->config.window_max_bytes ||
                                          window->segments.count >= SEGMENT_COUNT_MAX))
        drop_oldest(window);
}

/* Unlists what the list does not need: only when a segment ends, so that lists change rarely. */
static void unlist_old(struct window *window)
{
    int64_t listed_us = window_listed_us(window);

    while (window->listed_at + 1 < window->segments.count &&
           held_us(window, window->listed_at + 1) >= listed_us)
        unlist_oldest(window);
}

void window_add_part(struct window *window, struct buf *body, int64_t duration_us,
                     bool is_independent)
{
    struct running *running = &window->running;

    assert(running->is_begun && running->bodies.count < HLS_SEGMENT_PART_COUNT_MAX);
    playlist_write_part(window, duration_us, is_independent);
    running->len += body->len;
    running->duration_us += duration_us;
    (void)vec_push(&running->bodies, body, HLS_SEGMENT_PART_COUNT_MAX); /* room: see the assert */
    window->part_total++;
    if (window->last_date_us != INT64_MIN)
        window->last_date_us += duration_us;
    raise_target_duration(window);
    drop_old(window);
}

void window_end_segment(struct window *window)
{
    struct running *running = &window->running;

    if (!running->is_begun)
        return;
    playlist_write_segment_end(window);

    struct hls_segment *segment = mem_zalloc(sizeof(*segment));
    size_t size = running->bodies.count * sizeof(segment->bodies[0]);
    atomic_init(&segment->refs, 1);
    segment->msn = running->msn;
    segment->duration_us = running->duration_us;
    segment->date_us = running->date_us;
    segment->has_discontinuity = running->has_discontinuity;
    segment->has_map = running->has_map;
    segment->is_independent = running->is_independent;
    segment->init = running->init;
    segment->len = running->len;
    segment->part_count = running->bodies.count;
    segment->bodies = mem_dup(running->bodies.items, size);
    segment->text_parts_at = running->text_parts_at;
    segment->text_segment_at = running->text_segment_at;
    segment->text = writer_copy_buf(&running->text);

    running->is_begun = false;
    running->init = NULL;
    running->bodies.count = 0;
    running->duration_us = 0;
    running->len = 0;
    window->segment_total++;
    (void)vec_push(&window->segments, segment, SEGMENT_COUNT_MAX); /* drop_old() leaves room */
    buf_unref(window->multivariant); /* the bandwidths are measured anew */
    window->multivariant = NULL;
    unlist_old(window);
    drop_old(window);
}

/* All init segments in use, oldest first; a change is always from one to a newer one. */
static size_t collect_inits(const struct window *window, struct hls_init **ret_inits)
{
    size_t count = 0;

    for (size_t i = 0; i < window->segments.count; i++) {
        struct hls_init *init = window->segments.items[i]->init;
        if (count == 0 || ret_inits[count - 1] != init)
            ret_inits[count++] = init;
    }
    struct hls_init *latest[] = {window->running.init, window->init};
    for (size_t i = 0; i < 2; i++) {
        if (latest[i] && (count == 0 || ret_inits[count - 1] != latest[i]))
            ret_inits[count++] = latest[i];
    }
    for (size_t i = 0; i < count; i++)
        (void)hls_init_ref(ret_inits[i]);
    return count;
}

/* One block: the struct, then its three arrays of pointers. */
static struct hls_snapshot *snapshot_create(const struct window *window)
{
    const struct running *running = &window->running;
    size_t segment_count = window->segments.count;
    size_t pointers = segment_count + (segment_count + 2) + running->bodies.count;
    struct hls_snapshot *snapshot = mem_zalloc(sizeof(*snapshot) + pointers * sizeof(void *));
    void **at = (void **)(void *)(snapshot + 1);

    atomic_init(&snapshot->refs, 1);
    atomic_init(&snapshot->asked, 0);
    snapshot->segments = (struct hls_segment **)(void *)at;
    snapshot->segment_count = segment_count;
    for (size_t i = 0; i < segment_count; i++)
        snapshot->segments[i] = hls_segment_ref(window->segments.items[i]);
    snapshot->inits = (struct hls_init **)(void *)(at + segment_count);
    snapshot->init_count = collect_inits(window, snapshot->inits);
    snapshot->running = (struct buf **)(void *)(at + 2 * segment_count + 2);
    snapshot->running_count = running->bodies.count;
    for (size_t i = 0; i < running->bodies.count; i++)
        snapshot->running[i] = buf_ref(running->bodies.items[i]);
    return snapshot;
}

/* How much the snapshot that goes was asked for: what is sent between two parts. */
static void measure_demand(struct window *window)
{
    if (window->snapshot &&
        atomic_load_explicit(&window->snapshot->asked, memory_order_relaxed) >= DEMAND_MIN)
        window->demand_until = window->version + DEMAND_KEPT;
}

bool window_is_in_demand(const struct window *window)
{
    return window->version < window->demand_until;
}

void window_publish(struct window *window)
{
    struct hls_snapshot *snapshot = snapshot_create(window);

    measure_demand(window);
    snapshot->version = ++window->version;
    snapshot->is_ended = window->is_ended;
    snapshot->target_duration_us = window->target_duration_us;
    snapshot->part_target_us = window->part_target_us;
    snapshot->running_msn = window->running.is_begun ? window->running.msn : window->next_msn;
    snapshot->first_msn = window->segments.count > window->listed_at
                              ? window->segments.items[window->listed_at]->msn
                              : snapshot->running_msn;
    snapshot->playlist = playlist_render(window, false);
    snapshot->playlist_delta = playlist_render(window, true);
    if (!window->multivariant)
        window->multivariant = playlist_render_multivariant(window);
    snapshot->multivariant = buf_ref(window->multivariant);
    memcpy(snapshot->epoch, window->epoch, window->epoch_len);
    snapshot->epoch_len = window->epoch_len;

    hls_snapshot_unref(window->snapshot);
    window->snapshot = snapshot;
}
