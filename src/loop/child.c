#include "loop/child.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"

enum { STATE_RUNNING = 1, STATE_WAITING, STATE_ASKED };

static const int64_t FIRST_WAIT_US = 1 * US_PER_S;
static const int64_t LONGEST_WAIT_US = 30 * US_PER_S;
static const int64_t FORGIVEN_AFTER_US = 60 * US_PER_S;
static const int64_t KILL_AFTER_US = 5 * US_PER_S;

struct child {
    struct loop *loop;
    const struct child_handler *handler;
    void *ctx;
    char *args[CHILD_ARGS_MAX + 1];
    int state;
    uv_process_t process;
    struct loop_timer timer; /* waiting: start again; asked: kill */
    int64_t started_us;
    int64_t wait_us;
    int exit_status;
    int exit_signal;
};

static void start(struct child *child);

static void release(struct child *child)
{
    const struct child_handler *handler = child->handler;
    void *ctx = child->ctx;
    int status = child->exit_status;
    int signal = child->exit_signal;

    loop_timer_cancel(&child->timer);
    for (size_t i = 0; child->args[i]; i++)
        mem_free(child->args[i]);
    loop_defer_free(child->loop, child);
    handler->on_exit(ctx, status, signal, -1);
}

static void on_restart_time(struct loop_timer *timer)
{
    start(CONTAINER_OF(timer, struct child, timer));
}

static void wait_and_restart(struct child *child)
{
    int64_t now_us = loop_now_us(child->loop);

    if (now_us - child->started_us >= FORGIVEN_AFTER_US)
        child->wait_us = FIRST_WAIT_US;
    int64_t wait_us = child->wait_us;
    child->wait_us = wait_us * 2 < LONGEST_WAIT_US ? wait_us * 2 : LONGEST_WAIT_US;
    child->state = STATE_WAITING;
    loop_timer_set(child->loop, &child->timer, now_us + wait_us, on_restart_time);
    child->handler->on_exit(child->ctx, child->exit_status, child->exit_signal, wait_us);
}

static void on_process_closed(uv_handle_t *handle)
{
    struct child *child = CONTAINER_OF(handle, struct child, process);

    if (child->state == STATE_ASKED)
        release(child);
    else
        wait_and_restart(child);
}

static void on_process_exit(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = CONTAINER_OF(process, struct child, process);

    child->exit_status = (int)status;
    child->exit_signal = signal;
    loop_timer_cancel(&child->timer);
    uv_close((uv_handle_t *)process, on_process_closed);
}

/* The child's end becomes descriptor 3; everything else is closed on exec. */
static int spawn(struct child *child, int child_fd)
{
    uv_stdio_container_t stdio[CHILD_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = child_fd},
    };
    uv_process_options_t options = {
        .exit_cb = on_process_exit,
        .file = child->args[0],
        .args = child->args,
        .stdio = stdio,
        .stdio_count = CHILD_FD + 1,
    };
    return uv_spawn(loop_uv(child->loop), &child->process, &options);
}

static void start(struct child *child)
{
    int pair[2];

    child->started_us = loop_now_us(child->loop);
    child->exit_status = -1;
    child->exit_signal = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        wait_and_restart(child);
        return;
    }
    int spawned = spawn(child, pair[1]);
    (void)close(pair[1]);
    if (spawned != 0) {
        (void)close(pair[0]);
        child->state = STATE_RUNNING; /* on_process_closed decides as if it had run and ended */
        uv_close((uv_handle_t *)&child->process, on_process_closed);
        return;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    child->state = STATE_RUNNING;
    child->handler->on_start(child->ctx, pair[0]);
}

struct child *child_create(struct loop *loop, const char *const *args,
                           const struct child_handler *handler, void *ctx)
{
    struct child *child = mem_zalloc(sizeof(*child));

    child->loop = loop;
    child->handler = handler;
    child->ctx = ctx;
    child->wait_us = FIRST_WAIT_US;
    for (size_t i = 0; args[i]; i++) {
        assert(i < CHILD_ARGS_MAX);
        child->args[i] = mem_strndup(args[i], strlen(args[i]));
    }
    start(child);
    return child;
}

static void on_kill_time(struct loop_timer *timer)
{
    struct child *child = CONTAINER_OF(timer, struct child, timer);

    (void)uv_process_kill(&child->process, SIGKILL);
}

void child_stop(struct child *child)
{
    if (child->state == STATE_WAITING) {
        release(child);
        return;
    }
    child->state = STATE_ASKED;
    if (uv_is_closing((uv_handle_t *)&child->process))
        return; /* it just ended by itself: on_process_closed releases */
    (void)uv_process_kill(&child->process, SIGTERM);
    loop_timer_set(child->loop, &child->timer, loop_now_us(child->loop) + KILL_AFTER_US,
                   on_kill_time);
}

int child_pid(const struct child *child)
{
    return child->state == STATE_WAITING ? 0 : child->process.pid;
}
