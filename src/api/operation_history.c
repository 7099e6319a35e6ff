/*
 * operation_history - what is in the database alone: broadcasts, their numbers, the audit log. Each
 * asks the store and answers when it has answered.
 */
#include "api/operation.h"

#include <stdio.h>

#include "api/channel_call.h"
#include "api/cursor.h"
#include "api/exchange.h"
#include "api/present.h"
#include "base/jsonw.h"
#include "base/mem.h"

enum { LIST_LIMIT_DEFAULT = 100 };

/* ---- a page ---- */

/* A query of one page: `limit` and `cursor` are fields of the call. NULL: its error is filled. */
static struct api_task *make_page(struct call *call, enum store_query_kind kind, size_t limit,
                                  size_t cursor)
{
    struct api_task *task = call_make_task(API_TASK_QUERY);
    char place[CURSOR_PLACE_LEN_MAX + 1];

    task->query.kind = kind;
    task->query.limit =
        call_has(call, limit) ? (uint32_t)call->input.number[limit] : LIST_LIMIT_DEFAULT;
    if (!cursor_read(call, cursor, place)) {
        mem_free(task);
        return NULL;
    }
    (void)snprintf(task->query.after, sizeof(task->query.after), "%s",
                   place); /* the store checks */
    return task;
}

static void begin_page(struct call *call, const char *key)
{
    jsonw_object_begin(call->out);
    jsonw_key(call->out, key);
    jsonw_array_begin(call->out);
}

static bool end_page(struct call *call)
{
    jsonw_array_end(call->out);
    cursor_write_next(call, text_of(call->task->result.next));
    jsonw_object_end(call->out);
    return true;
}

/* ---- broadcasts ---- */

static bool finish_broadcasts(struct call *call)
{
    const struct store_result *result = &call->task->result;

    if (call->task->err != OK)
        return call_fail_query(call);
    begin_page(call, "broadcasts");
    for (size_t i = 0; i < result->count; i++)
        present_broadcast(call->out, &result->broadcasts[i], call->base_url);
    return end_page(call);
}

static bool ask_broadcasts(struct call *call, call_fn *next)
{
    struct api_task *task =
        call_find_channel(call) ? make_page(call, STORE_QUERY_BROADCASTS, 1, 2) : NULL;

    if (!task)
        return false;
    task->query.channel_id = (uint64_t)call->input.number[0];
    return call_wait(call, task, next);
}

static bool handle_broadcasts(struct call *call)
{
    return ask_broadcasts(call, finish_broadcasts);
}

/* ---- recordings that are kept ---- */

static void present_kept(struct call *call, const struct broadcast_row *row)
{
    struct jsonw *j = call->out;

    jsonw_object_begin(j);
    jsonw_member_u64(j, "channelId", row->channel_id);
    jsonw_member_u64(j, "broadcastId", row->id);
    present_time(j, "startedAt", row->started_at_us);
    present_time(j, "endedAt", row->ended_at_us);
    present_seconds_between(j, "durationSeconds", row->started_at_us, row->ended_at_us);
    present_path(j, "url", call->base_url, row->recording_url);
    jsonw_object_end(j);
}

/* A page holds those of a page of broadcasts that have one, so it may be short. */
static bool finish_recordings(struct call *call)
{
    const struct store_result *result = &call->task->result;

    if (call->task->err != OK)
        return call_fail_query(call);
    begin_page(call, "recordings");
    for (size_t i = 0; i < result->count; i++)
        if (result->broadcasts[i].recording_url[0] != '\0')
            present_kept(call, &result->broadcasts[i]);
    return end_page(call);
}

static bool handle_recordings(struct call *call)
{
    return ask_broadcasts(call, finish_recordings);
}

/* ---- metrics ---- */

static bool finish_metrics(struct call *call)
{
    const struct store_result *result = &call->task->result;

    if (call->task->err != OK)
        return call_fail_query(call);
    begin_page(call, "points");
    for (size_t i = 0; i < result->count; i++)
        present_metric(call->out, &result->stream_metrics[i]);
    return end_page(call);
}

static bool handle_metrics(struct call *call)
{
    struct api_task *task =
        call_find_channel(call) ? make_page(call, STORE_QUERY_METRICS, 4, 5) : NULL;

    if (!task)
        return false;
    if (!call_has(call, 4))
        task->query.limit = STORE_POINTS_MAX;
    task->query.channel_id = (uint64_t)call->input.number[0];
    task->query.from_us = call->input.number[1];
    task->query.until_us = call->input.number[2];
    task->query.broadcast_id = (uint64_t)call->input.number[3];
    return call_wait(call, task, finish_metrics);
}

/* ---- the audit log ---- */

static bool finish_audit(struct call *call)
{
    const struct store_result *result = &call->task->result;

    if (call->task->err != OK)
        return call_fail_query(call);
    begin_page(call, "entries");
    for (size_t i = 0; i < result->count; i++)
        present_audit(call->out, &result->audit[i]);
    return end_page(call);
}

static bool handle_audit(struct call *call)
{
    struct api_task *task = make_page(call, STORE_QUERY_AUDIT, 0, 1);

    if (!task)
        return false;
    task->query.from_us = call->input.number[2];
    task->query.until_us = call->input.number[3];
    (void)snprintf(task->query.id, sizeof(task->query.id), "%.*s",
                   TEXT_ARG(call->input.text[4])); /* fits: it is a UUID */
    return call_wait(call, task, finish_audit);
}

/* ---- subscriptions ---- */

static bool refuse_subscription(struct call *call)
{
    return api_fail(call->error, API_INVALID_INPUT,
                    "%s is a stream of events: ask for it with Accept: text/event-stream, or as a "
                    "WebSocket.",
                    call->operation->name);
}

/* ---- the rows ---- */

/* clang-format off */
#define PAGE_FIELDS                                                                                \
    {"limit", FIELD_INTEGER, 0, 1, STORE_PAGE_MAX, NULL, "At most so many; 100 when absent.", "100"},  \
    {"cursor", FIELD_CURSOR, 0, 1, CURSOR_LEN_MAX, NULL, "nextCursor of the page before.", NULL}
#define SPAN_FIELDS                                                                                \
    {"from", FIELD_TIME, 0, 0, 0, NULL, "Not before.", "\"2026-11-21T08:00:00Z\""},                \
    {"until", FIELD_TIME, 0, 0, 0, NULL, "Before.", "\"2026-11-21T10:00:00Z\""}

static const struct field page_fields[] = {CHANNEL_FIELD("channelId"), PAGE_FIELDS, {0}};
static const struct field metric_fields[] = {
    CHANNEL_FIELD("channelId"),
    SPAN_FIELDS,
    {"broadcastId", FIELD_INTEGER, 0, 1, INT64_MAX, NULL, "Only of this broadcast.", NULL},
    {"limit", FIELD_INTEGER, 0, 1, STORE_POINTS_MAX, NULL, "At most so many points; 10,000 when absent.",
     NULL},
    {"cursor", FIELD_CURSOR, 0, 1, CURSOR_LEN_MAX, NULL, "nextCursor of the page before.", NULL},
    {0},
};
static const struct field audit_fields[] = {
    PAGE_FIELDS,
    SPAN_FIELDS,
    {"accountId", FIELD_UUID, 0, 0, 0, NULL, "Only what this account did.", NULL},
    {0},
};
static const struct field status_fields[] = {
    CHANNEL_FIELD("channelId"),
    {"lastEventId", FIELD_TEXT, 0, 1, 63, NULL, "The id of the last event that was seen.", NULL},
    {0},
};
static const struct field event_fields[] = {
    {"channels", FIELD_TEXT, 0, 1, 8191, NULL, "Numbers with commas between; all channels when absent.",
     "\"1,2\""},
    {"lastEventId", FIELD_TEXT, 0, 1, 63, NULL, "The id of the last event that was seen.", NULL},
    {0},
};

static const struct operation rows[] = {
    {"broadcast.list", "GET", "/channels/{channelId}/broadcasts", OPERATION_QUERY, WHO_HOST, SCOPE_READ,
     0, page_fields, 200, "BroadcastList", "The broadcasts of a channel, newest first", handle_broadcasts},
    {"recording.list", "GET", "/channels/{channelId}/recordings", OPERATION_QUERY, WHO_HOST, SCOPE_READ,
     0, page_fields, 200, "RecordingList",
     "The recordings that are kept, newest first; a page may be short and still have a next one",
     handle_recordings},
    {"metrics.list", "GET", "/channels/{channelId}/metrics", OPERATION_QUERY, WHO_HOST, SCOPE_READ, 0,
     metric_fields, 200, "MetricList", "What was measured, oldest first; older points stand for longer",
     handle_metrics},
    {"audit.list", "GET", "/audit", OPERATION_QUERY, WHO_ADMIN, SCOPE_ADMIN, 0, audit_fields, 200,
     "AuditList", "Who changed what, newest first", handle_audit},
    {"channel.onStatus", NULL, "", OPERATION_SUBSCRIPTION, WHO_ANYBODY, 0, 0, status_fields, 200,
     "ChannelStatus", "The status of a channel, now and whenever it changes", refuse_subscription},
    {"events.subscribe", "GET", "/events", OPERATION_SUBSCRIPTION, WHO_ANYBODY, 0, 0, event_fields, 200,
     "ChannelStatus", "The status of many channels, as server-sent events or over a WebSocket",
     refuse_subscription},
};
/* clang-format on */

const struct operation_table history_operations = OPERATION_TABLE(rows);
