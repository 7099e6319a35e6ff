/*
 * playlist - what a player needs from a media playlist, and no more.
 */
#ifndef BENCH_PLAYLIST_H
#define BENCH_PLAYLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

enum { PLAYLIST_ITEMS_MAX = 256 };

/* A part, or a whole segment. Names borrow from the playlist's text. */
struct playlist_item {
    uint64_t msn;
    uint32_t part;
    bool is_independent;
    struct text uri;
};

struct playlist {
    double target_s;
    double part_target_s; /* 0: not low-latency */
    uint64_t next_msn;    /* of the segment that is being made */
    uint32_t next_part;   /* the part that is being made */
    struct text map_uri;
    bool has_ended;
    struct playlist_item segments[PLAYLIST_ITEMS_MAX]; /* the newest ones */
    uint32_t segment_count;
    struct playlist_item parts[PLAYLIST_ITEMS_MAX];
    uint32_t part_count;
};

/* ERR_MALFORMED: not a media playlist. */
MUST_USE enum err playlist_parse(struct text text, struct playlist *ret_playlist);

/* The first rendition of a multivariant playlist; empty when there is none. */
struct text playlist_first_variant(struct text text);

#endif
