/*
 * relay - the state machine of a channel's relay, as one table (spec section 4). Private to
 * channel/.
 *
 * The table answers: what does this event do in this state? `directory.c` acts on the answer; no
 * other place decides on a state.
 */
#ifndef CHANNEL_RELAY_H
#define CHANNEL_RELAY_H

#include "channel/channel.h"

enum relay_event {
    RELAY_EVENT_START = 1, /* command: a broadcast is announced */
    RELAY_EVENT_PUBLISH,   /* a publisher with the right key, whom nobody stands in the way of */
    RELAY_EVENT_MEDIA,     /* parts are listed (again) */
    RELAY_EVENT_LOST,      /* the publisher is gone or silent */
    RELAY_EVENT_END,       /* command */
    RELAY_EVENT_MEDIA_STOPPED, /* the last segment is written */
    RELAY_EVENT_TIMEOUT,       /* the state's deadline */
    RELAY_EVENT_TOO_LONG,      /* the broadcast's maximum length */
    RELAY_EVENT_FAILED,        /* the media cannot be played */
    RELAY_EVENT_DELETE,        /* command */
    RELAY_EVENT_ENUM_END
};

enum relay_verdict { RELAY_IGNORE, RELAY_GO, RELAY_REFUSE };

enum relay_action {
    RELAY_ACT_NONE,
    RELAY_ACT_BEGIN,  /* a new broadcast */
    RELAY_ACT_EXTEND, /* a publisher is here: give it time for its first part */
    RELAY_ACT_STOP,   /* close the publisher, finish the HLS, wait for it */
    RELAY_ACT_FINISH, /* the broadcast is over */
    RELAY_ACT_FAIL,   /* STOP without waiting, and FINISH */
};

struct relay_rule {
    enum relay_verdict verdict;
    enum relay_state to; /* of GO */
    enum relay_action action;
    const char *reason; /* GO: why, unless the event knows better; NULL: the one before stays.
                           REFUSE: the sentence for who asked */
};

const struct relay_rule *relay_rule_of(enum relay_state state, enum relay_event event);

/* The state with this name, RELAY_IDLE for "" and unknown ones. */
enum relay_state relay_state_parse(struct text name);

#endif
