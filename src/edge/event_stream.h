/*
 * event_stream - a subscriber behind an event stream (server-sent events) over HTTP/1.1 or HTTP/2.
 * Private to edge/.
 *
 * Spec      HTML Living Standard, server-sent events; for tRPC docs/push.md
 */
#ifndef EDGE_EVENT_STREAM_H
#define EDGE_EVENT_STREAM_H

#include "edge/push.h"
#include "edge/trpc_error.h"

/* Answers the request with a stream that begins with the snapshots of the wish, or goes on after
 * the last event. ERR_LIMIT, ERR_AGAIN as push_join(); the request is then still to be answered. */
MUST_USE enum err event_stream_open(struct http_request *request, enum push_dialect dialect,
                                    const struct push_wish *wish);

/* Answers the request with a stream that says what is wrong and ends: what tRPC's clients expect
 * instead of a status. */
void event_stream_fail(struct http_request *request, const struct trpc_failure *failure);

#endif
