/*
 * upgrade - what both WebSockets of an edge ask before they are granted. Private to edge/.
 */
#ifndef EDGE_UPGRADE_H
#define EDGE_UPGRADE_H

#include "http/http.h"

/* Any sign that a WebSocket is meant, well formed or not. */
bool upgrade_is_meant(const struct http_request *request);

/* False: the request is answered, with 426 or 403. */
bool upgrade_is_allowed(struct http_request *request);

#endif
