#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "loop/timer_heap.h"

enum { EVENTS_PER_WAIT = 256, LONG_TURN_US = 20000, DEFERRED_MAX = 1 << 20 };

struct loop {
    const char *name;
    uv_loop_t uv;
    uv_poll_t epoll_watch;
    uv_timer_t timer;
    uv_async_t wake;
    uv_prepare_t before_wait;
    int epoll_fd;

    struct epoll_event events[EVENTS_PER_WAIT];
    int event_count;
    int event_next; /* events before it are handled; loop_fd_remove clears those after it */

    struct timer_heap timers;
    int64_t timer_armed_us; /* when `timer` fires; INT64_MAX: not armed */

    _Atomic(struct loop_msg *) mailbox; /* newest first */

    struct list idles;
    VEC(void *) deferred;

    int64_t turn_began_us; /* 0: waiting */
    atomic_llong longest_turn_us;

    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    _Atomic(pthread_t) running_on;
    atomic_bool is_running;
};

static void begin_turn(struct loop *loop)
{
    if (loop->turn_began_us == 0)
        loop->turn_began_us = clock_mono_us();
}

static void run_idles(struct loop *loop)
{
    struct list now;

    list_init(&now);
    list_splice_back(&now, &loop->idles); /* one that adds itself again runs in the next turn */
    for (struct list_node *node; (node = list_pop_front(&now));) {
        struct loop_idle *idle = CONTAINER_OF(node, struct loop_idle, node);
        idle->run(idle);
    }
}

static void free_deferred(struct loop *loop)
{
    for (size_t i = 0; i < loop->deferred.count; i++)
        mem_free(loop->deferred.items[i]);
    loop->deferred.count = 0;
}

static void handle_events(struct loop *loop)
{
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        const struct epoll_event *event = &loop->events[loop->event_next++];
        struct loop_fd *watch = event->data.ptr;
        unsigned events = 0;

        if (!watch)
            continue; /* removed by an earlier callback of this turn */
        if (event->events & EPOLLIN)
            events |= LOOP_IN;
        if (event->events & EPOLLOUT)
            events |= LOOP_OUT;
        if (event->events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
            events |= LOOP_HUP;
        watch->on_event(watch, events);
    }
    loop->event_count = loop->event_next = 0;
}

static void on_epoll_ready(uv_poll_t *handle, int status, int uv_events)
{
    struct loop *loop = handle->data;

    (void)status;
    (void)uv_events;
    begin_turn(loop);
    loop->event_count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_WAIT, 0);
    if (loop->event_count < 0)
        loop->event_count = 0; /* EINTR: the set stays ready, we come again */
    handle_events(loop);
}

static void run_due_timers(struct loop *loop)
{
    int64_t now_us = clock_mono_us();
    struct loop_timer *timer;

    /* Bounded by `now_us`: a timer that sets itself again for later waits for the next turn. */
    while ((timer = timer_heap_first(&loop->timers)) && timer->at_us <= now_us) {
        timer_heap_remove(&loop->timers, timer);
        timer->loop = NULL;
        timer->on_time(timer);
    }
}

static void on_uv_timer(uv_timer_t *handle)
{
    struct loop *loop = handle->data;

    begin_turn(loop);
    loop->timer_armed_us = INT64_MAX;
    run_due_timers(loop);
}

static void run_messages(struct loop *loop)
{
    struct loop_msg *newest = atomic_exchange_explicit(&loop->mailbox, NULL, memory_order_acquire);
    struct loop_msg *oldest = NULL;

    while (newest) {
        struct loop_msg *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct loop_msg *next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

static void on_wake(uv_async_t *handle)
{
    struct loop *loop = handle->data;

    begin_turn(loop);
    run_messages(loop);
    if (atomic_load(&loop->is_stopping))
        uv_stop(&loop->uv);
}

static void arm_timer(struct loop *loop)
{
    const struct loop_timer *first = timer_heap_first(&loop->timers);
    int64_t at_us = first ? first->at_us : INT64_MAX;

    if (at_us == loop->timer_armed_us)
        return;
    loop->timer_armed_us = at_us;
    if (!first) {
        (void)uv_timer_stop(&loop->timer);
        return;
    }
    int64_t wait_us = at_us - clock_mono_us();
    uint64_t wait_ms = wait_us <= 0 ? 0 : (uint64_t)(wait_us + US_PER_MS - 1) / US_PER_MS;
    uv_update_time(&loop->uv);
    (void)uv_timer_start(&loop->timer, on_uv_timer, wait_ms, 0);
}

static void end_turn(struct loop *loop)
{
    if (loop->turn_began_us == 0)
        return;

    int64_t took_us = clock_mono_us() - loop->turn_began_us;
    loop->turn_began_us = 0;
    if (took_us > atomic_load_explicit(&loop->longest_turn_us, memory_order_relaxed))
        atomic_store_explicit(&loop->longest_turn_us, took_us, memory_order_relaxed);
    if (took_us > LONG_TURN_US)
        log_limited(LOG_DEBUG, 1, "loop_turn_long", LOG_STR("loop", loop->name),
                    LOG_I64("took_us", took_us));
}

static void on_before_wait(uv_prepare_t *handle)
{
    struct loop *loop = handle->data;

    run_idles(loop);
    free_deferred(loop);
    arm_timer(loop);
    end_turn(loop);
    /* Work that the idles left for the next turn must not wait for an outside event. */
    if (!list_is_empty(&loop->idles))
        (void)uv_async_send(&loop->wake);
}

static void init_handles(struct loop *loop)
{
    (void)uv_poll_init(&loop->uv, &loop->epoll_watch, loop->epoll_fd);
    (void)uv_timer_init(&loop->uv, &loop->timer);
    (void)uv_async_init(&loop->uv, &loop->wake, on_wake);
    (void)uv_prepare_init(&loop->uv, &loop->before_wait);
    loop->epoll_watch.data = loop->timer.data = loop->wake.data = loop->before_wait.data = loop;
    (void)uv_poll_start(&loop->epoll_watch, UV_READABLE, on_epoll_ready);
    (void)uv_prepare_start(&loop->before_wait, on_before_wait);
}

enum err loop_create(const char *name, struct loop **ret_loop)
{
    struct loop *loop = mem_zalloc(sizeof(*loop));

    loop->name = name;
    loop->timer_armed_us = INT64_MAX;
    list_init(&loop->idles);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        goto fail;
    if (uv_loop_init(&loop->uv) != 0)
        goto fail_epoll;
    init_handles(loop);
    *ret_loop = loop;
    return OK;

fail_epoll:
    (void)close(loop->epoll_fd);
fail:
    mem_free(loop);
    return ERR_IO;
}

void loop_run(struct loop *loop)
{
    atomic_store(&loop->running_on, pthread_self());
    atomic_store(&loop->is_running, true);
    if (!atomic_load(&loop->is_stopping))
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    atomic_store(&loop->is_stopping, false); /* it may be run once more, to end what is left */
    atomic_store(&loop->is_running, false);
}

static void *thread_main(void *arg)
{
    struct loop *loop = arg;

    (void)pthread_setname_np(pthread_self(), loop->name); /* longer names are refused: cosmetic */
    loop_run(loop);
    return NULL;
}

enum err loop_start(struct loop *loop)
{
    if (pthread_create(&loop->thread, NULL, thread_main, loop) != 0)
        return ERR_IO;
    loop->has_thread = true;
    return OK;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    (void)uv_async_send(&loop->wake);
}

void loop_join(struct loop *loop)
{
    if (!loop->has_thread)
        return;
    (void)pthread_join(loop->thread, NULL);
    loop->has_thread = false;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;

    struct loop_msg *msg = atomic_exchange(&loop->mailbox, NULL);
    while (msg) {
        struct loop_msg *next = msg->next;
        if (msg->drop)
            msg->drop(msg);
        msg = next;
    }
    uv_walk(&loop->uv, close_handle, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop->uv);
    (void)close(loop->epoll_fd);
    free_deferred(loop);
    vec_deinit(&loop->deferred);
    timer_heap_deinit(&loop->timers);
    mem_free(loop);
}

int64_t loop_now_us(const struct loop *loop)
{
    (void)loop;
    return clock_mono_us();
}

void loop_assert_current(const struct loop *loop)
{
    assert(!atomic_load(&loop->is_running) ||
           pthread_equal(atomic_load(&loop->running_on), pthread_self()));
    (void)loop;
}

const char *loop_name(const struct loop *loop)
{
    return loop->name;
}

int64_t loop_take_lag_us(struct loop *loop)
{
    return atomic_exchange(&loop->longest_turn_us, 0);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

static uint32_t to_epoll(unsigned events)
{
    uint32_t flags = EPOLLRDHUP;

    if (events & LOOP_IN)
        flags |= EPOLLIN;
    if (events & LOOP_OUT)
        flags |= EPOLLOUT;
    if (events & LOOP_EDGE)
        flags |= EPOLLET;
    return flags;
}

enum err loop_fd_add(struct loop *loop, struct loop_fd *watch, int fd, unsigned events,
                     loop_fd_fn *on_event)
{
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = watch};

    loop_assert_current(loop);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return ERR_IO;
    *watch = (struct loop_fd){.loop = loop, .on_event = on_event, .fd = fd};
    return OK;
}

enum err loop_fd_change(struct loop_fd *watch, unsigned events)
{
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = watch};

    loop_assert_current(watch->loop);
    return epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) == 0 ? OK : ERR_IO;
}

void loop_fd_remove(struct loop_fd *watch)
{
    struct loop *loop = watch->loop;

    if (!loop)
        return;
    loop_assert_current(loop);
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->event_next; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
    watch->loop = NULL;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_us,
                    loop_timer_fn *on_time)
{
    loop_assert_current(loop);
    loop_timer_cancel(timer);
    timer->loop = loop;
    timer->at_us = at_us;
    timer->on_time = on_time;
    timer_heap_add(&loop->timers, timer);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (!timer->loop)
        return;
    loop_assert_current(timer->loop);
    timer_heap_remove(&timer->loop->timers, timer);
    timer->loop = NULL;
}

void loop_post(struct loop *loop, struct loop_msg *msg)
{
    struct loop_msg *head = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);

    do {
        msg->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->mailbox, &head, msg,
                                                    memory_order_release, memory_order_relaxed));
    if (!head) /* else the receiver was woken for the earlier message and has not looked yet */
        (void)uv_async_send(&loop->wake);
}

void loop_defer_free(struct loop *loop, void *block)
{
    loop_assert_current(loop);
    bool did_push = vec_push(&loop->deferred, block, DEFERRED_MAX);
    assert(did_push);
    (void)did_push;
}

void loop_idle_init(struct loop_idle *idle)
{
    list_node_init(&idle->node);
    idle->run = NULL;
}

void loop_idle_add(struct loop *loop, struct loop_idle *idle, void (*run)(struct loop_idle *idle))
{
    loop_assert_current(loop);
    if (list_node_is_linked(&idle->node))
        return;
    idle->run = run;
    list_push_back(&loop->idles, &idle->node);
}

void loop_idle_cancel(struct loop_idle *idle)
{
    list_unlink(&idle->node);
}
