#include "edge/wish.h"

#include "base/jsonr.h"
#include "http/http.h"

void wish_go_on_after(struct push_wish *wish, struct text last_event_id)
{
    struct push_place place;

    if (push_place_parse(last_event_id, &place))
        wish->after = place;
}

static enum err add_channel(struct push_wish *wish, uint64_t channel_id, struct diag *diag)
{
    for (size_t i = 0; i < wish->count; i++)
        if (wish->channels[i] == channel_id)
            return OK;
    if (wish->count == PUSH_CHANNELS_MAX) {
        diag_set(diag, "channels: must be at most %d, or all", PUSH_CHANNELS_MAX);
        return ERR_INVALID;
    }
    wish->channels[wish->count++] = channel_id;
    return OK;
}

static enum err refuse_channels(struct diag *diag)
{
    diag_set(diag, "channels: must be numbers of channels, or all");
    return ERR_INVALID;
}

/* "1,2,3" or "all". */
static enum err read_list(struct text list, struct push_wish *wish, struct diag *diag)
{
    wish->is_all = text_equal(list, TEXT("all"));
    if (wish->is_all)
        return OK;
    if (text_ends_with(list, TEXT(",")))
        return refuse_channels(diag);
    do {
        uint64_t channel_id;

        if (!text_parse_u64(text_cut(&list, ','), INT64_MAX, &channel_id) || channel_id == 0)
            return refuse_channels(diag);
        if (add_channel(wish, channel_id, diag) != OK)
            return ERR_INVALID;
    } while (list.len);
    return OK;
}

enum err wish_from_query(struct text query, struct push_wish *ret_wish, bool *ret_has_channels,
                         struct diag *diag)
{
    struct push_wish wish = {0};
    char decoded[8192]; /* as long as a request line may be */
    struct text value, text;
    bool has_channels = http_query_find(query, "channels", &value);

    if (has_channels) {
        if (http_query_decode(value, decoded, sizeof(decoded), &text) != OK)
            return refuse_channels(diag);
        enum err err = read_list(text, &wish, diag);
        if (err)
            return err;
    }
    if (http_query_find(query, "lastEventId", &value))
        wish_go_on_after(&wish, value); /* none of its characters needs an escape */
    *ret_wish = wish;
    *ret_has_channels = has_channels;
    return OK;
}

/* ---- JSON ---- */

static enum err read_channel(const json_t *json, const char *field, uint64_t *ret_id,
                             struct diag *diag)
{
    if (!json_is_integer(json) || json_integer_value(json) <= 0) {
        diag_set(diag, "%s: must be the number of a channel", field);
        return ERR_INVALID;
    }
    *ret_id = (uint64_t)json_integer_value(json);
    return OK;
}

static enum err read_channels(const json_t *json, struct push_wish *wish, struct diag *diag)
{
    wish->is_all = text_equal(jsonr_text(json), TEXT("all"));
    if (wish->is_all)
        return OK;
    if (!json_is_array(json) || json_array_size(json) == 0)
        return refuse_channels(diag);
    for (size_t i = 0; i < json_array_size(json); i++) {
        uint64_t channel_id;
        enum err err = read_channel(json_array_get(json, i), "channels", &channel_id, diag);

        if (!err)
            err = add_channel(wish, channel_id, diag);
        if (err)
            return err;
    }
    return OK;
}

static enum err read_last(const json_t *json, struct push_wish *wish, struct diag *diag)
{
    if (!json)
        return OK;
    if (!json_is_string(json) && !json_is_null(json)) {
        diag_set(diag, "lastEventId: must be the id of an event");
        return ERR_INVALID;
    }
    wish_go_on_after(wish, jsonr_text(json));
    return OK;
}

/* Nothing but these members. */
static enum err check_members(const json_t *object, const char *const *names, struct diag *diag)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) /* which changes nothing */
    {
        size_t i = 0;

        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i]) {
            diag_set(diag, "%.63s: is not a field of this", key);
            return ERR_INVALID;
        }
    }
    return OK;
}

static enum err read_message(const json_t *json, enum wish_request *ret_request,
                             struct push_wish *wish, struct diag *diag)
{
    static const char *const members[] = {"type", "channels", "lastEventId", NULL};
    static const struct text types[] = {[WISH_SUBSCRIBE] = TEXT_INIT("subscribe"),
                                        [WISH_UNSUBSCRIBE] = TEXT_INIT("unsubscribe"),
                                        [WISH_PING] = TEXT_INIT("ping")};
    struct text type = jsonr_text(json_object_get(json, "type"));
    enum wish_request request = WISH_SUBSCRIBE;

    while (request <= WISH_PING && !text_equal(type, types[request]))
        request++;
    if (request > WISH_PING) {
        diag_set(diag, "type: must be subscribe, unsubscribe or ping");
        return ERR_INVALID;
    }
    *ret_request = request;
    enum err err = check_members(json, members, diag);
    if (err || request == WISH_PING)
        return err;
    err = read_channels(json_object_get(json, "channels"), wish, diag);
    return err ? err : read_last(json_object_get(json, "lastEventId"), wish, diag);
}

enum err wish_from_message(struct text message, enum wish_request *ret_request,
                           struct push_wish *ret_wish, struct diag *diag)
{
    struct push_wish wish = {0};
    json_t *json;
    enum err err = jsonr_parse(message, WISH_JSON_DEPTH_MAX, diag, &json);

    if (err)
        return err;
    if (json_is_object(json)) {
        err = read_message(json, ret_request, &wish, diag);
    } else {
        diag_set(diag, "A message must be a JSON object.");
        err = ERR_INVALID;
    }
    json_decref(json);
    if (!err)
        *ret_wish = wish;
    return err;
}

/* ---- tRPC ---- */

enum wish_procedure wish_procedure_find(struct text path)
{
    if (text_equal(path, TEXT("channel.onStatus")))
        return WISH_CHANNEL_ON_STATUS;
    if (text_equal(path, TEXT("events.subscribe")))
        return WISH_EVENTS_SUBSCRIBE;
    return 0;
}

static enum err read_one_channel(const json_t *input, struct push_wish *wish, struct diag *diag)
{
    static const char *const members[] = {"channelId", "lastEventId", NULL};
    enum err err = input ? check_members(input, members, diag) : OK;

    if (!err)
        err = read_channel(input ? json_object_get(input, "channelId") : NULL, "channelId",
                           &wish->channels[0], diag);
    wish->count = 1;
    return err;
}

static enum err read_some_channels(const json_t *input, struct push_wish *wish, struct diag *diag)
{
    static const char *const members[] = {"channels", "lastEventId", NULL};
    const json_t *channels = input ? json_object_get(input, "channels") : NULL;
    enum err err = input ? check_members(input, members, diag) : OK;

    wish->is_all = !channels;
    return err || !channels ? err : read_channels(channels, wish, diag);
}

enum err wish_from_input(enum wish_procedure procedure, const json_t *input,
                         struct text last_event_id, struct push_wish *ret_wish, struct diag *diag)
{
    struct push_wish wish = {0};
    enum err err;

    if (json_is_null(input)) /* false for no input at all */
        input = NULL;
    if (input && !json_is_object(input)) {
        diag_set(diag, "The input must be an object.");
        return ERR_INVALID;
    }
    if (procedure == WISH_CHANNEL_ON_STATUS)
        err = read_one_channel(input, &wish, diag);
    else
        err = read_some_channels(input, &wish, diag);
    if (!err && input)
        err = read_last(json_object_get(input, "lastEventId"), &wish, diag);
    if (err)
        return err;
    wish_go_on_after(&wish, last_event_id);
    *ret_wish = wish;
    return OK;
}
