/*
 * fragment - reads what mp4/ has written: boxes, times and key frames, to repair a recording.
 * Private to record/. The bytes come from a disk after a crash: anything may be in them.
 *
 * Spec      ISO/IEC 14496-12 sections 4.2 (boxes), 8.4.2 (mdhd), 8.8 (movie fragments).
 */
#ifndef RECORD_FRAGMENT_H
#define RECORD_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    FRAGMENT_HEADER_LEN = 8,
    FRAGMENT_INIT_LEN_MAX = 64 * 1024,   /* of ftyp and of moov */
    FRAGMENT_MOOF_LEN_MAX = 1024 * 1024, /* of moof */
    FRAGMENT_TRACKS_MAX = 4
};

enum fragment_box_kind {
    FRAGMENT_FTYP = 1,
    FRAGMENT_MOOV,
    FRAGMENT_MOOF,
    FRAGMENT_MDAT,
    FRAGMENT_OTHER,
};

/* A box of the outermost level. */
struct fragment_box {
    enum fragment_box_kind kind;
    uint32_t len; /* with its header */
};

/* Reads the 8 bytes of a header. ERR_MALFORMED: a length that no box of ours has. */
MUST_USE enum err fragment_read_box(const uint8_t header[FRAGMENT_HEADER_LEN],
                                    struct fragment_box *ret_box);

/* What moov says of the tracks. */
struct fragment_tracks {
    size_t count;
    struct {
        uint32_t id;
        uint32_t timescale;
        bool is_video;
    } items[FRAGMENT_TRACKS_MAX];
};

/* `moov` is the whole box. ERR_MALFORMED. */
MUST_USE enum err fragment_read_moov(const uint8_t *moov, size_t len,
                                     struct fragment_tracks *ret_tracks);

/* One moof: of the video when it has some, else of the sound. */
struct fragment {
    int64_t start_us;
    int64_t end_us;
    bool begins_with_key; /* a player may begin here */
};

/* `moof` is the whole box. ERR_MALFORMED. */
MUST_USE enum err fragment_read_moof(const uint8_t *moof, size_t len,
                                     const struct fragment_tracks *tracks,
                                     struct fragment *ret_fragment);

#endif
