#include "record/fragment.h"

#include "base/reader.h"

enum {
    TRUN_DATA_OFFSET = 0x000001,
    TRUN_FIRST_FLAGS = 0x000004,
    TRUN_DURATION = 0x000100,
    TRUN_SIZE = 0x000200,
    TRUN_FLAGS = 0x000400,
    TRUN_COMPOSITION_OFFSET = 0x000800,

    SAMPLE_IS_NO_SYNC = 0x00010000
};

/* Beyond this a time is garbage: 71 years. */
static const int64_t TIME_MAX_US = INT64_C(1) << 51;
/* No part of ours is that long: segments are cut after two minutes at most. */
static const int64_t DURATION_MAX_US = INT64_C(600) * 1000000;

enum err fragment_read_box(const uint8_t header[FRAGMENT_HEADER_LEN], struct fragment_box *ret_box)
{
    static const struct {
        struct text name;
        enum fragment_box_kind kind;
    } kinds[] = {
        {TEXT_INIT("ftyp"), FRAGMENT_FTYP},
        {TEXT_INIT("moov"), FRAGMENT_MOOV},
        {TEXT_INIT("moof"), FRAGMENT_MOOF},
        {TEXT_INIT("mdat"), FRAGMENT_MDAT},
    };
    struct reader r = reader_of(header, FRAGMENT_HEADER_LEN);
    uint32_t len = reader_u32(&r);
    struct text name = reader_text(&r, 4);
    enum fragment_box_kind kind = FRAGMENT_OTHER;

    if (len < FRAGMENT_HEADER_LEN) /* 0: to the end of the file, 1: 64 bits; never ours */
        return ERR_MALFORMED;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (text_equal(name, kinds[i].name))
            kind = kinds[i].kind;
    *ret_box = (struct fragment_box){kind, len};
    return OK;
}

/* The content of the next box; *ret_name tells which. */
static struct reader next_box(struct reader *r, struct text *ret_name)
{
    uint32_t len = reader_u32(r);

    *ret_name = reader_text(r, 4);
    if (r->failed || len < FRAGMENT_HEADER_LEN) {
        reader_fail(r);
        return (struct reader){NULL, 0, true};
    }
    return reader_sub(r, len - FRAGMENT_HEADER_LEN);
}

/* The content of the first box with this name; the others before it are passed over. */
static struct reader find_box(struct reader *r, const char *wanted)
{
    struct text name;

    while (r->left) {
        struct reader box = next_box(r, &name);
        if (box.failed || text_equal(name, text_of(wanted)))
            return box;
    }
    reader_fail(r);
    return *r;
}

/* ---- moov ---- */

/* Version 0 has times of 32 bits, version 1 of 64. */
static size_t time_len(uint32_t version_and_flags)
{
    return version_and_flags >> 24 == 1 ? 8 : 4;
}

static bool read_trak(struct reader trak, struct fragment_tracks *tracks)
{
    struct reader tkhd = find_box(&trak, "tkhd");
    struct reader mdia = find_box(&trak, "mdia");
    struct reader mdhd = find_box(&mdia, "mdhd");
    struct reader hdlr = find_box(&mdia, "hdlr");

    reader_skip(&tkhd, 2 * time_len(reader_u32(&tkhd)));
    uint32_t id = reader_u32(&tkhd);
    reader_skip(&mdhd, 2 * time_len(reader_u32(&mdhd)));
    uint32_t timescale = reader_u32(&mdhd);
    reader_skip(&hdlr, 8);
    struct text kind = reader_text(&hdlr, 4);
    if (tkhd.failed || mdhd.failed || hdlr.failed || timescale == 0 ||
        tracks->count == FRAGMENT_TRACKS_MAX)
        return false;
    tracks->items[tracks->count].id = id;
    tracks->items[tracks->count].timescale = timescale;
    tracks->items[tracks->count].is_video = text_equal(kind, TEXT("vide"));
    tracks->count++;
    return true;
}

enum err fragment_read_moov(const uint8_t *bytes, size_t len, struct fragment_tracks *ret_tracks)
{
    struct fragment_tracks tracks = {0};
    struct reader r = reader_of(bytes, len);
    struct text name;
    struct reader moov = next_box(&r, &name);

    if (moov.failed || !text_equal(name, TEXT("moov")))
        return ERR_MALFORMED;
    while (moov.left) {
        struct reader box = next_box(&moov, &name);

        if (box.failed)
            return ERR_MALFORMED;
        if (text_equal(name, TEXT("trak")) && !read_trak(box, &tracks))
            return ERR_MALFORMED;
    }
    if (tracks.count == 0)
        return ERR_MALFORMED;
    *ret_tracks = tracks;
    return OK;
}

/* ---- moof ---- */

static int64_t us_of(uint64_t ticks, uint32_t timescale)
{
    uint64_t whole = ticks / timescale;

    if (whole >= (uint64_t)TIME_MAX_US / 1000000)
        return TIME_MAX_US;
    return (int64_t)(whole * 1000000 + ticks % timescale * 1000000 / timescale);
}

/* The samples of a run: how long they last, and whether the first is one to begin with. */
static bool read_trun(struct reader trun, uint64_t *ret_duration, bool *ret_is_key)
{
    uint32_t flags = reader_u32(&trun) & 0xffffff;
    uint32_t count = reader_u32(&trun);
    uint64_t duration = 0;
    uint32_t first_flags = 0;
    size_t row_len = 0;

    if (flags & TRUN_DATA_OFFSET)
        (void)reader_u32(&trun);
    if (flags & TRUN_FIRST_FLAGS)
        first_flags = reader_u32(&trun);
    for (uint32_t field = TRUN_DURATION; field <= TRUN_COMPOSITION_OFFSET; field <<= 1)
        row_len += flags & field ? 4 : 0;
    /* Without durations nothing says how long it lasts; ours have them. */
    if (trun.failed || count == 0 || !(flags & TRUN_DURATION) || count > trun.left / row_len)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct reader row = reader_sub(&trun, row_len);

        duration += reader_u32(&row);
        if (flags & TRUN_SIZE)
            (void)reader_u32(&row);
        if (i == 0 && (flags & TRUN_FLAGS))
            first_flags = reader_u32(&row);
    }
    *ret_duration = duration;
    *ret_is_key = !(first_flags & SAMPLE_IS_NO_SYNC);
    return true;
}

/* A run of a known track; *ret_is_video tells which. False: not understood. */
static bool read_traf(struct reader traf, const struct fragment_tracks *tracks,
                      struct fragment *ret_fragment, bool *ret_is_video)
{
    struct reader tfhd = find_box(&traf, "tfhd");
    struct reader tfdt = find_box(&traf, "tfdt");
    struct reader trun = find_box(&traf, "trun");
    uint64_t duration;
    bool is_key;

    (void)reader_u32(&tfhd);
    uint32_t id = reader_u32(&tfhd);
    bool is_long = time_len(reader_u32(&tfdt)) == 8;
    uint64_t start = is_long ? reader_u64(&tfdt) : reader_u32(&tfdt);
    if (tfhd.failed || tfdt.failed || trun.failed || !read_trun(trun, &duration, &is_key))
        return false;
    for (size_t i = 0; i < tracks->count; i++) {
        uint32_t timescale = tracks->items[i].timescale;

        if (tracks->items[i].id != id)
            continue;
        if (start > UINT64_MAX - duration)
            return false;
        ret_fragment->start_us = us_of(start, timescale);
        ret_fragment->end_us = us_of(start + duration, timescale);
        *ret_is_video = tracks->items[i].is_video;
        /* Any sound is a beginning, but not of a file that has a picture as well. */
        ret_fragment->begins_with_key = is_key;
        return ret_fragment->end_us < TIME_MAX_US &&
               ret_fragment->end_us - ret_fragment->start_us <= DURATION_MAX_US;
    }
    return false;
}

static bool has_video(const struct fragment_tracks *tracks)
{
    for (size_t i = 0; i < tracks->count; i++)
        if (tracks->items[i].is_video)
            return true;
    return false;
}

enum err fragment_read_moof(const uint8_t *bytes, size_t len, const struct fragment_tracks *tracks,
                            struct fragment *ret_fragment)
{
    struct reader r = reader_of(bytes, len);
    struct text name;
    struct reader moof = next_box(&r, &name);
    struct fragment fragment = {0};
    bool has_any = false;
    bool is_video_found = false;

    if (moof.failed || !text_equal(name, TEXT("moof")))
        return ERR_MALFORMED;
    while (moof.left && !is_video_found) {
        struct reader box = next_box(&moof, &name);
        struct fragment run;

        if (box.failed)
            return ERR_MALFORMED;
        if (!text_equal(name, TEXT("traf")))
            continue;
        if (!read_traf(box, tracks, &run, &is_video_found))
            return ERR_MALFORMED;
        if (!has_any || is_video_found)
            fragment = run;
        has_any = true;
    }
    if (!has_any)
        return ERR_MALFORMED;
    fragment.begins_with_key &= is_video_found || !has_video(tracks);
    *ret_fragment = fragment;
    return OK;
}
