#include "loop/child.h"

#include <unistd.h>

#include "support/test.h"

struct watched {
    struct loop *loop;
    struct child *child;
    int starts;
    int exits;
    int last_status;
    int64_t last_wait_us;
};

static void on_start(void *ctx, int fd)
{
    struct watched *watched = ctx;

    watched->starts++;
    (void)close(fd);
}

static void on_exit_note(void *ctx, int status, int signal, int64_t wait_us)
{
    struct watched *watched = ctx;

    (void)signal;
    watched->exits++;
    watched->last_status = status;
    watched->last_wait_us = wait_us;
    if (wait_us < 0)
        loop_stop(watched->loop);
    else
        child_stop(watched->child); /* while it waits */
}

static const struct child_handler handler = {on_start, on_exit_note};

static void ended_child_is_waited_for_with_backoff(void **state)
{
    (void)state;
    struct watched watched = {0};
    const char *const args[] = {"/bin/sh", "-c", "read x <&3; exit 7", NULL};

    assert_ok(loop_create("test", &watched.loop));
    watched.child = child_create(watched.loop, args, &handler, &watched);
    assert_int_equal(watched.starts, 1);
    loop_run(watched.loop);
    assert_int_equal(watched.exits, 2); /* once by itself, once as stopped */
    assert_int_equal(watched.last_wait_us, -1);
    assert_int_equal(watched.last_status, 7);
    loop_destroy(watched.loop);
}

static void missing_program_is_an_exit_not_a_crash(void **state)
{
    (void)state;
    struct watched watched = {0};
    const char *const args[] = {"/nonexistent/program", NULL};

    assert_ok(loop_create("test", &watched.loop));
    watched.child = child_create(watched.loop, args, &handler, &watched);
    assert_int_equal(watched.starts, 0);
    loop_run(watched.loop);
    assert_int_equal(watched.exits, 2);
    loop_destroy(watched.loop);
}

struct stopping {
    struct loop *loop;
    struct child *child;
};

static void on_running(void *ctx, int fd)
{
    (void)ctx;
    (void)close(fd);
}

static void on_stopped(void *ctx, int status, int signal, int64_t wait_us)
{
    (void)status;
    (void)signal;
    assert_int_equal(wait_us, -1);
    loop_stop(((struct stopping *)ctx)->loop);
}

static void running_child_is_asked_to_end(void **state)
{
    (void)state;
    static const struct child_handler stop_handler = {on_running, on_stopped};
    struct stopping stopping = {0};
    const char *const args[] = {"/bin/sleep", "60", NULL};

    assert_ok(loop_create("test", &stopping.loop));
    stopping.child = child_create(stopping.loop, args, &stop_handler, &stopping);
    assert_true(child_pid(stopping.child) > 0);
    child_stop(stopping.child);
    loop_run(stopping.loop);
    loop_destroy(stopping.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(ended_child_is_waited_for_with_backoff),
        TEST_CASE(missing_program_is_an_exit_not_a_crash),
        TEST_CASE(running_child_is_asked_to_end),
    };
    return RUN_TESTS("loop_child", tests);
}
