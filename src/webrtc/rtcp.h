/*
 * rtcp - control packets of RTP: walking a compound packet, reading what a receiver (and the sender
 * of a test) needs, writing what a receiver sends.
 *
 *   RFC 3550  SR, RR, SDES, BYE         RFC 4585  generic NACK, PLI       RFC 3611  XR RRTR, DLRR
 *   RFC 5104  FIR                       draft-alvestrand-rmcat-remb-03    REMB
 *
 * transport-cc feedback has a file of its own, twcc.h.
 *
 * Private to webrtc/. A compound may start with any packet: RFC 5506 allows a lone feedback packet,
 * and a strict check of the first packet would only lose what follows. Readers are borrowed views.
 */
#ifndef WEBRTC_RTCP_H
#define WEBRTC_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/reader.h"
#include "base/text.h"

struct writer;

enum rtcp_type {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_APP = 204,
    RTCP_RTPFB = 205, /* RFC 4585 section 6.2 */
    RTCP_PSFB = 206,  /* section 6.3 */
    RTCP_XR = 207,    /* RFC 3611 */
};

enum rtcp_format { /* the count field of RTPFB and PSFB */
                   RTCP_RTPFB_NACK = 1,
                   RTCP_RTPFB_TWCC = 15,
                   RTCP_PSFB_PLI = 1,
                   RTCP_PSFB_FIR = 4,
                   RTCP_PSFB_AFB = 15, /* application layer feedback: REMB */
};

enum { RTCP_SSRCS_MAX = 31, RTCP_NACKS_MAX = 256 };

/* One packet of a compound. */
struct rtcp_packet {
    uint8_t type;
    uint8_t count;      /* reports, sources, or the feedback format */
    struct reader body; /* after the first four bytes, without padding */
};

struct rtcp_sender_report {
    uint32_t ssrc;
    uint64_t ntp; /* seconds since 1900 in 32.32 fixed point */
    uint32_t rtp_timestamp;
    uint32_t packet_count;
    uint32_t octet_count;
};

struct rtcp_report_block {
    uint32_t ssrc;
    uint8_t fraction_lost;   /* of 256 */
    int32_t cumulative_lost; /* 24 bits on the wire */
    uint32_t highest_seq;    /* extended */
    uint32_t jitter;         /* timestamp units */
    uint32_t last_sr;        /* middle 32 bits of the NTP time of the last SR; 0: none */
    uint32_t delay_since_sr; /* 1/65536 s */
};

struct rtcp_feedback {
    uint32_t sender_ssrc;
    uint32_t media_ssrc;
    struct reader fci; /* what the format defines */
};

struct rtcp_dlrr {
    uint32_t ssrc;    /* whom it is meant for */
    uint32_t last_rr; /* middle 32 bits of our RRTR time */
    uint32_t delay;   /* 1/65536 s */
};

/* Cuts the next packet off. False at the end and at a malformed rest, which sets r->failed. */
bool rtcp_next(struct reader *r, struct rtcp_packet *ret_packet);

/* Reads the sender's half of an SR; report blocks follow in packet->body. */
MUST_USE enum err rtcp_read_sender_report(struct rtcp_packet *packet,
                                          struct rtcp_sender_report *ret_report);

/* Reads the next report block; the SSRC of an RR must have been skipped. */
bool rtcp_next_report_block(struct reader *r, struct rtcp_report_block *ret_block);

/* Splits an RTPFB or PSFB. */
MUST_USE enum err rtcp_read_feedback(const struct rtcp_packet *packet,
                                     struct rtcp_feedback *ret_feedback);

/* The sequence numbers of one generic NACK entry, at most 17. False at the end. */
bool rtcp_next_nack(struct reader *fci, uint16_t ret_seqs[17], size_t *ret_count);

/* ERR_UNSUPPORTED: other application layer feedback. */
MUST_USE enum err rtcp_read_remb(const struct rtcp_feedback *feedback, uint64_t *ret_bitrate);

/* Finds the DLRR entry for `ssrc` in an XR. */
bool rtcp_find_dlrr(const struct rtcp_packet *xr, uint32_t ssrc, struct rtcp_dlrr *ret_dlrr);

/* At most 31 blocks (section 6.4.1). */
void rtcp_write_sender_report(struct writer *w, const struct rtcp_sender_report *report);
void rtcp_write_receiver_report(struct writer *w, uint32_t ssrc,
                                const struct rtcp_report_block *blocks, size_t block_count);
void rtcp_write_sdes_cname(struct writer *w, uint32_t ssrc, struct text cname);
void rtcp_write_bye(struct writer *w, uint32_t ssrc);
void rtcp_write_pli(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);
void rtcp_write_fir(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t number);

/* `seqs` rise (modulo 2^16), 1 to RTCP_NACKS_MAX of them; neighbours share an entry. */
void rtcp_write_nack(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                     const uint16_t *seqs, size_t seq_count);

/* 1 to RTCP_SSRCS_MAX ssrcs. */
void rtcp_write_remb(struct writer *w, uint32_t sender_ssrc, uint64_t bitrate,
                     const uint32_t *ssrcs, size_t ssrc_count);

/* XR with a receiver reference time block: the sender answers with DLRR (RFC 3611 section 4.4). */
void rtcp_write_rrtr(struct writer *w, uint32_t ssrc, uint64_t ntp);
void rtcp_write_dlrr(struct writer *w, uint32_t ssrc, const struct rtcp_dlrr *dlrr);

/* For twcc.c: the common header with a length that rtcp_end() fills in. */
size_t rtcp_begin(struct writer *w, uint8_t count, enum rtcp_type type);
void rtcp_end(struct writer *w, size_t begin);

#endif
