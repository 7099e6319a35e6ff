/*
 * twcc - transport-wide congestion control: notes when each packet of the bundle came and tells the
 * sender, who estimates the bandwidth (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 *
 *   RTPFB, FMT 15:  base sequence | status count | reference time (64 ms) | feedback number
 *                   chunks of 16 bits: what became of each packet: run length, or 14 * 1 bit, or
 *                   7 * 2 bits (not received, small delta, large or negative delta)
 *                   deltas of 250 us: 1 or 2 bytes for each packet that was received
 *
 * A packet that comes after it was reported as missing is reported again with all that followed it;
 * senders take the newest word.
 *
 * Private to webrtc/. Limits: the last TWCC_WINDOW packets are remembered.
 */
#ifndef WEBRTC_TWCC_H
#define WEBRTC_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rtcp_feedback;
struct writer;

enum {
    TWCC_WINDOW = 1024,
    TWCC_REPORT_MAX = 400, /* packets in one feedback: stays under 1200 bytes */
    TWCC_TICK_US = 250,
    TWCC_TICKS_PER_REFERENCE = 256, /* 64 ms */
};

/* Zeroed is empty and valid. */
struct twcc {
    bool has_packets;
    bool is_pending; /* something is not reported yet */
    uint8_t feedback_number;
    int64_t begin_seq;   /* the first to report, if pending; 64 bits */
    int64_t highest_seq; /* received */
    /* Arrival of seq in ticks since the receiver's epoch, plus 1; 0: not received. */
    int64_t arrivals[TWCC_WINDOW];
};

/* Notes a packet. The first arrival counts; later copies are ignored. */
void twcc_add(struct twcc *twcc, uint16_t seq, int64_t now_us);

/* Writes one feedback packet and moves on; call while twcc->is_pending. */
void twcc_write(struct twcc *twcc, struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);

/* What a sender reads out of it. */
struct twcc_report {
    uint16_t base_seq;
    uint16_t count;
    uint8_t feedback_number;
    struct twcc_status {
        bool is_received;
        int64_t ticks; /* since the sender of the feedback started its clock, modulo 2^32 */
    } statuses[TWCC_REPORT_MAX];
};

/* ERR_LIMIT: more than TWCC_REPORT_MAX packets. */
MUST_USE enum err twcc_read(const struct rtcp_feedback *feedback, struct twcc_report *ret_report);

#endif
