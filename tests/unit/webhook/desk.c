#include "desk.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/store.h"

enum { ROWS_MAX = 100000 };

/* ---- batches of our own ---- */

enum op_kind { PUT_ENDPOINT = 1, DELETE_ENDPOINT, PUT_DELIVERY, PUT_ATTEMPT };

struct op {
    enum op_kind kind;
    union {
        struct webhook_endpoint_row endpoint;
        struct webhook_delivery_row delivery;
        struct webhook_attempt_row attempt;
    };
};

struct store_batch {
    VEC(struct op *) ops;
};

struct store_batch *store_batch_create(void)
{
    return mem_zalloc(sizeof(struct store_batch));
}

void store_batch_destroy(struct store_batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < batch->ops.count; i++) {
        if (batch->ops.items[i]->kind == PUT_DELIVERY)
            (void)buf_unref(batch->ops.items[i]->delivery.payload);
        mem_free(batch->ops.items[i]);
    }
    vec_deinit(&batch->ops);
    mem_free(batch);
}

size_t store_batch_count(const struct store_batch *batch)
{
    return batch->ops.count;
}

static struct op *add_op(struct store_batch *batch, enum op_kind kind)
{
    struct op *op = mem_zalloc(sizeof(*op));

    op->kind = kind;
    assert_true(vec_push(&batch->ops, op, ROWS_MAX));
    return op;
}

void store_batch_put_webhook_endpoint(struct store_batch *batch,
                                      const struct webhook_endpoint_row *row)
{
    add_op(batch, PUT_ENDPOINT)->endpoint = *row;
}

void store_batch_delete_webhook_endpoint(struct store_batch *batch, const char *id)
{
    memcpy(add_op(batch, DELETE_ENDPOINT)->endpoint.id, id, ROW_UUID_LEN + 1);
}

void store_batch_put_webhook_delivery(struct store_batch *batch,
                                      const struct webhook_delivery_row *row)
{
    struct op *op = add_op(batch, PUT_DELIVERY);

    op->delivery = *row;
    op->delivery.payload = buf_ref(row->payload);
}

void store_batch_put_webhook_attempt(struct store_batch *batch,
                                     const struct webhook_attempt_row *row)
{
    add_op(batch, PUT_ATTEMPT)->attempt = *row;
}

/* ---- what is stored ---- */

static struct webhook_delivery_row *find_delivery(const struct desk *desk, const char *id)
{
    for (size_t i = 0; i < desk->deliveries.count; i++)
        if (strcmp(desk->deliveries.items[i].id, id) == 0)
            return &desk->deliveries.items[i];
    return NULL;
}

static struct webhook_endpoint_row *find_endpoint(const struct desk *desk, const char *id)
{
    for (size_t i = 0; i < desk->endpoints.count; i++)
        if (strcmp(desk->endpoints.items[i].id, id) == 0)
            return &desk->endpoints.items[i];
    return NULL;
}

const struct webhook_delivery_row *desk_delivery(const struct desk *desk, const char *id)
{
    const struct webhook_delivery_row *row = find_delivery(desk, id);

    assert_non_null(row);
    return row;
}

const struct webhook_endpoint_row *desk_stored_endpoint(const struct desk *desk, const char *id)
{
    return find_endpoint(desk, id);
}

size_t desk_count_status(const struct desk *desk, const char *status)
{
    size_t count = 0;

    for (size_t i = 0; i < desk->deliveries.count; i++)
        count += strcmp(desk->deliveries.items[i].status, status) == 0;
    return count;
}

static void put_endpoint(struct desk *desk, const struct webhook_endpoint_row *row)
{
    struct webhook_endpoint_row *found = find_endpoint(desk, row->id);

    if (found)
        *found = *row;
    else
        assert_true(vec_push(&desk->endpoints, *row, ROWS_MAX));
}

static void put_delivery(struct desk *desk, const struct webhook_delivery_row *row)
{
    struct webhook_delivery_row *found = find_delivery(desk, row->id);
    struct webhook_delivery_row copy = *row;

    assert_non_null(find_endpoint(desk, row->endpoint_id)); /* as the foreign key wants it */
    copy.payload = buf_ref(row->payload);
    if (found) {
        (void)buf_unref(found->payload);
        *found = copy;
    } else {
        assert_true(vec_push(&desk->deliveries, copy, ROWS_MAX));
    }
}

static void delete_endpoint(struct desk *desk, const char *id)
{
    for (size_t i = 0; i < desk->endpoints.count; i++)
        if (strcmp(desk->endpoints.items[i].id, id) == 0)
            vec_remove(&desk->endpoints, i);
    for (size_t i = desk->deliveries.count; i-- > 0;) {
        if (strcmp(desk->deliveries.items[i].endpoint_id, id) == 0) {
            (void)buf_unref(desk->deliveries.items[i].payload);
            vec_remove(&desk->deliveries, i);
        }
    }
}

static void apply(struct desk *desk, const struct op *op)
{
    switch (op->kind) {
    case PUT_ENDPOINT:
        put_endpoint(desk, &op->endpoint);
        break;
    case DELETE_ENDPOINT:
        delete_endpoint(desk, op->endpoint.id);
        break;
    case PUT_DELIVERY:
        put_delivery(desk, &op->delivery);
        break;
    case PUT_ATTEMPT:
        assert_non_null(find_delivery(desk, op->attempt.delivery_id));
        assert_true(vec_push(&desk->attempts, op->attempt, ROWS_MAX));
        break;
    }
}

/* ---- handlers ---- */

static void on_store(void *context, struct store_batch *batch, uint64_t mark)
{
    struct desk *desk = context;

    assert_true(store_batch_count(batch) > 0);
    assert_true(vec_push(&desk->queue, ((struct queued_batch){batch, mark}), ROWS_MAX));
}

static void on_send(void *context, const struct webhook_send *send)
{
    struct desk *desk = context;
    struct sent sent = {.id = send->id, .body = buf_ref(send->body)};

    (void)snprintf(sent.url, sizeof(sent.url), "%s", send->url);
    (void)snprintf(sent.webhook_id, sizeof(sent.webhook_id), "%s", send->webhook_id);
    (void)snprintf(sent.timestamp, sizeof(sent.timestamp), "%s", send->webhook_timestamp);
    (void)snprintf(sent.signature, sizeof(sent.signature), "%s", send->webhook_signature);
    assert_true(vec_push(&desk->sent, sent, ROWS_MAX));
}

static enum err on_check_url(void *context, struct text url, struct diag *diag)
{
    (void)context;
    if (text_starts_with(url, TEXT("https://")))
        return OK;
    diag_set(diag, "must begin with https://");
    return ERR_INVALID;
}

/* ---- life ---- */

static void create_hub(struct desk *desk, const struct webhook_limits *limits)
{
    const struct webhook_handler handler = {desk, on_store, on_send, on_check_url};

    desk->hub = webhook_hub_create(limits, &handler);
    webhook_set_wall_offset(desk->hub, WALL);
}

void desk_open_with(struct desk *desk, const struct webhook_limits *limits)
{
    *desk = (struct desk){.now_us = S(1000)};
    create_hub(desk, limits);
}

void desk_open(struct desk *desk)
{
    const struct webhook_limits limits = webhook_limits_default();

    desk_open_with(desk, &limits);
}

static void drop_queue(struct desk *desk)
{
    for (size_t i = 0; i < desk->queue.count; i++)
        store_batch_destroy(desk->queue.items[i].batch);
    desk->queue.count = 0;
}

static void drop_sent(struct desk *desk)
{
    for (size_t i = 0; i < desk->sent.count; i++)
        (void)buf_unref(desk->sent.items[i].body);
    desk->sent.count = 0;
}

void desk_restart(struct desk *desk)
{
    const struct webhook_limits limits = webhook_limits_default();

    webhook_hub_destroy(desk->hub);
    drop_queue(desk);
    drop_sent(desk);
    create_hub(desk, &limits);
    for (size_t i = 0; i < desk->endpoints.count; i++)
        webhook_set_endpoint_row(desk->hub, &desk->endpoints.items[i], desk->now_us);

    VEC(struct webhook_delivery_row) pending = {0};
    for (size_t i = 0; i < desk->deliveries.count; i++)
        if (strcmp(desk->deliveries.items[i].status, "pending") == 0)
            assert_true(vec_push(&pending, desk->deliveries.items[i], ROWS_MAX));
    webhook_take_pending(desk->hub,
                         &(struct webhook_pending){.rows = pending.items,
                                                   .count = pending.count,
                                                   .asked_us = desk->now_us},
                         desk->now_us);
    vec_deinit(&pending);
}

void desk_close(struct desk *desk)
{
    webhook_hub_destroy(desk->hub);
    drop_queue(desk);
    drop_sent(desk);
    for (size_t i = 0; i < desk->deliveries.count; i++)
        (void)buf_unref(desk->deliveries.items[i].payload);
    vec_deinit(&desk->sent);
    vec_deinit(&desk->queue);
    vec_deinit(&desk->endpoints);
    vec_deinit(&desk->deliveries);
    vec_deinit(&desk->attempts);
}

/* ---- store and time ---- */

static void take_queue(struct desk *desk, enum err result)
{
    while (desk->queue.count) {
        struct queued_batch first = desk->queue.items[0];

        vec_remove(&desk->queue, 0);
        for (size_t i = 0; result == OK && i < first.batch->ops.count; i++)
            apply(desk, first.batch->ops.items[i]);
        store_batch_destroy(first.batch);
        webhook_on_stored(desk->hub, first.mark, result, desk->now_us);
    }
}

void desk_store(struct desk *desk)
{
    take_queue(desk, OK);
}

void desk_refuse(struct desk *desk)
{
    take_queue(desk, ERR_IO);
}

void desk_wait(struct desk *desk, int64_t us)
{
    desk->now_us += us;
    webhook_on_time(desk->hub, desk->now_us);
}

void desk_wait_for_deadline(struct desk *desk)
{
    int64_t deadline_us = webhook_deadline_us(desk->hub);

    assert_true(deadline_us != INT64_MAX);
    if (deadline_us > desk->now_us)
        desk->now_us = deadline_us;
    webhook_on_time(desk->hub, desk->now_us);
}

/* ---- what happens ---- */

const char *desk_endpoint_of(struct desk *desk, const struct webhook_input *input)
{
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};

    if (webhook_create(desk->hub, input, desk->now_us, &row, &diag) != OK)
        fail_msg("%s", diag.message);
    desk_store(desk);
    return row->id;
}

const char *desk_endpoint(struct desk *desk, const char *name)
{
    const struct text all = TEXT("*");
    char url[128];
    int len = snprintf(url, sizeof(url), "https://shop.example/%s", name);

    return desk_endpoint_of(desk, &(struct webhook_input){.account_id = SELLER,
                                                          .url = {url, (size_t)len},
                                                          .events = &all,
                                                          .event_count = 1,
                                                          .is_active = true});
}

uint64_t desk_event(struct desk *desk, enum webhook_event_kind kind, uint64_t channel_id)
{
    char json[64];
    int len = snprintf(json, sizeof(json), "{\"id\":%llu}", (unsigned long long)channel_id);
    const struct webhook_event event = {
        .kind = kind,
        .channel_id = channel_id,
        .account_id = TEXT(SELLER),
        .channel_json = {json, (size_t)len},
    };
    struct store_batch *batch = store_batch_create();
    uint64_t mark = webhook_append(desk->hub, &event, batch, desk->now_us);

    assert_true(vec_push(&desk->queue, ((struct queued_batch){batch, mark}), ROWS_MAX));
    return mark;
}

void desk_stored_event(struct desk *desk, enum webhook_event_kind kind, uint64_t channel_id)
{
    (void)desk_event(desk, kind, channel_id);
    desk_store(desk);
}

size_t desk_open_count(const struct desk *desk)
{
    size_t count = 0;

    for (size_t i = 0; i < desk->sent.count; i++)
        count += !desk->sent.items[i].is_answered;
    return count;
}

struct sent *desk_open_request(struct desk *desk, size_t index)
{
    for (size_t i = 0; i < desk->sent.count; i++)
        if (!desk->sent.items[i].is_answered && index-- == 0)
            return &desk->sent.items[i];
    fail_msg("no such request is open");
    return NULL;
}

void desk_answer_with(struct desk *desk, struct sent *sent, const struct webhook_answer *answer)
{
    uint64_t id = sent->id;

    sent->is_answered = true; /* `sent` moves when the next request is made */
    webhook_on_sent(desk->hub, id, answer, desk->now_us);
}

void desk_answer(struct desk *desk, struct sent *sent, int status)
{
    const struct webhook_answer answer = {
        .http_status = status,
        .error = status ? NULL : "shop.example refused the connection.",
        .duration_us = 120 * US_PER_MS,
        .body = TEXT("thanks"),
    };

    desk_answer_with(desk, sent, &answer);
}

void desk_answer_only(struct desk *desk, int status)
{
    assert_int_equal(desk_open_count(desk), 1);
    desk_answer(desk, desk_open_request(desk, 0), status);
    desk_store(desk);
}
