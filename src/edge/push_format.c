#include "edge/push_format.h"

#include "base/jsonw.h"
#include "base/writer.h"
#include "http/http.h"

enum { MESSAGE_LEN_MAX = 64 * 1024 };

bool push_place_parse(struct text text, struct push_place *ret_place)
{
    struct text epoch = text_cut(&text, '-');
    struct push_place place;

    if (!text_parse_hex_u64(epoch, UINT64_MAX, &place.epoch) ||
        !text_parse_u64(text, UINT64_MAX, &place.id))
        return false;
    *ret_place = place;
    return true;
}

void push_place_write(struct writer *w, struct push_place place)
{
    writer_printf(w, "%llx-%llu", (unsigned long long)place.epoch, (unsigned long long)place.id);
}

static const char *what_name(enum push_what what)
{
    static const char *const names[] = {
        [PUSH_SNAPSHOT] = "snapshot",
        [PUSH_CHANGE] = "status",
        [PUSH_DELETION] = "deleted",
        [PUSH_HEARTBEAT] = "heartbeat",
    };

    return names[what];
}

/* {"type","id","channelId","status"}, with what there is of it. */
static void write_json(struct writer *w, const struct push_message *message, bool has_id)
{
    struct jsonw j = jsonw_of(w);

    jsonw_object_begin(&j);
    jsonw_member_str(&j, "type", what_name(message->what));
    if (has_id) {
        jsonw_key(&j, "id");
        writer_char(w, '"');
        push_place_write(w, message->place);
        writer_char(w, '"');
        j.needs_comma = true;
    }
    if (message->channel_id)
        jsonw_member_u64(&j, "channelId", message->channel_id);
    if (message->json) {
        jsonw_key(&j, "status");
        jsonw_raw(&j, buf_text(message->json));
    }
    jsonw_object_end(&j);
}

static void write_id_line(struct writer *w, struct push_place place)
{
    writer_str(w, "id: ");
    push_place_write(w, place);
    writer_char(w, '\n');
}

/* The frame's head depends on the length of what follows: it is written into the room before it. A
 * heartbeat comes with a ping, so that an idle peer that vanished is found. */
static struct buf *encode_frame(struct writer *w, const struct push_message *message)
{
    uint8_t head_bytes[HTTP_WS_HEAD_LEN_MAX];
    struct writer head = writer_fixed(head_bytes, sizeof(head_bytes));

    size_t start = writer_reserve(w, HTTP_WS_HEAD_LEN_MAX);
    write_json(w, message, true);
    http_ws_write_head(&head, w->len - start - HTTP_WS_HEAD_LEN_MAX);
    if (message->what == PUSH_HEARTBEAT)
        http_ws_write_ping(w);
    if (w->failed)
        return buf_create(0);
    start += HTTP_WS_HEAD_LEN_MAX - head.len;
    memcpy(w->data + start, head.data, head.len);
    return buf_copy(w->data + start, w->len - start);
}

static void write_event_stream(struct writer *w, const struct push_message *message)
{
    writer_str(w, "event: ");
    writer_str(w, what_name(message->what));
    writer_char(w, '\n');
    write_id_line(w, message->place);
    writer_str(w, "data: ");
    write_json(w, message, true);
    writer_str(w, "\n\n");
}

/* As tRPC's server writes a tracked value: the name of the event is the default one. */
static void write_trpc_stream(struct writer *w, const struct push_message *message, bool is_status)
{
    if (message->what == PUSH_HEARTBEAT) {
        writer_str(w, "event: ping\ndata: \n\n");
        return;
    }
    writer_str(w, "data: ");
    if (is_status)
        writer_text(w, buf_text(message->json));
    else
        write_json(w, message, false);
    writer_char(w, '\n');
    write_id_line(w, message->place);
    writer_char(w, '\n');
}

/* {"id":"..","data":..},"id":".."}} behind {"id":3,"result":{"type":"data","data": */
static void write_trpc_tail(struct writer *w, const struct push_message *message, bool is_status)
{
    writer_str(w, "{\"id\":\"");
    push_place_write(w, message->place);
    writer_str(w, "\",\"data\":");
    if (is_status)
        writer_text(w, buf_text(message->json));
    else
        write_json(w, message, false);
    writer_str(w, "},\"id\":\"");
    push_place_write(w, message->place);
    writer_str(w, "\"}}");
}

static bool has_words(enum push_dialect dialect, enum push_what what)
{
    bool is_status = dialect == PUSH_TRPC_STATUS_SSE || dialect == PUSH_TRPC_STATUS_WS;
    bool is_trpc_ws = dialect == PUSH_TRPC_STATUS_WS || dialect == PUSH_TRPC_EVENTS_WS;

    return !(what == PUSH_DELETION && is_status) && !(what == PUSH_HEARTBEAT && is_trpc_ws);
}

struct buf *push_encode(enum push_dialect dialect, const struct push_message *message)
{
    struct writer w = writer_growing(MESSAGE_LEN_MAX);
    struct buf *encoded = NULL;

    if (!has_words(dialect, message->what))
        return NULL;
    switch (dialect) {
    case PUSH_EVENTS_WS:
        encoded = encode_frame(&w, message);
        break;
    case PUSH_EVENTS_SSE:
        write_event_stream(&w, message);
        break;
    case PUSH_TRPC_STATUS_SSE:
    case PUSH_TRPC_EVENTS_SSE:
        write_trpc_stream(&w, message, dialect == PUSH_TRPC_STATUS_SSE);
        break;
    case PUSH_TRPC_STATUS_WS:
    case PUSH_TRPC_EVENTS_WS:
        write_trpc_tail(&w, message, dialect == PUSH_TRPC_STATUS_WS);
        break;
    case PUSH_DIALECT_END:
        break;
    }
    if (!encoded)
        encoded = writer_copy_buf(&w);
    writer_deinit(&w);
    return encoded;
}
