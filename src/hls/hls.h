/*
 * hls - the low-latency HLS packager of one channel, and what readers ask of its result.
 *
 *     samples --hls_packager_push()--> [pending] --part--> running segment --> window
 *                                                              |
 *                                     hls_packager_snapshot(): struct hls_snapshot (immutable)
 *                                                              |
 *     requests --hls_snapshot_find(), hls_snapshot_query()--> bytes | wait | 400 | 404
 *
 * The packager belongs to one loop. After each part it makes a new snapshot: the whole window with
 * its rendered playlists, immutable and ref-counted. Delivery threads hold a reference to the
 * newest one and answer from it without a lock (docs/decisions/0001-snapshot-per-part.md).
 *
 * Tracks    Video, audio, or both, muxed into the same parts. Announce both tracks before the first
 *           key frame is pushed: a track that is added or removed later needs a new init segment
 *           and a discontinuity, which not every player survives. An announced audio track that
 *           is late, stalls or vanishes is filled with silence, so that players go on.
 *
 * Parts     PART-TARGET (T) is fixed with the first part: as many frames as fit into the
 *           configured part_target_us at the measured frame rate, and 2 % more for jitter. Then
 *           each part lasts 85..100 % of T, but for the last of a segment, which may be shorter.
 *           What makes that hold with any jitter is that the decode timeline is ours: it follows
 *           the samples, but bends by some milliseconds where a part would fall out of the range.
 *           The composition offsets take the difference up, so each pts stays what it was.
 *
 * Segments  Begin with a key frame, at the one nearest to segment_target_us. A part that may be the
 *           last of its segment waits for the next frame, so that the preload hint is right.
 *           TARGETDURATION is segment_target_us rounded; it stays when key frames come in time. If
 *           they do not (a GOP of 20 s), the segment grows and TARGETDURATION is raised before
 *           any segment would break it, in steps of double, and never lowered. A segment over
 *           segment_max_us or segment_max_bytes is cut at a non-key frame: the one case in which
 *           a segment does not begin with a key frame; counted in the stats.
 *
 * Beginning A list without a whole segment is empty to hls.js, which costs the first viewers the
 *           length of a segment. So the list opens with a gap of a millisecond (EXT-X-GAP, media
 *           sequence number 0), which no player loads, and until the first segment is whole,
 *           EXT-X-START points behind it: playing begins with the first part.
 *
 * Window    window_us of media are kept in memory. The oldest two segment targets of it are
 *           not listed any more but can still be fetched (shorter than the specification's
 *           availability duration, which would double the memory; caches cover the rest). The
 *           list is never shorter than three target durations. All is bounded by
 *           window_max_bytes: over it the oldest segments go, listed or not.
 *
 * Names     live.m3u8, index.m3u8, <epoch>-init<k>.mp4, <epoch>-<msn>.m4s, and
 *           <epoch>-<msn>.<part>.m4s. The epoch is unique a start of the server: what has such a
 *           name never changes and may be cached for ever.
 *
 * Spec      draft-pantos-hls-rfc8216bis.
 */
#ifndef HLS_HLS_H
#define HLS_HLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "media/format.h"
#include "media/sample.h"

struct writer;
struct hls_packager;

enum {
    HLS_EPOCH_LEN_MAX = 32,
    HLS_RENDITION_COUNT_MAX = 8,
    HLS_PENDING_COUNT_MAX = 512,     /* samples of a track that wait for their part */
    HLS_SEGMENT_PART_COUNT_MAX = 512 /* one more ends the segment */
};

/* ---- The packager: on the loop that owns the channel ---- */

/* 0 in a field means its default. */
struct hls_config {
    int64_t part_target_us;    /* 200 ms; 50 ms..2 s */
    int64_t segment_target_us; /* 2 s; 1..10 s */
    int64_t segment_max_us;    /* 24 s */
    int64_t window_us;         /* 12 s; at least 5 segment targets */
    size_t segment_max_bytes;  /* 32 MiB */
    size_t window_max_bytes;   /* 96 MiB */
};

/* ERR_INVALID: a value out of range, or an epoch that is not 1..HLS_EPOCH_LEN_MAX letters and
 * digits; the diag says which. On OK the caller owns *ret_packager. */
MUST_USE enum err hls_packager_create(const struct hls_config *config, struct text epoch,
                                      struct hls_packager **ret_packager, struct diag *diag);

/* Drops everything. Snapshots that others hold stay valid. NULL is allowed. */
void hls_packager_destroy(struct hls_packager *packager);

/* Announces what the samples pushed from now on carry; NULL: no such track. Complete formats
 * (codec_complete_format). A change ends the segment; the next one begins with the next key frame,
 * behind a discontinuity, with a new init segment. When only the audio changes, the video goes on
 * until that key frame; before the first part the audio just joins. When only the video changes and
 * its key frame comes at once, the audio goes on without a hole. ERR_UNSUPPORTED, ERR_MALFORMED (as
 * mp4_write_init): nothing changed. *ret_changed says whether there is a new snapshot; NULL is
 * allowed. */
MUST_USE enum err hls_packager_set_formats(struct hls_packager *packager,
                                           const struct format *video, const struct format *audio,
                                           int64_t now_us, bool *ret_changed, struct diag *diag);

/* Takes a sample in; keeps its own reference until the sample's part is made. Within a track dts
 * should not go back; a sample for which it does is moved (a little) or dropped. Returns true when
 * there is a new snapshot. */
bool hls_packager_push(struct hls_packager *packager, const struct sample *sample, int64_t now_us);

/* Says that wall clock = dts + offset, for EXT-X-PROGRAM-DATE-TIME of later segments. The dates
 * never go back. Without it no dates are written. */
void hls_packager_set_wall_offset(struct hls_packager *packager, int64_t wall_minus_dts_us);

/* The publisher came back, or the timeline jumps: what is pending becomes the last part, and the
 * next key frame begins a segment behind EXT-X-DISCONTINUITY. Returns true when there is a new
 * snapshot. */
bool hls_packager_discontinuity(struct hls_packager *packager, int64_t now_us);

/* Ends the playlist: last part, EXT-X-ENDLIST. Later pushes are ignored. Returns true when there is
 * a new snapshot (there is none when nothing was ever published). */
bool hls_packager_finish(struct hls_packager *packager, int64_t now_us);

/* When hls_packager_on_deadline() wants to be called next; INT64_MAX: not at all. It publishes what
 * is pending when the publisher stalls. Returns true when there is a new snapshot. */
int64_t hls_packager_deadline_us(const struct hls_packager *packager);
bool hls_packager_on_deadline(struct hls_packager *packager, int64_t now_us);

/* The newest snapshot, borrowed until the next call on the packager; NULL before the first part.
 */
const struct hls_snapshot *hls_packager_snapshot(const struct hls_packager *packager);

/* Another media playlist of the same presentation, for EXT-X-RENDITION-REPORT. */
struct hls_rendition {
    struct text uri; /* relative to live.m3u8; copied */
    uint64_t last_msn;
    uint32_t last_part;
};

/* Sets what the next playlists report. ERR_LIMIT: more than HLS_RENDITION_COUNT_MAX, or a URI that
 * is longer than 128 characters or cannot stand in quotes. */
MUST_USE enum err hls_packager_set_renditions(struct hls_packager *packager,
                                              const struct hls_rendition *renditions, size_t count);

struct hls_stats {
    bool is_waiting_for_keyframe;  /* video is pushed, but no key frame yet: nothing is published */
    uint64_t parts;                /* made so far */
    uint64_t segments;             /* finished so far */
    uint64_t discontinuities;      /* written so far */
    uint64_t forced_cuts;          /* segments begun without a key frame */
    uint64_t dropped_video;        /* samples before a key frame, or with unusable times */
    uint64_t dropped_audio;        /* late behind silence, before the video, or unusable */
    uint64_t silence_frames;       /* audio that we made up */
    size_t window_bytes;           /* payload in memory: segments, parts, init segments */
    size_t pending_bytes;          /* payload that waits for its part */
    int64_t part_target_us;        /* 0 before the first part */
    int64_t target_duration_us;    /* as announced */
    int64_t frame_duration_us;     /* measured; 0 unknown */
    int64_t keyframe_interval_us;  /* the last one; 0 unknown */
    int64_t decode_time_offset_us; /* how far the decode timeline is bent now */
};

struct hls_stats hls_packager_stats(const struct hls_packager *packager);

/* ---- Snapshots: any thread ---- */

struct hls_init {
    atomic_uint refs;
    uint32_t number; /* the k in the name */
    struct buf *body;
};

/* A finished segment, immutable: what stands in the window, and what a recording keeps. Its bytes
 * are the bodies one after the other; with the init before them they are a file. */
struct hls_segment {
    atomic_uint refs;
    uint64_t msn; /* rises by one from segment to segment */
    int64_t duration_us;
    int64_t date_us;        /* wall clock of its beginning; 0: not known */
    bool has_discontinuity; /* before it */
    bool has_map;           /* its text says EXT-X-MAP */
    bool is_independent;    /* begins with a key frame */
    struct hls_init *init;
    size_t len; /* bytes of all bodies */
    struct buf **bodies;
    size_t part_count;
    struct buf *text;       /* the playlist lines: tags, parts, EXTINF and name */
    size_t text_parts_at;   /* where the parts begin */
    size_t text_segment_at; /* where EXTINF begins */
};

struct hls_segment *hls_segment_ref(const struct hls_segment *segment);
/* Returns NULL. NULL is allowed. */
struct hls_segment *hls_segment_unref(struct hls_segment *segment);
struct hls_init *hls_init_ref(const struct hls_init *init);
struct hls_init *hls_init_unref(struct hls_init *init);

/* Readers ask it through the functions below; who follows a broadcast (a recording) looks at
 * `version`, `is_ended`, `running_msn` and the finished segments. */
struct hls_snapshot {
    atomic_uint refs;
    atomic_uint asked; /* hls_snapshot_note_demand() */
    uint64_t version;  /* counts the snapshots of a packager from 1 */
    bool is_ended;
    int64_t target_duration_us;
    int64_t part_target_us;
    uint64_t first_msn;            /* first listed; not below what can be fetched */
    uint64_t running_msn;          /* the segment that parts are added to, or the next one */
    size_t running_count;          /* its parts so far; 0: not begun */
    struct buf *playlist;          /* live.m3u8 */
    struct buf *playlist_delta;    /* with EXT-X-SKIP; NULL: nothing can be skipped */
    struct buf *multivariant;      /* index.m3u8 */
    struct hls_segment **segments; /* finished, oldest first; the first ones are not listed */
    size_t segment_count;
    struct hls_init **inits; /* all that these segments use */
    size_t init_count;
    struct buf **running;          /* the bodies of the running parts */
    char epoch[HLS_EPOCH_LEN_MAX]; /* epoch_len characters */
    size_t epoch_len;
};

struct hls_snapshot *hls_snapshot_ref(const struct hls_snapshot *snapshot);
/* Returns NULL. NULL is allowed. */
struct hls_snapshot *hls_snapshot_unref(struct hls_snapshot *snapshot);

/* Notes that so many bodies are being sent. Of what is in demand, the next parts are cut from pages
 * (base/pages.h): a part of 64 kB costs 80 us more to make then, and each viewer 5 us less. */
void hls_snapshot_note_demand(const struct hls_snapshot *snapshot, size_t bodies);

enum hls_kind { HLS_MULTIVARIANT = 1, HLS_PLAYLIST, HLS_INIT, HLS_SEGMENT, HLS_PART };

/* A body: `count` bufs to be sent one after the other, `len` bytes in all. The array is borrowed
 * from the snapshot; to send later, take references to the bufs and let the snapshot go. */
struct hls_file {
    enum hls_kind kind;
    struct buf *const *bodies;
    size_t count;
    size_t len;
};

enum hls_answer {
    HLS_READY = 1,   /* answer now */
    HLS_WAIT,        /* ask again with the next snapshot; 503 after hls_snapshot_hold_us() */
    HLS_BAD_REQUEST, /* 400 */
    HLS_NOT_FOUND    /* 404 */
};

/* Finds what a file name (the last component of the path) means. READY fills *ret_file. WAIT: a
 * part that is hinted, or will be next after it; it may turn into NOT_FOUND when the segment ends
 * before. For HLS_PLAYLIST the directives decide further: hls_snapshot_query(). */
enum hls_answer hls_snapshot_find(const struct hls_snapshot *snapshot, struct text name,
                                  struct hls_file *ret_file);

/* The kind that a name has by its form alone, 0 for none: for answers before the first snapshot. */
enum hls_kind hls_kind_of_name(struct text name);

/* Delivery directives of a playlist request. */
struct hls_directives {
    bool has_msn;
    bool has_part;
    bool wants_skip; /* YES or v2 */
    uint64_t msn;
    uint64_t part;
};

/* Parses a query string (without '?'). Other parameters, also unknown _HLS_ ones, are ignored.
 * ERR_MALFORMED (answer 400): not an integer, given twice, _HLS_part without _HLS_msn, an unknown
 * value of _HLS_skip. */
MUST_USE enum err hls_directives_parse(struct text query, struct hls_directives *ret_directives);

/* Writes them in the one form that caches should see: "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES". */
void hls_directives_write(struct writer *w, const struct hls_directives *directives);

/* Whether the media playlist may be answered now: READY, WAIT or BAD_REQUEST. A request for what
 * has left the window is READY: the whole current playlist is the answer. */
enum hls_answer hls_snapshot_query(const struct hls_snapshot *snapshot,
                                   const struct hls_directives *directives);

/* The body that answers it, full or delta. Borrowed; the same buf for all who ask the same, so a
 * compressed form can be kept by its identity. */
const struct buf *hls_snapshot_playlist(const struct hls_snapshot *snapshot,
                                        const struct hls_directives *directives);

/* How long a request may be held: three target durations, then 503. */
int64_t hls_snapshot_hold_us(const struct hls_snapshot *snapshot);

/* For Cache-Control: how long a cache may keep the answer. `is_blocking`: a playlist request with
 * _HLS_msn, or a part that was waited for. HLS_CACHE_FOREVER: immutable. `snapshot` may be NULL. */
#define HLS_CACHE_FOREVER INT64_MAX
int64_t hls_cache_us(const struct hls_snapshot *snapshot, enum hls_kind kind, bool is_blocking,
                     bool is_success);

#endif
