/*
 * asset - the inside of http_asset: a body, its fields, and both in ready-made form.
 *
 * The gzip form is made at the first request that takes it. Two loops may make it at the same
 * moment: the first to publish wins, the other drops its own. Nothing else ever changes.
 */
#ifndef HTTP_ASSET_H
#define HTTP_ASSET_H

#include <stdatomic.h>

#include "http/reply.h"

/* One coding of the body. */
struct asset_variant {
    struct buf *body; /* NULL: compression does not pay */
    struct buf *head; /* status line and fields, HTTP/1.1 */
};

struct http_asset {
    atomic_uint refs;
    struct http_source source;
    struct buf *head; /* of the plain body */
    _Atomic(struct asset_variant *) gzip;
    char *texts; /* what the texts of `source` point into */
    struct http_header_line headers[HTTP_RESPONSE_HEADERS_MAX];
    struct slice slices[];
};

/* The compressed variant, made with *gzip (created when NULL) if it is not there yet. NULL: there
 * is none. */
const struct asset_variant *asset_gzip(struct http_asset *asset, struct gzip **gzip);

#endif
