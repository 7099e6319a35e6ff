/*
 * wish - reads what a client wants to be told of, in each form that it may have. Private to edge/.
 *
 *     query of /api/v1/events      channels=1,2 or channels=all, lastEventId=...
 *     message of its WebSocket     {"type":"subscribe","channels":[1,2],"lastEventId":"..."}
 *     input of tRPC                channel.onStatus {channelId, lastEventId?}
 *                                  events.subscribe {channels?, lastEventId?}
 *
 * Strict, as the API is: unknown members are refused, and the sentence names the field. A last
 * event id that is not one of ours is as none: another server may have made it.
 */
#ifndef EDGE_WISH_H
#define EDGE_WISH_H

#include <jansson.h>

#include "base/err.h"
#include "edge/push.h"

enum { WISH_MESSAGE_LEN_MAX = 16 * 1024, WISH_JSON_DEPTH_MAX = 4 };

/* `has_channels`: the query names channels; without them the wish is empty. ERR_INVALID. */
MUST_USE enum err wish_from_query(struct text query, struct push_wish *ret_wish,
                                  bool *ret_has_channels, struct diag *diag);

enum wish_request { WISH_SUBSCRIBE = 1, WISH_UNSUBSCRIBE, WISH_PING };

/* ERR_MALFORMED: no JSON; ERR_INVALID. The wish is empty for a ping. */
MUST_USE enum err wish_from_message(struct text message, enum wish_request *ret_request,
                                    struct push_wish *ret_wish, struct diag *diag);

enum wish_procedure { WISH_CHANNEL_ON_STATUS = 1, WISH_EVENTS_SUBSCRIBE };

/* 0: this is not the name of a subscription. */
enum wish_procedure wish_procedure_find(struct text path);

/* `input` may be NULL: there is none. `last_event_id` stands beside it in some links, and counts
 * more. ERR_INVALID. */
MUST_USE enum err wish_from_input(enum wish_procedure procedure, const json_t *input,
                                  struct text last_event_id, struct push_wish *ret_wish,
                                  struct diag *diag);

/* The last event that a client names beside its wish; nothing happens when it is not one of ours.
 */
void wish_go_on_after(struct push_wish *wish, struct text last_event_id);

#endif
