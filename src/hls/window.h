/*
 * window - the segments of a playlist: finished ones, the running one, and their text.
 * Private to hls/.
 *
 *     [ fetchable only ][ listed ........................ ][ running: parts ] -> next part
 *       oldest                                    newest
 *
 * The packager adds parts and ends segments; the window keeps what the limits allow and makes the
 * snapshots. The playlist lines of a segment are written once, when they come to be; rendering a
 * playlist copies them together (playlist.c).
 *
 * Threads   The packager's loop. Segments are shared with snapshots once they are finished.
 */
#ifndef HLS_WINDOW_H
#define HLS_WINDOW_H

#include "base/vec.h"
#include "base/writer.h"
#include "hls/hls.h"

enum {
    SEGMENT_COUNT_MAX = 256,        /* finished segments held */
    SEGMENT_TEXT_MAX = 96 * 1024,   /* lines of one segment with all its parts */
    PLAYLIST_LEN_MAX = 1024 * 1024, /* a rendered playlist */
    NAME_LEN_MAX = 96,
    WINDOW_FIRST_MSN = 1, /* 0 is the gap that opens the list */
    RENDITION_URI_LEN_MAX = 128
};

struct hls_init *hls_init_create(uint32_t number, struct buf *body);

struct running {
    bool is_begun;
    uint64_t msn;
    int64_t duration_us;
    int64_t date_us;
    bool has_discontinuity;
    bool has_map;
    bool is_independent;
    struct hls_init *init;
    size_t len;
    VEC(struct buf *) bodies;
    struct writer text;
    size_t text_parts_at;
    size_t text_segment_at;
};

struct window {
    struct hls_config config;
    char epoch[HLS_EPOCH_LEN_MAX];
    size_t epoch_len;
    int64_t part_target_us; /* 0: no part yet */
    int64_t target_duration_us;
    VEC(struct hls_segment *) segments;
    size_t listed_at; /* index of the first listed segment */
    struct running running;
    uint64_t next_msn; /* of the segment that begins next */
    uint64_t discontinuity_sequence;
    bool is_discontinuity_next;
    bool is_ended;
    struct hls_init *init;      /* of the next segment */
    struct hls_init *last_init; /* of the newest segment, to see a change; NULL: none yet */
    int64_t last_date_us;       /* end of the newest dated segment, so that dates never go back */

    /* For the multivariant playlist. */
    char codecs[128];
    size_t codecs_len;
    uint32_t width;
    uint32_t height;
    uint32_t frame_rate_milli; /* 0: unknown */
    bool was_cut_by_force;
    struct buf *multivariant;

    struct hls_rendition renditions[HLS_RENDITION_COUNT_MAX];
    char rendition_uris[HLS_RENDITION_COUNT_MAX][RENDITION_URI_LEN_MAX];
    size_t rendition_count;

    struct writer scratch;
    uint64_t version;
    uint64_t demand_until; /* a version; not before it is the list out of demand */
    uint64_t part_total;
    uint64_t segment_total;
    uint64_t discontinuity_total;
    struct hls_snapshot *snapshot; /* the newest */
};

void window_init(struct window *window, const struct hls_config *config, struct text epoch);
void window_deinit(struct window *window);

/* Begins a segment with window->init; `date_us` is its wall-clock time, 0: unknown. */
void window_begin_segment(struct window *window, int64_t date_us, bool is_independent);

/* Adds a part to the running segment; takes the body. */
void window_add_part(struct window *window, struct buf *body, int64_t duration_us,
                     bool is_independent);

/* Ends the running segment, if there is one, and lets go of what is too old. */
void window_end_segment(struct window *window);

/* Whether many bodies were sent lately: hls_snapshot_note_demand(). */
bool window_is_in_demand(const struct window *window);

/* Renders the playlists and makes a new snapshot. Needs a part ever made. */
void window_publish(struct window *window);

/* Bytes of all that is held. */
size_t window_bytes(const struct window *window);

/* How many of the oldest microseconds are listed at least. */
int64_t window_listed_us(const struct window *window);

/* ---- playlist.c ---- */

void playlist_write_segment_head(struct window *window, int64_t date_us);
void playlist_write_part(struct window *window, int64_t duration_us, bool is_independent);
void playlist_write_segment_end(struct window *window);

/* Both give a new reference; the delta is NULL when nothing can be skipped. */
struct buf *playlist_render(struct window *window, bool is_delta);
struct buf *playlist_render_multivariant(struct window *window);

#endif
