/*
 * events - GET /api/v1/events: the events of channels by WebSocket or event stream. Private to
 * edge/.
 *
 * Spec      docs/push.md
 */
#ifndef EDGE_EVENTS_H
#define EDGE_EVENTS_H

struct http_request;

void events_on_get(struct http_request *request);

#endif
