/*
 * channel_call - what operations on channels share. Private to api/; field 0 of such an operation
 * is always the channel.
 */
#ifndef API_CHANNEL_CALL_H
#define API_CHANNEL_CALL_H

#include "api/operation.h"

struct channel;

#define CHANNEL_FIELD(name)                                                                        \
    {                                                                                              \
        name, FIELD_INTEGER, FIELD_REQUIRED, 1, OPERATION_ID_MAX, NULL, "The channel's number.",   \
            "7"                                                                                    \
    }

/* The channel of the call. NULL: call->error is filled. */
const struct channel *call_find_channel(struct call *call);

/* "the admin", "the seller": for reasons that people read. */
const char *call_actor_word(const struct call *call);

/* channel.healthCheck and streaming.healthCheck. */
bool call_health(struct call *call);

#endif
