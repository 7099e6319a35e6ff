#include "api/exchange.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/cursor.h"
#include "api/rights.h"
#include "base/jsonw.h"
#include "base/mem.h"

void exchange_add_calls(struct exchange *exchange, size_t count)
{
    exchange->calls = mem_zalloc(count * sizeof(*exchange->calls));
    exchange->call_count = count;
    for (size_t i = 0; i < count; i++) {
        struct call *call = &exchange->calls[i];

        call->exchange = exchange;
        call->api = exchange->api;
        call->channels = exchange->api->channels;
        call->accounts = exchange->api->accounts;
        call->webhooks = exchange->api->webhooks;
        call->caller = &exchange->caller;
        call->base_url = text_of(exchange->base_url);
        call->rtmp_url = text_of(exchange->rtmp_url);
        call->error = &call->refusal;
        call->state = CALL_REFUSED;
    }
}

/* ---- steps ---- */

static void refuse_size(struct call *call)
{
    call->exchange->is_full = true;
    call->state = CALL_REFUSED;
    (void)api_fail(
        call->error, API_TOO_LARGE,
        "The answer would have more than %d MiB. Ask for less: a smaller limit, or fewer "
        "calls in a batch.",
        API_ANSWER_LEN_MAX >> 20); /* always false */
}

static void keep_result(struct call *call)
{
    struct exchange *exchange = call->exchange;
    struct writer *data = &call->api->data;

    if (data->failed || data->len > API_ANSWER_LEN_MAX - exchange->result_len) {
        refuse_size(call);
        return;
    }
    exchange->result_len += data->len;
    call->result = writer_copy_buf(data);
}

static void set_default_target(struct call *call)
{
    const struct field *field = &call->operation->fields[0];

    if (call->target[0] != '\0' || !field->name || !call->input.is_given[0])
        return;
    if (field->type == FIELD_INTEGER)
        call_set_target(call, "channel %lld", (long long)call->input.number[0]);
    else if (field->type == FIELD_UUID)
        call_set_target(call, "%.*s", TEXT_ARG(call->input.text[0]));
}

static void write_audit(struct call *call, struct store_batch *batch)
{
    const struct caller *actor = call->actor.kind ? &call->actor : call->caller;

    set_default_target(call);
    account_audit(call->accounts, batch, actor, call->exchange->request->peer_address,
                  call->operation->name, text_of(call->target), text_of(call->detail),
                  call->now_us);
}

/* What belongs to each mutation that succeeded, in the transaction of the change itself. */
static void complete_mutation(struct call *call)
{
    struct api *api = call->api;
    struct store_batch *own = api->batch ? NULL : store_batch_create();
    struct store_batch *batch = api->batch ? api->batch : own;

    write_audit(call, batch);
    idempotency_keep(call, batch);
    if (own)
        call_store(call, own);
}

/* From here to the next wait, or to the end. */
static void step(struct call *call, call_fn *next)
{
    struct api *api = call->api;
    struct jsonw out = jsonw_of(&api->data);

    writer_clear(&api->data);
    api->batch = NULL;
    call->out = &out;
    call->now_us = call->exchange->now_us;
    call->state = CALL_DONE;
    if (!next(call))
        call->state = CALL_REFUSED;
    else if (call->state == CALL_DONE)
        keep_result(call);
    if (call->state == CALL_DONE && call->operation->kind == OPERATION_MUTATION &&
        !call->idempotency.is_replay)
        complete_mutation(call);
    if (call->state != CALL_WAITING)
        idempotency_end(call);
    call->out = NULL;
    api->batch = NULL;
}

bool call_admit(struct call *call)
{
    call->is_admitted = rights_admit(call);
    return call->is_admitted;
}

void call_run(struct call *call)
{
    assert(call->is_admitted);
    if (call->exchange->is_full)
        refuse_size(call);
    else if (rights_check_channel(call))
        step(call, idempotency_is_asked(call) ? idempotency_run : call->operation->handle);
}

void call_store(struct call *call, struct store_batch *batch)
{
    call->api->handler.store(call->api->handler.context, batch);
}

void call_set_target(struct call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(call->target, sizeof(call->target), format, args); /* cut to fit */
    va_end(args);
}

void api_on_batch(struct api *api, struct store_batch *batch)
{
    if (!api->batch)
        api->batch = batch;
}

/* ---- waiting ---- */

static const char busy[] = "The server is too busy for this at the moment. Try again in a second.";

static size_t count_waiting(const struct api *api, struct text address)
{
    size_t count = 0;

    LIST_FOR_EACH(node, &api->waiting)
    {
        const struct exchange *other = CONTAINER_OF(node, struct exchange, in_waiting);

        count += text_equal(other->request->peer_address, address);
    }
    return count;
}

static bool check_waiting(struct call *call)
{
    const struct exchange *exchange = call->exchange;
    const struct api *api = call->api;

    if (exchange->waiting_count != 0 || list_node_is_linked(&exchange->in_waiting))
        return true; /* it is counted */
    if (api->waiting_count >= API_WAITING_MAX)
        return api_fail(call->error, API_BUSY, "%s", busy);
    if (api->waiting_count < API_WAITING_OF_ADDRESS_MAX ||
        count_waiting(api, exchange->request->peer_address) < API_WAITING_OF_ADDRESS_MAX)
        return true;
    call->error->retry_after_s = 1;
    return api_fail(call->error, API_TOO_MANY_REQUESTS,
                    "%d requests of this address wait for their answers. Wait for them first.",
                    API_WAITING_OF_ADDRESS_MAX);
}

bool call_wait(struct call *call, struct api_task *task, call_fn *resume)
{
    struct exchange *exchange = call->exchange;
    struct api *api = call->api;

    task->call = call;
    if (!check_waiting(call)) {
        api_task_release(api, task);
        return false;
    }
    if (api->handler.run_task(api->handler.context, task) != OK) {
        api_task_release(api, task);
        return api_fail(call->error, API_BUSY, "%s", busy);
    }
    call->task = task;
    call->resume = resume;
    call->state = CALL_WAITING;
    exchange->waiting_count++;
    return true;
}

struct api_task *call_make_task(enum api_task_kind kind)
{
    struct api_task *task = mem_zalloc(sizeof(*task));

    task->kind = kind;
    return task;
}

bool call_fail_query(struct call *call)
{
    if (call->task->err == ERR_INVALID)
        return cursor_refuse(call);
    return api_fail(call->error, API_BUSY,
                    "The database could not be read just now. Try again in a moment.");
}

void api_task_work(struct api_task *task, struct store *store)
{
    switch (task->kind) {
    case API_TASK_QUERY:
        task->err = store_run_query(store, &task->query, &task->result, &task->diag);
        break;
    case API_TASK_PASSWORD:
        task->err = password_job_run(&task->password);
        break;
    }
}

/* Goes on where the task was asked for. */
void call_resume(struct call *call, struct api_task *task)
{
    call->exchange->waiting_count--;
    step(call, call->resume);
    if (call->task == task)
        call->task = NULL;
    api_task_release(call->api, task);
}

void api_task_release(struct api *api, struct api_task *task)
{
    if (task->kind == API_TASK_PASSWORD)
        account_job_end(api->accounts, &task->password);
    store_result_deinit(&task->result);
    mem_free(task);
}

/* ---- the end ---- */

void exchange_answer(struct exchange *exchange, int status, const char *content_type)
{
    struct api_answer *answer = exchange->answer;

    answer->status = status;
    api_set_header(answer, "cache-control", TEXT("no-store"));
    if (content_type) {
        api_set_header(answer, "content-type", text_of(content_type));
        answer->body = writer_copy_buf(&exchange->api->body);
    }
}

bool exchange_settle(struct exchange *exchange)
{
    struct api *api = exchange->api;

    if (exchange->waiting_count != 0) {
        if (!list_node_is_linked(&exchange->in_waiting)) {
            list_push_back(&api->waiting, &exchange->in_waiting);
            api->waiting_count++;
        }
        return false;
    }
    if (exchange->finish) {
        writer_clear(&api->body);
        exchange->finish(exchange);
    }
    exchange_destroy(exchange);
    return true;
}

void exchange_destroy(struct exchange *exchange)
{
    struct api *api = exchange->api;

    if (list_node_is_linked(&exchange->in_waiting)) {
        list_unlink(&exchange->in_waiting);
        api->waiting_count--;
    }
    for (size_t i = 0; i < exchange->call_count; i++) {
        struct call *call = &exchange->calls[i];

        idempotency_end(call);
        secret_wipe(&call->drawn);
        (void)buf_unref(call->result); /* gives NULL */
        if (call->task)
            api_task_release(api, call->task);
    }
    json_decref(exchange->json);
    mem_free(exchange->chars);
    mem_free(exchange->calls);
    mem_free(exchange);
}
