/*
 * h1_site - a site of routes that answer in every way there is, behind a server without sockets.
 */
#ifndef TESTS_UNIT_HTTP_H1_SITE_H
#define TESTS_UNIT_HTTP_H1_SITE_H

#include "support/http_pipe.h"

#define DATE      "Date: Sat, 21 Nov 2026 08:40:00 GMT\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* What the handlers have seen; emptied by open_pipe(). */
struct site_state {
    struct http_asset *asset; /* 1,000 bytes in two slices */
    struct list waiting;
    struct http_request *stream;
    size_t cancelled;
    size_t drained;
    size_t body_len;
    bool got_last;
    char seen[256];
    uint64_t offset; /* what of the file is wanted */
    uint64_t left;
};
extern struct site_state S;
extern struct http_pipe P;
extern const struct http_route site_routes[];
extern const size_t site_routes_count;

void open_with(const struct http_config *config);
void open_pipe(void);
void close_pipe(void);
void assert_starts(struct text output, const char *wanted);
void assert_contains(struct text output, const char *wanted);
void assert_lacks(struct text output, const char *unwanted);
size_t count_of(struct text output, const char *needle);

#endif
