#include "api/exchange.h"

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
        call->directory = exchange->api->directory;
        call->caller = &exchange->caller;
        call->base_url = text_of(exchange->base_url);
        call->rtmp_url = text_of(exchange->rtmp_url);
        call->error = &call->refusal;
        call->state = CALL_REFUSED;
    }
}

/* ---- steps ---- */

static void keep_result(struct call *call)
{
    struct writer *data = &call->api->data;

    if (data->failed) {
        call->state = CALL_REFUSED;
        (void)api_fail(call->error, API_INTERNAL, "The answer is too large."); /* always false */
        return;
    }
    call->result = writer_copy_buf(data);
}

/* From here to the next wait, or to the end. */
static void step(struct call *call, call_fn *next)
{
    struct jsonw out = jsonw_of(&call->api->data);

    writer_clear(&call->api->data);
    call->out = &out;
    call->now_us = call->exchange->now_us;
    call->state = CALL_DONE;
    if (!next(call))
        call->state = CALL_REFUSED;
    else if (call->state == CALL_DONE)
        keep_result(call);
    call->out = NULL;
}

void call_run(struct call *call)
{
    if (call_check_caller(call->operation, call->caller, call->error) &&
        call_check_channel(call->operation, call->caller, &call->input, call->error))
        step(call, call->operation->handle);
}

/* ---- waiting ---- */

static bool may_wait(const struct exchange *exchange)
{
    return exchange->waiting_count != 0 || list_node_is_linked(&exchange->in_waiting) ||
           exchange->api->waiting_count < API_WAITING_MAX;
}

bool call_wait(struct call *call, struct api_task *task, call_fn *resume)
{
    struct exchange *exchange = call->exchange;
    struct api *api = call->api;

    task->call = call;
    if (!may_wait(exchange) || api->handler.run_task(api->handler.context, task) != OK) {
        api_task_release(api, task);
        return api_fail(call->error, API_BUSY,
                        "The server is too busy for this at the moment. Try again in a second.");
    }
    call->task = task;
    call->resume = resume;
    call->state = CALL_WAITING;
    exchange->waiting_count++;
    return true;
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
    (void)api;
    mem_free(task);
}

/* ---- the end ---- */

void exchange_answer(struct exchange *exchange, int status, const char *content_type)
{
    struct api_answer *answer = exchange->answer;

    answer->status = status;
    api_add_header(answer, "cache-control", TEXT("no-store"));
    if (content_type) {
        api_add_header(answer, "content-type", text_of(content_type));
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
        (void)buf_unref(exchange->calls[i].result); /* gives NULL */
        if (exchange->calls[i].task)
            api_task_release(api, exchange->calls[i].task);
    }
    json_decref(exchange->json);
    mem_free(exchange->chars);
    mem_free(exchange->calls);
    mem_free(exchange);
}
