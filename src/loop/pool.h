/*
 * pool - threads for what blocks: database, files, DNS, password hashing.
 *
 *     loop A: pool_submit(job) --> queue --> thread: job->work() --> loop A: job->done()
 *
 * A pool with one thread runs its jobs in order: the database uses one. The queue is bounded;
 * pool_submit() refuses with ERR_LIMIT and the caller answers "busy".
 */
#ifndef LOOP_POOL_H
#define LOOP_POOL_H

#include "loop/loop.h"

struct pool;

/* Embedded in the caller's job. Valid until `done` has run. */
struct pool_job {
    struct loop_msg msg; /* for the way back */
    struct pool_job *next;
    struct loop *loop;
    void (*work)(struct pool_job *job); /* on a thread of the pool; may block */
    void (*done)(struct pool_job *job); /* on the loop that submitted */
};

MUST_USE enum err pool_create(const char *name, unsigned thread_count, size_t queue_max,
                              struct pool **ret_pool);

/* As pool_create(), for jobs that compute for long: where processors are scarce its threads get
 * them after the loops (nice 10), so that answers are not late while passwords are hashed. */
MUST_USE enum err pool_create_nice(const char *name, unsigned thread_count, size_t queue_max,
                                   struct pool **ret_pool);

/* Queues the job. ERR_LIMIT: the queue is full or the pool is closing; nothing was taken. */
MUST_USE enum err pool_submit(struct pool *pool, struct loop *loop, struct pool_job *job);

/* Lets queued jobs finish (their `done` is posted), then ends the threads and releases. Blocks. */
void pool_destroy(struct pool *pool);

#endif
