/*
 * child - one supervised child process, connected by a socketpair.
 *
 *     stopped --start--> running --exit--> waiting (1 s, 2 s, 4 s ... 30 s) --> running
 *                           `--child_stop--> asked (SIGTERM) --5 s--> killed --> stopped
 *
 * The parent's end of the socketpair is a non-blocking descriptor that `on_start` hands to the
 * owner, who closes it; the child finds its end as descriptor 3. A child that ran for a minute is
 * forgiven: the next wait is the shortest again.
 *
 * Threads   The loop that created it.
 */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include "loop/loop.h"

enum { CHILD_FD = 3, CHILD_ARGS_MAX = 16 };

struct child;

struct child_handler {
    /* The process runs; the owner owns `fd` from here. */
    void (*on_start)(void *ctx, int fd);
    /* It ended (or could not be started: status -1); it is started again after wait_us, unless
     * wait_us is -1: child_stop() was called. */
    void (*on_exit)(void *ctx, int status, int signal, int64_t wait_us);
};

/* Starts the program; `args` is NULL-terminated, args[0] is its path. Copies args. */
struct child *child_create(struct loop *loop, const char *const *args,
                           const struct child_handler *handler, void *ctx);

/* Asks the process to end, kills it after 5 s; then calls on_exit with wait_us -1 once (at once
 * when nothing runs) and releases the child. The pointer is not to be used after the call. */
void child_stop(struct child *child);

/* Process id, 0 when none runs. */
int child_pid(const struct child *child);

#endif
