/* Random samples laid into a part are read back as they were: the mirror says the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "support/mp4_read.h"

#include "base/buf.h"
#include "mp4/mp4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COUNT_MAX = 64, PAYLOAD_LEN = 300 };

static size_t read_samples(struct reader *r, const uint8_t *payload, struct mp4_sample *samples)
{
    size_t count = reader_u8(r) % COUNT_MAX + 1;

    for (size_t i = 0; i < count; i++) {
        uint32_t len = reader_u8(r);
        uint32_t from = reader_u8(r) % (PAYLOAD_LEN - 255);

        samples[i] = (struct mp4_sample){.data = payload + from,
                                         .len = len,
                                         .duration = reader_u32(r),
                                         .composition_offset = (int32_t)reader_u32(r),
                                         .is_keyframe = reader_u8(r) & 1};
    }
    return count;
}

static void check_run(const struct mp4_run *run, const struct mp4_read_track *track)
{
    uint64_t duration = 0;

    assert(track->id == run->track_id && track->decode_time == run->decode_time);
    assert(track->count == run->count);
    for (size_t i = 0; i < run->count; i++) {
        const struct mp4_sample *sample = &run->samples[i];

        assert(track->samples[i].len == sample->len);
        assert(track->samples[i].duration == sample->duration);
        assert(memcmp(track->samples[i].data, sample->data, sample->len) == 0);
        if (run->track_id == MP4_TRACK_VIDEO) {
            assert(track->samples[i].composition_offset == sample->composition_offset);
            assert((track->samples[i].flags == MP4_SAMPLE_IS_KEYFRAME) == sample->is_keyframe);
        }
        duration += sample->duration;
    }
    assert(track->duration == duration);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mp4_read_part part;
    struct reader r = reader_of(data, size);
    struct mp4_sample samples[2][COUNT_MAX];
    struct mp4_run runs[2];
    uint8_t payload[PAYLOAD_LEN];
    uint8_t tracks = reader_u8(&r) % 3;
    uint32_t sequence = reader_u32(&r);
    size_t count = 0;

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 7);
    for (uint32_t id = 1; id <= 2; id++) {
        if (tracks + 1U == (3 - id)) /* 0: without audio, 1: without video, 2: both */
            continue;
        runs[count].track_id = id;
        runs[count].decode_time = reader_u64(&r);
        runs[count].samples = samples[count];
        runs[count].count = read_samples(&r, payload, samples[count]);
        count++;
    }
    struct buf *buf = mp4_write_part(NULL, sequence, runs, count);
    assert(mp4_read_part(buf->data, buf->len, &part));
    assert(part.sequence == sequence && part.track_count == count);
    for (size_t i = 0; i < count; i++)
        check_run(&runs[i], &part.tracks[i]);
    buf_unref(buf);

    /* The mirror itself takes any bytes. */
    (void)mp4_read_part(data, size, &part);
    return 0;
}
