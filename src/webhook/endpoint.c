/*
 * endpoint - who wants to hear what: the set of endpoints, and what people do with them.
 */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "base/writer.h"
#include "store/store.h"
#include "webhook/hub.h"

enum { SECRET_BYTES = 32, ENDPOINTS_HARD_MAX = 100000 };

/* ---- the set ---- */

struct endpoint *endpoint_find(const struct webhook_hub *hub, struct text id)
{
    return id.len ? map_get(&hub->by_id, id) : NULL;
}

static uint32_t bit_of(enum webhook_event_kind kind)
{
    return UINT32_C(1) << kind;
}

static uint32_t parse_events(struct text words)
{
    uint32_t wants = 0;

    if (text_equal(words, TEXT("*")))
        return ~bit_of(WEBHOOK_TEST);
    while (words.len) /* a word of a newer program is no event of ours: WEBHOOK_EVENT_NONE */
        wants |= bit_of(webhook_event_find(text_cut(&words, ' ')));
    return wants & ~bit_of(WEBHOOK_EVENT_NONE) & ~bit_of(WEBHOOK_TEST);
}

void endpoint_set_row(struct endpoint *endpoint, const struct webhook_endpoint_row *row)
{
    endpoint->row = *row;
    endpoint->wants = parse_events(text_of(row->events));
}

struct endpoint *endpoint_create(const struct webhook_endpoint_row *row)
{
    struct endpoint *endpoint = mem_zalloc(sizeof(*endpoint));

    list_init(&endpoint->lanes);
    list_node_init(&endpoint->in_turn);
    endpoint->deadline_us = WEBHOOK_NEVER;
    endpoint_set_row(endpoint, row);
    return endpoint;
}

static void drop_waiting(struct webhook_hub *hub, struct endpoint *endpoint)
{
    struct list_node *lane_node;

    while ((lane_node = list_first(&endpoint->lanes))) {
        struct lane *lane = CONTAINER_OF(lane_node, struct lane, node);

        queue_remove(hub, CONTAINER_OF(list_first(&lane->deliveries), struct delivery, node));
    }
}

void endpoint_destroy(struct webhook_hub *hub, struct endpoint *endpoint)
{
    drop_waiting(hub, endpoint);
    map_deinit(&endpoint->by_channel);
    crypto_wipe(&endpoint->row, sizeof(endpoint->row));
    mem_free(endpoint);
}

static void note_secret(struct webhook_hub *hub, const struct endpoint *endpoint)
{
    const struct webhook_endpoint_row *row = &endpoint->row;

    if (row->old_signing_secret[0] != '\0' && row->old_secret_until_us < hub->secrets_until_us)
        hub->secrets_until_us = row->old_secret_until_us;
}

void endpoint_insert(struct webhook_hub *hub, struct endpoint *endpoint)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the items are pointers */
    bool has_room = vec_push(&hub->endpoints, endpoint, ENDPOINTS_HARD_MAX);
    assert(has_room); /* endpoints_max is within it */
    (void)has_room;
    /* Ids rise, so this moves little: rows of other servers, a deletion that is taken back. */
    for (size_t i = hub->endpoints.count - 1;
         i > 0 && strcmp(hub->endpoints.items[i - 1]->row.id, endpoint->row.id) > 0; i--) {
        hub->endpoints.items[i] = hub->endpoints.items[i - 1];
        hub->endpoints.items[i - 1] = endpoint;
    }
    (void)map_put(&hub->by_id, text_of(endpoint->row.id), endpoint); /* the id is new */
    if (endpoint->pending_count && !list_node_is_linked(&endpoint->in_turn))
        list_push_back(&hub->turns, &endpoint->in_turn);
    note_secret(hub, endpoint);
}

void endpoint_withdraw(struct webhook_hub *hub, struct endpoint *endpoint)
{
    for (size_t i = 0; i < hub->endpoints.count; i++) {
        if (hub->endpoints.items[i] == endpoint) {
            vec_remove(&hub->endpoints, i);
            break;
        }
    }
    (void)map_remove(&hub->by_id, text_of(endpoint->row.id));
    list_unlink(&endpoint->in_turn);
}

void endpoint_disable(struct webhook_hub *hub, struct endpoint *endpoint, const char *reason,
                      struct store_batch *batch, int64_t now_us)
{
    endpoint->row.is_active = false;
    (void)snprintf(endpoint->row.disabled_reason, sizeof(endpoint->row.disabled_reason), "%s",
                   reason);
    endpoint->row.updated_at_us = hub_wall(hub, now_us);
    endpoint->failing_since_us = endpoint->last_failure_us = 0;
    queue_give_up_all(hub, endpoint, "The endpoint was switched off before this could be sent.",
                      batch, now_us);
    store_batch_put_webhook_endpoint(batch, &endpoint->row);
}

/* ---- what is not stored yet ---- */

struct unstored_change *endpoint_remember(struct webhook_hub *hub, const struct endpoint *endpoint,
                                          uint64_t mark)
{
    struct unstored_change *change = mem_zalloc(sizeof(*change));

    change->mark = mark;
    change->was_there = true;
    change->before = endpoint->row;
    memcpy(change->endpoint_id, endpoint->row.id, sizeof(change->endpoint_id));
    list_push_back(&hub->changes, &change->node);
    return change;
}

void endpoint_delete_later(struct webhook_hub *hub, struct endpoint *endpoint, uint64_t mark)
{
    struct unstored_change *change = endpoint_remember(hub, endpoint, mark);

    endpoint_withdraw(hub, endpoint);
    change->deleted = endpoint;
}

/* The next change of the same endpoint after `node`, or NULL. */
static struct unstored_change *next_change(struct webhook_hub *hub, struct list_node *node,
                                           const char *endpoint_id)
{
    for (node = node->next; node != &hub->changes.head; node = node->next) {
        struct unstored_change *change = CONTAINER_OF(node, struct unstored_change, node);

        if (strcmp(change->endpoint_id, endpoint_id) == 0)
            return change;
    }
    return NULL;
}

/* The database refused. When a later change of the same row is on its way, that one may be stored
 * yet: how it was before then is how it was before this one. */
static void take_back(struct webhook_hub *hub, struct unstored_change *change)
{
    struct unstored_change *later = next_change(hub, &change->node, change->endpoint_id);
    struct endpoint *endpoint = change->deleted;

    if (later) {
        later->was_there = change->was_there;
        later->before = change->before;
        return;
    }
    if (!endpoint)
        endpoint = endpoint_find(hub, text_of(change->endpoint_id));
    if (!endpoint)
        return; /* another server has deleted it meanwhile */
    if (!change->deleted)
        endpoint_withdraw(hub, endpoint);
    change->deleted = NULL;
    if (change->was_there) {
        endpoint_set_row(endpoint, &change->before);
        endpoint_insert(hub, endpoint);
    } else {
        endpoint_destroy(hub, endpoint);
    }
}

void endpoint_on_stored(struct webhook_hub *hub, uint64_t mark, enum err result)
{
    LIST_FOR_EACH(node, &hub->changes)
    {
        struct unstored_change *change = CONTAINER_OF(node, struct unstored_change, node);

        if (change->mark != mark)
            continue;
        struct endpoint *endpoint = endpoint_find(hub, text_of(change->endpoint_id));
        if (result != OK)
            take_back(hub, change);
        else if (endpoint)
            endpoint->is_stored = true;
        if (change->deleted)
            endpoint_destroy(hub, change->deleted);
        list_unlink(&change->node);
        crypto_wipe(change, sizeof(*change));
        mem_free(change);
    }
}

/* ---- other servers ---- */

void webhook_set_endpoint_row(struct webhook_hub *hub, const struct webhook_endpoint_row *row,
                              int64_t now_us)
{
    struct unstored_change *change = next_change(hub, &hub->changes.head, row->id);
    struct endpoint *endpoint = endpoint_find(hub, text_of(row->id));

    if (change) { /* ours comes after it */
        change->was_there = true;
        change->before = *row;
        return;
    }
    if (!endpoint && hub->endpoints.count >= hub->limits.endpoints_max) {
        log_limited(LOG_ERROR, 1, "webhook_endpoint_left_out", LOG_STR("endpoint", row->id),
                    LOG_U64("maximum", hub->limits.endpoints_max));
        return;
    }
    if (!endpoint) {
        endpoint = endpoint_create(row);
        endpoint->is_stored = true;
        endpoint_insert(hub, endpoint);
        return;
    }

    bool was_active = endpoint->row.is_active;
    endpoint_set_row(endpoint, row);
    note_secret(hub, endpoint);
    if (was_active && !row->is_active) {
        struct store_batch *batch = store_batch_create();

        queue_give_up_all(hub, endpoint, "The endpoint was switched off before this could be sent.",
                          batch, now_us);
        (void)hub_store(hub, batch);
    }
}

void webhook_remove_endpoint_row(struct webhook_hub *hub, const char *id)
{
    struct endpoint *endpoint = endpoint_find(hub, text_of(id));

    if (!endpoint)
        return;
    endpoint_withdraw(hub, endpoint);
    endpoint_destroy(hub, endpoint);
}

/* ---- what people give ---- */

static enum err check_events(const struct webhook_input *input, struct diag *diag)
{
    if (input->event_count == 0) {
        diag_set(diag, "events must name at least one event, or \"*\" for all");
        return ERR_INVALID;
    }
    for (size_t i = 0; i < input->event_count; i++) {
        struct text type = input->events[i];
        enum webhook_event_kind kind = webhook_event_find(type);

        if (text_equal(type, TEXT("*")) && input->event_count == 1)
            return OK;
        if (kind == WEBHOOK_EVENT_NONE || kind == WEBHOOK_TEST) {
            diag_set(diag, "events has \"%.*s\", which is none that can be heard of",
                     TEXT_ARG(text_sub(type, 0, 60)));
            return ERR_INVALID;
        }
    }
    return OK;
}

/* In the order of the table, each once. */
static void write_events(const struct webhook_input *input, char *to, size_t cap)
{
    uint32_t wants = 0;
    struct writer w = writer_fixed(to, cap);

    if (text_equal(input->events[0], TEXT("*"))) {
        writer_str(&w, "*");
    } else {
        for (size_t i = 0; i < input->event_count; i++)
            wants |= bit_of(webhook_event_find(input->events[i]));
        for (int kind = WEBHOOK_EVENT_NONE + 1; kind < WEBHOOK_EVENT_END; kind++) {
            if (!(wants & bit_of((enum webhook_event_kind)kind)))
                continue;
            if (w.len)
                writer_char(&w, ' ');
            writer_str(&w, webhook_event_type((enum webhook_event_kind)kind));
        }
    }
    writer_char(&w, '\0');
    assert(!w.failed); /* all of them together fit */
}

static enum err check_description(struct text description, struct diag *diag)
{
    bool is_plain = text_is_utf8(description);

    for (size_t i = 0; i < description.len; i++)
        if ((unsigned char)description.ptr[i] < ' ' || description.ptr[i] == 0x7f)
            is_plain = false;
    if (is_plain && description.len <= ROW_TEXT_LEN_MAX)
        return OK;
    diag_set(diag, "description must be one line of at most %d bytes of text", ROW_TEXT_LEN_MAX);
    return ERR_INVALID;
}

static enum err check_url(const struct webhook_hub *hub, struct text url, struct diag *diag)
{
    struct diag why = {0};

    if (url.len <= ROW_URL_LEN_MAX && hub->handler.check_url(hub->handler.context, url, &why) == OK)
        return OK;
    if (url.len > ROW_URL_LEN_MAX)
        diag_set(&why, "must have at most %d characters", ROW_URL_LEN_MAX);
    diag_set(diag, "url %s", why.message);
    return ERR_INVALID;
}

/* Writes what is given into the row. */
static enum err take_input(const struct webhook_hub *hub, const struct webhook_input *input,
                           struct webhook_endpoint_row *row, struct diag *diag)
{
    enum err err = OK;

    if (input->has_url)
        err = check_url(hub, input->url, diag);
    if (err == OK && input->has_events)
        err = check_events(input, diag);
    if (err == OK && input->has_description)
        err = check_description(input->description, diag);
    if (err != OK)
        return err;
    if (input->has_url)
        (void)snprintf(row->url, sizeof(row->url), "%.*s", TEXT_ARG(input->url));
    if (input->has_events)
        write_events(input, row->events, sizeof(row->events));
    if (input->has_description)
        (void)snprintf(row->description, sizeof(row->description), "%.*s",
                       TEXT_ARG(input->description));
    if (input->has_is_active && input->is_active != row->is_active) {
        row->is_active = input->is_active;
        row->disabled_reason[0] = '\0';
    }
    return OK;
}

static void draw_secret(char to[ROW_SIGNING_SECRET_LEN_MAX + 1])
{
    uint8_t bytes[SECRET_BYTES];
    struct writer w = writer_fixed(to, ROW_SIGNING_SECRET_LEN_MAX + 1);

    crypto_random(bytes, sizeof(bytes));
    writer_str(&w, "whsec_");
    crypto_base64(&w, bytes, sizeof(bytes));
    writer_char(&w, '\0');
    crypto_wipe(bytes, sizeof(bytes));
}

static enum err check_room(const struct webhook_hub *hub, const char *account_id, struct diag *diag)
{
    uint32_t count = 0;

    for (size_t i = 0; i < hub->endpoints.count; i++)
        count += strcmp(hub->endpoints.items[i]->row.account_id, account_id) == 0;
    if (count >= hub->limits.account_endpoints_max) {
        diag_set(diag,
                 "There are %u webhooks already, which is the most an account may have: "
                 "delete one that is not used.",
                 count);
        return ERR_LIMIT;
    }
    if (hub->endpoints.count >= hub->limits.endpoints_max) {
        diag_set(diag, "The server has no room for more webhooks than the %u that there are.",
                 hub->limits.endpoints_max);
        return ERR_LIMIT;
    }
    return OK;
}

/* Stores the row and remembers how it was, when it was there. */
static void store_row(struct webhook_hub *hub, const struct endpoint *endpoint,
                      const struct webhook_endpoint_row *before, struct store_batch *batch)
{
    struct unstored_change *change = endpoint_remember(hub, endpoint, hub->last_mark + 1);

    change->was_there = before != NULL;
    if (before)
        change->before = *before;
    (void)hub_store(hub, batch);
}

enum err webhook_create(struct webhook_hub *hub, const struct webhook_input *input, int64_t now_us,
                        const struct webhook_endpoint_row **ret_row, struct diag *diag)
{
    struct webhook_endpoint_row row = {.channel_id = input->channel_id};
    struct webhook_input all = *input;
    enum err err = check_room(hub, input->account_id, diag);

    if (err != OK)
        return err;
    all.has_url = all.has_events = all.has_description = all.has_is_active = true;
    err = take_input(hub, &all, &row, diag);
    if (err != OK)
        return err;
    (void)snprintf(row.account_id, sizeof(row.account_id), "%s", input->account_id);
    row.created_at_us = row.updated_at_us = hub_wall(hub, now_us);
    uuid_draw_v7(row.id, row.created_at_us);
    draw_secret(row.signing_secret);

    struct endpoint *endpoint = endpoint_create(&row);
    struct store_batch *batch = store_batch_create();
    endpoint_insert(hub, endpoint);
    store_batch_put_webhook_endpoint(batch, &row);
    store_row(hub, endpoint, NULL, batch);
    crypto_wipe(&row, sizeof(row));
    *ret_row = &endpoint->row;
    return OK;
}

static enum err find(const struct webhook_hub *hub, struct text id, struct endpoint **ret_endpoint,
                     struct diag *diag)
{
    struct endpoint *endpoint = endpoint_find(hub, id);

    if (!endpoint) {
        diag_set(diag, "There is no webhook with this id.");
        return ERR_NOT_FOUND;
    }
    *ret_endpoint = endpoint;
    return OK;
}

enum err webhook_update(struct webhook_hub *hub, struct text id, const struct webhook_input *input,
                        int64_t now_us, const struct webhook_endpoint_row **ret_row,
                        struct diag *diag)
{
    struct endpoint *endpoint;
    enum err err = find(hub, id, &endpoint, diag);

    if (err != OK)
        return err;

    struct webhook_endpoint_row before = endpoint->row;
    struct webhook_endpoint_row row = before;
    err = take_input(hub, input, &row, diag);
    if (err == OK) {
        struct store_batch *batch = store_batch_create();

        row.updated_at_us = hub_wall(hub, now_us);
        endpoint_set_row(endpoint, &row);
        if (before.is_active && !row.is_active) {
            endpoint_disable(hub, endpoint, "Switched off by hand.", batch, now_us);
        } else {
            store_batch_put_webhook_endpoint(batch, &row);
        }
        store_row(hub, endpoint, &before, batch);
        *ret_row = &endpoint->row;
    }
    crypto_wipe(&before, sizeof(before));
    crypto_wipe(&row, sizeof(row));
    return err;
}

enum err webhook_rotate_secret(struct webhook_hub *hub, struct text id, int64_t now_us,
                               const struct webhook_endpoint_row **ret_row, struct diag *diag)
{
    struct endpoint *endpoint;
    enum err err = find(hub, id, &endpoint, diag);

    if (err != OK)
        return err;

    struct webhook_endpoint_row before = endpoint->row;
    struct webhook_endpoint_row *row = &endpoint->row;
    struct store_batch *batch = store_batch_create();
    memcpy(row->old_signing_secret, row->signing_secret, sizeof(row->old_signing_secret));
    draw_secret(row->signing_secret);
    row->updated_at_us = hub_wall(hub, now_us);
    row->old_secret_until_us = row->updated_at_us + hub->limits.secret_overlap_us;
    note_secret(hub, endpoint);
    store_batch_put_webhook_endpoint(batch, row);
    store_row(hub, endpoint, &before, batch);
    crypto_wipe(&before, sizeof(before));
    *ret_row = row;
    return OK;
}

enum err webhook_delete(struct webhook_hub *hub, struct text id, int64_t now_us, struct diag *diag)
{
    struct endpoint *endpoint;
    enum err err = find(hub, id, &endpoint, diag);

    (void)now_us;
    if (err != OK)
        return err;

    struct store_batch *batch = store_batch_create();
    store_batch_delete_webhook_endpoint(batch, endpoint->row.id);
    endpoint_delete_later(hub, endpoint, hub->last_mark + 1);
    (void)hub_store(hub, batch);
    return OK;
}

void endpoint_end_secrets(struct webhook_hub *hub, int64_t now_us)
{
    int64_t wall_us = hub_wall(hub, now_us);
    struct store_batch *batch = store_batch_create();

    hub->secrets_until_us = WEBHOOK_NEVER;
    for (size_t i = 0; i < hub->endpoints.count; i++) {
        struct webhook_endpoint_row *row = &hub->endpoints.items[i]->row;

        if (row->old_signing_secret[0] != '\0' && row->old_secret_until_us <= wall_us) {
            crypto_wipe(row->old_signing_secret, sizeof(row->old_signing_secret));
            row->old_secret_until_us = 0;
            store_batch_put_webhook_endpoint(batch, row);
        }
        note_secret(hub, hub->endpoints.items[i]);
    }
    (void)hub_store(hub, batch);
}
