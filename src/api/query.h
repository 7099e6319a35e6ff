/*
 * query - percent-encoding and query strings (RFC 3986, and '+' as forms write spaces). Private to
 * api/.
 */
#ifndef API_QUERY_H
#define API_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

/* Cuts the next "name=value" off *rest; a pair without '=' has an empty value. Both stay encoded.
 * False at the end. Empty pairs ("&&") are skipped. */
bool query_next(struct text *rest, struct text *ret_name, struct text *ret_value);

/* Decodes into `to`, which has room for encoded.len bytes (decoding never grows). `is_form`: '+' is
 * a space. ERR_MALFORMED: '%' without two hexadecimal digits. */
MUST_USE enum err query_decode(struct text encoded, bool is_form, char *to, size_t *ret_len);

/* The encoded value of the first pair with this name. False: there is none. Only plain names can be
 * found: an encoded name is another one. */
bool query_find(struct text query, struct text name, struct text *ret_value);

#endif
