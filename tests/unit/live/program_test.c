#include "live/program.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "live/live_private.h"
#include "media/sample.h"
#include "support/test.h"
#include "unit/hls/feed.h"

/* What the live layer told, and a publisher without a protocol. */
struct stage {
    struct loop *loop;
    struct live *live;
    uint64_t asked_session;
    int media_count;
    int lost_count;
    int stopped_count;
    int failed_count;
    char reason[LIVE_SENTENCE_MAX + 1];
    struct hls_snapshot *snapshot;
    int gone_count;
};

struct fake {
    struct live_session session;
    int accepted;
    int refused;
    int ended;
};

static void on_publish(void *ctx, const struct live_publish *request)
{
    ((struct stage *)ctx)->asked_session = request->session_id;
}

static void on_media(void *ctx, uint64_t channel_id, uint64_t session_id)
{
    (void)channel_id;
    (void)session_id;
    ((struct stage *)ctx)->media_count++;
}

static void on_lost(void *ctx, uint64_t channel_id, uint64_t session_id, const char *reason)
{
    (void)channel_id;
    (void)session_id;
    (void)reason;
    ((struct stage *)ctx)->lost_count++;
}

static void on_resumed(void *ctx, uint64_t channel_id, uint64_t session_id)
{
    (void)ctx;
    (void)channel_id;
    (void)session_id;
}

static void on_failed(void *ctx, uint64_t channel_id, uint64_t session_id, const char *reason)
{
    struct stage *stage = ctx;

    (void)channel_id;
    (void)session_id;
    stage->failed_count++;
    (void)snprintf(stage->reason, sizeof(stage->reason), "%s", reason);
}

static void on_stopped(void *ctx, uint64_t channel_id, uint64_t broadcast_id)
{
    (void)channel_id;
    (void)broadcast_id;
    ((struct stage *)ctx)->stopped_count++;
}

static void on_stats(void *ctx, uint64_t channel_id, uint64_t session_id,
                     const struct live_stats *stats)
{
    (void)ctx;
    (void)channel_id;
    (void)session_id;
    (void)stats;
}

static void on_snapshot(void *ctx, uint64_t channel_id, uint64_t broadcast_id,
                        const struct hls_snapshot *snapshot)
{
    struct stage *stage = ctx;

    (void)channel_id;
    assert_true(broadcast_id != 0);
    hls_snapshot_unref(stage->snapshot);
    stage->snapshot = snapshot ? hls_snapshot_ref(snapshot) : NULL;
    stage->gone_count += !snapshot;
}

static void on_whip_answer(void *ctx, uint64_t request_id, const struct live_whip_answer *answer)
{
    (void)ctx;
    (void)request_id;
    (void)answer;
}

static const struct live_handler handler = {
    on_publish, on_media, on_lost,     on_resumed,     on_failed,
    on_stopped, on_stats, on_snapshot, on_whip_answer,
};

static void fake_accept(struct live_session *session)
{
    CONTAINER_OF(session, struct fake, session)->accepted++;
}

static void fake_refuse(struct live_session *session, enum err err, const char *sentence)
{
    (void)err;
    (void)sentence;
    CONTAINER_OF(session, struct fake, session)->refused++;
}

static void fake_end(struct live_session *session, const char *sentence)
{
    (void)sentence;
    CONTAINER_OF(session, struct fake, session)->ended++;
}

static void fake_stats(struct live_session *session, struct live_stats *stats)
{
    (void)session;
    (void)stats;
}

static const struct session_ops fake_ops = {
    .accept = fake_accept,
    .refuse = fake_refuse,
    .end = fake_end,
    .stats = fake_stats,
};

static void open_stage(struct stage *stage)
{
    static const struct live_config config = {
        .worker_path = "/nonexistent/stoa-worker",
        .epoch_prefix = "e",
        .sessions_max = 4,
        .sessions_per_address_max = 2,
    };
    struct diag diag = {0};

    *stage = (struct stage){0};
    assert_ok(loop_create("test", &stage->loop));
    assert_ok(live_create(stage->loop, &config, &handler, stage, &diag, &stage->live));
}

static void on_destroyed(void *ctx)
{
    loop_stop(((struct stage *)ctx)->loop);
}

static void close_stage(struct stage *stage)
{
    live_destroy(stage->live, on_destroyed, stage);
    loop_run(stage->loop);
    hls_snapshot_unref(stage->snapshot);
    loop_destroy(stage->loop);
}

static void connect_fake(struct stage *stage, struct fake *fake)
{
    struct net_address peer;
    struct diag diag = {0};

    *fake = (struct fake){0};
    assert_ok(net_parse(TEXT("127.0.0.1:5000"), &peer));
    assert_ok(session_init(&fake->session, stage->live, &fake_ops, LIVE_RTMP, &peer, &diag));
    session_ask(&fake->session, 0, TEXT("key"));
    assert_int_equal(stage->asked_session, fake->session.id);
}

static void announce(struct fake *fake, const char *tracks)
{
    struct diag diag = {0};

    if (strchr(tracks, 'v'))
        assert_true(session_on_format(&fake->session, feed_h264(feed_avcc_720p), &diag));
    if (strchr(tracks, 'a'))
        assert_true(session_on_format(&fake->session, feed_aac(48000, 2), &diag));
}

static bool send_sample(struct fake *fake, enum media_kind kind, bool is_keyframe, int64_t dts_us)
{
    struct sample *sample = sample_create(kind, slice_take(buf_copy("abcdefgh", 8)));
    struct diag diag = {0};

    sample->is_keyframe = is_keyframe;
    sample->dts_us = sample->pts_us = dts_us;
    return session_on_sample(&fake->session, sample, &diag);
}

/* A second of 25 fps and its sound, from a source time. */
static void send_second(struct fake *fake, int64_t from_us)
{
    for (int64_t i = 0; i < 25; i++) {
        assert_true(send_sample(fake, MEDIA_VIDEO, i == 0, from_us + i * 40000));
        assert_true(send_sample(fake, MEDIA_AUDIO, true, from_us + i * 40000));
        assert_true(send_sample(fake, MEDIA_AUDIO, true, from_us + i * 40000 + 21333));
    }
}

static void accepted_publisher_is_packaged(void **state)
{
    (void)state;
    struct stage stage;
    struct fake fake;

    open_stage(&stage);
    connect_fake(&stage, &fake);
    live_accept(stage.live, fake.session.id, 7, 1, false);
    assert_int_equal(fake.accepted, 1);
    announce(&fake, "va");
    send_second(&fake, 90 * US_PER_S);
    assert_int_equal(stage.media_count, 1);
    assert_non_null(stage.snapshot);
    assert_true(text_contains(buf_text(stage.snapshot->multivariant), TEXT("mp4a.40.2")));
    session_on_lost(&fake.session, "gone");
    assert_int_equal(stage.lost_count, 1);
    session_deinit(&fake.session);
    close_stage(&stage);
}

static void returning_publisher_goes_on_behind_a_discontinuity(void **state)
{
    (void)state;
    struct stage stage;
    struct fake first, second;

    open_stage(&stage);
    connect_fake(&stage, &first);
    live_accept(stage.live, first.session.id, 7, 1, false);
    announce(&first, "va");
    send_second(&first, 90 * US_PER_S);
    session_on_lost(&first.session, NULL);
    session_deinit(&first.session);

    connect_fake(&stage, &second);
    live_accept(stage.live, second.session.id, 7, 1, true);
    announce(&second, "va");
    send_second(&second, 5 * US_PER_S);
    assert_int_equal(stage.media_count, 2);
    assert_true(text_contains(buf_text(stage.snapshot->playlist), TEXT("#EXT-X-DISCONTINUITY\n")));
    session_deinit(&second.session);
    close_stage(&stage);
}

static void video_waits_for_its_sound_only_a_moment(void **state)
{
    (void)state;
    struct stage stage;
    struct fake fake;

    open_stage(&stage);
    connect_fake(&stage, &fake);
    live_accept(stage.live, fake.session.id, 7, 1, false);
    announce(&fake, "v");
    for (int64_t i = 0; i < 25; i++)
        assert_true(send_sample(&fake, MEDIA_VIDEO, i == 0, i * 40000));
    assert_null(stage.snapshot); /* all of it came within a millisecond */
    assert_int_equal(fake.session.program->waiting_count, 25);
    announce(&fake, "a");
    assert_non_null(stage.snapshot);
    assert_int_equal(fake.session.program->waiting_count, 0);
    session_deinit(&fake.session);
    close_stage(&stage);
}

static void newer_publisher_replaces_the_old_one(void **state)
{
    (void)state;
    struct stage stage;
    struct fake first, second;

    open_stage(&stage);
    connect_fake(&stage, &first);
    live_accept(stage.live, first.session.id, 7, 1, false);
    announce(&first, "va");
    connect_fake(&stage, &second);
    live_accept(stage.live, second.session.id, 7, 1, true);
    assert_int_equal(first.ended, 1);
    assert_false(send_sample(&first, MEDIA_VIDEO, true, 0)); /* what it still sends goes nowhere */
    announce(&second, "va");
    send_second(&second, 0);
    assert_int_equal(stage.media_count, 1);
    session_deinit(&first.session);
    session_deinit(&second.session);
    close_stage(&stage);
}

static void stopped_broadcast_has_its_end(void **state)
{
    (void)state;
    struct stage stage;
    struct fake fake;

    open_stage(&stage);
    connect_fake(&stage, &fake);
    live_accept(stage.live, fake.session.id, 7, 1, false);
    announce(&fake, "va");
    send_second(&fake, 0);
    live_stop(stage.live, 7, 1);
    assert_int_equal(stage.stopped_count, 1);
    assert_int_equal(fake.ended, 1);
    assert_true(stage.snapshot->is_ended);
    live_stop(stage.live, 8, 1); /* nothing there: still confirmed */
    assert_int_equal(stage.stopped_count, 2);
    session_deinit(&fake.session);

    struct fake next; /* a new broadcast takes the place of the one that is served to its end */
    connect_fake(&stage, &next);
    live_accept(stage.live, next.session.id, 7, 2, false);
    announce(&next, "va");
    send_second(&next, 0);
    assert_false(stage.snapshot->is_ended);
    session_deinit(&next.session);
    close_stage(&stage);
}

static void refused_and_kicked_publishers_are_told(void **state)
{
    (void)state;
    struct stage stage;
    struct fake refused, kicked;

    open_stage(&stage);
    connect_fake(&stage, &refused);
    live_refuse(stage.live, refused.session.id, ERR_DENIED, "no");
    live_refuse(stage.live, refused.session.id, ERR_DENIED, "no");
    assert_int_equal(refused.refused, 1);
    connect_fake(&stage, &kicked);
    live_accept(stage.live, kicked.session.id, 7, 1, false);
    live_kick(stage.live, kicked.session.id, "out");
    live_kick(stage.live, kicked.session.id, "out");
    assert_int_equal(kicked.ended, 1);
    assert_int_equal(stage.lost_count, 0);
    session_deinit(&refused.session);
    session_deinit(&kicked.session);
    close_stage(&stage);
}

static void broken_format_fails_with_a_sentence(void **state)
{
    (void)state;
    struct stage stage;
    struct fake fake;
    struct diag diag = {0};

    open_stage(&stage);
    connect_fake(&stage, &fake);
    live_accept(stage.live, fake.session.id, 7, 1, false);
    struct format *broken = format_create(CODEC_H264, buf_copy("\x01\x42", 2));
    assert_false(session_on_format(&fake.session, broken, &diag));
    assert_int_equal(stage.failed_count, 1);
    assert_true(stage.reason[0] != '\0');
    session_deinit(&fake.session);
    close_stage(&stage);
}

static void strangers_have_a_limit_per_address(void **state)
{
    (void)state;
    struct stage stage;
    struct live_session sessions[3];
    struct net_address peer;
    struct diag diag = {0};

    open_stage(&stage);
    assert_ok(net_parse(TEXT("192.0.2.1:5000"), &peer));
    for (int i = 0; i < 2; i++)
        assert_ok(session_init(&sessions[i], stage.live, &fake_ops, LIVE_RTMP, &peer, &diag));
    assert_err(session_init(&sessions[2], stage.live, &fake_ops, LIVE_RTMP, &peer, &diag),
               ERR_LIMIT);
    for (int i = 0; i < 2; i++)
        session_deinit(&sessions[i]);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(accepted_publisher_is_packaged),
        TEST_CASE(returning_publisher_goes_on_behind_a_discontinuity),
        TEST_CASE(video_waits_for_its_sound_only_a_moment),
        TEST_CASE(newer_publisher_replaces_the_old_one),
        TEST_CASE(stopped_broadcast_has_its_end),
        TEST_CASE(refused_and_kicked_publishers_are_told),
        TEST_CASE(broken_format_fails_with_a_sentence),
        TEST_CASE(strangers_have_a_limit_per_address),
    };
    return RUN_TESTS("live_program", tests);
}
