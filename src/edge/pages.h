/*
 * pages - the web pages that are built into the program, as assets of one edge. Private to edge/.
 *
 * The pages route themselves: /, /studio/7 and /watch/7 are all index.html. Names with a hash of
 * their content are cached for ever; index.html is asked for each time and mostly answered 304.
 */
#ifndef EDGE_PAGES_H
#define EDGE_PAGES_H

#include "base/map.h"
#include "http/http.h"

struct pages {
    struct map by_path;
    struct http_asset *index;
};

void pages_init(struct pages *pages);
void pages_serve(const struct pages *pages, struct http_request *request);
void pages_deinit(struct pages *pages);

#endif
