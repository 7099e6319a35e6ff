#include "base/writer.h"
#include "channel_world.h"
#include "support/test.h"

static void whole_broadcast_is_stored_told_and_counted(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct diag diag = {0};

    assert_int_equal(world.change_count, 3); /* created, starting, active */
    assert_int_equal(world.changes[1].broadcast_op, STORE_BROADCAST_START);
    assert_int_equal(world.changes[1].broadcast.id, 1);
    assert_string_equal(world.changes[1].channel.relay_status, "starting");
    assert_true(world.changes[1].channel.is_active);
    assert_string_equal(world.changes[2].channel.relay_status, "active");
    channel_on_viewers(world.dir, id, 2, 40, S(20));
    channel_on_viewers(world.dir, id, 1, 10, S(30));

    assert_ok(channel_end(world.dir, id, "ended by the seller", S(60), &diag));
    assert_int_equal(state_of(&world, id), RELAY_STOPPING);
    assert_int_equal(world.kick_count, 1);
    assert_int_equal(world.kicked[0], 100);
    assert_string_equal(world.kick_reason, "ended by the seller");
    assert_int_equal(world.stop_count, 1);
    assert_int_equal(world.stopped_broadcasts[0], 1);
    channel_on_media_stopped(world.dir, id, 1, S(61));

    const struct store_change *end = last_change(&world);
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);
    assert_int_equal(end->broadcast_op, STORE_BROADCAST_END);
    assert_int_equal(end->broadcast.id, 1);
    assert_int_equal(end->broadcast.peak_viewers, 42);
    assert_int_equal(end->broadcast.ended_at_us, WALL_OFFSET + S(61));
    assert_string_equal(end->broadcast.end_reason, "ended by the seller");
    assert_false(end->channel.is_active);
    assert_string_equal(end->channel.relay_status, "stopped");
    assert_int_equal(channel_find(world.dir, id)->hls_viewers, 0);
    assert_int_equal(channel_directory_live_count(world.dir), 0);
    world_deinit(&world);
}

static void change_is_told_after_it_is_stored_and_not_before(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    (void)create(&world, "key-a");

    assert_int_equal(world.event_count, 0);
    assert_int_equal(channel_directory_ticket(world.dir), world.changes[0].ticket);
    confirm_all(&world);
    assert_int_equal(world.event_count, 1);
    assert_int_equal(world.events[0].kind, CHANNEL_CREATED);
    assert_true(world.events[0].is_stored);

    struct diag diag = {0};
    assert_ok(channel_start(world.dir, 1, S(5), &diag));
    confirm_all(&world);
    assert_int_equal(world.events[1].kind, CHANNEL_STATE);
    assert_int_equal(world.events[1].from, RELAY_IDLE);
    assert_int_equal(world.events[1].to, RELAY_STARTING);
    assert_string_equal(world.events[1].reason, "started, waiting for the seller");
    world_deinit(&world);
}

static void full_disk_does_not_end_a_broadcast(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct diag diag = {.message = "database: the disk is full"};

    channel_directory_on_stored(world.dir, &world.changes[2], ERR_IO, &diag);
    const struct channel_event *event = &world.events[world.event_count - 1];
    assert_false(event->is_stored);
    assert_string_equal(event->store_error, "database: the disk is full");
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    world_deinit(&world);
}

static void unstored_creation_and_deletion_are_taken_back(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t first = create(&world, "key-a");
    uint64_t second = create(&world, "key-b");
    struct diag diag = {0};

    channel_directory_on_stored(world.dir, &world.changes[1], ERR_IO, &diag);
    assert_null(channel_find(world.dir, second));
    assert_null(channel_find_by_key(world.dir, TEXT("key-b")));

    uint64_t third = create(&world, "key-c");
    assert_int_equal(third, 3); /* a number is not given twice */
    assert_ok(channel_delete(world.dir, first, S(3), &diag));
    assert_null(channel_find(world.dir, first));
    struct store_change deletion = *last_change(&world);
    channel_directory_on_stored(world.dir, &deletion, ERR_IO, &diag);
    assert_ptr_equal(channel_find(world.dir, first), channel_directory_at(world.dir, 0));
    assert_int_equal(channel_directory_at(world.dir, 1)->id, third);
    assert_ptr_equal(channel_find_by_key(world.dir, TEXT("key-a")), channel_find(world.dir, first));
    world_deinit(&world);
}

static void wrong_key_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    (void)create(&world, "key-a");
    uint64_t other = create(&world, "key-b");
    struct publish_answer answer;
    struct diag diag = {0};

    assert_err(publish(&world, "key-x", 1, INGEST_RTMP, S(2), &answer, &diag), ERR_DENIED);
    assert_text(text_of(diag.message), "This stream key is not known. Copy it again from the "
                                       "studio.");
    assert_err(publish(&world, "", 1, INGEST_RTMP, S(2), &answer, &diag), ERR_DENIED);

    const struct publish_request request = {
        .stream_key = TEXT("key-a"), .channel_id = other, .session_id = 1, .ingest = INGEST_WHIP};
    assert_err(channel_publish(world.dir, &request, S(2), &answer, &diag), ERR_DENIED);
    assert_int_equal(state_of(&world, other), RELAY_IDLE);
    world_deinit(&world);
}

static void second_publisher_is_refused_while_the_first_one_sends(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct publish_answer answer;
    struct diag diag = {0};

    send_packet_time(&world, id, 100, S(20));
    assert_err(publish(&world, "key-a", 200, INGEST_WHIP, S(23), &answer, &diag), ERR_CONFLICT);
    assert_text(text_of(diag.message),
                "This channel is already live from RTMP. End that broadcast first.");
    assert_int_equal(world.kick_count, 0);
    assert_int_equal(channel_find(world.dir, id)->session_id, 100);
    world_deinit(&world);
}

static void end_by_hand(struct world *world, uint64_t id, int64_t now_us)
{
    struct diag diag = {0};

    assert_ok(channel_end(world->dir, id, "the seller ended it", now_us, &diag));
    channel_on_media_stopped(world->dir, id, channel_find(world->dir, id)->broadcast_id, now_us);
}

static void encoder_that_connects_again_by_itself_does_not_undo_the_end(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct publish_answer answer;
    struct diag diag = {0};

    end_by_hand(&world, id, S(20));
    assert_err(publish(&world, "key-a", 200, INGEST_RTMP, S(22), &answer, &diag), ERR_CONFLICT);
    assert_true(text_contains(text_of(diag.message), TEXT("was just ended")));
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);
    /* a person who goes live again, by start or in the browser, does not wait */
    assert_ok(publish(&world, "key-a", 300, INGEST_WHIP, S(23), &answer, &diag));
    end_by_hand(&world, id, S(24));
    assert_ok(channel_start(world.dir, id, S(25), &diag));
    assert_ok(publish(&world, "key-a", 400, INGEST_RTMP, S(26), &answer, &diag));
    end_by_hand(&world, id, S(27));
    assert_ok(publish(&world, "key-a", 500, INGEST_RTMP, S(43), &answer, &diag));
    world_deinit(&world);
}

/* OBS, whose broadcast was ended in the studio, tries 25 times and waits half as long again each
 * time. A refusal does not stop it, only a person does. */
static void encoder_that_pauses_longer_each_time_does_not_undo_the_end(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct publish_answer answer;
    struct diag diag = {0};
    int64_t now_us = S(20);
    int64_t pause_us = S(2);

    end_by_hand(&world, id, now_us);
    for (uint64_t session_id = 200; session_id < 225; session_id++) {
        now_us += pause_us;
        assert_err(publish(&world, "key-a", session_id, INGEST_RTMP, now_us, &answer, &diag),
                   ERR_CONFLICT);
        pause_us += pause_us / 2;
        if (pause_us > S(900))
            pause_us = S(900);
    }
    assert_text(text_of(diag.message), "This broadcast was just ended. To go live again, stop the "
                                       "encoder and start it after 1800 seconds.");
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);
    assert_ok(publish(&world, "key-a", 300, INGEST_RTMP, now_us + S(1800), &answer, &diag));
    world_deinit(&world);
}

/* Hardware encoders and loops around ffmpeg try at an even pace. */
static void encoder_that_tries_at_an_even_pace_does_not_undo_the_end(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct publish_answer answer;
    struct diag diag = {0};
    int64_t now_us = S(20);

    end_by_hand(&world, id, now_us);
    for (uint64_t session_id = 200; session_id < 300; session_id++) {
        now_us += S(1);
        assert_err(publish(&world, "key-a", session_id, INGEST_RTMP, now_us, &answer, &diag),
                   ERR_CONFLICT);
    }
    assert_text(text_of(diag.message), "This broadcast was just ended. To go live again, stop the "
                                       "encoder and start it after 15 seconds.");
    assert_ok(publish(&world, "key-a", 300, INGEST_RTMP, now_us + S(15), &answer, &diag));
    world_deinit(&world);
}

static void silent_publisher_is_taken_over(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct publish_answer answer;
    struct diag diag = {0};

    send_packet_time(&world, id, 100, S(20));
    assert_ok(publish(&world, "key-a", 200, INGEST_WHIP, S(23) + 1, &answer, &diag));
    assert_int_equal(answer.channel_id, id);
    assert_int_equal(answer.broadcast_id, 1); /* the same broadcast goes on */
    assert_true(answer.is_resumed);
    assert_int_equal(answer.replaced_session_id, 100);
    assert_int_equal(world.kicked[0], 100);
    assert_int_equal(state_of(&world, id), RELAY_RECONNECTING);

    channel_on_publisher_lost(world.dir, id, 100, "late news of the old one", S(24));
    channel_on_media(world.dir, id, 100, S(24));
    assert_int_equal(state_of(&world, id), RELAY_RECONNECTING);
    channel_on_media(world.dir, id, 200, S(25));
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    assert_int_equal(channel_find(world.dir, id)->ingest, INGEST_WHIP);
    world_deinit(&world);
}

static void returning_publisher_continues_the_broadcast(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);

    channel_on_publisher_lost(world.dir, id, 100, "connection reset", S(20));
    assert_int_equal(state_of(&world, id), RELAY_RECONNECTING);
    assert_string_equal(last_change(&world)->note, "connection reset");
    assert_int_equal(channel_directory_deadline_us(world.dir), S(40)); /* of the start: early */

    struct publish_answer answer = publish_ok(&world, "key-a", 101, S(45));
    assert_int_equal(answer.broadcast_id, 1);
    assert_true(answer.is_resumed);
    channel_on_media(world.dir, id, 101, S(46));
    channel_directory_on_time(world.dir, S(300));
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    world_deinit(&world);
}

static void lost_session_resumes_unless_somebody_else_came(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);

    channel_on_publisher_lost(world.dir, id, 100, "silent", S(20));
    channel_on_publisher_resumed(world.dir, id, 999, S(21)); /* not the one that was lost */
    assert_int_equal(channel_find(world.dir, id)->session_id, 0);
    channel_on_publisher_resumed(world.dir, id, 100, S(21));
    channel_on_media(world.dir, id, 100, S(22));
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);

    channel_on_publisher_lost(world.dir, id, 100, "silent", S(30));
    struct publish_answer answer = publish_ok(&world, "key-a", 101, S(31));
    assert_int_equal(answer.replaced_session_id, 100);
    channel_on_publisher_resumed(world.dir, id, 100, S(32));
    assert_int_equal(channel_find(world.dir, id)->session_id, 101);
    world_deinit(&world);
}

static void start_without_media_ends_in_error_after_thirty_seconds(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = create(&world, "key-a");
    struct diag diag = {0};

    assert_ok(channel_start(world.dir, id, S(10), &diag));
    assert_int_equal(channel_directory_deadline_us(world.dir), S(40));
    channel_directory_on_time(world.dir, S(40) - 1);
    assert_int_equal(state_of(&world, id), RELAY_STARTING);
    channel_directory_on_time(world.dir, S(40));
    assert_int_equal(state_of(&world, id), RELAY_ERROR);
    assert_string_equal(channel_find(world.dir, id)->reason, "timeout waiting for seller stream");
    assert_string_equal(last_change(&world)->channel.relay_error,
                        "timeout waiting for seller stream");
    assert_int_equal(last_change(&world)->broadcast_op, STORE_BROADCAST_END);
    assert_int_equal(world.stop_count, 0); /* no media ever came */
    assert_int_equal(channel_directory_deadline_us(world.dir), INT64_MAX);

    assert_ok(channel_start(world.dir, id, S(50), &diag)); /* retry */
    assert_int_equal(state_of(&world, id), RELAY_STARTING);
    assert_int_equal(last_change(&world)->broadcast.id, 2);
    world_deinit(&world);
}

static void publisher_without_a_picture_is_told_so(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = create(&world, "key-a");

    (void)publish_ok(&world, "key-a", 100, S(10));
    channel_directory_on_time(world.dir, S(40));
    assert_int_equal(state_of(&world, id), RELAY_ERROR);
    assert_int_equal(world.kicked[0], 100);
    assert_int_equal(world.stop_count, 1);
    assert_true(text_starts_with(text_of(world.kick_reason),
                                 TEXT("timeout waiting for seller stream: a publisher is")));
    world_deinit(&world);
}

static void publishers_without_media_extend_the_wait_only_once_over(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = create(&world, "key-a");

    for (uint64_t i = 0; i < 6; i++) {
        int64_t now_us = S(10) + (int64_t)i * S(10);
        (void)publish_ok(&world, "key-a", 100 + i, now_us);
        channel_on_publisher_lost(world.dir, id, 100 + i, "reset", now_us + S(1));
        channel_directory_on_time(world.dir, now_us + S(2));
        assert_int_equal(state_of(&world, id), RELAY_STARTING);
    }
    channel_directory_on_time(world.dir, S(70));
    assert_int_equal(state_of(&world, id), RELAY_ERROR);
    world_deinit(&world);
}

static void seller_who_stays_away_ends_the_broadcast(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);

    channel_on_publisher_lost(world.dir, id, 100, NULL, S(20));
    channel_directory_on_time(world.dir, S(50) - 1);
    assert_int_equal(state_of(&world, id), RELAY_RECONNECTING);
    channel_directory_on_time(world.dir, S(50));
    assert_int_equal(state_of(&world, id), RELAY_STOPPING);
    assert_int_equal(world.stop_count, 1);

    struct publish_answer answer;
    struct diag diag = {0};
    assert_err(publish(&world, "key-a", 300, INGEST_RTMP, S(51), &answer, &diag), ERR_CONFLICT);
    channel_directory_on_time(world.dir, S(60)); /* media_stopped never comes */
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);
    assert_string_equal(last_change(&world)->broadcast.end_reason, "the seller did not come back");
    world_deinit(&world);
}

static void broadcast_has_a_maximum_length(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);

    channel_directory_on_time(world.dir, S(10 + 7200) - 1);
    assert_int_equal(state_of(&world, id), RELAY_ACTIVE);
    assert_int_equal(channel_directory_deadline_us(world.dir), S(10 + 7200));
    channel_directory_on_time(world.dir, S(10 + 7200));
    assert_int_equal(state_of(&world, id), RELAY_STOPPING);
    assert_string_equal(channel_find(world.dir, id)->reason,
                        "the maximum length of a broadcast is reached");
    world_deinit(&world);
}

static void end_of_a_start_that_nobody_followed_is_immediate(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = create(&world, "key-a");
    struct diag diag = {0};

    assert_ok(channel_start(world.dir, id, S(1), &diag));
    assert_ok(channel_end(world.dir, id, "ended", S(2), &diag));
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);
    assert_int_equal(world.stop_count, 0);
    assert_ok(channel_end(world.dir, id, "ended", S(3), &diag)); /* twice is no error */
    world_deinit(&world);
}

static void late_answer_of_an_older_broadcast_stops_nothing(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct diag diag = {0};

    assert_ok(channel_end(world.dir, id, "ended", S(20), &diag));
    channel_directory_on_time(world.dir, S(30));
    (void)publish_ok(&world, "key-a", 101, S(36));
    assert_ok(channel_end(world.dir, id, "ended", S(37), &diag));
    channel_on_media_stopped(world.dir, id, 1, S(38));
    assert_int_equal(state_of(&world, id), RELAY_STOPPING);
    channel_on_media_stopped(world.dir, id, 2, S(39));
    assert_int_equal(state_of(&world, id), RELAY_STOPPED);
    world_deinit(&world);
}

static void live_channel_can_neither_start_nor_be_deleted(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct diag diag = {0};
    size_t changes = world.change_count;

    assert_err(channel_start(world.dir, id, S(20), &diag), ERR_CONFLICT);
    assert_text(text_of(diag.message), "This channel is already live. End that broadcast first.");
    assert_err(channel_delete(world.dir, id, S(20), &diag), ERR_CONFLICT);
    assert_err(channel_start(world.dir, 77, S(20), &diag), ERR_NOT_FOUND);
    assert_text(text_of(diag.message), "Channel 77 not found");
    assert_int_equal(world.change_count, changes);
    world_deinit(&world);
}

static void unplayable_media_ends_in_error_with_its_reason(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);

    channel_on_media_failed(world.dir, id, 100, "VP8 cannot be played over HLS", S(12));
    assert_int_equal(state_of(&world, id), RELAY_ERROR);
    assert_string_equal(channel_find(world.dir, id)->reason, "VP8 cannot be played over HLS");
    assert_int_equal(world.kicked[0], 100);
    assert_int_equal(world.stop_count, 1);
    world_deinit(&world);
}

static void broadcasts_at_the_same_time_are_limited(void **state)
{
    (void)state;
    struct world world;
    struct channel_limits limits = channel_limits_default();
    limits.live_max = 1;
    limits.channels_max = 2;
    world_init_with(&world, &limits);
    struct publish_answer answer;
    struct diag diag = {0};
    uint64_t id = go_live(&world);
    (void)create(&world, "key-b");

    assert_err(publish(&world, "key-b", 7, INGEST_RTMP, S(20), &answer, &diag), ERR_LIMIT);
    assert_err(channel_start(world.dir, 2, S(20), &diag), ERR_LIMIT);
    assert_err(channel_create(world.dir, &(struct channel_settings){.title = TEXT("t")},
                              TEXT("key-c"), 0, &id, &diag),
               ERR_LIMIT);
    world_deinit(&world);
}

static void what_a_crash_left_live_is_closed_as_stopped(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    int64_t started_us = WALL_OFFSET - S(600);
    struct channel_row rows[4] = {
        {.id = 2, .title = "idle", .created_at_us = 1},
        {.id = 5, .title = "live", .is_active = true, .relay_status = "active"},
        {.id = 6, .title = "failed", .relay_status = "error", .relay_error = "why"},
        {.id = 9, .title = "live long ago", .is_active = true, .relay_status = "reconnecting"},
    };
    rows[1].started_at_us = started_us;
    rows[1].open_broadcast_id = 17;
    rows[3].started_at_us = WALL_OFFSET - S(1000000);
    rows[3].open_broadcast_id = 18;
    const struct store_snapshot snapshot = {
        .channels = rows, .channel_count = 4, .next_channel_id = 12, .next_broadcast_id = 30};

    channel_directory_load(world.dir, &snapshot, S(5));
    assert_int_equal(channel_directory_count(world.dir), 4);
    assert_int_equal(world.change_count, 2);
    assert_int_equal(world.changes[0].channel.id, 5);
    assert_string_equal(world.changes[0].channel.relay_status, "stopped");
    assert_false(world.changes[0].channel.is_active);
    assert_int_equal(world.changes[0].broadcast_op, STORE_BROADCAST_END);
    assert_int_equal(world.changes[0].broadcast.id, 17);
    assert_int_equal(world.changes[0].broadcast.ended_at_us, WALL_OFFSET + S(5));
    assert_int_equal(world.changes[1].broadcast.ended_at_us,
                     WALL_OFFSET - S(1000000) + S(7200)); /* not days later */
    assert_int_equal(state_of(&world, 2), RELAY_IDLE);
    assert_int_equal(state_of(&world, 6), RELAY_ERROR);
    assert_string_equal(channel_find(world.dir, 6)->reason, "why");
    assert_int_equal(channel_directory_live_count(world.dir), 0);

    assert_int_equal(create(&world, "key-a"), 12);
    assert_int_equal(publish_ok(&world, "key-a", 1, S(6)).broadcast_id, 30);
    world_deinit(&world);
}

static void shutdown_ends_all_broadcasts_at_once(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t first = go_live(&world);
    uint64_t second = create(&world, "key-b");
    uint64_t third = create(&world, "key-c");
    struct diag diag = {0};

    (void)publish_ok(&world, "key-b", 200, S(12));
    assert_ok(channel_start(world.dir, third, S(13), &diag));
    channel_directory_end_all(world.dir, "the server is shutting down", S(20));
    assert_int_equal(state_of(&world, first), RELAY_STOPPING);
    assert_int_equal(state_of(&world, second), RELAY_STOPPING);
    assert_int_equal(state_of(&world, third), RELAY_STOPPED);
    assert_int_equal(channel_directory_live_count(world.dir), 2);
    channel_directory_on_time(world.dir, S(30));
    assert_int_equal(channel_directory_live_count(world.dir), 0);
    world_deinit(&world);
}

static void numbers_of_a_stranger_are_ignored(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct channel_stats stats = channel_stats_unknown();

    stats.bitrate_kbps = 1;
    channel_on_stats(world.dir, id, 999, &stats, S(12));
    channel_on_stats(world.dir, 4711, 100, &stats, S(12));
    assert_int_equal(channel_find(world.dir, id)->stats.bitrate_kbps, -1);
    stats.bitrate_kbps = 2500;
    channel_on_stats(world.dir, id, 100, &stats, S(12));
    assert_int_equal(channel_find(world.dir, id)->stats.bitrate_kbps, 2500);
    world_deinit(&world);
}

static void metrics_name_channels_and_never_keys(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    uint64_t id = go_live(&world);
    struct channel_stats stats = channel_stats_unknown();
    struct writer w = writer_growing(1 << 16);

    stats.last_packet_us = S(12);
    stats.has_video = stats.has_audio = true;
    stats.bitrate_kbps = 2500;
    stats.fps = 29.97;
    stats.keyframe_interval_ms = 2000;
    channel_on_stats(world.dir, id, 100, &stats, S(12));
    channel_on_viewers(world.dir, id, 1, 41, S(12));
    channel_write_metrics(world.dir, &w);

    struct text text = writer_as_text(&w);
    assert_false(w.failed);
    assert_true(text_contains(text, TEXT("\nstoa_channel_bitrate_bits_per_second{channel=\"1\"} "
                                         "2.5e+06\n")));
    assert_true(
        text_contains(text, TEXT("\nstoa_channel_frames_per_second{channel=\"1\"} 29.97\n")));
    assert_true(
        text_contains(text, TEXT("\nstoa_channel_viewers{channel=\"1\",protocol=\"hls\"} 41\n")));
    assert_true(text_contains(text, TEXT("\nstoa_channels{state=\"active\"} 1\n")));
    assert_true(text_contains(text, TEXT("# TYPE stoa_channel_part_delay_seconds gauge\n")));
    assert_false(text_contains(text, TEXT("stoa_channel_part_delay_seconds{"))); /* not known */
    assert_false(text_contains(text, TEXT("key-a")));
    assert_true(text_ends_with(text, TEXT("\n")));
    writer_deinit(&w);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(whole_broadcast_is_stored_told_and_counted),
        TEST_CASE(change_is_told_after_it_is_stored_and_not_before),
        TEST_CASE(full_disk_does_not_end_a_broadcast),
        TEST_CASE(unstored_creation_and_deletion_are_taken_back),
        TEST_CASE(wrong_key_is_refused_with_a_sentence),
        TEST_CASE(second_publisher_is_refused_while_the_first_one_sends),
        TEST_CASE(encoder_that_connects_again_by_itself_does_not_undo_the_end),
        TEST_CASE(encoder_that_pauses_longer_each_time_does_not_undo_the_end),
        TEST_CASE(encoder_that_tries_at_an_even_pace_does_not_undo_the_end),
        TEST_CASE(silent_publisher_is_taken_over),
        TEST_CASE(returning_publisher_continues_the_broadcast),
        TEST_CASE(lost_session_resumes_unless_somebody_else_came),
        TEST_CASE(start_without_media_ends_in_error_after_thirty_seconds),
        TEST_CASE(publisher_without_a_picture_is_told_so),
        TEST_CASE(publishers_without_media_extend_the_wait_only_once_over),
        TEST_CASE(seller_who_stays_away_ends_the_broadcast),
        TEST_CASE(broadcast_has_a_maximum_length),
        TEST_CASE(end_of_a_start_that_nobody_followed_is_immediate),
        TEST_CASE(late_answer_of_an_older_broadcast_stops_nothing),
        TEST_CASE(live_channel_can_neither_start_nor_be_deleted),
        TEST_CASE(unplayable_media_ends_in_error_with_its_reason),
        TEST_CASE(broadcasts_at_the_same_time_are_limited),
        TEST_CASE(what_a_crash_left_live_is_closed_as_stopped),
        TEST_CASE(shutdown_ends_all_broadcasts_at_once),
        TEST_CASE(numbers_of_a_stranger_are_ignored),
        TEST_CASE(metrics_name_channels_and_never_keys),
    };
    return RUN_TESTS("channel_channel", tests);
}
