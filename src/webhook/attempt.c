/*
 * attempt - what came of a request, what follows from it, and requests that people ask for.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/uuid.h"
#include "base/writer.h"
#include "store/store.h"
#include "webhook/hub.h"

/* How long after the n-th failure the next attempt is made. */
static const int32_t delays_s[WEBHOOK_ATTEMPTS_MAX - 1] = {
    5, 30, 2 * 60, 10 * 60, 30 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600,
};

static const int64_t RETRY_AFTER_MAX_US = INT64_C(12 * 3600) * US_PER_S;
/* After a longer pause than this a failure begins a new run: the last one says nothing of now. */
static const int64_t RUN_PAUSE_MAX_US = INT64_C(24 * 3600) * US_PER_S;
/* Failures shorter than this are a matter of one delivery, not of an endpoint that was away. */
static const int64_t AWAY_AFTER_US = INT64_C(600) * US_PER_S;

enum { STATUS_GONE = 410, STATUS_TOO_MANY = 429, STATUS_UNAVAILABLE = 503 };

/* ---- the answer in words ---- */

/*    status          what it means for the receiver's people; the first row that fits */
static const struct {
    int from;
    int to;
    const char *meaning;
} meanings[] = {
    {300, 399, "redirects are not followed; give the URL that it redirects to"},
    {401, 403, "it does not let the message in; check how it verifies the signature"},
    {404, 404, "there is nothing at this URL"},
    {405, 405, "it does not take POST requests at this URL"},
    {410, 410, "it does not want these messages any more"},
    {413, 413, "the message is too large for it"},
    {429, 429, "it is asked too often"},
    {400, 499, "it does not accept the message"},
    {500, 599, "it failed while it handled the message"},
};

static bool is_success(const struct webhook_answer *answer)
{
    return answer->http_status >= 200 && answer->http_status <= 299;
}

static void write_error(const struct webhook_answer *answer, char to[ROW_TEXT_LEN_MAX + 1])
{
    to[0] = '\0';
    if (is_success(answer))
        return;
    if (answer->http_status == 0) {
        (void)snprintf(to, ROW_TEXT_LEN_MAX + 1, "%s",
                       answer->error ? answer->error : "No answer came.");
        return;
    }
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (answer->http_status >= meanings[i].from && answer->http_status <= meanings[i].to) {
            (void)snprintf(to, ROW_TEXT_LEN_MAX + 1, "It answered %d: %s.", answer->http_status,
                           meanings[i].meaning);
            return;
        }
    }
    (void)snprintf(to, ROW_TEXT_LEN_MAX + 1, "It answered %d, which is no answer to a webhook.",
                   answer->http_status);
}

/* The length of the character that begins here, 0 when none does or it is cut off. */
static size_t character_len(struct text text)
{
    uint8_t first = (uint8_t)text.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    return len <= text.len && text_is_utf8(text_sub(text, 0, len)) ? len : 0;
}

/* How the body begins, as one line of text: the log shows it to people. */
static void write_response(struct text body, char to[ROW_RESPONSE_LEN_MAX + 1])
{
    struct writer w = writer_fixed(to, ROW_RESPONSE_LEN_MAX + 1);

    body = text_sub(body, 0, WEBHOOK_RESPONSE_KEPT);
    while (body.len) {
        size_t len = character_len(body);
        bool is_control = (uint8_t)body.ptr[0] < ' ' || body.ptr[0] == 0x7f;

        if (is_control || len == 0)
            writer_char(&w, is_control ? ' ' : '.');
        else
            writer_text(&w, text_sub(body, 0, len));
        body = text_sub(body, len ? len : 1, body.len);
    }
    writer_char(&w, '\0');
}

static struct webhook_attempt_row attempt_of(const struct webhook_hub *hub,
                                             const struct delivery *delivery,
                                             const struct webhook_answer *answer, int64_t now_us)
{
    int64_t duration_ms = answer->duration_us / US_PER_MS;
    struct webhook_attempt_row row = {
        .number = delivery->attempts,
        .at_us = hub_wall(hub, now_us - answer->duration_us),
        .duration_ms = duration_ms < 0 ? 0 : (uint32_t)duration_ms,
        .http_status = answer->http_status,
    };

    memcpy(row.delivery_id, delivery->id, sizeof(row.delivery_id));
    memcpy(row.error, delivery->last_error, sizeof(row.error));
    write_response(answer->body, row.response);
    return row;
}

/* ---- what follows ---- */

/* Up to a fifth more by chance: what failed together does not come back together. */
static int64_t retry_delay_us(const struct delivery *delivery, const struct webhook_answer *answer)
{
    int64_t delay_us = delays_s[delivery->tries - 1] * US_PER_S;
    bool is_asked_to_wait =
        answer->http_status == STATUS_TOO_MANY || answer->http_status == STATUS_UNAVAILABLE;

    if (is_asked_to_wait && answer->retry_after_s > 0) {
        int64_t asked_us = answer->retry_after_s >= RETRY_AFTER_MAX_US / US_PER_S
                               ? RETRY_AFTER_MAX_US
                               : answer->retry_after_s * US_PER_S;
        if (asked_us > delay_us)
            delay_us = asked_us;
    }
    return delay_us + (int64_t)(crypto_random_u64() % (uint64_t)(delay_us / 5));
}

/* It answers again: nobody has to wait hours for what was tried while it was away. */
static void wake_lanes(struct endpoint *endpoint, int64_t now_us)
{
    LIST_FOR_EACH(node, &endpoint->lanes)
    {
        const struct lane *lane = CONTAINER_OF(node, struct lane, node);
        struct delivery *first = CONTAINER_OF(lane->deliveries.head.next, struct delivery, node);

        if (!lane->is_sending && first->next_attempt_us > now_us)
            first->next_attempt_us = now_us;
    }
    queue_touch(endpoint, now_us);
}

static void note_success(struct endpoint *endpoint, int64_t now_us)
{
    if (endpoint->failing_since_us && now_us - endpoint->failing_since_us >= AWAY_AFTER_US)
        wake_lanes(endpoint, now_us);
    endpoint->failing_since_us = endpoint->last_failure_us = 0;
}

static void note_failure(struct endpoint *endpoint, int64_t now_us)
{
    bool is_new_run =
        endpoint->failing_since_us == 0 || now_us - endpoint->last_failure_us > RUN_PAUSE_MAX_US;

    if (is_new_run)
        endpoint->failing_since_us = now_us ? now_us : -1; /* 0 would mean that it is well */
    endpoint->last_failure_us = now_us;
}

static void switch_off(struct webhook_hub *hub, struct endpoint *endpoint, const char *reason,
                       struct store_batch *batch, int64_t now_us)
{
    log_warn("webhook_switched_off", LOG_STR("endpoint", endpoint->row.id),
             LOG_STR("reason", reason));
    endpoint_disable(hub, endpoint, reason, batch, now_us);
}

/* After a failure: may the endpoint stay on? */
static void judge_endpoint(struct webhook_hub *hub, struct endpoint *endpoint,
                           const struct webhook_answer *answer, const char *error,
                           struct store_batch *batch, int64_t now_us)
{
    char reason[ROW_TEXT_LEN_MAX + 1];
    int64_t failing_us = now_us - endpoint->failing_since_us;

    if (!endpoint->row.is_active)
        return;
    if (answer->http_status == STATUS_GONE) {
        switch_off(hub, endpoint,
                   "Switched off: it answered 410 Gone, which says that it wants no "
                   "more messages.",
                   batch, now_us);
    } else if (failing_us >= hub->limits.disable_after_us) {
        (void)snprintf(reason, sizeof(reason),
                       "Switched off: for %lld days each request failed. The last time: %.150s",
                       (long long)(failing_us / (24 * 3600 * US_PER_S)), error);
        switch_off(hub, endpoint, reason, batch, now_us);
    }
}

static void on_success(struct webhook_hub *hub, struct delivery *delivery,
                       struct store_batch *batch, int64_t now_us)
{
    struct endpoint *endpoint = delivery->lane->endpoint;

    delivery->delivered_at_us = hub_wall(hub, now_us);
    queue_put_row(hub, delivery, "delivered", batch, now_us);
    endpoint->last_end_us = now_us;
    queue_remove(hub, delivery);
    hub->delivered_total++;
    note_success(endpoint, now_us);
}

static void on_failure(struct webhook_hub *hub, struct delivery *delivery,
                       const struct webhook_answer *answer, struct store_batch *batch,
                       int64_t now_us)
{
    struct endpoint *endpoint = delivery->lane->endpoint;
    char error[ROW_TEXT_LEN_MAX + 1];
    bool is_test = delivery->has_one_try;

    memcpy(error, delivery->last_error, sizeof(error));
    hub->failed_attempts_total++;
    if (is_test || delivery->tries >= WEBHOOK_ATTEMPTS_MAX || !endpoint->row.is_active ||
        answer->http_status == STATUS_GONE) {
        log_info("webhook_failed", LOG_STR("endpoint", endpoint->row.id),
                 LOG_STR("delivery", delivery->id), LOG_U64("attempts", delivery->attempts));
        queue_give_up(hub, delivery, error, batch, now_us);
    } else {
        delivery->next_attempt_us = now_us + retry_delay_us(delivery, answer);
        queue_put_row(hub, delivery, "pending", batch, now_us);
        queue_touch(endpoint, delivery->next_attempt_us);
    }
    if (is_test && answer->http_status != STATUS_GONE)
        return; /* somebody tries something out */
    note_failure(endpoint, now_us);
    judge_endpoint(hub, endpoint, answer, error, batch, now_us);
}

static void end_request(struct webhook_hub *hub, struct delivery *delivery)
{
    struct lane *lane = delivery->lane;

    (void)map_remove_u64(&hub->sends, delivery->send_id);
    delivery->send_id = 0;
    lane->is_sending = false;
    hub->sending_count--;
    if (!lane->is_solo)
        lane->endpoint->sending_count--;
}

void webhook_on_sent(struct webhook_hub *hub, uint64_t send_id, const struct webhook_answer *answer,
                     int64_t now_us)
{
    struct delivery *delivery = map_get_u64(&hub->sends, send_id);

    if (!delivery)
        return;
    end_request(hub, delivery);

    struct endpoint *endpoint = delivery->lane->endpoint;
    if (endpoint_find(hub, text_of(endpoint->row.id)) != endpoint) {
        queue_remove(hub, delivery); /* it is being deleted, and its log with it */
        queue_pump(hub, now_us);
        return;
    }

    struct store_batch *batch = store_batch_create();
    delivery->attempts++;
    delivery->tries++;
    delivery->last_http_status = answer->http_status;
    write_error(answer, delivery->last_error);
    const struct webhook_attempt_row attempt = attempt_of(hub, delivery, answer, now_us);
    if (is_success(answer))
        on_success(hub, delivery, batch, now_us);
    else
        on_failure(hub, delivery, answer, batch, now_us);
    store_batch_put_webhook_attempt(batch, &attempt); /* behind the row that it belongs to */
    (void)hub_store(hub, batch);
    queue_touch(endpoint, now_us); /* there is room for one more */
    queue_pump(hub, now_us);
}

/* ---- what people ask for ---- */

static enum err check_solo(const struct endpoint *endpoint, struct diag *diag)
{
    if (endpoint->solo_count < WEBHOOK_SOLO_MAX)
        return OK;
    diag_set(diag, "%d tests and replays of this webhook have no answer yet: wait for them.",
             WEBHOOK_SOLO_MAX);
    return ERR_LIMIT;
}

/* Puts it beside the order; it is sent when it is stored. */
static void start_solo(struct webhook_hub *hub, struct endpoint *endpoint,
                       struct webhook_delivery_row *row, bool has_one_try, int64_t now_us)
{
    struct store_batch *batch = store_batch_create();

    row->next_attempt_at_us = hub_wall(hub, now_us);
    row->delivered_at_us = 0;
    queue_make_room(hub, endpoint, batch, now_us);

    struct delivery *delivery = queue_add(hub, endpoint, row, true);
    delivery->has_one_try = has_one_try;
    delivery->mark = hub->last_mark + 1;
    list_push_back(&hub->unstored, &delivery->in_unstored);
    queue_put_row(hub, delivery, "pending", batch, now_us);
    (void)hub_store(hub, batch);
}

enum err webhook_test(struct webhook_hub *hub, struct text id, int64_t now_us,
                      char *ret_delivery_id, struct diag *diag)
{
    struct endpoint *endpoint = endpoint_find(hub, id);
    struct webhook_delivery_row row = {.created_at_us = hub_wall(hub, now_us)};

    if (!endpoint) {
        diag_set(diag, "There is no webhook with this id.");
        return ERR_NOT_FOUND;
    }
    enum err err = check_solo(endpoint, diag);
    if (err != OK)
        return err;
    uuid_draw_v7(row.id, row.created_at_us);
    (void)snprintf(row.event, sizeof(row.event), "%s", webhook_event_type(WEBHOOK_TEST));
    row.payload = payload_of_test(endpoint->row.id, row.created_at_us);
    start_solo(hub, endpoint, &row, true, now_us);
    (void)buf_unref(row.payload);
    memcpy(ret_delivery_id, row.id, sizeof(row.id));
    return OK;
}

/* A replay of what waits anyway: its next attempt is made now. */
static enum err hurry(struct webhook_hub *hub, struct delivery *delivery, int64_t now_us,
                      struct diag *diag)
{
    const struct lane *lane = delivery->lane;

    if (lane->is_sending && list_first(&lane->deliveries) == &delivery->node) {
        diag_set(diag, "This delivery is being sent right now.");
        return ERR_CONFLICT;
    }
    if (list_first(&lane->deliveries) != &delivery->node) {
        diag_set(diag, "This delivery waits for an earlier one of the same channel: replay that.");
        return ERR_CONFLICT;
    }
    delivery->next_attempt_us = now_us;
    queue_touch(lane->endpoint, now_us);
    queue_pump(hub, now_us);
    return OK;
}

enum err webhook_replay(struct webhook_hub *hub, const struct webhook_delivery_row *row,
                        int64_t now_us, struct diag *diag)
{
    struct endpoint *endpoint = endpoint_find(hub, text_of(row->endpoint_id));
    struct delivery *waiting = map_get(&hub->deliveries, text_of(row->id));
    struct webhook_delivery_row again = *row;
    bool is_test = webhook_event_find(text_of(row->event)) == WEBHOOK_TEST;

    if (!endpoint || !row->payload) {
        diag_set(diag, "The webhook of this delivery is gone.");
        return ERR_NOT_FOUND;
    }
    if (!endpoint->row.is_active && !is_test) {
        diag_set(diag, "The webhook is switched off: switch it on first.");
        return ERR_CONFLICT;
    }
    if (waiting)
        return hurry(hub, waiting, now_us, diag);
    if (strcmp(row->status, "pending") == 0) {
        diag_set(diag, "This delivery is still waiting to be sent by another server.");
        return ERR_CONFLICT;
    }
    enum err err = check_solo(endpoint, diag);
    if (err == OK)
        start_solo(hub, endpoint, &again, is_test, now_us);
    return err;
}
