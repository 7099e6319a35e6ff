/* One part: moof and mdat (ISO/IEC 14496-12 section 8.8), sized first and then written once. */
#include <assert.h>

#include "base/writer.h"
#include "mp4/mp4.h"

enum {
    BOX = 8,
    FULL_BOX = 12,
    MFHD_LEN = FULL_BOX + 4,
    TFHD_LEN = FULL_BOX + 4,
    TFDT_LEN = FULL_BOX + 8,
    TRUN_LEN = FULL_BOX + 8, /* and the rows */
    VIDEO_ROW_LEN = 16,      /* duration, size, flags, composition offset */
    AUDIO_ROW_LEN = 8,       /* duration, size */

    TFHD_DEFAULT_BASE_IS_MOOF = 0x020000,
    TRUN_DATA_OFFSET = 0x000001,
    TRUN_DURATION = 0x000100,
    TRUN_SIZE = 0x000200,
    TRUN_FLAGS = 0x000400,
    TRUN_COMPOSITION_OFFSET = 0x000800
};

uint32_t mp4_timescale(const struct format *format)
{
    return codec_kind(format->codec) == MEDIA_VIDEO ? MP4_TIMESCALE_VIDEO : format->sample_rate;
}

/* value * to / from, rounded to the nearest, without overflow for any time of this universe. */
static int64_t rescale(int64_t value, int64_t to, int64_t from)
{
    int64_t whole = value / from;
    int64_t rest = value % from;

    if (rest < 0) {
        rest += from;
        whole--;
    }
    return whole * to + (rest * to + from / 2) / from;
}

int64_t mp4_ticks_of_us(int64_t time_us, uint32_t timescale)
{
    return rescale(time_us, timescale, 1000000);
}

int64_t mp4_us_of_ticks(int64_t ticks, uint32_t timescale)
{
    return rescale(ticks, 1000000, timescale);
}

static size_t trun_len(const struct mp4_run *run)
{
    size_t row = run->track_id == MP4_TRACK_VIDEO ? VIDEO_ROW_LEN : AUDIO_ROW_LEN;

    return TRUN_LEN + row * run->count;
}

static size_t traf_len(const struct mp4_run *run)
{
    return BOX + TFHD_LEN + TFDT_LEN + trun_len(run);
}

static size_t payload_len(const struct mp4_run *run)
{
    size_t len = 0;

    for (size_t i = 0; i < run->count; i++)
        len += run->samples[i].len;
    return len;
}

static void write_box(struct writer *w, size_t len, const char *type)
{
    writer_u32(w, (uint32_t)len);
    writer_bytes(w, type, 4);
}

static void write_full_box(struct writer *w, size_t len, const char *type, uint8_t version,
                           uint32_t flags)
{
    write_box(w, len, type);
    writer_u8(w, version);
    writer_u24(w, flags);
}

static void write_trun(struct writer *w, const struct mp4_run *run, size_t data_offset)
{
    bool is_video = run->track_id == MP4_TRACK_VIDEO;
    uint32_t flags = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE;

    if (is_video)
        flags |= TRUN_FLAGS | TRUN_COMPOSITION_OFFSET;
    write_full_box(w, trun_len(run), "trun", 1, flags); /* version 1: signed offsets */
    writer_u32(w, (uint32_t)run->count);
    writer_u32(w, (uint32_t)data_offset);
    for (size_t i = 0; i < run->count; i++) {
        const struct mp4_sample *sample = &run->samples[i];

        writer_u32(w, sample->duration);
        writer_u32(w, sample->len);
        if (is_video) {
            writer_u32(w, sample->is_keyframe ? MP4_SAMPLE_IS_KEYFRAME : MP4_SAMPLE_IS_NO_KEYFRAME);
            writer_u32(w, (uint32_t)sample->composition_offset);
        }
    }
}

static void write_traf(struct writer *w, const struct mp4_run *run, size_t data_offset)
{
    write_box(w, traf_len(run), "traf");
    write_full_box(w, TFHD_LEN, "tfhd", 0, TFHD_DEFAULT_BASE_IS_MOOF);
    writer_u32(w, run->track_id);
    write_full_box(w, TFDT_LEN, "tfdt", 1, 0);
    writer_u64(w, run->decode_time);
    write_trun(w, run, data_offset);
}

struct buf *mp4_write_part(struct pages_cursor *pages, uint32_t sequence,
                           const struct mp4_run *runs, size_t run_count)
{
    size_t moof_len = BOX + MFHD_LEN;
    size_t mdat_len = BOX;

    assert(run_count > 0 && run_count <= MP4_TRACK_COUNT_MAX);
    for (size_t i = 0; i < run_count; i++) {
        assert(runs[i].count > 0);
        moof_len += traf_len(&runs[i]);
        mdat_len += payload_len(&runs[i]);
    }
    assert(moof_len + mdat_len <= UINT32_MAX);

    struct buf *part = buf_create_paged(pages, moof_len + mdat_len);
    struct writer w = writer_fixed(part->data, part->len);
    size_t data_offset = moof_len + BOX; /* counted from the start of moof */

    write_box(&w, moof_len, "moof");
    write_full_box(&w, MFHD_LEN, "mfhd", 0, 0);
    writer_u32(&w, sequence);
    for (size_t i = 0; i < run_count; i++) {
        write_traf(&w, &runs[i], data_offset);
        data_offset += payload_len(&runs[i]);
    }
    write_box(&w, mdat_len, "mdat");
    for (size_t i = 0; i < run_count; i++) {
        for (size_t n = 0; n < runs[i].count; n++)
            writer_bytes(&w, runs[i].samples[n].data, runs[i].samples[n].len);
    }
    assert(!w.failed && w.len == part->len);
    return part;
}
