/*
 * mp4 - writes fragmented MP4 (CMAF chunks) for live HLS. It writes and never reads.
 *
 *     formats --mp4_write_init()--> ftyp moov                       once a configuration
 *     samples --mp4_write_part()--> moof{ mfhd traf{tfhd tfdt trun} ... } mdat     once a part
 *
 * Video and audio are muxed: track 1 is the video, track 2 the audio, either may be missing. A
 * part is laid into one buf of exactly its size: the size is computed first, so a payload is
 * copied once and nothing grows. Each fragment says its absolute decode time (tfdt, 64 bits), so
 * parts can be dropped, concatenated to segments and begun anywhere at a key frame.
 *
 * Units     Times are ticks of the track's timescale: 90000 for video, the sample rate for audio
 *           (48000 for Opus). Convert absolute times, never durations, and nothing drifts.
 * Spec      ISO/IEC 14496-12 (moov, moof), 14496-14 (esds), 14496-15 (avc1, hvc1), 23000-19 (CMAF),
 *           the AV1 and Opus bindings.
 * Threads   Any: no state.
 */
#ifndef MP4_MP4_H
#define MP4_MP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "media/format.h"

enum {
    MP4_TRACK_VIDEO = 1,
    MP4_TRACK_AUDIO = 2,
    MP4_TRACK_COUNT_MAX = 2,
    MP4_TIMESCALE_VIDEO = 90000
};

/* sample_flags (section 8.8.3.1): depends on no other, resp. depends on others and is no sync
 * sample. */
#define MP4_SAMPLE_IS_KEYFRAME    0x02000000U
#define MP4_SAMPLE_IS_NO_KEYFRAME 0x01010000U

/* Ticks a second of a track with this format. */
uint32_t mp4_timescale(const struct format *format);

/* Microseconds as ticks, rounded to the nearest; negative times are allowed. */
int64_t mp4_ticks_of_us(int64_t time_us, uint32_t timescale);
int64_t mp4_us_of_ticks(int64_t ticks, uint32_t timescale);

/* Writes the init segment. Either format may be NULL, not both. The formats must be complete
 * (codec_complete_format). ERR_UNSUPPORTED: a codec that is not muxed (VP8, VP9, MP3);
 * ERR_MALFORMED: a decoder configuration that cannot be used. On OK the caller owns *ret_init. */
MUST_USE enum err mp4_write_init(const struct format *video, const struct format *audio,
                                 struct buf **ret_init, struct diag *diag);

/* One sample in a part; the bytes are borrowed for the call. */
struct mp4_sample {
    const uint8_t *data;
    uint32_t len;
    uint32_t duration;          /* ticks */
    int32_t composition_offset; /* pts - dts in ticks, may be negative */
    bool is_keyframe;
};

/* The samples of one track in a part, in decode order. */
struct mp4_run {
    uint32_t track_id;    /* MP4_TRACK_VIDEO, MP4_TRACK_AUDIO */
    uint64_t decode_time; /* of the first sample, ticks */
    const struct mp4_sample *samples;
    size_t count; /* > 0 */
};

/* Writes moof and mdat; 1..MP4_TRACK_COUNT_MAX runs. `sequence` counts the parts from 1. The whole
 * part must stay below 4 GiB, which the caller's limits see to. The caller owns the buf, which
 * is cut from `pages` (NULL: from other memory). */
struct buf *mp4_write_part(struct pages_cursor *pages, uint32_t sequence,
                           const struct mp4_run *runs, size_t run_count);

#endif
