/*
 * session_offer - from a WHIP offer to what a session is made of: the choice of codecs as the RTP
 * receiver wants it, the peer's transport, and the answer.
 */
#ifndef WEBRTC_SESSION_OFFER_H
#define WEBRTC_SESSION_OFFER_H

#include "base/err.h"
#include "base/text.h"
#include "webrtc/rtp_receiver.h"
#include "webrtc/sdp.h"
#include "webrtc/webrtc.h"

struct buf;

struct session_offer {
    struct sdp sdp;
    struct sdp_choice choice;
};

/* Parses and chooses. The text must outlive the offer, which is large: keep it on the heap. */
MUST_USE enum err session_offer_read(struct text text, struct session_offer *offer,
                                     struct diag *diag);

/* Fills what the offer decides; the caller adds the rest of `config`. */
void session_offer_receiver_config(const struct session_offer *offer,
                                   struct rtp_receiver_config *config);

/* The mids of the tracks, in the offer's order and with spaces; false when `cap` is too small. */
bool session_offer_mids(const struct session_offer *offer, char *to, size_t cap);

/* "audio" or "video": the first track of the offer. */
struct text session_offer_first_media(const struct session_offer *offer);

/* The answer. ERR_LIMIT: it would be absurdly large. The caller owns the buf. */
MUST_USE enum err session_offer_answer(const struct session_offer *offer,
                                       const struct sdp_local *local, struct buf **ret_answer);

#endif
