/*
 * sdp - session descriptions as WHIP publishers write them (RFC 8866, 8829, 8839, 8843, 8840).
 *
 *     offer text --> sdp_parse --> struct sdp --> sdp_choose --> struct sdp_choice
 *                                                                     |
 *                        answer text <-- sdp_write_answer <-----------+
 *
 * Parsing keeps what the transport and the receiver need and skips what it does not know; choosing
 * holds all rules of ours, each with one sentence for the seller. Everything in the structs is a
 * view into the offer's text, which must outlive them.
 */
#ifndef WEBRTC_SDP_H
#define WEBRTC_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "media/format.h"

struct webrtc_candidate;
struct writer;

enum {
    SDP_LINE_LEN_MAX = 4096,
    SDP_LINES_MAX = 4096,
    SDP_SECTIONS_MAX = 8,
    SDP_PAYLOADS_MAX = 64, /* a section; more are ignored */
    SDP_FINGERPRINTS_MAX = 4,
    SDP_TOKEN_LEN_MAX = 64,
    SDP_CODECS_MAX = 16, /* payload types of a track that we answer with */
};

enum sdp_direction { SDP_SENDRECV = 1, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_ACTPASS = 1, SDP_ACTIVE, SDP_PASSIVE, SDP_HOLDCONN };
enum sdp_hash { SDP_SHA256 = 1, SDP_SHA384, SDP_SHA512 };

/* What a=rtcp-fb asks for; bits of a set. */
enum sdp_feedback {
    SDP_NACK = 1,
    SDP_PLI = 2,
    SDP_FIR = 4,
    SDP_TRANSPORT_CC = 8,
    SDP_REMB = 16,
};

/* Header extensions that we understand. */
enum sdp_extension { SDP_EXT_MID = 1, SDP_EXT_TWCC, SDP_EXT_ABS_SEND_TIME, SDP_EXT_COUNT };

struct sdp_fingerprint {
    enum sdp_hash hash;
    uint8_t len;
    uint8_t digest[64];
};

/* At session level, and again at each section; what a section lacks the session has. */
struct sdp_transport {
    struct text ufrag; /* empty: absent */
    struct text pwd;
    enum sdp_setup setup; /* 0: absent */
    size_t fingerprint_count;
    struct sdp_fingerprint fingerprints[SDP_FINGERPRINTS_MAX];
    bool has_other_fingerprint; /* of a hash that we do not take */
};

struct sdp_payload {
    uint8_t type;
    uint8_t channels;     /* 0: not said */
    uint8_t feedback;     /* set of enum sdp_feedback */
    uint32_t clock_rate;  /* 0: no rtpmap */
    struct text encoding; /* "H264"; empty: no rtpmap */
    struct text fmtp;     /* "packetization-mode=1;..." or empty */
};

struct sdp_extmap {
    uint8_t id;                   /* 1..14; 0: not offered */
    enum sdp_direction direction; /* 0: not said */
};

struct sdp_section {
    struct text media; /* "audio", "video", "application" */
    struct text proto;
    struct text first_format; /* as written: for the answer of a refused section */
    uint16_t port;
    struct text mid; /* empty: none */
    enum sdp_direction direction;
    struct sdp_transport transport;
    bool has_bundle_only;
    bool has_rtcp_mux;
    bool has_rtcp_rsize;
    bool has_receiver_rtt; /* a=rtcp-xr:rcvr-rtt (RFC 3611) */
    uint32_t ssrc;         /* the first; 0: none given */
    uint32_t rtx_ssrc;     /* of ssrc-group:FID */
    uint8_t feedback;      /* of a=rtcp-fb:* */
    struct sdp_extmap extensions[SDP_EXT_COUNT];
    size_t payload_count;
    struct sdp_payload payloads[SDP_PAYLOADS_MAX];
};

struct sdp {
    struct text bundle; /* mids of a=group:BUNDLE, separated by spaces; empty: none */
    bool has_ice_lite;
    enum sdp_direction direction;
    struct sdp_transport transport;
    size_t section_count;
    struct sdp_section sections[SDP_SECTIONS_MAX];
};

/* About 30 kB: keep it on the heap. ERR_MALFORMED, ERR_LIMIT: with a sentence and the line. */
MUST_USE enum err sdp_parse(struct text text, struct sdp *sdp, struct diag *diag);

/* ---- what we take of an offer ---- */

struct sdp_codec {
    const struct sdp_payload *payload;
    uint8_t rtx_type; /* 0: none */
    uint8_t feedback; /* what was asked for and we give */
    enum codec codec;
};

struct sdp_track {
    const struct sdp_section *section; /* NULL: no such track */
    size_t codec_count;
    struct sdp_codec codecs[SDP_CODECS_MAX]; /* in the order of our answer */
};

struct sdp_choice {
    struct sdp_track video;
    struct sdp_track audio;
    struct sdp_transport transport;    /* of the bundle */
    uint8_t extensions[SDP_EXT_COUNT]; /* ids; 0: not in use */
};

/* Applies our rules. ERR_UNSUPPORTED, ERR_MALFORMED: `diag` says which one is broken. */
MUST_USE enum err sdp_choose(const struct sdp *offer, struct sdp_choice *ret_choice,
                             struct diag *diag);

/* Our side of the answer. */
struct sdp_local {
    struct text ufrag;
    struct text pwd;
    struct text fingerprint; /* sha-256, "AB:CD:..." */
    const struct webrtc_candidate *candidates;
    size_t candidate_count;
    uint64_t session_id;         /* random, below 2^63 */
    uint32_t start_bitrate_kbps; /* 0: none */
};

/* Writes the answer to `offer`; a too small writer fails. */
void sdp_write_answer(struct writer *w, const struct sdp *offer, const struct sdp_choice *choice,
                      const struct sdp_local *local);

/* ---- application/trickle-ice-sdpfrag ---- */

struct sdp_frag {
    struct text ufrag; /* empty: absent */
    struct text pwd;
    size_t candidate_count;
    bool has_end_of_candidates;
};

/* ERR_MALFORMED, ERR_LIMIT: with a sentence and the line. */
MUST_USE enum err sdp_frag_parse(struct text text, struct sdp_frag *ret_frag, struct diag *diag);

/* Writes the fragment that answers a restart. `mids` as in struct sdp's bundle, the first one being
 * of `media`. */
void sdp_frag_write(struct writer *w, struct text mids, struct text media,
                    const struct sdp_local *local);

/* ---- shared by the parsers ---- */

struct sdp_lines {
    struct text rest;
    int line; /* number of the line just given, from 1 */
};

/* One line without its end, split at '='. OK; ERR_CLOSED at the end of the text; ERR_MALFORMED and
 * ERR_LIMIT with a sentence. Empty lines are skipped. */
MUST_USE enum err sdp_next_line(struct sdp_lines *lines, char *ret_type, struct text *ret_value,
                                struct diag *diag);

bool sdp_is_token(struct text text);
bool sdp_ufrag_is_valid(struct text ufrag);
bool sdp_pwd_is_valid(struct text pwd);

/* The value of `name` in "a=1;name=value; b=2", case ignored; empty when absent. */
struct text sdp_fmtp_value(struct text fmtp, struct text name);

/* True when `word` is one of the words of a list with spaces. */
bool sdp_has_word(struct text list, struct text word);

struct text sdp_extension_uri(enum sdp_extension extension);

/* The a=candidate lines and a=end-of-candidates. */
void sdp_write_candidates(struct writer *w, const struct sdp_local *local);

#endif
