/*
 * target - the request target: path and query out of what the client sent.
 *
 * The path is decoded once, here, and dot segments are removed after that, so nobody behind this
 * sees "%2e%2e/". What could be read in two ways is refused: an encoded slash or NUL, control
 * characters, bytes that are not UTF-8, ".." above the root.
 *
 * Sans-I/O.
 * Spec      RFC 9112 section 3.2, RFC 3986 sections 2.1 and 5.2.4
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/http.h"

struct http_target {
    struct text path;  /* starts with '/', or is "*" */
    struct text query; /* without '?', not decoded */
    struct text host;  /* of the absolute form; ptr is NULL otherwise */
};

/* Takes the target apart and decodes the path in place: `target` must point into memory that may
 * be changed. ERR_MALFORMED: refuse with 400. */
MUST_USE enum err http_target_parse(struct text target, struct http_target *ret_target);

#endif
