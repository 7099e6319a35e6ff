/*
 * What a channel is made with and how that is changed: title, keys, owner, limits of its own.
 */
#include "channel_world.h"
#include "support/test.h"

static void titles_and_keys_are_checked(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct diag diag = {0};
    char longest[STORE_TITLE_LEN_MAX + 1];
    uint64_t id;

    memset(longest, 'x', sizeof(longest));
    struct text fits = {longest, STORE_TITLE_LEN_MAX};
    struct text too_long = {longest, STORE_TITLE_LEN_MAX + 1};

    assert_ok(channel_create(world.dir, &(struct channel_settings){.title = fits}, TEXT("k1"), 0,
                             &id, &diag));
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = too_long}, TEXT("k2"),
                              0, &id, &diag),
               ERR_INVALID);
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = TEXT("")}, TEXT("k2"),
                              0, &id, &diag),
               ERR_INVALID);
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = TEXT("\xff")},
                              TEXT("k2"), 0, &id, &diag),
               ERR_INVALID);
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = TEXT("two\nlines")},
                              TEXT("k2"), 0, &id, &diag),
               ERR_INVALID);
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = TEXT("t")}, TEXT(""),
                              0, &id, &diag),
               ERR_INVALID);
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = TEXT("t")}, TEXT("k1"),
                              0, &id, &diag),
               ERR_CONFLICT);
    world_deinit(&world);
}

static void new_key_closes_who_publishes_with_the_old_one(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct publish_answer answer;
    struct diag diag = {0};

    assert_ok(channel_set_key(world.dir, id, TEXT("key-new"), S(20), &diag));
    assert_null(channel_find_by_key(world.dir, TEXT("key-a")));
    assert_int_equal(channel_find_by_key(world.dir, TEXT("key-new"))->id, id);
    assert_int_equal(world.kick_count, 1);
    assert_int_equal(world.kicked[0], 100);
    assert_int_equal(state_of(&world, id), RELAY_RECONNECTING);
    assert_true(secret_equals(&last_change(&world)->channel.stream_key, TEXT("key-new")));

    channel_on_publisher_resumed(world.dir, id, 100, S(21)); /* it may not come back */
    assert_int_equal(channel_find(world.dir, id)->session_id, 0);
    assert_err(publish(&world, "key-a", 101, INGEST_RTMP, S(21), &answer, &diag), ERR_DENIED);
    assert_int_equal(publish_ok(&world, "key-new", 102, S(22)).broadcast_id, 1);
    channel_on_media(world.dir, id, 102, S(23));
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    world_deinit(&world);
}

static void host_that_leaves_may_come_back(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct diag diag = {0};

    assert_ok(channel_leave(world.dir, id, "the host left", S(20), &diag));
    assert_int_equal(world.kicked[0], 100);
    assert_int_equal(state_of(&world, id), RELAY_RECONNECTING);
    assert_string_equal(channel_find(world.dir, id)->reason, "the host left");
    assert_ok(channel_leave(world.dir, id, "the host left", S(21), &diag)); /* nobody is there */
    assert_int_equal(world.kick_count, 1);
    assert_int_equal(publish_ok(&world, "key-a", 101, S(22)).broadcast_id, 1);
    assert_err(channel_leave(world.dir, 4711, "the host left", S(23), &diag), ERR_NOT_FOUND);
    world_deinit(&world);
}

static void settings_are_kept_changed_and_checked(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct channel_settings settings = {.title = TEXT("Hats"),
                                        .host_user_id =
                                            TEXT("0199a1b2-0000-7000-8000-000000000001"),
                                        .stream_mode = STREAM_MODE_WEBRTC_ONLY,
                                        .max_duration_s = 600};
    struct diag diag = {0};
    uint64_t id;

    assert_ok(channel_create(world.dir, &settings, TEXT("key-a"), S(1), &id, &diag));
    const struct channel_row *row = &last_change(&world)->channel;
    assert_string_equal(row->title, "Hats");
    assert_string_equal(row->host_user_id, "0199a1b2-0000-7000-8000-000000000001");
    assert_string_equal(row->stream_mode, "webrtc-only");
    assert_int_equal(row->max_duration_s, 600);

    settings = (struct channel_settings){.title = TEXT("Shoes"), .has_title = true};
    assert_ok(channel_update(world.dir, id, &settings, S(2), &diag));
    row = &last_change(&world)->channel;
    assert_string_equal(row->title, "Shoes");
    assert_string_equal(row->stream_mode, "webrtc-only"); /* what is not given stays */
    assert_int_equal(row->max_duration_s, 600);
    settings = (struct channel_settings){.has_host_user_id = true,
                                         .stream_mode = STREAM_MODE_HYBRID,
                                         .has_stream_mode = true,
                                         .has_max_duration = true};
    assert_ok(channel_update(world.dir, id, &settings, S(3), &diag));
    row = &last_change(&world)->channel;
    assert_string_equal(row->host_user_id, "");
    assert_string_equal(row->stream_mode, "hybrid");
    assert_int_equal(row->max_duration_s, 0);

    size_t changes = world.change_count;
    static const uint32_t wrong[] = {1, CHANNEL_DURATION_S_MIN - 1, CHANNEL_DURATION_S_MAX + 1};
    for (size_t i = 0; i < 3; i++) {
        settings = (struct channel_settings){.max_duration_s = wrong[i], .has_max_duration = true};
        assert_err(channel_update(world.dir, id, &settings, S(4), &diag), ERR_INVALID);
    }
    settings = (struct channel_settings){.has_title = true};
    assert_err(channel_update(world.dir, id, &settings, S(4), &diag), ERR_INVALID);
    assert_err(channel_update(world.dir, 4711, &settings, S(4), &diag), ERR_NOT_FOUND);
    assert_int_equal(world.change_count, changes);
    world_deinit(&world);
}

static void channel_has_a_maximum_length_of_its_own(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world); /* since second 10 */
    struct channel_settings settings = {.max_duration_s = 100, .has_max_duration = true};
    struct diag diag = {0};

    assert_ok(channel_update(world.dir, id, &settings, S(20), &diag));
    channel_directory_on_time(world.dir, S(109));
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    assert_int_equal(channel_directory_deadline_us(world.dir), S(110));
    channel_directory_on_time(world.dir, S(110));
    assert_int_equal(state_of(&world, id), RELAY_STOPPING);
    assert_string_equal(channel_find(world.dir, id)->reason,
                        "the maximum length of a broadcast is reached");
    assert_ok(channel_update(world.dir, id, &settings, S(111), &diag)); /* it still ends */
    channel_on_media_stopped(world.dir, id, 1, S(111));
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);

    settings.max_duration_s = 7300; /* longer than the server's, too */
    assert_ok(channel_update(world.dir, id, &settings, S(112), &diag));
    assert_ok(channel_start(world.dir, id, S(200), &diag));
    (void)publish_ok(&world, "key-a", 101, S(200));
    channel_on_media(world.dir, id, 101, S(201));
    channel_directory_on_time(world.dir, S(200 + 7299));
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    channel_directory_on_time(world.dir, S(200 + 7300));
    assert_int_equal(state_of(&world, id), RELAY_STOPPING);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(titles_and_keys_are_checked),
        TEST_CASE(new_key_closes_who_publishes_with_the_old_one),
        TEST_CASE(host_that_leaves_may_come_back),
        TEST_CASE(settings_are_kept_changed_and_checked),
        TEST_CASE(channel_has_a_maximum_length_of_its_own),
    };
    return RUN_TESTS("channel_settings", tests);
}
