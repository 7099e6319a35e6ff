/*
 * trpc_push - the subscriptions of tRPC, and all of it over a WebSocket. Private to edge/.
 *
 *     httpSubscriptionLink  GET /trpc/channel.onStatus, /trpc/events.subscribe   trpc_stream.c
 *     wsLink                GET /trpc, upgraded                                  trpc_socket.c
 *                           its queries and mutations go to the control loop as calls
 */
#ifndef EDGE_TRPC_PUSH_H
#define EDGE_TRPC_PUSH_H

struct edge;
struct http_request;

void trpc_on_stream(struct http_request *request);
void trpc_on_socket(struct http_request *request);

/* Asks the clients of all sockets to connect anew: the server will drain. */
void trpc_drain_sockets(struct edge *edge);

#endif
