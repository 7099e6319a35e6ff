#include "hls/lane.h"

#include <string.h>

#include "codec/codec.h"
#include "mp4/mp4.h"

enum {
    AUDIO_SLACK_US = 50000,   /* a sample may be this far from the line before it is moved */
    AUDIO_EARLY_US = 100000,  /* before the first video frame */
    FILL_COUNT_MAX = 400,     /* access units of silence put in at once: of 8 s at 48 kHz */
    OPUS_SILENCE_TICKS = 960, /* 20 ms */
    OPUS_TIMESCALE = 48000
};

static void release(struct lane *lane, struct lane_item *item)
{
    lane->bytes -= item->sample ? item->sample->payload.len : 0;
    sample_unref(item->sample);
}

bool lane_push(struct lane *lane, struct lane_item item)
{
    if (!vec_push(&lane->items, item, HLS_PENDING_COUNT_MAX)) {
        sample_unref(item.sample);
        return false;
    }
    lane->bytes += item.sample ? item.sample->payload.len : 0;
    return true;
}

void lane_drop_front(struct lane *lane, size_t count)
{
    for (size_t i = 0; i < count; i++)
        release(lane, &lane->items.items[i]);
    lane->items.count -= count;
    if (count > 0 && lane->items.count > 0)
        memmove(lane->items.items, lane->items.items + count,
                lane->items.count * sizeof(lane->items.items[0]));
}

void lane_deinit(struct lane *lane)
{
    lane_drop_front(lane, lane->items.count);
    vec_deinit(&lane->items);
}

void audio_lane_set_format(struct audio_lane *audio, const struct format *format)
{
    lane_drop_front(&audio->lane, audio->lane.items.count);
    audio->silence = buf_unref(audio->silence);
    audio->timescale = 0;
    if (!format)
        return;
    audio->is_opus = format->codec == CODEC_OPUS;
    audio->timescale = mp4_timescale(format);
    audio->frame_len = audio->is_opus ? 0 : codec_audio_frame_len(format, codec_bytes(NULL, 0));
    audio->silence = codec_silence(format);
    audio->silence_len = audio->is_opus ? OPUS_SILENCE_TICKS : audio->frame_len;
}

void audio_lane_deinit(struct audio_lane *audio)
{
    lane_deinit(&audio->lane);
    buf_unref(audio->silence);
}

void audio_lane_restart(struct audio_lane *audio, int64_t start_us)
{
    lane_drop_front(&audio->lane, audio->lane.items.count);
    audio->start = audio->timescale ? mp4_ticks_of_us(start_us, audio->timescale) : 0;
    audio->next = audio->start;
    audio->is_begun = false;
    audio->is_on_silence = false;
}

void audio_lane_continue(struct audio_lane *audio, int64_t start_us)
{
    lane_drop_front(&audio->lane, audio_lane_count_before(audio, start_us - AUDIO_EARLY_US));
}

/* Appends up to `count` access units of silence. */
static void fill(struct audio_lane *audio, int64_t count)
{
    if (!audio->silence)
        return;
    for (int64_t i = 0; i < count && i < FILL_COUNT_MAX; i++) {
        struct lane_item item = {.dts = audio->next, .duration = audio->silence_len};

        if (!lane_push(&audio->lane, item))
            return;
        audio->next += audio->silence_len;
        audio->silence_frames++;
    }
}

/* Brings the line to `dts`; false when the sample is too late for it. */
static bool align(struct audio_lane *audio, int64_t dts, uint32_t len)
{
    int64_t slack = mp4_ticks_of_us(AUDIO_SLACK_US, audio->timescale);
    int64_t early = mp4_ticks_of_us(AUDIO_EARLY_US, audio->timescale);
    int64_t away = dts - audio->next;

    if (!audio->is_begun && away < 0) { /* nothing is there yet, so it may begin early */
        audio->next = dts;
        return away >= -early && dts >= 0;
    }
    /* Behind made-up silence, or at the beginning, the line has no claim to be right: follow. */
    if (audio->is_on_silence || !audio->is_begun)
        slack = len / 2;
    if (away < -slack)
        return false;
    if (away > slack) {
        uint32_t step = audio->silence_len ? audio->silence_len : len;

        fill(audio, away / step);
        audio->next = dts;
    }
    return true;
}

void audio_lane_push(struct audio_lane *audio, const struct sample *sample, int64_t dts_us)
{
    uint32_t len = audio->frame_len;
    int64_t before = audio->next;

    if (audio->is_opus)
        len = opus_packet_len(sample->payload);
    if (audio->timescale == 0 || len == 0 || sample->payload.len == 0 ||
        !align(audio, mp4_ticks_of_us(dts_us, audio->timescale), len)) {
        if (!audio->is_begun)
            audio->next = before;
        audio->dropped++;
        return;
    }
    struct lane_item item = {.sample = sample_ref(sample), .dts = audio->next, .duration = len};
    if (!lane_push(&audio->lane, item)) {
        audio->dropped++;
        return;
    }
    audio->next += len;
    audio->is_begun = true;
    audio->is_on_silence = false;
}

void audio_lane_bridge(struct audio_lane *audio, int64_t until_us)
{
    if (audio->timescale == 0 || audio->silence_len == 0)
        return;
    int64_t missing = mp4_ticks_of_us(until_us, audio->timescale) - audio->next;
    if (missing < (int64_t)audio->silence_len || !audio->silence)
        return;
    fill(audio, missing / audio->silence_len);
    audio->is_begun = true;
    audio->is_on_silence = true;
}

int64_t audio_lane_end_us(const struct audio_lane *audio)
{
    if (audio->timescale == 0 || audio->lane.items.count == 0)
        return INT64_MIN;
    return mp4_us_of_ticks(audio->next, audio->timescale);
}

size_t audio_lane_count_before(const struct audio_lane *audio, int64_t until_us)
{
    size_t count = 0;

    if (audio->timescale == 0)
        return 0;
    int64_t until = mp4_ticks_of_us(until_us, audio->timescale);
    while (count < audio->lane.items.count && audio->lane.items.items[count].dts < until)
        count++;
    return count;
}
