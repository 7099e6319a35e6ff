#include "channel/relay.h"

#include <assert.h>

#define LIVE   "This channel is already live. End that broadcast first."
#define ENDING "The last broadcast of this channel is just ending. Try again in a few seconds."

/* clang-format off */
#define BEGIN(why)      {RELAY_GO, RELAY_STARTING, RELAY_ACT_BEGIN, why}
#define GO(state, why)  {RELAY_GO, state, RELAY_ACT_NONE, why}
#define EXTEND(state)   {RELAY_GO, state, RELAY_ACT_EXTEND, NULL}
#define STOP(why)       {RELAY_GO, RELAY_STOPPING, RELAY_ACT_STOP, why}
#define FINISH          {RELAY_GO, RELAY_STOPPED, RELAY_ACT_FINISH, NULL}
#define FAIL(why)       {RELAY_GO, RELAY_ERROR, RELAY_ACT_FAIL, why}
#define REFUSE(why)     {RELAY_REFUSE, RELAY_STATE_UNSET, RELAY_ACT_NONE, why}
#define STAY(state)     {RELAY_GO, state, RELAY_ACT_NONE, NULL}

/* What is not listed is ignored: events that come late, and ending what has ended. */
static const struct relay_rule rules[RELAY_STATE_END][RELAY_EVENT_ENUM_END] = {
    [RELAY_IDLE] = {
        [RELAY_EVENT_START]         = BEGIN("started, waiting for the seller"),
        [RELAY_EVENT_PUBLISH]       = BEGIN("the seller is connected"),
        [RELAY_EVENT_DELETE]        = STAY(RELAY_IDLE),
    },
    [RELAY_STARTING] = {
        [RELAY_EVENT_START]         = REFUSE(LIVE),
        [RELAY_EVENT_PUBLISH]       = EXTEND(RELAY_STARTING),
        [RELAY_EVENT_MEDIA]         = GO(RELAY_ACTIVE, "playable"),
        [RELAY_EVENT_END]           = STOP("ended"),
        [RELAY_EVENT_TIMEOUT]       = FAIL("timeout waiting for seller stream"),
        [RELAY_EVENT_TOO_LONG]      = STOP("the maximum length of a broadcast is reached"),
        [RELAY_EVENT_FAILED]        = FAIL("the seller's stream cannot be played"),
        [RELAY_EVENT_DELETE]        = REFUSE(LIVE),
    },
    [RELAY_ACTIVE] = {
        [RELAY_EVENT_START]         = REFUSE(LIVE),
        [RELAY_EVENT_PUBLISH]       = GO(RELAY_RECONNECTING, "taken over by a new connection"),
        [RELAY_EVENT_LOST]          = GO(RELAY_RECONNECTING, "the seller's connection was lost"),
        [RELAY_EVENT_END]           = STOP("ended"),
        [RELAY_EVENT_TOO_LONG]      = STOP("the maximum length of a broadcast is reached"),
        [RELAY_EVENT_FAILED]        = FAIL("the seller's stream cannot be played"),
        [RELAY_EVENT_DELETE]        = REFUSE(LIVE),
    },
    [RELAY_RECONNECTING] = {
        [RELAY_EVENT_START]         = REFUSE(LIVE),
        [RELAY_EVENT_PUBLISH]       = EXTEND(RELAY_RECONNECTING),
        [RELAY_EVENT_MEDIA]         = GO(RELAY_ACTIVE, "the seller is back"),
        [RELAY_EVENT_END]           = STOP("ended"),
        [RELAY_EVENT_TIMEOUT]       = STOP("the seller did not come back"),
        [RELAY_EVENT_TOO_LONG]      = STOP("the maximum length of a broadcast is reached"),
        [RELAY_EVENT_FAILED]        = FAIL("the seller's stream cannot be played"),
        [RELAY_EVENT_DELETE]        = REFUSE(LIVE),
    },
    [RELAY_STOPPING] = {
        [RELAY_EVENT_START]         = REFUSE(ENDING),
        [RELAY_EVENT_PUBLISH]       = REFUSE(ENDING),
        [RELAY_EVENT_MEDIA_STOPPED] = FINISH,
        [RELAY_EVENT_TIMEOUT]       = FINISH,
        [RELAY_EVENT_DELETE]        = REFUSE(ENDING),
    },
    [RELAY_STOPPED] = {
        [RELAY_EVENT_START]         = BEGIN("started, waiting for the seller"),
        [RELAY_EVENT_PUBLISH]       = BEGIN("the seller is connected"),
        [RELAY_EVENT_DELETE]        = STAY(RELAY_STOPPED),
    },
    [RELAY_ERROR] = {
        [RELAY_EVENT_START]         = BEGIN("started again, waiting for the seller"),
        [RELAY_EVENT_PUBLISH]       = BEGIN("the seller is connected"),
        [RELAY_EVENT_DELETE]        = STAY(RELAY_ERROR),
    },
};
/* clang-format on */

static const struct {
    const char *name;
    bool is_active;
    bool is_playable;
} states[RELAY_STATE_END] = {
#define STATE_ROW(state, name, is_active, is_playable) [state] = {name, is_active, is_playable},
    RELAY_STATE_TABLE(STATE_ROW)
#undef STATE_ROW
};

const struct relay_rule *relay_rule_of(enum relay_state state, enum relay_event event)
{
    assert(state > RELAY_STATE_UNSET && state < RELAY_STATE_END);
    assert(event > 0 && event < RELAY_EVENT_ENUM_END);
    return &rules[state][event];
}

const char *relay_state_name(enum relay_state state)
{
    assert(state > RELAY_STATE_UNSET && state < RELAY_STATE_END);
    return states[state].name;
}

bool relay_state_is_active(enum relay_state state)
{
    assert(state < RELAY_STATE_END);
    return states[state].is_active;
}

bool relay_state_is_playable(enum relay_state state)
{
    assert(state < RELAY_STATE_END);
    return states[state].is_playable;
}

enum relay_state relay_state_parse(struct text name)
{
    for (enum relay_state state = RELAY_IDLE; state < RELAY_STATE_END; state++)
        if (text_equal(text_of(states[state].name), name))
            return state;
    return RELAY_IDLE;
}
