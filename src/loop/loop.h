/*
 * loop - one thread that waits for sockets, timers and messages. Built on libuv.
 *
 *        other threads --loop_post()--> mailbox --.
 *        sockets ------- own epoll set -----------+--> callbacks, one after the other
 *        loop_timer ---- one heap, one uv_timer --'
 *        loop_child, signals --- libuv
 *
 * Rules
 *   - An object belongs to one loop for life and is touched only on its thread. Only loop_post()
 *     and loop_stop() may be called from elsewhere.
 *   - Callbacks never block. What blocks goes to a pool (loop/pool.h).
 *   - loop_fd and loop_timer are embedded in their object. Removing one is immediate: after
 *     loop_fd_remove() or loop_timer_cancel() its callback is not called again, so the object may
 *     be freed. An object that is freed inside its own callback uses loop_defer_free().
 *
 * Sockets are in an epoll set of our own that libuv watches, instead of one uv_poll_t each: a
 * socket is registered once, edge-triggered, and no epoll_ctl follows; release is immediate
 * (docs/decisions/0003-epoll-set-inside-libuv.md).
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_msg;
struct uv_loop_s;

/* Creates a loop. The name is for logs and metrics and outlives the loop. */
MUST_USE enum err loop_create(const char *name, struct loop **ret_loop);

/* Runs on the calling thread until loop_stop(). */
void loop_run(struct loop *loop);

/* Runs on a thread of its own. */
MUST_USE enum err loop_start(struct loop *loop);

/* Asks the loop to return after the current turn. Any thread. */
void loop_stop(struct loop *loop);

/* Waits for the thread of loop_start(). */
void loop_join(struct loop *loop);

/* Releases a stopped loop. Messages still in the mailbox are dropped by calling their `drop`. */
void loop_destroy(struct loop *loop);

/* Monotonic time. */
int64_t loop_now_us(const struct loop *loop);

/* Asserts that the caller is on the loop's thread. */
void loop_assert_current(const struct loop *loop);

const char *loop_name(const struct loop *loop);

/* The longest turn (all callbacks between two waits) since the last call, and forget it.
 * Any thread. */
int64_t loop_take_lag_us(struct loop *loop);

/* For code that needs libuv itself (signals, child processes). */
struct uv_loop_s *loop_uv(struct loop *loop);

/* ---- file descriptors ---- */

enum { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4, LOOP_EDGE = 8 };

/* `events` is a set of LOOP_IN, LOOP_OUT, LOOP_HUP (also set on errors). */
typedef void loop_fd_fn(struct loop_fd *fd, unsigned events);

struct loop_fd {
    struct loop *loop; /* NULL while not added */
    loop_fd_fn *on_event;
    int fd;
};

/* Watches a non-blocking descriptor. With LOOP_EDGE an event comes once per change: read and write
 * until ERR_AGAIN. ERR_IO: the system refused (too many descriptors). */
MUST_USE enum err loop_fd_add(struct loop *loop, struct loop_fd *watch, int fd, unsigned events,
                              loop_fd_fn *on_event);

/* Other events for a watched descriptor. */
MUST_USE enum err loop_fd_change(struct loop_fd *watch, unsigned events);

/* Stops watching; does not close the descriptor. Harmless when not added. */
void loop_fd_remove(struct loop_fd *watch);

/* ---- timers ---- */

typedef void loop_timer_fn(struct loop_timer *timer);

struct loop_timer {
    struct loop *loop; /* NULL while not set */
    loop_timer_fn *on_time;
    int64_t at_us;
    size_t heap_index;
};

/* Calls once at `at_us` (loop_now_us time; rounded up to a millisecond), or moves an earlier
 * setting. A time in the past is due in the next turn. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_us,
                    loop_timer_fn *on_time);

/* Harmless when not set. */
void loop_timer_cancel(struct loop_timer *timer);

/* ---- messages ---- */

/* The first member of every message between loops. The sender allocates, `run` releases. */
struct loop_msg {
    struct loop_msg *next;
    void (*run)(struct loop_msg *msg);  /* on the receiving loop */
    void (*drop)(struct loop_msg *msg); /* the loop is destroyed instead; NULL: nothing to do */
};

/* Hands the message over. Messages of one sender arrive in order. Any thread; never blocks. */
void loop_post(struct loop *loop, struct loop_msg *msg);

/* ---- end of turn ---- */

/* Frees a mem_alloc() block when the current callback and all events already fetched are done. */
void loop_defer_free(struct loop *loop, void *block);

/* Runs when the events of this turn are done, before the loop waits again; linked once. */
struct loop_idle {
    struct list_node node;
    void (*run)(struct loop_idle *idle);
};

void loop_idle_init(struct loop_idle *idle);
void loop_idle_add(struct loop *loop, struct loop_idle *idle, void (*run)(struct loop_idle *idle));
void loop_idle_cancel(struct loop_idle *idle);

#endif
