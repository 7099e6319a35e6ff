/*
 * viewers - who watches, as far as one edge sees it. Private to edge/.
 *
 * A viewer is a client address with a user agent. Counting connections or requests instead would
 * count a player that uses several eight times. See edge_viewer for how those behind one address
 * are told apart.
 */
#ifndef EDGE_VIEWERS_H
#define EDGE_VIEWERS_H

#include "base/map.h"
#include "edge/edge.h"

enum { VIEWERS_MAX = 200000 };

struct viewers {
    struct map by_key; /* channel and viewer -> struct viewer */
};

/* A playlist request: the viewer is seen. Returns the entry that viewers_begin_wait() and
 * viewers_end_wait() take, NULL when there are too many viewers. */
struct viewer;
struct viewer *viewers_see(struct viewers *viewers, uint64_t channel_id, uint64_t key,
                           int64_t now_us);
void viewer_begin_wait(struct viewer *viewer);
void viewer_end_wait(struct viewer *viewer, int64_t now_us);

/* Who was seen lately; forgets the others. The caller releases the report. */
struct edge_report *viewers_report(struct viewers *viewers, int64_t now_us);

void viewers_deinit(struct viewers *viewers);

#endif
