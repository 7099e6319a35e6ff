/*
 * The directory and the store together: what one run stores, the next one finds.
 */
#include "base/clock.h"
#include "channel/channel.h"
#include "support/store_place.h"
#include "support/test.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

enum { QUEUE_MAX = 16 };

struct run {
    struct store *store;
    struct channel_directory *dir;
    struct store_change queue[QUEUE_MAX];
    size_t queued;
};

static void on_store(void *context, const struct store_change *change)
{
    struct run *run = context;

    assert_true(run->queued < QUEUE_MAX);
    run->queue[run->queued++] = *change;
}

static void on_kick(void *context, uint64_t session_id, const char *reason)
{
    (void)context;
    (void)session_id;
    (void)reason;
}

static void on_stop(void *context, uint64_t channel_id, uint64_t broadcast_id)
{
    (void)context;
    (void)channel_id;
    (void)broadcast_id;
}

static void on_changed(void *context, const struct channel_event *event)
{
    (void)context;
    if (!event->is_stored)
        fail_msg("not stored: %s", event->store_error);
}

static void store_all(struct run *run)
{
    for (size_t i = 0; i < run->queued; i++) {
        struct diag diag = {0};
        enum err err = store_apply(run->store, &run->queue[i], &diag);

        channel_directory_on_stored(run->dir, &run->queue[i], err, &diag);
    }
    run->queued = 0;
}

static void run_begin(struct run *run, const struct store_place *place, int64_t now_us)
{
    *run = (struct run){0};
    const struct channel_handler handler = {run, on_store, on_kick, on_stop, on_changed};
    const struct channel_limits limits = channel_limits_default();
    struct store_snapshot snapshot;
    struct diag diag = {0};

    run->store = store_place_open(place);
    assert_ok(store_load(run->store, &snapshot, &diag));
    run->dir = channel_directory_create(&limits, &handler);
    channel_directory_load(run->dir, &snapshot, now_us);
    store_snapshot_deinit(&snapshot);
    store_all(run);
}

/* As a crash ends it: nothing is said goodbye to. */
static void run_end(struct run *run)
{
    channel_directory_destroy(run->dir);
    store_close(run->store);
}

static void next_run_finds_channels_and_closes_what_was_live(void **state)
{
    (void)state;
    struct store_place place = store_place_create();
    struct run run;
    struct diag diag = {0};
    uint64_t live, idle, deleted;

    run_begin(&run, &place, S(1));
    assert_ok(channel_create(run.dir, &(struct channel_settings){.title = TEXT("live")},
                             TEXT("key-1"), S(1), &live, &diag));
    assert_ok(channel_create(run.dir, &(struct channel_settings){.title = TEXT("idle")},
                             TEXT("key-2"), S(1), &idle, &diag));
    assert_ok(channel_create(run.dir, &(struct channel_settings){.title = TEXT("gone")},
                             TEXT("key-3"), S(1), &deleted, &diag));
    assert_ok(channel_set_key(run.dir, idle, TEXT("key-4"), S(2), &diag));
    assert_ok(channel_delete(run.dir, deleted, S(2), &diag));
    assert_ok(channel_start(run.dir, live, S(3), &diag));
    uint64_t broadcast_id = channel_find(run.dir, live)->broadcast_id;
    store_all(&run);
    run_end(&run);

    run_begin(&run, &place, S(60));
    assert_int_equal(channel_directory_count(run.dir), 2);
    assert_int_equal(channel_find(run.dir, live)->state, RELAY_STOPPED);
    assert_int_equal(channel_find(run.dir, idle)->state, RELAY_IDLE);
    assert_ptr_equal(channel_find_by_key(run.dir, TEXT("key-4")), channel_find(run.dir, idle));
    assert_null(channel_find_by_key(run.dir, TEXT("key-3")));

    struct broadcast_row row;
    assert_ok(store_broadcast_find(run.store, broadcast_id, &row, &diag));
    assert_int_equal(row.ended_at_us, S(60));
    assert_string_equal(row.end_reason, "the server stopped during the broadcast");

    uint64_t next;
    assert_ok(channel_create(run.dir, &(struct channel_settings){.title = TEXT("next")},
                             TEXT("key-3"), S(61), &next, &diag));
    assert_true(next > deleted);
    assert_ok(channel_start(run.dir, live, S(61), &diag));
    assert_true(channel_find(run.dir, live)->broadcast_id > broadcast_id);
    store_all(&run);
    run_end(&run);

    store_place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(next_run_finds_channels_and_closes_what_was_live),
    };
    return RUN_TESTS("channel_stored", tests);
}
