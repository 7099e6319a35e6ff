/*
 * operation_webhook - webhook endpoints, and what was sent to them. What belongs to somebody else
 * does not exist for the caller.
 */
#include "api/operation.h"

#include <stdio.h>

#include "api/cursor.h"
#include "api/exchange.h"
#include "api/present.h"
#include "api/rights.h"
#include "api/words.h"
#include "base/jsonw.h"
#include "base/uuid.h"
#include "channel/channel.h"
#include "webhook/webhook.h"

enum { LIST_LIMIT_MAX = 1000, LIST_LIMIT_DEFAULT = 100 };

/* ---- whose ---- */

static bool is_visible(const struct call *call, const struct webhook_endpoint_row *row)
{
    if (caller_is_admin(call->caller))
        return true;
    return call->caller->account_id[0] != '\0' &&
           text_equal(text_of(call->caller->account_id), text_of(row->account_id));
}

/* NULL: call->error is filled. */
static const struct webhook_endpoint_row *find_endpoint(struct call *call, struct text id)
{
    const struct webhook_endpoint_row *row = webhook_find(call->webhooks, id);

    if (row && is_visible(call, row))
        return row;
    (void)api_fail(call->error, API_NOT_FOUND, "Webhook %.*s not found", TEXT_ARG(id)); /* false */
    return NULL;
}

/* ---- endpoints ---- */

static void present_endpoint(struct call *call, const struct webhook_endpoint_row *row,
                             bool with_secret)
{
    const struct webhook_numbers numbers =
        webhook_endpoint_numbers(call->webhooks, text_of(row->id));

    jsonw_object_begin(call->out);
    present_webhook_members(call->out, row, &numbers);
    if (with_secret)
        jsonw_member_str(call->out, "secret", row->signing_secret);
    jsonw_object_end(call->out);
}

static bool handle_list(struct call *call)
{
    size_t left = call_has(call, 0) ? (size_t)call->input.number[0] : (size_t)LIST_LIMIT_DEFAULT;
    char after[CURSOR_PLACE_LEN_MAX + 1];
    const struct webhook_endpoint_row *last = NULL;
    bool has_more = false;

    if (!cursor_read(call, 1, after))
        return false;
    if (*after && !uuid_is_valid(text_of(after)))
        return cursor_refuse(call);
    jsonw_object_begin(call->out);
    jsonw_key(call->out, "webhooks");
    jsonw_array_begin(call->out);
    for (size_t i = 0; i < webhook_count(call->webhooks) && !has_more; i++) { /* by rising id */
        const struct webhook_endpoint_row *row = webhook_at(call->webhooks, i);

        if (strcmp(row->id, after) <= 0 || !is_visible(call, row))
            continue;
        has_more = left == 0;
        if (has_more)
            break;
        present_endpoint(call, row, false);
        last = row;
        left--;
    }
    jsonw_array_end(call->out);
    cursor_write_next(call, text_of(has_more ? last->id : ""));
    jsonw_object_end(call->out);
    return true;
}

/* Whose channels it hears of: an admin's endpoint those of the whole server. */
static bool find_owner(struct call *call, const char **ret_account_id)
{
    const struct caller *caller = call->caller;

    *ret_account_id = caller_is_admin(caller) ? "" : caller->account_id;
    return **ret_account_id || caller_is_admin(caller) ||
           api_fail(call->error, API_FORBIDDEN,
                    "Who calls has no account here, and so no webhooks.");
}

static bool check_channel(struct call *call, uint64_t channel_id)
{
    const struct channel *channel = channel_find(call->channels, channel_id);

    if (!channel)
        return api_fail_field(call->error, "channelId", "is no channel of this server");
    return rights_owns(call->caller, channel) ||
           api_fail(call->error, API_FORBIDDEN, "This channel belongs to somebody else.");
}

static bool handle_create(struct call *call)
{
    const struct webhook_endpoint_row *row;
    struct webhook_input input = {
        .url = call->input.text[0],
        .events = call->input.words,
        .event_count = call->input.word_count,
        .channel_id = call_has(call, 2) ? (uint64_t)call->input.number[2] : 0,
        .description = call->input.text[3],
        .is_active = !call->input.is_given[4] || call->input.number[4] != 0,
    };
    struct diag diag = {0};

    if (!find_owner(call, &input.account_id) ||
        (input.channel_id != 0 && !check_channel(call, input.channel_id)))
        return false;
    enum err err = webhook_create(call->webhooks, &input, call->now_us, &row, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    call_set_target(call, "%s", row->id);
    present_endpoint(call, row, true);
    return true;
}

static bool handle_get(struct call *call)
{
    const struct webhook_endpoint_row *row = find_endpoint(call, call->input.text[0]);

    if (row)
        present_endpoint(call, row, false);
    return row != NULL;
}

static bool handle_update(struct call *call)
{
    const struct webhook_endpoint_row *row = find_endpoint(call, call->input.text[0]);
    const struct webhook_input input = {
        .url = call->input.text[1],
        .events = call->input.words,
        .event_count = call->input.word_count,
        .description = call->input.text[3],
        .is_active = call->input.number[4] != 0,
        .has_url = call->input.is_given[1],
        .has_events = call->input.is_given[2],
        .has_description = call->input.is_given[3],
        .has_is_active = call->input.is_given[4],
    };
    struct diag diag = {0};

    if (!row)
        return false;
    enum err err =
        webhook_update(call->webhooks, call->input.text[0], &input, call->now_us, &row, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    present_endpoint(call, row, false);
    return true;
}

static bool present_success(struct call *call)
{
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_delete(struct call *call)
{
    struct diag diag = {0};

    if (!find_endpoint(call, call->input.text[0]))
        return false;
    enum err err = webhook_delete(call->webhooks, call->input.text[0], call->now_us, &diag);
    return err == OK ? present_success(call) : api_fail_err(call->error, err, &diag);
}

static bool handle_rotate(struct call *call)
{
    const struct webhook_endpoint_row *row = find_endpoint(call, call->input.text[0]);
    struct diag diag = {0};

    if (!row)
        return false;
    enum err err =
        webhook_rotate_secret(call->webhooks, call->input.text[0], call->now_us, &row, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    present_endpoint(call, row, true);
    return true;
}

static bool handle_test(struct call *call)
{
    char delivery_id[ROW_UUID_LEN + 1];
    struct diag diag = {0};

    if (!find_endpoint(call, call->input.text[0]))
        return false;
    enum err err =
        webhook_test(call->webhooks, call->input.text[0], call->now_us, delivery_id, &diag);
    if (err != OK)
        return api_fail_err(call->error, err, &diag);
    jsonw_object_begin(call->out);
    jsonw_member_bool(call->out, "success", true);
    jsonw_member_str(call->out, "deliveryId", delivery_id);
    jsonw_object_end(call->out);
    return true;
}

/* ---- deliveries ---- */

static bool finish_deliveries(struct call *call)
{
    const struct store_result *result = &call->task->result;

    if (call->task->err != OK)
        return call_fail_query(call);
    jsonw_object_begin(call->out);
    jsonw_key(call->out, "deliveries");
    jsonw_array_begin(call->out);
    for (size_t i = 0; i < result->count; i++) {
        jsonw_object_begin(call->out);
        present_delivery_members(call->out, &result->webhook_deliveries[i]);
        jsonw_object_end(call->out);
    }
    jsonw_array_end(call->out);
    cursor_write_next(call, text_of(result->next));
    jsonw_object_end(call->out);
    return true;
}

static bool handle_deliveries(struct call *call)
{
    const struct webhook_endpoint_row *row = find_endpoint(call, call->input.text[0]);
    char place[CURSOR_PLACE_LEN_MAX + 1];

    if (!row || !cursor_read(call, 3, place))
        return false;

    struct api_task *task = call_make_task(API_TASK_QUERY);
    struct store_query *query = &task->query;
    query->kind = STORE_QUERY_DELIVERIES;
    (void)snprintf(query->id, sizeof(query->id), "%s", row->id); /* fits */
    (void)snprintf(query->status, sizeof(query->status), "%.*s",
                   TEXT_ARG(call->input.text[1])); /* one of the words */
    query->limit = call_has(call, 2) ? (uint32_t)call->input.number[2] : LIST_LIMIT_DEFAULT;
    (void)snprintf(query->after, sizeof(query->after), "%s", place); /* the store checks it */
    return call_wait(call, task, finish_deliveries);
}

/* The delivery that the query found, when its endpoint is the caller's. NULL: the error is filled.
 */
static const struct webhook_delivery_row *found_delivery(struct call *call)
{
    const struct store_result *result = &call->task->result;
    const struct webhook_endpoint_row *endpoint;

    if (call->task->err != OK) {
        (void)call_fail_query(call); /* always false */
        return NULL;
    }
    endpoint = result->count ? webhook_find(call->webhooks,
                                            text_of(result->webhook_deliveries[0].endpoint_id))
                             : NULL;
    if (endpoint && is_visible(call, endpoint))
        return &result->webhook_deliveries[0];
    (void)api_fail(call->error, API_NOT_FOUND, "Delivery %.*s not found",
                   TEXT_ARG(call->input.text[0])); /* always false */
    return NULL;
}

static bool ask_delivery(struct call *call, call_fn *next)
{
    struct api_task *task = call_make_task(API_TASK_QUERY);

    task->query.kind = STORE_QUERY_DELIVERY;
    (void)snprintf(task->query.id, sizeof(task->query.id), "%.*s",
                   TEXT_ARG(call->input.text[0])); /* fits: it is a UUID */
    return call_wait(call, task, next);
}

static bool finish_delivery(struct call *call)
{
    const struct webhook_delivery_row *row = found_delivery(call);
    const struct store_result *result = &call->task->result;

    if (!row)
        return false;
    jsonw_object_begin(call->out);
    present_delivery_members(call->out, row);
    jsonw_key(call->out, "payload");
    jsonw_raw(call->out, buf_text(row->payload));
    jsonw_key(call->out, "attempts");
    jsonw_array_begin(call->out);
    for (size_t i = 0; i < result->attempt_count; i++)
        present_attempt(call->out, &result->attempts[i]);
    jsonw_array_end(call->out);
    jsonw_object_end(call->out);
    return true;
}

static bool handle_delivery(struct call *call)
{
    return ask_delivery(call, finish_delivery);
}

static bool finish_replay(struct call *call)
{
    const struct webhook_delivery_row *row = found_delivery(call);
    struct diag diag = {0};

    if (!row)
        return false;
    enum err err = webhook_replay(call->webhooks, row, call->now_us, &diag);
    return err == OK ? present_success(call) : api_fail_err(call->error, err, &diag);
}

static bool handle_replay(struct call *call)
{
    return ask_delivery(call, finish_replay);
}

/* ---- the rows ---- */

/* clang-format off */
static const struct field list_fields[] = {
    {"limit", FIELD_INTEGER, 0, 1, LIST_LIMIT_MAX, NULL, "At most so many; 100 when absent.", "100"},
    {"cursor", FIELD_CURSOR, 0, 1, CURSOR_LEN_MAX, NULL, "nextCursor of the page before.", NULL},
    {0},
};

#define URL_FIELD(flags)                                                                           \
    {"url", FIELD_TEXT, flags, 1, ROW_URL_LEN_MAX, NULL,                                           \
     "Where the requests go: https, and no private address.", "\"https://shop.example/hooks/stoa\""}
#define EVENTS_FIELD(flags)                                                                        \
    {"events", FIELD_WORDS, flags, 1, INPUT_WORDS_MAX, WORDS_WEBHOOK_EVENTS,                       \
     "Which events; * alone: all.", "[\"relay.active\", \"broadcast.ended\"]"}
#define DESCRIPTION_FIELD                                                                          \
    {"description", FIELD_TEXT, 0, 0, ROW_TEXT_LEN_MAX, NULL, "For people.", "\"orders\""}
#define ACTIVE_FIELD                                                                               \
    {"isActive", FIELD_BOOLEAN, 0, 0, 0, NULL, "False: nothing is sent.", "true"}

static const struct field create_fields[] = {
    URL_FIELD(FIELD_REQUIRED),
    EVENTS_FIELD(FIELD_REQUIRED),
    {"channelId", FIELD_INTEGER, FIELD_NULLABLE, 1, OPERATION_ID_MAX, NULL,
     "Only events of this channel; null or absent: of all that are the caller's.", NULL},
    DESCRIPTION_FIELD,
    ACTIVE_FIELD,
    {0},
};
#define ID_FIELD(help) {"id", FIELD_UUID, FIELD_REQUIRED, 0, 0, NULL, help, NULL}
static const struct field id_fields[] = {ID_FIELD("The webhook."), {0}};
static const struct field update_fields[] = {
    ID_FIELD("The webhook."), URL_FIELD(0), EVENTS_FIELD(0), DESCRIPTION_FIELD, ACTIVE_FIELD, {0},
};
static const struct field delivery_list_fields[] = {
    ID_FIELD("The webhook."),
    {"status", FIELD_WORD, 0, 0, 0, WORDS_DELIVERY, "Only these.", "\"failed\""},
    {"limit", FIELD_INTEGER, 0, 1, STORE_PAGE_MAX, NULL, "At most so many; 100 when absent.", "100"},
    {"cursor", FIELD_CURSOR, 0, 1, CURSOR_LEN_MAX, NULL, "nextCursor of the page before.", NULL},
    {0},
};
static const struct field delivery_id_fields[] = {ID_FIELD("The delivery: its webhook-id."), {0}};

static const struct operation rows[] = {
    {"webhook.list", "GET", "/webhooks", OPERATION_QUERY, WHO_PERSON, SCOPE_WEBHOOKS, 0, list_fields, 200,
     "WebhookList", "The own webhooks; an admin sees all", handle_list},
    {"webhook.create", "POST", "/webhooks", OPERATION_MUTATION, WHO_PERSON, SCOPE_WEBHOOKS,
     OPERATION_CREATES, create_fields, 201, "WebhookWithSecret",
     "Make a webhook; its secret is shown now and after a rotation", handle_create},
    {"webhook.getById", "GET", "/webhooks/{id}", OPERATION_QUERY, WHO_PERSON, SCOPE_WEBHOOKS, 0,
     id_fields, 200, "Webhook", "One webhook", handle_get},
    {"webhook.update", "PATCH", "/webhooks/{id}", OPERATION_MUTATION, WHO_PERSON, SCOPE_WEBHOOKS, 0,
     update_fields, 200, "Webhook", "Change what is given, keep the rest", handle_update},
    {"webhook.delete", "DELETE", "/webhooks/{id}", OPERATION_MUTATION, WHO_PERSON, SCOPE_WEBHOOKS, 0,
     id_fields, 200, "Success", "Delete a webhook with its deliveries", handle_delete},
    {"webhook.rotateSecret", "POST", "/webhooks/{id}/rotate-secret", OPERATION_MUTATION, WHO_PERSON,
     SCOPE_WEBHOOKS, 0, id_fields, 200, "WebhookWithSecret",
     "Draw a new secret; for a day the old one signs too", handle_rotate},
    {"webhook.test", "POST", "/webhooks/{id}/test", OPERATION_MUTATION, WHO_PERSON, SCOPE_WEBHOOKS, 0,
     id_fields, 200, "WebhookTested", "Send webhook.test now; its delivery tells what came of it",
     handle_test},
    {"webhookDelivery.list", "GET", "/webhooks/{id}/deliveries", OPERATION_QUERY, WHO_PERSON,
     SCOPE_WEBHOOKS, 0, delivery_list_fields, 200, "WebhookDeliveryList",
     "What was sent to a webhook, newest first", handle_deliveries},
    {"webhookDelivery.getById", "GET", "/deliveries/{id}", OPERATION_QUERY, WHO_PERSON, SCOPE_WEBHOOKS, 0,
     delivery_id_fields, 200, "WebhookDeliveryDetail", "One delivery with its attempts", handle_delivery},
    {"webhookDelivery.replay", "POST", "/deliveries/{id}/replay", OPERATION_MUTATION, WHO_PERSON,
     SCOPE_WEBHOOKS, 0, delivery_id_fields, 200, "Success", "Send a delivery again", handle_replay},
};
/* clang-format on */

const struct operation_table webhook_operations = OPERATION_TABLE(rows);
