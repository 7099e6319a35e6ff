/*
 * work - what the control loop lets the pools do: batches for the store, in order, and tasks of the
 * API.
 *
 * While the API runs, batches stay here until it has added its rows to them (api_on_batch); their
 * tickets are given out at once, so that an answer knows what it waits for.
 */
#include <stdio.h>

#include "app/server.h"
#include "base/mem.h"

enum { STORE_QUEUE_MAX = 20000, PASSWORD_THREADS = 2, PASSWORD_QUEUE_MAX = 200 };

/* ---- batches ---- */

struct batch_job {
    struct pool_job job;
    struct list_node node; /* in server->held_batches */
    struct server *server;
    struct store_batch *batch;
    uint64_t ticket;
    bool has_change;
    struct store_change change;       /* of a channel: the directory gets it back */
    uint64_t marks[OUTBOX_MARKS_MAX]; /* of the webhooks that go with it */
    size_t mark_count;
    enum err err;
    struct diag diag;
};

static void batch_work(struct pool_job *job)
{
    struct batch_job *batch_job = CONTAINER_OF(job, struct batch_job, job);

    batch_job->err =
        store_apply_batch(batch_job->server->store, batch_job->batch, &batch_job->diag);
}

/* Answers that promised that this batch is stored. */
static void release_waiting_calls(struct server *server, uint64_t ticket, enum err err)
{
    LIST_FOR_EACH(node, &server->waiting_calls)
    {
        struct edge_call *call = CONTAINER_OF(node, struct edge_call, node);

        if (err && call->answer.first_ticket <= ticket)
            api_not_stored(&call->answer); /* sent at once: what else it waited for is in vain */
        else if (call->answer.last_ticket > ticket)
            continue;
        list_unlink(node);
        edge_answer(call);
    }
}

static void tell_result(struct batch_job *batch_job)
{
    struct server *server = batch_job->server;

    server->is_store_ok = batch_job->err == OK;
    server->is_write_refused = batch_job->err != OK;
    if (batch_job->err)
        (void)snprintf(server->store_problem, sizeof(server->store_problem), "%.150s",
                       batch_job->diag.message);
    account_directory_on_stored(server->accounts, batch_job->batch, batch_job->err);
    if (batch_job->has_change)
        channel_directory_on_stored(server->directory, &batch_job->change, batch_job->err,
                                    &batch_job->diag);
    for (size_t i = 0; i < batch_job->mark_count; i++)
        outbox_on_stored(server, batch_job->marks[i], batch_job->err);
    release_waiting_calls(server, batch_job->ticket, batch_job->err);
    control_arm(server);
}

static void batch_done(struct pool_job *job)
{
    struct batch_job *batch_job = CONTAINER_OF(job, struct batch_job, job);

    if (!batch_job->server->has_stopped)
        tell_result(batch_job);
    store_batch_destroy(batch_job->batch);
    crypto_wipe(&batch_job->change, sizeof(batch_job->change));
    mem_free(batch_job);
}

static void run_refused_job(struct loop_msg *msg)
{
    batch_done(CONTAINER_OF(msg, struct pool_job, msg));
}

static void submit(struct batch_job *batch_job)
{
    struct server *server = batch_job->server;

    if (pool_submit(server->pool, server->control, &batch_job->job) == OK)
        return;
    /* Nobody must be called back from inside its own call. */
    batch_job->err = ERR_LIMIT;
    diag_set(&batch_job->diag, "The database is too slow; too many changes wait for it.");
    batch_job->job.msg.run = run_refused_job;
    batch_job->job.msg.drop = run_refused_job;
    loop_post(server->control, &batch_job->job.msg);
}

static struct batch_job *make_job(struct server *server, struct store_batch *batch)
{
    struct batch_job *batch_job = mem_zalloc(sizeof(*batch_job));

    batch_job->job.work = batch_work;
    batch_job->job.done = batch_done;
    batch_job->server = server;
    batch_job->batch = batch;
    batch_job->ticket = ++server->newest_ticket;
    list_node_init(&batch_job->node);
    return batch_job;
}

static void take(struct batch_job *batch_job)
{
    struct server *server = batch_job->server;

    if (!server->is_in_api) {
        submit(batch_job);
        return;
    }
    list_push_back(&server->held_batches, &batch_job->node);
    api_on_batch(server->api, batch_job->batch);
}

void work_store(void *context, struct store_batch *batch)
{
    take(make_job(context, batch));
}

void work_store_marked(void *context, struct store_batch *batch, uint64_t mark)
{
    struct batch_job *batch_job = make_job(context, batch);

    batch_job->marks[0] = mark;
    batch_job->mark_count = 1;
    take(batch_job);
}

/* What happened to a channel, and all that follows from it, as one transaction. */
void work_store_change(void *context, const struct store_change *change)
{
    struct server *server = context;
    struct batch_job *batch_job = make_job(server, store_batch_create());

    batch_job->has_change = true;
    batch_job->change = *change;
    store_batch_change(batch_job->batch, change);
    if (change->broadcast_op == STORE_BROADCAST_END) {
        publish_on_broadcast_ended(server, change, batch_job->batch);
        history_on_broadcast_ended(change, batch_job->batch);
    }
    if (change->channel_op == STORE_CHANNEL_DELETE)
        publish_on_channel_deleted(server, change->channel.id);
    batch_job->mark_count = outbox_append(server, change, batch_job->batch, batch_job->marks);
    take(batch_job);
}

static void submit_held(struct server *server)
{
    struct list_node *node;

    while ((node = list_pop_front(&server->held_batches)))
        submit(CONTAINER_OF(node, struct batch_job, node));
}

/* ---- calls and tasks of the API ---- */

void work_on_answer(void *context, struct api_answer *answer)
{
    struct server *server = context;
    struct edge_call *call = CONTAINER_OF(answer, struct edge_call, answer);

    list_unlink(&call->node);
    if (answer->last_ticket)
        list_push_back(&server->waiting_calls, &call->node);
    else
        edge_answer(call);
}

void work_call(struct server *server, struct edge_call *call)
{
    list_push_back(&server->open_calls, &call->node);
    server->is_in_api = true;
    if (api_call(server->api, &call->api, loop_now_us(server->control), &call->answer))
        work_on_answer(server, &call->answer);
    server->is_in_api = false;
    submit_held(server);
    control_arm(server);
}

struct task_job {
    struct pool_job job;
    struct server *server;
    struct api_task *task;
};

static void task_work(struct pool_job *job)
{
    struct task_job *task_job = CONTAINER_OF(job, struct task_job, job);

    api_task_work(task_job->task, task_job->server->store);
}

static void task_done(struct pool_job *job)
{
    struct task_job *task_job = CONTAINER_OF(job, struct task_job, job);
    struct server *server = task_job->server;

    if (!server->has_stopped) {
        server->is_in_api = true;
        api_task_done(server->api, task_job->task, loop_now_us(server->control));
        server->is_in_api = false;
        submit_held(server);
        control_arm(server);
    }
    mem_free(task_job);
}

enum err work_run_task(void *context, struct api_task *task)
{
    struct server *server = context;
    struct task_job *task_job = mem_zalloc(sizeof(*task_job));
    struct pool *pool = task->kind == API_TASK_PASSWORD ? server->passwords : server->pool;

    task_job->job.work = task_work;
    task_job->job.done = task_done;
    task_job->server = server;
    task_job->task = task;
    enum err err = pool_submit(pool, server->control, &task_job->job);
    if (err)
        mem_free(task_job);
    return err;
}

uint64_t work_newest_ticket(void *context)
{
    return ((const struct server *)context)->newest_ticket;
}

/* ---- is the database there? ---- */

struct ping_job {
    struct pool_job job;
    struct server *server;
    bool is_write;
    enum err err;
    struct diag diag;
};

static void ping_work(struct pool_job *job)
{
    struct ping_job *ping = CONTAINER_OF(job, struct ping_job, job);

    ping->err = ping->is_write ? store_try_write(ping->server->store, &ping->diag)
                               : store_ping(ping->server->store, &ping->diag);
}

static void ping_done(struct pool_job *job)
{
    struct ping_job *ping = CONTAINER_OF(job, struct ping_job, job);
    struct server *server = ping->server;

    server->is_ping_under_way = false;
    if (ping->is_write && ping->err == OK)
        server->is_write_refused = false;
    /* One that reads says nothing of a write that was refused meanwhile. */
    if (ping->err != OK || !server->is_write_refused) {
        server->is_store_ok = ping->err == OK;
        (void)snprintf(server->store_problem, sizeof(server->store_problem), "%.150s",
                       ping->diag.message);
    }
    mem_free(ping);
}

void work_ping_store(struct server *server)
{
    struct ping_job *ping;

    if (server->is_ping_under_way)
        return;
    ping = mem_zalloc(sizeof(*ping));
    ping->job.work = ping_work;
    ping->job.done = ping_done;
    ping->server = server;
    ping->is_write = server->is_write_refused;
    if (pool_submit(server->pool, server->control, &ping->job) == OK)
        server->is_ping_under_way = true;
    else
        mem_free(ping);
}

/* ---- life ---- */

enum err work_create(struct server *server, struct diag *diag)
{
    enum err err = pool_create("store", 1, STORE_QUEUE_MAX, &server->pool);

    if (!err)
        err =
            pool_create_nice("password", PASSWORD_THREADS, PASSWORD_QUEUE_MAX, &server->passwords);
    if (err)
        diag_set(diag, "The threads of the database and the passwords cannot be started.");
    return err;
}

void work_destroy(struct server *server)
{
    pool_destroy(server->passwords);
    pool_destroy(server->pool);
    list_splice_back(&server->waiting_calls, &server->open_calls);
    LIST_FOR_EACH(node, &server->waiting_calls)
    {
        edge_drop_call(&CONTAINER_OF(node, struct edge_call, node)->msg);
    }
}
