/*
 * pages - the web pages that are built into the program, as assets of one edge. Private to edge/.
 *
 * The pages route themselves: /, /studio/7 and /watch/7 are all index.html, /embed/7 is
 * embed/index.html. Names with a hash of their content are cached for ever; the others are asked
 * for each time and mostly answered 304.
 *
 * A content security policy goes with each file. Only what is below /embed/ may stand in a frame of
 * another site.
 */
#ifndef EDGE_PAGES_H
#define EDGE_PAGES_H

#include "base/map.h"
#include "http/http.h"

struct writer;

struct pages {
    struct map by_path;
    struct http_asset *index;
    struct http_asset *embed;
};

/* `media_urls`, with spaces between, name the origins that the pages may load media from. */
void pages_init(struct pages *pages, struct text media_urls);
void pages_serve(const struct pages *pages, struct http_request *request);
void pages_deinit(struct pages *pages);

/* The value of Content-Security-Policy for the file at that path. */
void pages_write_policy(struct writer *w, struct text path, struct text media_urls);

#endif
