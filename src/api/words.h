/*
 * words - the closed lists of words that inputs take and answers give, with spaces between. Private
 * to api/. The parts of the domain have the same lists as tables; a test compares.
 */
#ifndef API_WORDS_H
#define API_WORDS_H

#define WORDS_ROLES        "buyer seller admin"
#define WORDS_SCOPES       "read channels publish webhooks accounts admin"
#define WORDS_VIA          "session apiKey adminKey jwt streamKey publishToken"
#define WORDS_RELAY        "starting active reconnecting stopping stopped error"
#define WORDS_HEALTH       "good fair poor"
#define WORDS_STREAM_MODES "webrtc-only hybrid"
#define WORDS_DELIVERY     "pending delivered failed"

/* What an endpoint may ask for. */
#define WORDS_WEBHOOK_EVENTS                                                                       \
    "* channel.created channel.updated channel.deleted relay.starting relay.active "               \
    "relay.reconnecting relay.stopping relay.stopped relay.error broadcast.started "               \
    "broadcast.ended recording.ready"

#endif
