/*
 * mp4_read - takes a part apart: the mirror of mp4_write_part(), for tests only. It knows just the
 * boxes that we write, and is strict: anything else, in any other order, is an error.
 */
#ifndef TESTS_SUPPORT_MP4_READ_H
#define TESTS_SUPPORT_MP4_READ_H

#include "base/reader.h"

enum { MP4_READ_SAMPLE_COUNT_MAX = 2048, MP4_READ_TRACK_COUNT_MAX = 2 };

struct mp4_read_sample {
    uint32_t duration;
    uint32_t len;
    uint32_t flags; /* video only */
    int32_t composition_offset;
    const uint8_t *data;
};

struct mp4_read_track {
    uint32_t id;
    uint64_t decode_time;
    uint64_t duration;
    size_t count;
    struct mp4_read_sample samples[MP4_READ_SAMPLE_COUNT_MAX];
};

struct mp4_read_part {
    uint32_t sequence;
    size_t track_count;
    struct mp4_read_track tracks[MP4_READ_TRACK_COUNT_MAX];
};

/* The content of the next box, which must be of this type. */
static inline struct reader mp4_read_box(struct reader *r, const char *type)
{
    uint32_t len = reader_u32(r);
    struct text name = reader_text(r, 4);

    if (r->failed || len < 8 || !text_equal(name, text_of(type))) {
        reader_fail(r);
        return (struct reader){NULL, 0, true};
    }
    return reader_sub(r, len - 8);
}

static inline bool mp4_read_traf(struct reader *moof, const uint8_t *start, size_t len,
                                 struct mp4_read_track *track)
{
    struct reader traf = mp4_read_box(moof, "traf");
    struct reader tfhd = mp4_read_box(&traf, "tfhd");
    struct reader tfdt = mp4_read_box(&traf, "tfdt");
    struct reader trun = mp4_read_box(&traf, "trun");
    bool is_right = reader_u32(&tfhd) == 0x00020000 && reader_u32(&tfdt) == 0x01000000;
    uint32_t flags;
    uint32_t offset;

    track->id = reader_u32(&tfhd);
    track->decode_time = reader_u64(&tfdt);
    flags = reader_u32(&trun);
    track->count = reader_u32(&trun);
    offset = reader_u32(&trun);
    is_right &= flags == (track->id == 1 ? 0x01000f01 : 0x01000301);
    if (!is_right || trun.failed || track->count > MP4_READ_SAMPLE_COUNT_MAX || offset > len)
        return false;
    struct reader data = reader_of(start + offset, len - offset);
    track->duration = 0;
    for (size_t i = 0; i < track->count; i++) {
        struct mp4_read_sample *sample = &track->samples[i];

        *sample = (struct mp4_read_sample){.duration = reader_u32(&trun)};
        sample->len = reader_u32(&trun);
        if (track->id == 1) {
            sample->flags = reader_u32(&trun);
            sample->composition_offset = (int32_t)reader_u32(&trun);
        }
        sample->data = reader_bytes(&data, sample->len);
        track->duration += sample->duration;
    }
    return !data.failed && !trun.failed && trun.left == 0 && !tfhd.failed && !tfdt.failed &&
           tfhd.left == 0 && tfdt.left == 0 && traf.left == 0;
}

/* False when the bytes are not exactly one part. The data pointers go into `bytes`. */
static inline bool mp4_read_part(const uint8_t *bytes, size_t len, struct mp4_read_part *ret_part)
{
    struct reader r = reader_of(bytes, len);
    struct reader moof = mp4_read_box(&r, "moof");
    struct reader mfhd = mp4_read_box(&moof, "mfhd");

    (void)reader_u32(&mfhd);
    ret_part->sequence = reader_u32(&mfhd);
    ret_part->track_count = 0;
    if (moof.failed || mfhd.failed || mfhd.left)
        return false;
    while (moof.left) {
        if (ret_part->track_count == MP4_READ_TRACK_COUNT_MAX ||
            !mp4_read_traf(&moof, bytes, len, &ret_part->tracks[ret_part->track_count]))
            return false;
        ret_part->track_count++;
    }
    (void)mp4_read_box(&r, "mdat");
    return !r.failed && r.left == 0;
}

#endif
