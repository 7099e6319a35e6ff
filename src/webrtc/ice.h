/*
 * ice - the lite agent of one session (RFC 8445 section 2.5): answers checks, remembers from where
 * valid ones came, and knows which of these paths the peer uses.
 *
 *     check --> ice_check --> answer for the sender of the check
 *                   |
 *                   v
 *               paths: [valid] [valid, nominated] [valid, nominated, selected]
 *
 * The peer chooses: USE-CANDIDATE nominates a path, the better priority wins, and media that proves
 * authentic moves the selection to where it comes from (NAT rebinding, change of network). After a
 * restart the old credentials stay good until the first check with the new ones.
 */
#ifndef WEBRTC_ICE_H
#define WEBRTC_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "webrtc/srtp_hmac.h"
#include "webrtc/webrtc.h"

struct writer;

enum {
    ICE_UFRAG_LEN = 8, /* 40 random bits; RFC 8445 section 5.3 wants 24 */
    ICE_PWD_LEN = 32,  /* 160 random bits; wanted are 128 */
    ICE_REMOTE_UFRAG_CAP = 257,
    ICE_ANSWER_LEN_MAX = 128,
};

/* RFC 7675 section 5.1: consent ends 30 s after the last sign of the peer. */
#define ICE_CONSENT_US (30 * INT64_C(1000000))

struct ice_generation {
    char ufrag[ICE_UFRAG_LEN + 1]; /* "": not in use */
    char pwd[ICE_PWD_LEN + 1];
    char remote_ufrag[ICE_REMOTE_UFRAG_CAP];
    struct srtp_hmac key; /* of pwd */
};

struct ice_path {
    struct webrtc_address address;
    bool is_used;
    bool is_nominated;
    uint32_t priority;
    int64_t heard_at_us;
};

struct ice {
    struct ice_generation current;
    struct ice_generation previous;
    struct ice_path paths[WEBRTC_PATHS_MAX];
    struct ice_path *selected; /* NULL: none yet */
};

/* What a check changed. */
struct ice_change {
    bool is_valid;           /* the check was: `from` is a path now */
    bool has_added;          /* `from` is new */
    bool has_dropped;        /* to make room for it `dropped` went */
    bool has_ended_previous; /* the old credentials are gone */
    struct webrtc_address dropped;
    char ended_ufrag[ICE_UFRAG_LEN + 1];
};

/* Draws the first credentials. */
void ice_init(struct ice *ice, struct text remote_ufrag);
void ice_deinit(struct ice *ice);

/* Draws new credentials. The ones of a restart that nobody used yet are lost: their ufrag is
 * written to `ret_lost_ufrag`, "" when there is none. */
void ice_restart(struct ice *ice, struct text remote_ufrag, char ret_lost_ufrag[ICE_UFRAG_LEN + 1]);

/* Handles one STUN message; the answer, if any, goes to `answer` (ICE_ANSWER_LEN_MAX bytes) and is
 * to be sent to `from`. ERR_MALFORMED: no STUN, or nothing that we answer. ERR_DENIED: answered
 * with an error. */
MUST_USE enum err ice_check(struct ice *ice, const uint8_t *bytes, size_t len,
                            const struct webrtc_address *from, int64_t now_us,
                            struct writer *answer, struct ice_change *ret_change);

/* The path of an address, or NULL: only from a path is anything but STUN accepted. */
struct ice_path *ice_find_path(struct ice *ice, const struct webrtc_address *address);

/* An authentic packet came on the path: it is alive, and the one to answer on. */
void ice_note_media(struct ice *ice, struct ice_path *path, int64_t now_us);

/* Forgets a path; the best of the others is selected. */
void ice_drop_path(struct ice *ice, struct ice_path *path);

/* A path that was not heard for ICE_CONSENT_US, or NULL. */
struct ice_path *ice_find_silent(struct ice *ice, int64_t now_us);

/* When the next path will have been silent for too long; INT64_MAX without a path. */
int64_t ice_deadline_us(const struct ice *ice);

/* True when the ufrag is one of the valid local ones. */
bool ice_knows_ufrag(const struct ice *ice, struct text ufrag);

#endif
