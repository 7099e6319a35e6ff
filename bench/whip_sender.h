/*
 * whip_sender - what a publisher sends by SRTP: both tracks in a loop, paced, and sender reports.
 *
 * Pictures leave at WHIP_PACING_PERCENT of the file's bit rate, a few packets every tick, as a
 * browser's pacer does it: a key frame takes several ticks. Sound leaves when it is due.
 */
#ifndef BENCH_WHIP_SENDER_H
#define BENCH_WHIP_SENDER_H

#include <stdint.h>

#include "webrtc/srtp.h"
#include "whip_media.h"

enum {
    WHIP_PACING_PERCENT = 250,
    WHIP_AUDIO_TYPE = 111, /* payload types and extensions: Chromium's numbers */
    WHIP_VIDEO_TYPE = 102,
    WHIP_EXTENSION_TWCC = 3,
    WHIP_EXTENSION_MID = 4,
    WHIP_CNAME_LEN = 16,
};

struct whip_sender_track {
    const struct whip_track *media;
    uint32_t ssrc;
    uint32_t first_timestamp;
    uint16_t seq;
    int64_t loop_ticks; /* added to the file's times */
    size_t next_unit;
    size_t next_payload; /* in that unit */
    uint32_t packet_count;
    uint32_t octet_count;
};

struct whip_sender {
    int fd;                    /* borrowed, connected */
    struct srtp_context *seal; /* borrowed */
    struct whip_sender_track tracks[WHIP_TRACKS];
    char cname[WHIP_CNAME_LEN + 1];
    uint16_t transport_seq;
    int64_t begin_us; /* the files' time 0 */
    int64_t paced_us; /* when the budget was filled last */
    int64_t report_us;
    int64_t bytes_a_second; /* of the pacer */
    int64_t budget;         /* bytes that may leave now; below 0: a packet took more */
    uint64_t packet_count;
    uint64_t byte_count;   /* of SRTP and SRTCP */
    uint64_t unsent_count; /* datagrams that the system did not take */
    int64_t lag_max_us;    /* of the beginning of a unit behind its time */
};

/* Draws what is random: SSRCs, which the offer tells, and where counters begin. */
void whip_sender_init(struct whip_sender *sender, const struct whip_media *media);

/* The files begin now. */
void whip_sender_begin(struct whip_sender *sender, int fd, struct srtp_context *seal,
                       int64_t now_us);

/* Sends what is due. */
void whip_sender_on_tick(struct whip_sender *sender, int64_t now_us);

#endif
