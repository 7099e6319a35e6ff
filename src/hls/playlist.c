/* The text of the playlists (rfc8216bis section 4). */
#include "base/clock.h"
#include "hls/window.h"

enum {
    SKIP_TARGET_DURATIONS = 6,      /* CAN-SKIP-UNTIL, the least allowed */
    HOLD_BACK_TARGET_DURATIONS = 3, /* the least allowed */
    PART_HOLD_BACK_PARTS = 3,       /* the least that Apple's devices take */
    PARTS_TARGET_DURATIONS = 3      /* parts farther from the end are not listed */
};

static void write_epoch(struct writer *w, const struct window *window)
{
    writer_text(w, (struct text){window->epoch, window->epoch_len});
}

static void write_part_name(struct writer *w, const struct window *window, uint64_t msn,
                            size_t part)
{
    write_epoch(w, window);
    writer_char(w, '-');
    writer_dec(w, msn);
    writer_char(w, '.');
    writer_dec(w, part);
    writer_str(w, ".m4s");
}

static void write_init_name(struct writer *w, const struct window *window,
                            const struct hls_init *init)
{
    write_epoch(w, window);
    writer_str(w, "-init");
    writer_dec(w, init->number);
    writer_str(w, ".mp4");
}

static void write_map(struct writer *w, const struct window *window, const struct hls_init *init)
{
    writer_str(w, "#EXT-X-MAP:URI=\"");
    write_init_name(w, window, init);
    writer_str(w, "\"\n");
}

/* The gap that opens the list (hls.h, Beginning): a segment of a millisecond that is never loaded.
 */
static void write_opening_gap(struct writer *w, const struct window *window)
{
    writer_str(w, "#EXT-X-PART:DURATION=0.001,URI=\"");
    write_part_name(w, window, WINDOW_FIRST_MSN - 1, 0);
    writer_str(w, "\",GAP=YES\n#EXT-X-GAP\n#EXTINF:0.001,\n");
    write_epoch(w, window);
    writer_char(w, '-');
    writer_dec(w, WINDOW_FIRST_MSN - 1);
    writer_str(w, ".m4s\n");
}

void playlist_write_segment_head(struct window *window, int64_t date_us)
{
    struct running *running = &window->running;
    struct writer *w = &running->text;

    writer_clear(w);
    if (running->has_discontinuity)
        writer_str(w, "#EXT-X-DISCONTINUITY\n");
    if (running->has_map)
        write_map(w, window, running->init);
    if (running->msn == WINDOW_FIRST_MSN)
        write_opening_gap(w, window);
    if (date_us != 0) {
        writer_str(w, "#EXT-X-PROGRAM-DATE-TIME:");
        clock_write_iso8601(w, date_us);
        writer_char(w, '\n');
    }
    running->text_parts_at = w->len;
}

void playlist_write_part(struct window *window, int64_t duration_us, bool is_independent)
{
    struct writer *w = &window->running.text;

    writer_str(w, "#EXT-X-PART:DURATION=");
    writer_seconds(w, duration_us, 5);
    writer_str(w, ",URI=\"");
    write_part_name(w, window, window->running.msn, window->running.bodies.count);
    writer_str(w, is_independent ? "\",INDEPENDENT=YES\n" : "\"\n");
}

void playlist_write_segment_end(struct window *window)
{
    struct running *running = &window->running;
    struct writer *w = &running->text;

    running->text_segment_at = w->len;
    writer_str(w, "#EXTINF:");
    writer_seconds(w, running->duration_us, 5);
    writer_str(w, ",\n");
    write_epoch(w, window);
    writer_char(w, '-');
    writer_dec(w, running->msn);
    writer_str(w, ".m4s\n");
}

/* Skipping is announced only where the list is so long that there is something to skip: else
 * players would ask with one directive more and get the same. */
static bool can_skip(const struct window *window)
{
    return window_listed_us(window) > (SKIP_TARGET_DURATIONS + 1) * window->target_duration_us;
}

static bool are_listed_independent(const struct window *window)
{
    for (size_t i = window->listed_at; i < window->segments.count; i++) {
        if (!window->segments.items[i]->is_independent)
            return false;
    }
    return !window->running.is_begun || window->running.is_independent;
}

static void write_header(struct writer *w, const struct window *window)
{
    int64_t target_us = window->target_duration_us;
    uint64_t first_msn = window->segments.count > window->listed_at
                             ? window->segments.items[window->listed_at]->msn
                         : window->running.is_begun ? window->running.msn
                                                    : window->next_msn;

    writer_str(w, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:");
    writer_dec(w, (uint64_t)(target_us / US_PER_S));
    writer_str(w, "\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=");
    writer_seconds(w, PART_HOLD_BACK_PARTS * window->part_target_us, 3);
    writer_str(w, ",HOLD-BACK=");
    writer_seconds(w, HOLD_BACK_TARGET_DURATIONS * target_us, 1);
    if (can_skip(window)) {
        writer_str(w, ",CAN-SKIP-UNTIL=");
        writer_seconds(w, SKIP_TARGET_DURATIONS * target_us, 1);
    }
    writer_str(w, "\n#EXT-X-PART-INF:PART-TARGET=");
    writer_seconds(w, window->part_target_us, 3);
    writer_str(w, "\n#EXT-X-MEDIA-SEQUENCE:");
    writer_dec(w, first_msn == WINDOW_FIRST_MSN ? first_msn - 1 : first_msn);
    if (window->segment_total == 0)
        writer_str(w, "\n#EXT-X-START:TIME-OFFSET=0.001"); /* behind the gap */
    writer_str(w, "\n#EXT-X-DISCONTINUITY-SEQUENCE:");
    writer_dec(w, window->discontinuity_sequence);
    writer_char(w, '\n');
    if (are_listed_independent(window))
        writer_str(w, "#EXT-X-INDEPENDENT-SEGMENTS\n");
}

static void write_tail(struct writer *w, const struct window *window)
{
    if (window->is_ended) {
        writer_str(w, "#EXT-X-ENDLIST\n");
        return;
    }
    bool is_begun = window->running.is_begun;
    if (!is_begun && window->init != window->last_init) {
        writer_str(w, "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"");
        write_init_name(w, window, window->init);
        writer_str(w, "\"\n");
    }
    writer_str(w, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"");
    write_part_name(w, window, is_begun ? window->running.msn : window->next_msn,
                    window->running.bodies.count);
    writer_str(w, "\"\n");
    for (size_t i = 0; i < window->rendition_count; i++) {
        const struct hls_rendition *rendition = &window->renditions[i];

        writer_str(w, "#EXT-X-RENDITION-REPORT:URI=\"");
        writer_text(w, rendition->uri);
        writer_str(w, "\",LAST-MSN=");
        writer_dec(w, rendition->last_msn);
        writer_str(w, ",LAST-PART=");
        writer_dec(w, rendition->last_part);
        writer_char(w, '\n');
    }
}

/* Segments at the front that a delta may leave out: those that end before the skip boundary. */
static size_t count_skippable(const struct window *window, int64_t end_us)
{
    size_t count = 0;

    for (size_t i = window->listed_at; i < window->segments.count; i++) {
        end_us -= window->segments.items[i]->duration_us;
        if (end_us < SKIP_TARGET_DURATIONS * window->target_duration_us)
            break;
        count++;
    }
    return count;
}

static void write_segment(struct writer *w, const struct hls_segment *segment, bool has_parts)
{
    struct text text = buf_text(segment->text);

    writer_text(w, text_sub(text, 0, has_parts ? text.len : segment->text_parts_at));
    if (!has_parts)
        writer_text(w, text_sub(text, segment->text_segment_at, text.len));
}

struct buf *playlist_render(struct window *window, bool is_delta)
{
    struct writer *w = &window->scratch;
    size_t at = window->listed_at;
    size_t count = window->segments.count;
    int64_t after_us = window->running.duration_us; /* media behind the segment being written */

    for (size_t i = at; i < count; i++)
        after_us += window->segments.items[i]->duration_us;
    size_t skipped = is_delta && can_skip(window) ? count_skippable(window, after_us) : 0;
    if (is_delta && (skipped == 0 || window->is_ended))
        return NULL;

    writer_clear(w);
    write_header(w, window);
    if (is_delta) {
        writer_str(w, "#EXT-X-SKIP:SKIPPED-SEGMENTS=");
        writer_dec(w, window->segments.items[at]->msn == WINDOW_FIRST_MSN ? skipped + 1 : skipped);
        writer_char(w, '\n');
    } else if (count > at ? !window->segments.items[at]->has_map : !window->running.has_map) {
        write_map(w, window, count > at ? window->segments.items[at]->init : window->last_init);
    }
    for (size_t i = at; i < count; i++) {
        const struct hls_segment *segment = window->segments.items[i];

        after_us -= segment->duration_us;
        if (i - at >= skipped)
            write_segment(w, segment,
                          after_us < PARTS_TARGET_DURATIONS * window->target_duration_us);
    }
    if (window->running.is_begun)
        writer_text(w, writer_as_text(&window->running.text));
    write_tail(w, window);
    return writer_copy_buf(w);
}

static uint64_t bits_per_second(size_t len, int64_t duration_us)
{
    return duration_us > 0 ? (uint64_t)len * 8 * US_PER_S / (uint64_t)duration_us : 0;
}

/* BANDWIDTH is the peak over whole segments, AVERAGE-BANDWIDTH their mean (section 4.4.6.2). Before
 * the first segment has ended the parts of the running one are the estimate. */
static void measure(const struct window *window, uint64_t *ret_peak, uint64_t *ret_average)
{
    size_t len = 0;
    int64_t duration_us = 0;
    uint64_t peak = 0;

    for (size_t i = 0; i < window->segments.count; i++) {
        const struct hls_segment *segment = window->segments.items[i];
        uint64_t rate = bits_per_second(segment->len, segment->duration_us);

        /* One that a discontinuity cut short says nothing about the rate. */
        if (segment->duration_us >= window->config.segment_target_us / 2 && rate > peak)
            peak = rate;
        len += segment->len;
        duration_us += segment->duration_us;
    }
    if (peak == 0) {
        len += window->running.len;
        duration_us += window->running.duration_us;
        peak = bits_per_second(len, duration_us);
    }
    *ret_peak = peak;
    *ret_average = bits_per_second(len, duration_us);
}

struct buf *playlist_render_multivariant(struct window *window)
{
    struct writer *w = &window->scratch;
    uint64_t peak;
    uint64_t average;

    measure(window, &peak, &average);
    writer_clear(w);
    writer_str(w, "#EXTM3U\n#EXT-X-VERSION:9\n");
    if (!window->was_cut_by_force)
        writer_str(w, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    writer_str(w, "#EXT-X-STREAM-INF:BANDWIDTH=");
    writer_dec(w, peak);
    writer_str(w, ",AVERAGE-BANDWIDTH=");
    writer_dec(w, average < peak ? average : peak);
    writer_str(w, ",CODECS=\"");
    writer_text(w, (struct text){window->codecs, window->codecs_len});
    writer_char(w, '"');
    if (window->width && window->height) {
        writer_str(w, ",RESOLUTION=");
        writer_dec(w, window->width);
        writer_char(w, 'x');
        writer_dec(w, window->height);
    }
    if (window->frame_rate_milli) {
        writer_str(w, ",FRAME-RATE=");
        writer_dec(w, window->frame_rate_milli / 1000);
        writer_char(w, '.');
        writer_dec_padded(w, window->frame_rate_milli % 1000, 3);
    }
    writer_str(w, "\nlive.m3u8\n");
    return writer_copy_buf(w);
}
