/*
 * Two servers on one database: each has a directory of its own, and hears what the other wrote.
 */
#include <stdio.h>

#include "base/clock.h"
#include "channel/channel.h"
#include "support/store_place.h"
#include "support/test.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

enum { QUEUE_MAX = 32, EVENTS_MAX = 64, BLOCK = 4 };

struct node {
    struct store *store;
    struct channel_directory *dir;
    struct store_change queue[QUEUE_MAX];
    size_t queued;
    struct channel_event events[EVENTS_MAX];
    size_t event_count;
    uint64_t kicked;
};

struct pair {
    struct store_place place;
    struct node a;
    struct node b;
};

static void on_store(void *context, const struct store_change *change)
{
    struct node *node = context;

    assert_true(node->queued < QUEUE_MAX);
    node->queue[node->queued++] = *change;
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    struct node *node = context;

    (void)reason;
    node->kicked = session_id;
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    (void)context;
    (void)channel_id;
    (void)broadcast_id;
}

static void on_changed(void *context, const struct channel_event *event)
{
    struct node *node = context;

    assert_true(node->event_count < EVENTS_MAX);
    node->events[node->event_count++] = *event;
}

static void node_begin(struct node *node, const struct store_place *place, const char *name)
{
    const struct channel_handler handler = {node, on_store, on_kick, on_stop, on_changed};
    const struct channel_limits limits = channel_limits_default();
    struct store_snapshot snapshot;
    struct diag diag = {0};

    *node = (struct node){.store = store_place_open(place)};
    node->dir = channel_directory_create(&limits, &handler);
    channel_directory_set_node(node->dir, name);
    assert_ok(store_load(node->store, &snapshot, &diag));
    /* A small block, whatever kind of database this is. */
    assert_ok(store_reserve_ids(node->store, "channels", BLOCK, &snapshot.next_channel_id, &diag));
    assert_ok(
        store_reserve_ids(node->store, "broadcasts", BLOCK, &snapshot.next_broadcast_id, &diag));
    snapshot.channel_ids_end = snapshot.next_channel_id + BLOCK;
    snapshot.broadcast_ids_end = snapshot.next_broadcast_id + BLOCK;
    channel_directory_load(node->dir, &snapshot, S(1));
    store_snapshot_deinit(&snapshot);
}

static void node_end(struct node *node)
{
    channel_directory_destroy(node->dir);
    store_close(node->store);
}

static void pair_begin(struct pair *pair)
{
    pair->place = store_place_create();
    node_begin(&pair->a, &pair->place, "a");
    node_begin(&pair->b, &pair->place, "b");
}

static void pair_end(struct pair *pair)
{
    node_end(&pair->a);
    node_end(&pair->b);
    store_place_remove(&pair->place);
}

/* What a watch leads to: the row is read and taken over. */
static void hear(struct node *node, uint64_t channel_id, uint64_t ticket)
{
    struct store_query query = {.kind = STORE_QUERY_ROW, .table = STORE_CHANNELS};
    struct store_result result;
    struct diag diag = {0};

    (void)snprintf(query.id, sizeof(query.id), "%llu", (unsigned long long)channel_id);
    assert_ok(store_run_query(node->store, &query, &result, &diag));
    channel_directory_on_foreign(node->dir, channel_id, result.count ? result.channels : NULL,
                                 ticket, S(10));
    store_result_deinit(&result);
}

/* Stores what `from` changed, and `to` hears of it. */
static void store_all(struct node *from, struct node *to)
{
    for (size_t i = 0; i < from->queued; i++) {
        struct diag diag = {0};
        enum err err = store_apply(from->store, &from->queue[i], &diag);

        if (err != OK)
            fail_msg("%s", diag.message);
        channel_directory_on_stored(from->dir, &from->queue[i], err, &diag);
        if (to)
            hear(to, from->queue[i].channel.id, channel_directory_ticket(to->dir));
    }
    from->queued = 0;
}

static uint64_t create(struct node *node, const char *key)
{
    struct diag diag = {0};
    uint64_t id;

    assert_ok(channel_create(node->dir, &(struct channel_settings){.title = TEXT("Shoes")},
                             text_of(key), S(2), &id, &diag));
    return id;
}

static enum err publish(struct node *node, const char *key, uint64_t session_id, struct diag *diag)
{
    const struct publish_request request = {
        .stream_key = text_of(key), .session_id = session_id, .ingest = INGEST_WHIP};
    struct publish_answer answer;

    return channel_publish(node->dir, &request, S(3), &answer, diag);
}

static const struct channel_event *last_event(const struct node *node)
{
    assert_true(node->event_count > 0);
    return &node->events[node->event_count - 1];
}

static void settings_go_to_the_other_server(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    store_all(&pair.a, &pair.b);
    assert_non_null(channel_find(pair.b.dir, id));
    assert_ptr_equal(channel_find_by_key(pair.b.dir, TEXT("key-1")), channel_find(pair.b.dir, id));
    assert_int_equal(last_event(&pair.b)->kind, CHANNEL_CREATED);
    assert_true(last_event(&pair.b)->is_foreign);
    assert_false(last_event(&pair.a)->is_foreign);

    const struct channel_settings settings = {
        .title = TEXT("Boots"), .max_duration_s = 120, .has_title = true, .has_max_duration = true};
    assert_ok(channel_update(pair.b.dir, id, &settings, S(4), &diag)); /* any server may */
    assert_ok(channel_set_key(pair.b.dir, id, TEXT("key-2"), S(4), &diag));
    store_all(&pair.b, &pair.a);
    assert_string_equal(channel_find(pair.a.dir, id)->title, "Boots");
    assert_int_equal(channel_find(pair.a.dir, id)->max_duration_s, 120);
    assert_null(channel_find_by_key(pair.a.dir, TEXT("key-1")));
    assert_non_null(channel_find_by_key(pair.a.dir, TEXT("key-2")));
    assert_int_equal(last_event(&pair.a)->kind, CHANNEL_UPDATED);

    assert_ok(channel_delete(pair.a.dir, id, S(5), &diag));
    store_all(&pair.a, &pair.b);
    assert_null(channel_find(pair.b.dir, id));
    assert_int_equal(last_event(&pair.b)->kind, CHANNEL_DELETED);
    hear(&pair.b, id, 99); /* a second time is nothing new */
    assert_int_equal(channel_directory_count(pair.b.dir), 0);
    pair_end(&pair);
}

static void channel_that_another_server_runs_is_left_to_it(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    store_all(&pair.a, &pair.b);
    const struct channel *seen = channel_find(pair.b.dir, id);
    assert_true(seen->is_foreign);
    assert_int_equal(seen->state, RELAY_STARTING);
    assert_string_equal(seen->node, "a");
    assert_int_equal(seen->broadcast_id, channel_find(pair.a.dir, id)->broadcast_id);
    assert_int_equal(last_event(&pair.b)->kind, CHANNEL_STATE);
    assert_int_equal(channel_directory_live_count(pair.b.dir), 0);

    assert_err(publish(&pair.b, "key-1", 8, &diag), ERR_CONFLICT);
    assert_true(text_contains(text_of(diag.message), TEXT("another server (a)")));
    assert_err(channel_start(pair.b.dir, id, S(4), &diag), ERR_CONFLICT);
    assert_err(channel_end(pair.b.dir, id, "ended", S(4), &diag), ERR_CONFLICT);
    assert_err(channel_leave(pair.b.dir, id, "left", S(4), &diag), ERR_CONFLICT);
    assert_err(channel_delete(pair.b.dir, id, S(4), &diag), ERR_CONFLICT);
    channel_directory_end_all(pair.b.dir, "shutdown", S(4));
    channel_directory_on_time(pair.b.dir, S(9999));
    assert_int_equal(pair.b.queued, 0);
    assert_int_equal(seen->state, RELAY_STARTING);

    /* Its end is heard, and then it may be live here. */
    assert_ok(channel_end(pair.a.dir, id, "ended", S(5), &diag));
    channel_on_media_stopped(pair.a.dir, id, channel_find(pair.a.dir, id)->broadcast_id, S(5));
    store_all(&pair.a, &pair.b);
    assert_false(channel_find(pair.b.dir, id)->is_foreign);
    assert_int_equal(channel_find(pair.b.dir, id)->state, RELAY_STOPPED);
    assert_ok(publish(&pair.b, "key-1", 8, &diag));
    store_all(&pair.b, &pair.a);
    assert_true(channel_find(pair.a.dir, id)->is_foreign);
    pair_end(&pair);
}

static void new_key_from_elsewhere_closes_the_publisher_here(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    store_all(&pair.a, &pair.b);
    assert_ok(channel_set_key(pair.b.dir, id, TEXT("key-2"), S(4), &diag));
    assert_int_equal(pair.b.kicked, 0);
    store_all(&pair.b, &pair.a);
    assert_int_equal(pair.a.kicked, 7);
    assert_true(relay_state_is_active(channel_find(pair.a.dir, id)->state)); /* it waits */
    assert_int_equal(channel_find(pair.a.dir, id)->session_id, 0);
    pair_end(&pair);
}

static void what_was_changed_here_since_is_newer(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};
    const struct channel_settings theirs = {.title = TEXT("Theirs"), .has_title = true};
    const struct channel_settings ours = {.title = TEXT("Ours"), .has_title = true};

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    store_all(&pair.a, &pair.b);
    assert_ok(channel_update(pair.b.dir, id, &theirs, S(4), &diag));
    store_all(&pair.b, NULL);
    uint64_t asked = channel_directory_ticket(pair.a.dir); /* the reading is asked for, then ... */
    assert_ok(channel_update(pair.a.dir, id, &ours, S(4), &diag));
    hear(&pair.a, id, asked);
    assert_string_equal(channel_find(pair.a.dir, id)->title, "Ours");
    store_all(&pair.a, &pair.b);
    assert_string_equal(channel_find(pair.b.dir, id)->title, "Ours");
    pair_end(&pair);
}

static void start_leaves_what_other_servers_run(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};

    pair_begin(&pair);
    uint64_t live = create(&pair.a, "key-1");
    uint64_t own = create(&pair.b, "key-2");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    assert_ok(publish(&pair.b, "key-2", 8, &diag));
    store_all(&pair.a, NULL);
    store_all(&pair.b, NULL);
    node_end(&pair.b); /* it crashes, and starts again */
    node_begin(&pair.b, &pair.place, "b");
    assert_true(channel_find(pair.b.dir, live)->is_foreign);
    assert_int_equal(channel_find(pair.b.dir, live)->state, RELAY_STARTING);
    assert_int_equal(channel_find(pair.b.dir, own)->state, RELAY_STOPPED);
    assert_int_equal(pair.b.queued, 1);
    pair_end(&pair);
}

static void what_another_server_runs_is_played_from_there(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};

    pair_begin(&pair);
    uint64_t first = create(&pair.a, "key-1");
    uint64_t second = create(&pair.a, "key-2");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    store_all(&pair.a, &pair.b);
    assert_string_equal(channel_find(pair.b.dir, first)->node_url, "");
    size_t told = pair.b.event_count;
    assert_ok(channel_directory_set_node_url(pair.b.dir, TEXT("a"), TEXT("https://a.example")));
    assert_int_equal(pair.b.event_count, told + 1); /* of the one that is live there */
    assert_ok(channel_directory_set_node_url(pair.b.dir, TEXT("a"), TEXT("https://a.example")));
    assert_ok(channel_directory_set_node_url(pair.b.dir, TEXT("c"), TEXT("https://c.example")));
    assert_int_equal(pair.b.event_count, told + 1);
    assert_string_equal(channel_find(pair.b.dir, first)->node_url, "https://a.example");
    assert_string_equal(channel_find(pair.b.dir, second)->node_url, "");
    assert_ok(publish(&pair.a, "key-2", 8, &diag)); /* later ones too */
    store_all(&pair.a, &pair.b);
    assert_string_equal(channel_find(pair.b.dir, second)->node_url, "https://a.example");
    assert_ok(channel_directory_set_node_url(pair.b.dir, TEXT("a"), TEXT("")));
    assert_string_equal(channel_find(pair.b.dir, first)->node_url, "");
    assert_err(channel_directory_set_node_url(pair.b.dir, TEXT("a.name.that.is.much.too.long"),
                                              TEXT("https://x.example")),
               ERR_LIMIT);
    pair_end(&pair);
}

static void broadcasts_of_a_dead_server_are_closed(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};
    struct broadcast_row broadcast;

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    store_all(&pair.a, &pair.b);
    uint64_t broadcast_id = channel_find(pair.b.dir, id)->broadcast_id;
    channel_directory_on_dead_node(pair.b.dir, TEXT("c"), S(60));
    assert_int_equal(pair.b.queued, 0);
    channel_directory_on_dead_node(pair.b.dir, TEXT("a"), S(60));
    store_all(&pair.b, NULL);
    assert_int_equal(channel_find(pair.b.dir, id)->state, RELAY_STOPPED);
    assert_ok(store_broadcast_find(pair.b.store, broadcast_id, &broadcast, &diag));
    assert_true(broadcast.ended_at_us != 0);
    assert_ok(publish(&pair.b, "key-1", 8, &diag));
    pair_end(&pair);
}

static void end_that_could_not_be_stored_stays_an_end(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};
    const struct channel_settings settings = {.title = TEXT("Boots"), .has_title = true};

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    store_all(&pair.a, &pair.b);
    assert_ok(channel_end(pair.a.dir, id, "ended", S(5), &diag));
    channel_on_media_stopped(pair.a.dir, id, channel_find(pair.a.dir, id)->broadcast_id, S(5));
    for (size_t i = 0; i < pair.a.queued; i++)
        channel_directory_on_stored(pair.a.dir, &pair.a.queue[i], ERR_AGAIN, NULL);
    pair.a.queued = 0;
    assert_ok(channel_update(pair.b.dir, id, &settings, S(6), &diag));
    store_all(&pair.b, &pair.a);
    assert_int_equal(channel_find(pair.a.dir, id)->state, RELAY_STOPPED);
    assert_string_equal(channel_find(pair.a.dir, id)->title, "Boots");

    /* It is stored now that the database is there: the other server and the history hear of it. */
    struct broadcast_row broadcast;
    store_all(&pair.a, &pair.b);
    assert_int_equal(channel_find(pair.b.dir, id)->state, RELAY_STOPPED);
    assert_ok(store_broadcast_find(pair.a.store, pair.a.queue[0].broadcast.id, &broadcast, &diag));
    assert_true(broadcast.ended_at_us != 0);
    hear(&pair.a, id, channel_directory_ticket(pair.a.dir));
    assert_int_equal(pair.a.queued, 0); /* once is enough */
    assert_ok(publish(&pair.a, "key-1", 9, &diag));
    pair_end(&pair);
}

/* All of the queue is lost, as when the database is away. */
static void store_nothing(struct node *node)
{
    for (size_t i = 0; i < node->queued; i++)
        channel_directory_on_stored(node->dir, &node->queue[i], ERR_AGAIN, NULL);
    node->queued = 0;
}

static void start_that_could_not_be_stored_is_stored_later(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};
    struct broadcast_row broadcast;

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    store_all(&pair.a, &pair.b);
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    channel_on_media(pair.a.dir, id, 7, S(4));
    store_nothing(&pair.a);
    hear(&pair.a, id, channel_directory_ticket(pair.a.dir)); /* everything is read again */
    assert_int_equal(pair.a.queued, 1);
    store_all(&pair.a, &pair.b);
    const struct channel *seen = channel_find(pair.b.dir, id);
    assert_int_equal(seen->state, RELAY_ACTIVE);
    assert_true(seen->is_foreign);
    assert_ok(store_broadcast_find(pair.a.store, seen->broadcast_id, &broadcast, &diag));
    assert_int_equal(broadcast.ended_at_us, 0);
    hear(&pair.a, id, channel_directory_ticket(pair.a.dir));
    assert_int_equal(pair.a.queued, 0);
    pair_end(&pair);
}

static void server_that_was_taken_for_dead_says_that_it_lives(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};
    struct broadcast_row broadcast;

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    assert_ok(publish(&pair.a, "key-1", 7, &diag));
    store_all(&pair.a, &pair.b);
    channel_directory_on_dead_node(pair.b.dir, TEXT("a"), S(60));
    store_all(&pair.b, &pair.a);
    assert_true(relay_state_is_active(channel_find(pair.a.dir, id)->state));
    store_all(&pair.a, &pair.b);
    const struct channel *seen = channel_find(pair.b.dir, id);
    assert_true(seen->is_foreign);
    assert_int_equal(seen->broadcast_id, channel_find(pair.a.dir, id)->broadcast_id);
    assert_ok(store_broadcast_find(pair.b.store, seen->broadcast_id, &broadcast, &diag));
    assert_int_equal(broadcast.ended_at_us, 0);
    pair_end(&pair);
}

static void what_two_servers_run_at_once_is_not_fought_for(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};

    pair_begin(&pair);
    uint64_t id = create(&pair.a, "key-1");
    store_all(&pair.a, &pair.b);
    assert_ok(publish(&pair.a, "key-1", 7, &diag)); /* neither has heard of the other */
    assert_ok(publish(&pair.b, "key-1", 8, &diag));
    store_all(&pair.a, NULL);
    store_all(&pair.b, NULL);
    hear(&pair.a, id, channel_directory_ticket(pair.a.dir));
    hear(&pair.b, id, channel_directory_ticket(pair.b.dir));
    assert_int_equal(pair.a.queued, 0);
    assert_int_equal(pair.b.queued, 0);
    pair_end(&pair);
}

static void numbers_come_in_blocks_and_end(void **state)
{
    (void)state;
    struct pair pair;
    struct diag diag = {0};
    char key[16];
    uint64_t ids[2 * BLOCK], first, none;

    pair_begin(&pair);
    for (int i = 0; i < BLOCK; i++) {
        assert_int_equal(channel_directory_wants_ids(pair.a.dir, CHANNEL_IDS_CHANNELS),
                         i >= BLOCK / 2);
        (void)snprintf(key, sizeof(key), "key-%d", i);
        ids[i] = create(&pair.a, key);
    }
    assert_err(channel_create(pair.a.dir, &(struct channel_settings){.title = TEXT("Shoes")},
                              TEXT("key-x"), S(2), &none, &diag),
               ERR_AGAIN);
    assert_true(*diag.message != '\0');
    assert_ok(store_reserve_ids(pair.a.store, "channels", BLOCK, &first, &diag));
    channel_directory_give_ids(pair.a.dir, CHANNEL_IDS_CHANNELS, first, BLOCK);
    assert_false(channel_directory_wants_ids(pair.a.dir, CHANNEL_IDS_CHANNELS));
    for (int i = BLOCK; i < 2 * BLOCK; i++) {
        (void)snprintf(key, sizeof(key), "key-%d", i);
        ids[i] = create(&pair.a, key);
        assert_true(ids[i] > ids[i - 1]);
    }
    store_all(&pair.a, &pair.b);
    (void)create(&pair.b, "key-b");
    store_all(&pair.b, &pair.a); /* no number twice */

    for (int i = 0; i < BLOCK; i++)
        assert_ok(channel_start(pair.a.dir, ids[i], S(3), &diag));
    assert_err(channel_start(pair.a.dir, ids[BLOCK], S(3), &diag), ERR_AGAIN);
    assert_true(channel_directory_wants_ids(pair.a.dir, CHANNEL_IDS_BROADCASTS));
    assert_ok(store_reserve_ids(pair.a.store, "broadcasts", BLOCK, &first, &diag));
    channel_directory_give_ids(pair.a.dir, CHANNEL_IDS_BROADCASTS, first, BLOCK);
    assert_ok(channel_start(pair.a.dir, ids[BLOCK], S(3), &diag));
    store_all(&pair.a, &pair.b);
    pair_end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(settings_go_to_the_other_server),
        TEST_CASE(channel_that_another_server_runs_is_left_to_it),
        TEST_CASE(new_key_from_elsewhere_closes_the_publisher_here),
        TEST_CASE(what_was_changed_here_since_is_newer),
        TEST_CASE(start_leaves_what_other_servers_run),
        TEST_CASE(what_another_server_runs_is_played_from_there),
        TEST_CASE(broadcasts_of_a_dead_server_are_closed),
        TEST_CASE(end_that_could_not_be_stored_stays_an_end),
        TEST_CASE(start_that_could_not_be_stored_is_stored_later),
        TEST_CASE(server_that_was_taken_for_dead_says_that_it_lives),
        TEST_CASE(what_two_servers_run_at_once_is_not_fought_for),
        TEST_CASE(numbers_come_in_blocks_and_end),
    };
    return RUN_TESTS("channel_foreign", tests);
}
