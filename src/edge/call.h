/*
 * call - what an edge asks of the other loops: a request goes there in a message of its own and
 * comes back answered. Private to edge/.
 */
#ifndef EDGE_CALL_H
#define EDGE_CALL_H

#include "edge/edge.h"

/* The client as the proxy in front names it (the last entry is the proxy's own word; what stands
 * before it is the client's), when that proxy is trusted; else the peer. */
struct net_address call_client_address(const struct http_request *request);

/* What the API wants to know of a request. Borrowed from it; peer_address and body are left out.
 * Cookies of foreign pages count for nothing: whoever sends them did not mean us. */
struct api_request call_api_request(const struct http_request *request);

/* Suspends the request and sends the call; the answer of the other loop is sent to the client.
 * `extra`, which may be NULL, has what the kind needs beside the request. */
void call_send(struct http_request *request, enum edge_call_kind kind,
               const struct edge_call *extra);
void call_send_api(struct http_request *request);

/* A call to the API that no request waits for. on_answer is called with its answer unless
 * call_abandon() came first; the call is released after it. */
struct edge_call *call_send_for(struct edge *edge, const struct api_request *request,
                                const struct net_address *client,
                                void (*on_answer)(struct edge_call *call), void *owner);

/* The answer, when it comes, is of no more use. */
void call_abandon(struct edge_call *call);

/* Answers a request with problem+json that has a code, as the API words it. */
void call_respond_problem(struct http_request *request, int status, const char *code,
                          struct text detail);

#endif
