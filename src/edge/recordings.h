/*
 * recordings - sends the files of recordings: GET /recordings/<channel>/<broadcast>/<file>.
 *
 *     request -> pool: open -> head with length, range, tag -> pool: read a chunk -> client
 *                                                                  ^---- has taken it ----'
 *
 * Each transfer has one chunk on its way or queued, so a slow client costs 128 kB. The loop never
 * touches a disk: opening and reading are jobs of a pool that all edges share.
 *
 * Caching   What is final never changes and may be kept for ever; a recording that still grows is
 *           asked for anew each time, with its tag.
 */
#ifndef EDGE_RECORDINGS_H
#define EDGE_RECORDINGS_H

struct http_request;
struct loop;
struct pool;
struct recordings;

/* `pool` and `root` are borrowed for good; a NULL pool: there are no recordings here. */
struct recordings *recordings_create(struct loop *loop, struct pool *pool, const char *root);

/* Call it when no request is left (http_server_destroy); what the pool still works on is released
 * when it comes back. */
void recordings_destroy(struct recordings *recordings);

/* Answers a request whose params are channel, broadcast and file. */
void recordings_serve(struct recordings *recordings, struct http_request *request);

#endif
