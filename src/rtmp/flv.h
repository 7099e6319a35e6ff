/*
 * flv - what is in an audio or video message: the tag headers of FLV and of Enhanced RTMP.
 *
 *     legacy video   [frame type 4|codec 4][packet type][composition time 24]            payload
 *     legacy audio   [format 4|rate 2|size 1|channels 1][packet type]                     payload
 *     enhanced       [1|frame type 3|packet type 4] (ModEx ...) [FourCC] ([comp. time])   payload
 *                    ... with Multitrack: tracks, each [FourCC?][track id][size?]         payload
 *
 * Pure functions: they say where the payload is and what it means, and copy nothing.
 *
 * Spec      FLV 10.1 annex E.4.2, E.4.3; Enhanced RTMP v2, "Enhanced Audio", "Enhanced Video".
 */
#ifndef RTMP_FLV_H
#define RTMP_FLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/format.h"

enum flv_what {
    FLV_CONFIG = 1, /* the payload is a decoder configuration */
    FLV_FRAME,      /* the payload is one access unit or audio frame */
    FLV_NOTHING,    /* end of sequence, silence, commands, metadata */
    FLV_SKIPPED     /* another track, or a packet type that we do not know */
};

struct flv_tag {
    enum flv_what what;
    enum codec codec; /* CODEC_NONE with FLV_CONFIG or FLV_FRAME: not one of ours, see `name` */
    bool is_keyframe;
    int32_t composition_ms;
    uint32_t offset_ns; /* to be added to the time of the message: below 1 ms */
    size_t payload_at;
    size_t payload_len;
    char name[16]; /* of a codec that is not ours; NUL-terminated, printable */
};

/* ERR_MALFORMED: the message ends before its header does. */
MUST_USE enum err flv_parse_video(const uint8_t *bytes, size_t len, struct flv_tag *ret_tag);
MUST_USE enum err flv_parse_audio(const uint8_t *bytes, size_t len, struct flv_tag *ret_tag);

#endif
