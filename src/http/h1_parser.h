/*
 * h1_parser - request heads and bodies of HTTP/1.1, from bytes that arrive in any split.
 *
 * Strict, because what two parsers read differently is a way to smuggle requests past the first:
 * lines end with CRLF and nothing else, no folded lines, no space before the colon, one
 * Content-Length of digits, no Transfer-Encoding but "chunked", never both, exactly one Host.
 *
 * The head must stand in one block of memory; the parser remembers how far it has looked, so a
 * head that comes byte by byte is scanned once. Texts point into that block.
 *
 * Sans-I/O.
 * Spec      RFC 9112
 */
#ifndef HTTP_H1_PARSER_H
#define HTTP_H1_PARSER_H

#include "http/http.h"

struct h1_limits {
    size_t line_len_max; /* request line, with CRLF */
    size_t head_len_max; /* all header fields, with the empty line */
};

/* Where the search for the end of the head goes on. Zeroed at the start of each request. Offsets
 * count from the start of the block, so the block may move between two calls. */
struct h1_scan {
    size_t line_start;
    size_t first_line_end; /* 0: not found yet */
};

struct h1_head {
    unsigned method; /* enum http_method, or 0: a method we do not know */
    enum http_version version;
    struct text target;
    struct text host;
    struct http_field *fields; /* the caller's array of HTTP_FIELDS_MAX */
    size_t fields_count;
    size_t len; /* of the whole head in the block */
    uint64_t content_len;
    bool has_content_len;
    bool is_chunked;
    bool keeps_alive;
    bool expects_continue;
    bool wants_upgrade; /* Connection: upgrade */
};

/* Parses the head at the start of `bytes`. `head->fields` must be set. ERR_AGAIN: not whole yet.
 * ERR_MALFORMED, ERR_LIMIT, ERR_UNSUPPORTED: refuse with *ret_status (400, 414, 431, 501, 505,
 * 417) and close, since what follows cannot be understood. */
MUST_USE enum err h1_head_parse(struct text bytes, const struct h1_limits *limits,
                                struct h1_scan *scan, struct h1_head *head, int *ret_status);

enum h1_body_state {
    H1_BODY_DONE = 1,
    H1_BODY_FIXED,
    H1_BODY_SIZE, /* first digit of a chunk size */
    H1_BODY_SIZE_MORE,
    H1_BODY_EXTENSION,
    H1_BODY_SIZE_LF,
    H1_BODY_CHUNK,
    H1_BODY_CHUNK_CR,
    H1_BODY_CHUNK_LF,
    H1_BODY_TRAILER, /* start of a trailer line */
    H1_BODY_TRAILER_MORE,
    H1_BODY_TRAILER_LF,
    H1_BODY_END_LF,
};

/* The body of one request. */
struct h1_body {
    enum h1_body_state state;
    uint64_t left;      /* of the chunk, or of the whole fixed body */
    uint32_t extra_len; /* chunk extensions and trailers so far */
};

/* The body that the head announces; H1_BODY_DONE when there is none. */
struct h1_body h1_body_of(const struct h1_head *head);

/* Takes bytes from the front of *input. OK: *ret_data is the next piece (perhaps empty), call again
 * while input is left and the body is not done. ERR_MALFORMED: refuse with 400 and close. */
MUST_USE enum err h1_body_read(struct h1_body *body, struct text *input, struct text *ret_data);

#endif
