/*
 * reply - an answer as a protocol sends it, after conditions, ranges and compression are decided.
 *
 *     http_response --.
 *                      +-> http_source --(request)--> http_reply --> h1 or h2
 *     http_asset    --'
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/http.h"

enum { REPLY_LINES_MAX = HTTP_RESPONSE_HEADERS_MAX + 12, REPLY_ETAG_LEN_MAX = 128 };

struct gzip;

/* What an answer is made of. Everything is borrowed. */
struct http_source {
    int status;
    struct text content_type;
    struct text cache_control;
    struct text etag;
    struct text location;
    const struct http_header_line *headers;
    size_t headers_count;
    const struct slice *slices;
    size_t slices_count;
    uint64_t body_len;
    bool is_compressible;
    bool no_range;
};

struct http_reply {
    int status;
    struct text prepared; /* status line and fields in HTTP/1.1 form; `lines` come in addition */
    struct http_header_line lines[REPLY_LINES_MAX];
    size_t lines_count;
    bool has_len; /* Content-Length is to be sent (when `prepared` does not hold it) */
    uint64_t body_len;
    uint64_t body_offset;       /* of a range, in the source */
    const struct slice *slices; /* to be sent; the taker gets a reference of each */
    size_t slices_count;

    char etag[REPLY_ETAG_LEN_MAX + 4];
    char content_range[64];
    struct slice storage[HTTP_RESPONSE_SLICES_MAX]; /* not initialised */
};

void reply_init(struct http_reply *reply, int status);
void reply_add(struct http_reply *reply, const char *name, struct text value);

/* Decides what `req` gets of the source. `gzipped` is the compressed body or NULL: offered when
 * the request takes it. Takes references for the reply. */
void reply_from_source(struct http_reply *reply, const struct http_request *req,
                       const struct http_source *source, const struct buf *gzipped);

/* The whole source, in the given coding, without regard to a request. Takes no references. */
void reply_whole(struct http_reply *reply, const struct http_source *source,
                 const struct buf *gzipped);

/* Status line, lines and Content-Length in HTTP/1.1 form, without the empty line. */
void reply_render_h1(struct writer *w, const struct http_reply *reply);

/* Adds the CORS fields of an answer to this request, when its route has them. */
void cors_add(struct http_reply *reply, const struct http_request *req);

/* Answers OPTIONS: a preflight, or a plain question for the methods. */
void cors_answer_options(struct http_request *req);

/* Bodies of this type shrink. */
bool http_type_is_text(struct text content_type);

#endif
