#include "loop/loop.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/pool.h"
#include "support/test.h"

struct order {
    struct loop *loop;
    char seen[16];
    size_t count;
};

struct named_timer {
    struct loop_timer timer;
    struct order *order;
    char name;
};

static void note(struct order *order, char name)
{
    order->seen[order->count++] = name;
}

static void on_named(struct loop_timer *timer)
{
    struct named_timer *named = CONTAINER_OF(timer, struct named_timer, timer);

    note(named->order, named->name);
    if (named->name == 'z')
        loop_stop(named->order->loop);
}

static void timers_run_in_the_order_of_their_times(void **state)
{
    (void)state;
    struct order order = {0};
    assert_ok(loop_create("test", &order.loop));
    struct named_timer a = {.order = &order, .name = 'a'};
    struct named_timer b = {.order = &order, .name = 'b'};
    struct named_timer c = {.order = &order, .name = 'c'};
    struct named_timer z = {.order = &order, .name = 'z'};
    int64_t now_us = loop_now_us(order.loop);

    loop_timer_set(order.loop, &z.timer, now_us + 9000, on_named);
    loop_timer_set(order.loop, &b.timer, now_us + 3000, on_named);
    loop_timer_set(order.loop, &c.timer, now_us + 5000, on_named);
    loop_timer_set(order.loop, &a.timer, now_us + 7000, on_named);
    loop_timer_set(order.loop, &a.timer, now_us + 1000, on_named); /* moved */
    loop_timer_cancel(&c.timer);
    loop_run(order.loop);
    assert_string_equal(order.seen, "abz");
    loop_destroy(order.loop);
}

static void timer_of_the_distant_past_is_due_at_once(void **state)
{
    (void)state;
    struct order order = {0};
    assert_ok(loop_create("test", &order.loop));
    struct named_timer a = {.order = &order, .name = 'a'};
    struct named_timer z = {.order = &order, .name = 'z'};

    loop_timer_set(order.loop, &a.timer, 0, on_named);
    loop_timer_set(order.loop, &z.timer, loop_now_us(order.loop) + 1000, on_named);
    loop_run(order.loop);
    assert_string_equal(order.seen, "az");
    loop_destroy(order.loop);
}

struct counted_msg {
    struct loop_msg msg;
    struct loop *loop;
    int number;
    int *last;
};

static void run_counted(struct loop_msg *msg)
{
    struct counted_msg *counted = CONTAINER_OF(msg, struct counted_msg, msg);

    assert_int_equal(counted->number, *counted->last + 1);
    *counted->last = counted->number;
    if (counted->number == 1000)
        loop_stop(counted->loop);
    mem_free(counted);
}

static void messages_of_one_sender_arrive_in_order(void **state)
{
    (void)state;
    struct loop *loop;
    int last = 0;

    assert_ok(loop_create("test", &loop));
    assert_ok(loop_start(loop));
    for (int i = 1; i <= 1000; i++) {
        struct counted_msg *counted = mem_zalloc(sizeof(*counted));
        *counted = (struct counted_msg){{NULL, run_counted, NULL}, loop, i, &last};
        loop_post(loop, &counted->msg);
    }
    loop_join(loop);
    assert_int_equal(last, 1000);
    loop_destroy(loop);
}

struct pair_watch {
    struct loop_fd first;
    struct loop_fd second;
    struct loop *loop;
    int events;
};

static void on_first(struct loop_fd *watch, unsigned events)
{
    struct pair_watch *pair = CONTAINER_OF(watch, struct pair_watch, first);

    assert_true(events & LOOP_IN);
    pair->events++;
    loop_fd_remove(&pair->first);
    loop_fd_remove(&pair->second); /* its event was fetched in the same turn */
    loop_stop(pair->loop);
}

static void on_second(struct loop_fd *watch, unsigned events)
{
    struct pair_watch *pair = CONTAINER_OF(watch, struct pair_watch, second);

    (void)events;
    pair->events++;
    loop_fd_remove(&pair->second);
    loop_fd_remove(&pair->first);
    loop_stop(pair->loop);
}

static void removed_descriptor_is_not_called_again_in_the_same_turn(void **state)
{
    (void)state;
    struct pair_watch pair = {0};
    int a[2], b[2];

    assert_ok(loop_create("test", &pair.loop));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
    assert_ok(loop_fd_add(pair.loop, &pair.first, a[0], LOOP_IN | LOOP_EDGE, on_first));
    assert_ok(loop_fd_add(pair.loop, &pair.second, b[0], LOOP_IN | LOOP_EDGE, on_second));
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    loop_run(pair.loop);
    assert_int_equal(pair.events, 1);
    for (int i = 0; i < 2; i++) {
        (void)close(a[i]);
        (void)close(b[i]);
    }
    loop_destroy(pair.loop);
}

struct counted_job {
    struct pool_job job;
    int *work_count;
    int *done_count;
};

static void do_work(struct pool_job *job)
{
    (*CONTAINER_OF(job, struct counted_job, job)->work_count)++; /* one thread: in order */
}

static void on_done(struct pool_job *job)
{
    struct counted_job *counted = CONTAINER_OF(job, struct counted_job, job);

    if (++*counted->done_count == 50)
        loop_stop(job->loop);
    mem_free(counted);
}

static void pool_runs_all_jobs_and_refuses_when_full(void **state)
{
    (void)state;
    struct loop *loop;
    struct pool *pool;
    int work_count = 0;
    int done_count = 0;

    assert_ok(loop_create("test", &loop));
    assert_ok(pool_create("test-pool", 1, 50, &pool));
    for (int i = 0; i < 50; i++) {
        struct counted_job *counted = mem_zalloc(sizeof(*counted));
        *counted =
            (struct counted_job){{.work = do_work, .done = on_done}, &work_count, &done_count};
        assert_ok(pool_submit(pool, loop, &counted->job));
    }
    loop_run(loop);
    assert_int_equal(work_count, 50);
    assert_int_equal(done_count, 50);
    pool_destroy(pool);

    struct counted_job refused = {{.work = do_work, .done = on_done}, &work_count, &done_count};
    assert_ok(pool_create("test-pool", 1, 0, &pool));
    assert_err(pool_submit(pool, loop, &refused.job), ERR_LIMIT);
    pool_destroy(pool);
    loop_destroy(loop);
}

struct priority_job {
    struct pool_job job;
    int priority;
};

static void read_priority(struct pool_job *job)
{
    CONTAINER_OF(job, struct priority_job, job)->priority = getpriority(PRIO_PROCESS, 0);
}

static void stop_loop(struct pool_job *job)
{
    loop_stop(job->loop);
}

static void nice_pool_yields_to_the_loops_and_to_them_alone(void **state)
{
    (void)state;
    struct priority_job job = {.job = {.work = read_priority, .done = stop_loop}};
    int ours = getpriority(PRIO_PROCESS, 0);
    struct loop *loop;
    struct pool *pool;

    assert_ok(loop_create("test", &loop));
    assert_ok(pool_create_nice("test-pool", 1, 1, &pool));
    assert_ok(pool_submit(pool, loop, &job.job));
    loop_run(loop);
    assert_true(job.priority >= 10);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), ours);
    pool_destroy(pool);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(timers_run_in_the_order_of_their_times),
        TEST_CASE(timer_of_the_distant_past_is_due_at_once),
        TEST_CASE(messages_of_one_sender_arrive_in_order),
        TEST_CASE(removed_descriptor_is_not_called_again_in_the_same_turn),
        TEST_CASE(pool_runs_all_jobs_and_refuses_when_full),
        TEST_CASE(nice_pool_yields_to_the_loops_and_to_them_alone),
    };
    return RUN_TESTS("loop_loop", tests);
}
