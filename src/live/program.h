/*
 * program - one broadcast: what its publishers send, on one timeline, packaged. Private to live/.
 *
 * A program is made for the first accepted publisher of a broadcast and outlives it. Samples come
 * in on the broadcast's timeline (the session placed them); the program waits a moment for the
 * other track, so that both stand in the first init segment, and then feeds the packager.
 */
#ifndef LIVE_PROGRAM_H
#define LIVE_PROGRAM_H

#include "base/list.h"
#include "hls/hls.h"
#include "live/live.h"
#include "live/timeline.h"
#include "loop/loop.h"

struct live_session;
struct sample;

enum { PROGRAM_WAITING_MAX = 512 };

struct program {
    struct live *live;
    struct list_node node; /* in live->programs */
    uint64_t channel_id;
    uint64_t broadcast_id;
    struct live_session *session; /* NULL: no publisher now */
    struct timeline timeline;
    struct hls_packager *packager;
    struct loop_timer timer; /* the packager's deadline; after the end: when to forget it */
    bool is_finished;
    bool awaits_media; /* on_media is to be told with the next part */

    struct format *video; /* what the publisher announced, as it is packaged; NULL: none yet */
    struct format *audio;
    bool is_feeding;         /* the packager knows the formats */
    int64_t first_sample_us; /* monotonic; 0: none since the publisher came */
    struct sample *waiting[PROGRAM_WAITING_MAX];
    size_t waiting_count;
    size_t waiting_bytes;

    int64_t wall_offset_us; /* wall clock minus timeline, as told to the packager */
    int64_t wall_least_us;  /* the least seen since the last adjustment */
    bool has_wall_offset;
    uint64_t told_version; /* of the newest snapshot that was handed out */

    /* Counted since the last statistics. */
    uint64_t bytes;
    uint32_t frames;
    int64_t counted_since_us;
    int64_t last_sample_us;
    int64_t fed_at_us; /* arrival of the sample before: the last one of a part that ends now */
    int32_t part_delay_ms;
    double fps;
    int32_t bitrate_kbps;
    bool has_b_frames;
};

struct program *program_create(struct live *live, uint64_t channel_id, uint64_t broadcast_id);
void program_destroy(struct program *program);

/* A publisher came (again). */
void program_attach(struct program *program, struct live_session *session);

/* It is gone; what it sent stays. */
void program_detach(struct program *program);

/* Announces a track; takes the reference. ERR_UNSUPPORTED, ERR_MALFORMED: cannot be packaged; the
 * diag has a sentence for the seller. */
MUST_USE enum err program_set_format(struct program *program, struct format *format,
                                     struct diag *diag);

/* Takes a sample on the timeline; takes the reference. */
MUST_USE enum err program_push(struct program *program, struct sample *sample, struct diag *diag);

/* A sample of that time has just come in: the wall clock follows those that come with the least
 * delay. Before program_push(), which some wait for. */
void program_note_arrival(struct program *program, int64_t dts_us);

/* Ends the playlist and keeps serving it for a while. */
void program_finish(struct program *program);

/* Once a second. */
void program_count(struct program *program, int64_t now_us);
void program_fill_stats(const struct program *program, struct live_stats *stats);

#endif
