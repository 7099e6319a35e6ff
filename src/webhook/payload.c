/*
 * payload - the JSON that an endpoint gets, and the names of events.
 */
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/writer.h"
#include "webhook/hub.h"

static const char *const types[WEBHOOK_EVENT_END] = {
#define TYPE_ROW(event, type) [event] = (type),
    WEBHOOK_EVENT_TABLE(TYPE_ROW)
#undef TYPE_ROW
};

const char *webhook_event_type(enum webhook_event_kind kind)
{
    return types[kind];
}

enum webhook_event_kind webhook_event_find(struct text type)
{
    for (int kind = WEBHOOK_EVENT_NONE + 1; kind < WEBHOOK_EVENT_END; kind++)
        if (text_equal(type, text_of(types[kind])))
            return (enum webhook_event_kind)kind;
    return WEBHOOK_EVENT_NONE;
}

static void begin(struct jsonw *j, enum webhook_event_kind kind, int64_t wall_us)
{
    char time[40];
    struct writer w = writer_fixed(time, sizeof(time));

    clock_write_iso8601(&w, wall_us);
    jsonw_object_begin(j);
    jsonw_member_str(j, "type", webhook_event_type(kind));
    jsonw_member_text(j, "timestamp", writer_as_text(&w));
    jsonw_key(j, "data");
    jsonw_object_begin(j);
}

static struct buf *end(struct jsonw *j, struct writer *w)
{
    jsonw_object_end(j);
    jsonw_object_end(j);

    struct buf *payload = w->failed ? NULL : writer_copy_buf(w);
    writer_deinit(w);
    return payload;
}

static void object(struct jsonw *j, const char *key, struct text json)
{
    if (json.len == 0)
        return;
    jsonw_key(j, key);
    jsonw_raw(j, json);
}

static void word(struct jsonw *j, const char *key, const char *value)
{
    if (value && value[0] != '\0')
        jsonw_member_str(j, key, value);
}

struct buf *payload_of_event(const struct webhook_event *event, int64_t wall_us)
{
    struct writer w = writer_growing(WEBHOOK_PAYLOAD_MAX);
    struct jsonw j = jsonw_of(&w);

    begin(&j, event->kind, wall_us);
    object(&j, "channel", event->channel_json);
    object(&j, "broadcast", event->broadcast_json);
    object(&j, "recording", event->recording_json);
    if (event->from)
        jsonw_member_str(&j, "from", event->from);
    if (event->to)
        jsonw_member_str(&j, "to", event->to);
    word(&j, "reason", event->reason);
    return end(&j, &w);
}

struct buf *payload_of_test(const char *endpoint_id, int64_t wall_us)
{
    struct writer w = writer_growing(WEBHOOK_PAYLOAD_MAX);
    struct jsonw j = jsonw_of(&w);

    begin(&j, WEBHOOK_TEST, wall_us);
    jsonw_member_str(&j, "webhookId", endpoint_id);
    jsonw_member_str(&j, "message", "This is a test. Nothing happened to any channel.");
    return end(&j, &w);
}
