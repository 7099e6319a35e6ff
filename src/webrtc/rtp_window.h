/*
 * rtp_window - the packets of one SSRC between arrival and use: puts them in order, knows what is
 * missing and when to ask for it again.
 *
 *        begin_seq                             end_seq
 *           [ present ][ missing ][ present ]...   -> time
 *            ^ the oldest packet not yet consumed
 *
 * Sequence numbers are 64 bits wide here. A slot of [begin_seq, end_seq) is present or missing; a
 * present one holds its payload in a block of the window's pool. The pool grows in slabs to what
 * the stream needs and stays there, so a running stream allocates nothing.
 *
 * Private to webrtc/. Limits: `capacity` slots, as many blocks.
 */
#ifndef WEBRTC_RTP_WINDOW_H
#define WEBRTC_RTP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct rtp_packet;
union rtp_block;

enum {
    RTP_NACK_TRIES_MAX = 10,
    RTP_NACK_DELAY_US = 15000, /* a packet that is merely out of order comes within this */
};

struct rtp_slot {
    bool is_present;
    bool has_marker;
    uint8_t nack_count; /* of a missing packet */
    uint16_t len;
    uint32_t timestamp;
    union rtp_block *block;
    int64_t since_us; /* missing: when the gap was seen */
    int64_t nack_due_us;
};

struct rtp_window {
    struct rtp_slot *slots;
    size_t capacity; /* a power of two */
    bool is_started;
    int64_t begin_seq;
    int64_t end_seq;
    size_t missing_count;
    int64_t nack_due_us;  /* no slot is due before this; INT64_MAX: none at all */
    int64_t missed_at_us; /* when a packet was last found missing; INT64_MIN: never */
    union rtp_block *free_blocks;
    VEC(union rtp_block *) slabs;
};

enum rtp_put {
    RTP_PUT_NEW = 1,   /* the newest packet */
    RTP_PUT_FILLED,    /* it was missing: out of order, or late */
    RTP_PUT_REPAIRED,  /* it was missing, and was asked for again */
    RTP_PUT_DUPLICATE, /* present already, or consumed */
};

/* `capacity` is a power of two. */
void rtp_window_init(struct rtp_window *window, size_t capacity);
void rtp_window_deinit(struct rtp_window *window);

/* Forgets everything and starts with this sequence number. */
void rtp_window_restart(struct rtp_window *window, int64_t seq);

/* Copies the payload into its slot; slots between the newest and this one become missing. The
 * window is started, seq < begin_seq + capacity, and the payload is at most RTP_PACKET_LEN_MAX. */
enum rtp_put rtp_window_put(struct rtp_window *window, int64_t seq, const struct rtp_packet *packet,
                            int64_t now_us);

/* The slot of a sequence number in [begin_seq, end_seq). */
struct rtp_slot *rtp_window_at(const struct rtp_window *window, int64_t seq);

const uint8_t *rtp_slot_payload(const struct rtp_slot *slot);

/* Frees the slots before `seq`; returns how many of them were missing. */
size_t rtp_window_consume(struct rtp_window *window, int64_t seq);

/* The sequence numbers to ask for now, in rising order; notes the try, and the next in `retry_us`.
 */
size_t rtp_window_collect_nacks(struct rtp_window *window, int64_t now_us, int64_t retry_us,
                                uint16_t *ret_seqs, size_t max);

#endif
