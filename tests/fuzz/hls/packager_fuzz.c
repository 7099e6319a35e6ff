/*
 * A publisher gone mad: random samples, formats, discontinuities and deadlines. Whatever it does,
 * each snapshot must satisfy a strict player (hls_check), and memory stays within the limits.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/hls_check.h"

#include "base/mem.h"
#include "codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OP_COUNT_MAX = 4000,
    SEGMENT_BYTES_MAX = 200000,
    WINDOW_BYTES_MAX = 400000,
    FORMAT_COUNT = 3
};

struct mad {
    struct hls_packager *packager;
    struct hls_check check;
    struct format *video[FORMAT_COUNT]; /* the first is NULL */
    struct format *audio[FORMAT_COUNT];
    int64_t video_us;
    int64_t audio_us;
    int64_t now_us;
};

static const uint8_t avcc[] = {0x01, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0x00, 0x17, 0x67, 0x42,
                               0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xec, 0x04, 0x40, 0x00,
                               0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0f, 0x23, 0xc6, 0x0c,
                               0xa8, 0x01, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80};

static void create_formats(struct mad *mad)
{
    struct buf *aac;

    for (size_t i = 1; i < FORMAT_COUNT; i++) {
        struct buf *config = buf_copy(avcc, sizeof(avcc));
        config->data[3] = (uint8_t)(0x1f + i); /* the level: another format */
        config->data[11] = config->data[3];
        mad->video[i] = format_create(CODEC_H264, config);
        if (codec_complete_format(mad->video[i], NULL))
            abort();
    }
    if (aac_write_lc_config(44100, 1, &aac))
        abort();
    mad->audio[1] = format_create(CODEC_AAC, aac);
    mad->audio[2] = format_create(CODEC_OPUS, NULL);
    for (size_t i = 1; i < FORMAT_COUNT; i++) {
        if (codec_complete_format(mad->audio[i], NULL))
            abort();
    }
}

static void look(struct mad *mad, bool is_changed)
{
    if (!is_changed)
        return;
    const struct hls_snapshot *snapshot = hls_packager_snapshot(mad->packager);
    const char *complaint = hls_check_snapshot(&mad->check, snapshot);
    if (complaint) {
        (void)fprintf(stderr, "%s:\n%.*s\n", complaint, TEXT_ARG(buf_text(snapshot->playlist)));
        abort();
    }
}

/* A step in time: mostly a frame, sometimes anything. */
static int64_t step_us(struct reader *r)
{
    uint8_t how = reader_u8(r);

    if (how < 200)
        return how * 400;
    if (how < 240)
        return ((int64_t)how - 220) * 100000;
    if (how < 250)
        return ((int64_t)how - 245) * 3000000;
    return (int64_t)reader_u64(r);
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? b : sum;
}

static void push(struct mad *mad, struct reader *r, enum media_kind kind, uint8_t flags)
{
    int64_t *clock = kind == MEDIA_VIDEO ? &mad->video_us : &mad->audio_us;
    size_t len = (flags & 0x20) ? (size_t)reader_u8(r) * 300 : (size_t)reader_u8(r);
    struct buf *buf = buf_create(len);

    if (len)
        memset(buf->data, 0xfc, len); /* an Opus TOC of 20 ms */
    struct sample *sample = sample_create(kind, slice_take(buf));
    sample->is_keyframe = kind == MEDIA_AUDIO || (flags & 0x40);
    sample->dts_us = *clock;
    sample->pts_us = flags & 0x10 ? add(*clock, step_us(r)) : *clock;
    *clock = kind == MEDIA_AUDIO && !(flags & 0x80) ? add(*clock, 20000) : add(*clock, step_us(r));
    mad->now_us += 5000;
    look(mad, hls_packager_push(mad->packager, sample, mad->now_us));
    sample_unref(sample);
}

static void set_formats(struct mad *mad, uint8_t which)
{
    bool is_changed = false;
    enum err err =
        hls_packager_set_formats(mad->packager, mad->video[which % 3], mad->audio[which / 3 % 3],
                                 mad->now_us, &is_changed, NULL);

    assert(err == OK || which % 9 == 0);
    look(mad, is_changed);
}

static void step(struct mad *mad, struct reader *r)
{
    uint8_t op = reader_u8(r);

    switch (op & 15) {
    case 0:
        if (op > 200)
            set_formats(mad, reader_u8(r));
        break;
    case 1:
        if (op > 200)
            look(mad, hls_packager_discontinuity(mad->packager, mad->now_us));
        break;
    case 2:
        mad->now_us += 300000;
        look(mad, hls_packager_on_deadline(mad->packager, mad->now_us));
        break;
    case 3:
        hls_packager_set_wall_offset(mad->packager, INT64_C(1795250400000000) + op * 100000);
        break;
    case 4:
        mad->audio_us = mad->video_us;
        break;
    default:
        push(mad, r, op & 1 ? MEDIA_AUDIO : MEDIA_VIDEO, op);
    }
    struct hls_stats stats = hls_packager_stats(mad->packager);
    assert(stats.window_bytes < WINDOW_BYTES_MAX + 2 * SEGMENT_BYTES_MAX + 100000);
    assert(stats.pending_bytes < 2 * SEGMENT_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hls_config config = {.segment_max_bytes = SEGMENT_BYTES_MAX,
                                .window_max_bytes = WINDOW_BYTES_MAX};
    struct reader r = reader_of(data, size);
    struct mad *mad = mem_zalloc(sizeof(*mad));

    if (hls_packager_create(&config, TEXT("f"), &mad->packager, NULL))
        abort();
    create_formats(mad);
    set_formats(mad, reader_u8(&r));
    for (int i = 0; i < OP_COUNT_MAX && r.left; i++)
        step(mad, &r);
    look(mad, hls_packager_finish(mad->packager, mad->now_us));
    hls_packager_destroy(mad->packager);
    for (size_t i = 1; i < FORMAT_COUNT; i++) {
        format_unref(mad->video[i]);
        format_unref(mad->audio[i]);
    }
    mem_free(mad);
    return 0;
}
