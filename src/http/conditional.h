/*
 * conditional - what a GET makes of an answer: not modified, a range of it, compressed.
 *
 * Sans-I/O.
 * Spec      RFC 9110 sections 8.8.3, 12.5.3, 13.1, 14
 */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include "http/http.h"

/* True when If-None-Match (`list`) names the tag; weak comparison. */
bool http_etag_list_matches(struct text list, struct text etag);

struct http_range {
    uint64_t offset;
    uint64_t len;
};

/* Reads "bytes=a-b", "bytes=a-", "bytes=-n" against a body of `body_len` bytes.
 * OK: serve 206 with *ret_range. ERR_UNSUPPORTED: another unit, several ranges, not well formed:
 * ignore the field and serve all (section 14.2). ERR_LIMIT: outside the body: 416. */
MUST_USE enum err http_range_parse(struct text value, uint64_t body_len,
                                   struct http_range *ret_range);

/* True when Accept-Encoding allows gzip. */
bool http_accepts_gzip(struct text accept_encoding);

#endif
