#include "fetch/fetch.h"

#include <assert.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "fetch/call.h"
#include "loop/loop.h"

enum { AT_ONCE_MAX = 64, QUEUE_MAX = 1000 };

struct fetch {
    struct loop *loop;
    CURLM *multi;
    struct guard guard;
    struct trusted *trusted; /* NULL: none */
    uint32_t at_once_max;
    uint32_t queue_max;
    struct loop_timer timer; /* libcurl's */
    struct loop_idle ending; /* of broken calls */
    struct list watches;
    struct list queued;
    struct list running;
    struct list broken; /* could not begin; told in a turn of their own */
    size_t queued_count;
    size_t running_count;
    struct map by_id;
    uint64_t last_id;
};

/* A socket that libcurl wants watched. */
struct watch {
    struct loop_fd fd;
    struct list_node node;
    struct fetch *fetch;
};

static void take_results(struct fetch *fetch);

/* ---- libcurl on our loop ---- */

static void on_socket_event(struct loop_fd *fd, unsigned events)
{
    struct watch *watch = CONTAINER_OF(fd, struct watch, fd);
    struct fetch *fetch = watch->fetch; /* the watch may be gone after the call */
    int bits = 0;
    int running;

    /* After a hang-up libcurl looks itself: it takes an error that stands alone as its own. */
    if (!(events & LOOP_HUP))
        bits =
            (events & LOOP_IN ? CURL_CSELECT_IN : 0) | (events & LOOP_OUT ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(fetch->multi, fd->fd, bits, &running);
    take_results(fetch);
}

static void on_curl_time(struct loop_timer *timer)
{
    struct fetch *fetch = CONTAINER_OF(timer, struct fetch, timer);
    int running;

    (void)curl_multi_socket_action(fetch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_results(fetch);
}

static int on_set_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct fetch *fetch = context;

    (void)multi;
    if (timeout_ms < 0)
        loop_timer_cancel(&fetch->timer);
    else
        loop_timer_set(fetch->loop, &fetch->timer,
                       loop_now_us(fetch->loop) + timeout_ms * US_PER_MS, on_curl_time);
    return 0;
}

static void release_watch(struct watch *watch)
{
    loop_fd_remove(&watch->fd);
    list_unlink(&watch->node);
    loop_defer_free(watch->fetch->loop, watch); /* we may be inside its callback */
}

static unsigned events_of(int what)
{
    switch (what) {
    case CURL_POLL_IN:
        return LOOP_IN;
    case CURL_POLL_OUT:
        return LOOP_OUT;
    case CURL_POLL_INOUT:
        return LOOP_IN | LOOP_OUT;
    default:
        return 0;
    }
}

/* A failure of epoll is not told to libcurl, which would end all requests; this one times out. */
static int on_set_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *of_socket)
{
    struct fetch *fetch = context;
    struct watch *watch = of_socket;
    enum err err;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            release_watch(watch);
        return 0;
    }
    if (!watch) {
        watch = mem_zalloc(sizeof(*watch));
        watch->fetch = fetch;
        list_push_back(&fetch->watches, &watch->node);
        (void)curl_multi_assign(fetch->multi, socket, watch);
    }
    if (watch->fd.loop)
        err = loop_fd_change(&watch->fd, events_of(what));
    else
        err = loop_fd_add(fetch->loop, &watch->fd, socket, events_of(what), on_socket_event);
    if (err != OK)
        log_limited(LOG_ERROR, 1, "fetch_socket_unwatched", LOG_STR("error", err_name(err)));
    return 0;
}

/* ---- calls ---- */

static void forget(struct fetch *fetch, struct call *call)
{
    list_unlink(&call->node);
    if (call->state == CALL_RUNNING)
        fetch->running_count--;
    else if (call->state == CALL_QUEUED)
        fetch->queued_count--;
    (void)map_remove_u64(&fetch->by_id, call->id);
}

static void tell_broken(struct loop_idle *idle)
{
    struct fetch *fetch = CONTAINER_OF(idle, struct fetch, ending);
    struct list_node *node;

    while ((node = list_first(&fetch->broken))) {
        struct call *call = CONTAINER_OF(node, struct call, node);
        struct fetch_answer answer = {
            .id = call->id,
            .result = ERR_IO,
            .error = "The server could not begin the request: it is short of memory or sockets.",
        };

        forget(fetch, call);
        call->done(call->context, &answer);
        call_destroy(call);
    }
}

/* The call is in no list and counted nowhere. */
static void begin(struct fetch *fetch, struct call *call)
{
    if (call_begin(call, loop_now_us(fetch->loop)) == OK) {
        if (curl_multi_add_handle(fetch->multi, call->easy) == CURLM_OK) {
            call->state = CALL_RUNNING;
            fetch->running_count++;
            list_push_back(&fetch->running, &call->node);
            return;
        }
        curl_easy_cleanup(call->easy);
        call->easy = NULL;
    }
    call->state = CALL_BROKEN;
    list_push_back(&fetch->broken, &call->node);
    loop_idle_add(fetch->loop, &fetch->ending, tell_broken);
}

static void begin_queued(struct fetch *fetch)
{
    while (fetch->running_count < fetch->at_once_max && fetch->queued_count > 0) {
        struct list_node *node = list_pop_front(&fetch->queued);

        fetch->queued_count--;
        begin(fetch, CONTAINER_OF(node, struct call, node));
    }
}

static void end_hop(struct fetch *fetch, struct call *call, CURLcode code)
{
    struct fetch_answer answer;

    (void)curl_multi_remove_handle(fetch->multi, call->easy);
    if (call_end(call, code, loop_now_us(fetch->loop), &answer)) {
        list_unlink(&call->node);
        fetch->running_count--;
        begin(fetch, call); /* the redirect */
        return;
    }
    forget(fetch, call);
    call->done(call->context, &answer);
    call_destroy(call);
}

static void take_results(struct fetch *fetch)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetch->multi, &left))) {
        void *call = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        end_hop(fetch, call, code);
    }
    begin_queued(fetch);
}

enum err fetch_start(struct fetch *fetch, const struct fetch_request *request, fetch_done_fn *done,
                     void *context, uint64_t *ret_id, struct diag *diag)
{
    struct call *call;

    loop_assert_current(fetch->loop);
    if (fetch->running_count >= fetch->at_once_max && fetch->queued_count >= fetch->queue_max) {
        diag_set(diag, "%u requests are waiting already.", fetch->queue_max);
        return ERR_LIMIT;
    }
    enum err err = call_create(request, &fetch->guard, fetch->trusted, diag, &call);
    if (err != OK)
        return err;

    call->id = ++fetch->last_id;
    call->done = done;
    call->context = context;
    (void)map_put_u64(&fetch->by_id, call->id, call); /* the id is new */
    *ret_id = call->id;
    list_push_back(&fetch->queued, &call->node);
    fetch->queued_count++;
    begin_queued(fetch);
    return OK;
}

static void end_call(struct fetch *fetch, struct call *call)
{
    if (call->easy) {
        (void)curl_multi_remove_handle(fetch->multi, call->easy);
        curl_easy_cleanup(call->easy);
        call->easy = NULL;
    }
    forget(fetch, call);
}

void fetch_cancel(struct fetch *fetch, uint64_t id)
{
    struct call *call = map_get_u64(&fetch->by_id, id);

    if (!call)
        return;
    end_call(fetch, call);
    call_destroy(call);
    begin_queued(fetch);
}

size_t fetch_count(const struct fetch *fetch)
{
    return fetch->by_id.count;
}

enum err fetch_check_url(const struct fetch *fetch, struct text url, struct diag *diag)
{
    struct guard_url parsed;

    return guard_check_url(&fetch->guard, url, &parsed, diag);
}

/* ---- life ---- */

static bool is_curl_ready;

static void init_curl(void)
{
    is_curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* Sets the option, unless an earlier one failed. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLM_OK)                                                                      \
            code = curl_multi_setopt(fetch->multi, option, value);                                 \
    } while (0)

static enum err open_multi(struct fetch *fetch, struct diag *diag)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CURLMcode code = CURLM_OK;

    (void)pthread_once(&once, init_curl);
    fetch->multi = is_curl_ready ? curl_multi_init() : NULL;
    if (!fetch->multi)
        code = CURLM_INTERNAL_ERROR;
    SET(CURLMOPT_SOCKETFUNCTION, on_set_socket);
    SET(CURLMOPT_SOCKETDATA, fetch);
    SET(CURLMOPT_TIMERFUNCTION, on_set_timer);
    SET(CURLMOPT_TIMERDATA, fetch);
    SET(CURLMOPT_MAXCONNECTS, (long)fetch->at_once_max);
    if (code == CURLM_OK)
        return OK;
    diag_set(diag, "libcurl does not start: %s.", curl_multi_strerror(code));
    return ERR_IO;
}

enum err fetch_create(struct loop *loop, const struct fetch_config *config, struct diag *diag,
                      struct fetch **ret_fetch)
{
    struct fetch *fetch = mem_zalloc(sizeof(*fetch));

    fetch->loop = loop;
    fetch->at_once_max = config->at_once_max ? config->at_once_max : AT_ONCE_MAX;
    fetch->queue_max = config->queue_max ? config->queue_max : QUEUE_MAX;
    list_init(&fetch->watches);
    list_init(&fetch->queued);
    list_init(&fetch->running);
    list_init(&fetch->broken);
    loop_idle_init(&fetch->ending);

    enum err err = guard_init(&fetch->guard, config->allow_private, diag);
    if (err == OK && config->extra_ca_file && config->extra_ca_file[0] != '\0')
        err = trusted_create(config->extra_ca_file, diag, &fetch->trusted);
    if (err == OK)
        err = open_multi(fetch, diag);
    if (err != OK) {
        fetch_destroy(fetch);
        return err == ERR_LIMIT ? ERR_INVALID : err;
    }
    *ret_fetch = fetch;
    return OK;
}

static void end_all(struct fetch *fetch, struct list *calls)
{
    struct list_node *node;

    while ((node = list_first(calls))) {
        struct call *call = CONTAINER_OF(node, struct call, node);
        struct fetch_answer answer = {
            .id = call->id, .result = ERR_CLOSED, .error = "The server is shutting down."};

        end_call(fetch, call);
        call->done(call->context, &answer);
        call_destroy(call);
    }
}

void fetch_destroy(struct fetch *fetch)
{
    struct list_node *node;

    if (!fetch)
        return;
    end_all(fetch, &fetch->broken);
    end_all(fetch, &fetch->running);
    end_all(fetch, &fetch->queued);
    assert(fetch->by_id.count == 0); /* `done` may not start anything now */
    loop_idle_cancel(&fetch->ending);
    if (fetch->multi)
        (void)curl_multi_cleanup(fetch->multi); /* closes what it kept open */
    while ((node = list_first(&fetch->watches)))
        release_watch(CONTAINER_OF(node, struct watch, node));
    loop_timer_cancel(&fetch->timer);
    trusted_destroy(fetch->trusted);
    map_deinit(&fetch->by_id);
    mem_free(fetch);
}
