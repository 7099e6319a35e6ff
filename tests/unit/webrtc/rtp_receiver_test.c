#include "webrtc/rtp_receiver.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/writer.h"
#include "support/test.h"
#include "unit/webrtc/rtp_sim.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp.h"

#define SPS_1080 "67640028acd940780227e5c044000003000400000300f03c60c658"

static struct sim sim;

static struct rtp_receiver_stats stats(void)
{
    struct rtp_receiver_stats stats;

    rtp_receiver_stats(sim.receiver, sim.now_us, &stats);
    return stats;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static void begin(void)
{
    sim_init(&sim);
}

static void a_clean_stream_gives_all_its_frames(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 10 * US_PER_S);
    assert_true(sim.video_count >= 299);
    assert_true(sim.audio_count >= 499);
    assert_int_equal(sim.format_count, 2);
    assert_int_equal(sim.width, 1280);
    assert_int_equal(sim.nack_count, 0);
    assert_int_equal(sim.notices, 0);
    assert_true(rtp_receiver_missed_at_us(sim.receiver) == INT64_MIN);

    struct rtp_receiver_stats s = stats();

    assert_int_equal(s.video.frames, sim.video_count);
    assert_int_equal(s.video.keyframes, sim.keyframe_count);
    assert_int_equal(s.video.lost, 0);
    assert_int_equal(s.video.duplicates, 0);
    assert_int_equal(s.malformed + s.unknown + s.ignored_reports, 0);
    assert_true(s.video.fps > 28 && s.video.fps < 32);
    assert_true(s.video.bitrate > 1900000 && s.video.bitrate < 2400000);
    assert_true(s.video.jitter_us < 1000);
    assert_true(s.video.loss == 0);
    assert_true(distance(s.rtt_us, 40000) < 25000); /* RRTR, DLRR; 20 ms each way, one way here */
    sim_deinit(&sim);
}

static void key_frames_are_asked_for_at_the_cadence(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 20 * US_PER_S);
    assert_in_range(sim.keyframe_count, 10, 11);
    /* To the frame, whatever the way to the sender and back takes. */
    assert_true(distance(stats().video.keyframe_interval_us, 2 * US_PER_S) < 35000);
    rtp_receiver_set_keyframe_interval(sim.receiver, 0);
    unsigned count = sim.keyframe_count;

    sim_run(&sim, 10 * US_PER_S);
    assert_true(sim.keyframe_count <= count + 1);
    rtp_receiver_request_keyframe(sim.receiver, sim.now_us);
    rtp_receiver_request_keyframe(sim.receiver, sim.now_us);
    count = sim.keyframe_count;
    sim_run(&sim, US_PER_S);
    assert_int_equal(sim.keyframe_count, count + 1);
    assert_true(sim.pli_gap_min_us >= US_PER_S);
    sim_deinit(&sim);
}

static void fir_is_sent_when_there_is_no_pli(void **state)
{
    (void)state;
    begin();
    sim.config.video.has_pli = false;
    sim.config.video.has_fir = true;
    sim_start(&sim);
    sim_run(&sim, 5 * US_PER_S);
    assert_int_equal(sim.pli_count, 0);
    assert_true(sim.fir_count >= 2);
    assert_true(sim.keyframe_count >= 2);
    sim_deinit(&sim);
}

static void a_stream_joined_in_the_middle_starts_with_a_key_frame(void **state)
{
    (void)state;
    begin();
    sim.wants_keyframe = false;
    sim_start(&sim);
    sim_run(&sim, 300000);
    assert_int_equal(sim.keyframe_count, 1);
    assert_int_equal(sim.pli_count, 1);
    assert_true(sim.video_count > 5);
    sim_deinit(&sim);
}

static void reordered_and_doubled_packets_change_nothing(void **state)
{
    (void)state;
    begin();
    sim.jitter_us = 12000;
    sim.duplicate_permille = 100;
    sim_start(&sim);
    sim_run(&sim, 10 * US_PER_S);
    assert_true(sim.video_count >= 298);
    assert_true(sim.audio_count >= 498);
    assert_int_equal(stats().video.lost, 0);
    assert_true(stats().video.duplicates > 100);
    assert_true(stats().video.jitter_us > 1000);
    sim_deinit(&sim);
}

static void frames_without_marker_end_with_the_next_timestamp(void **state)
{
    (void)state;
    begin();
    sim.has_no_marker = true;
    sim_start(&sim);
    sim_run(&sim, 5 * US_PER_S);
    assert_true(sim.video_count >= 147);
    sim_deinit(&sim);
}

static void twenty_percent_loss_is_repaired_by_rtx(void **state)
{
    (void)state;
    begin();
    sim.loss_permille = 200;
    sim.has_audio = false;
    sim_start(&sim);
    sim_run(&sim, 60 * US_PER_S);
    struct rtp_receiver_stats s = stats();

    assert_true(s.video.recovered > 2000);
    assert_true(sim.video_count > 1700); /* of 1800 */
    assert_true(s.video.loss > 0.1 && s.video.loss < 0.3);
    assert_true(sim.pli_gap_min_us >= US_PER_S);
    assert_in_range(sim.now_us - rtp_receiver_missed_at_us(sim.receiver), 0, US_PER_S);
    sim_deinit(&sim);
}

/* A publisher that did not offer rtx repeats the packet itself (RFC 4585); that it came in the end
 * does not make the line a good one. */
static void loss_that_is_repaired_without_rtx_is_still_told(void **state)
{
    (void)state;
    begin();
    sim.config.video.payloads[0].rtx_payload_type = 0;
    sim.has_no_rtx = true;
    sim.loss_permille = 200;
    sim.has_audio = false;
    sim_start(&sim);
    sim_run(&sim, 60 * US_PER_S);
    struct rtp_receiver_stats s = stats();

    assert_true(s.video.recovered > 2000);
    assert_true(sim.video_count > 1700);
    assert_true(s.video.loss > 0.1 && s.video.loss < 0.3);
    sim_deinit(&sim);
}

static void loss_that_nobody_repairs_ends_at_a_key_frame(void **state)
{
    (void)state;
    begin();
    sim.loss_permille = 10;
    sim.ignores_nack = true;
    sim_start(&sim);
    sim_run(&sim, 60 * US_PER_S);
    struct rtp_receiver_stats s = stats();

    assert_true(s.video.lost > 50);
    assert_true(s.video.frames_dropped > 0);
    assert_true(s.video.plis > 10);
    assert_true(sim.keyframe_count > 10);
    assert_true(sim.video_count > 100);
    assert_true(sim.audio_count > 2900);
    assert_true(sim.pli_gap_min_us >= US_PER_S);
    sim_deinit(&sim);
}

static void loss_without_nack_is_given_up_soon(void **state)
{
    (void)state;
    begin();
    sim.loss_permille = 5;
    sim.config.video.has_nack = false;
    sim_start(&sim);
    sim_run(&sim, 30 * US_PER_S);
    assert_int_equal(sim.nack_count, 0);
    assert_true(sim.video_count > 200);
    sim_deinit(&sim);
}

static void an_outage_of_seconds_is_survived(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 3 * US_PER_S);
    sim.is_outage = true;
    sim_run(&sim, 4 * US_PER_S);
    sim.is_outage = false;
    unsigned before = sim.video_count;

    sim_run(&sim, 3 * US_PER_S);
    assert_true(sim.video_count > before + 50);
    assert_true(distance(sim.video_lag_us, 20000) < 30000);
    assert_true(distance(sim.audio_lag_us, 20000) < 30000);
    sim_deinit(&sim);
}

static void a_burst_after_a_stall_keeps_the_times(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 3 * US_PER_S);
    sim.delay_us = 2500000; /* everything sent in this second arrives late, then all at once */
    sim_run(&sim, US_PER_S);
    sim.delay_us = 20000;
    sim_run(&sim, 6 * US_PER_S);
    assert_true(distance(sim.video_lag_us, 20000) < 30000);
    assert_true(distance(sim.audio_lag_us, 20000) < 30000);
    sim_deinit(&sim);
}

static void sequence_numbers_and_timestamps_wrap(void **state)
{
    (void)state;
    begin();
    sim.video_seq = 65500;
    sim.audio_seq = 65530;
    sim.video_timestamp_offset = 0xffffffff - 90000;
    sim.audio_timestamp_offset = 0xffffffff - 48000;
    sim.loss_permille = 50;
    sim_start(&sim);
    sim_run(&sim, 300 * US_PER_S); /* 74,000 packets of video: wraps twice */
    struct rtp_receiver_stats s = stats();

    assert_true(sim.video_count > 8900);
    assert_true(distance(sim.video_lag_us, 20000) < 20000);
    assert_true(distance(sim.audio_lag_us, 20000) < 20000);
    assert_int_equal(s.ignored_reports, 0);
    assert_int_equal(sim.notices, 0);
    sim_deinit(&sim);
}

static void sound_and_picture_are_aligned_by_sender_reports(void **state)
{
    (void)state;
    begin();
    sim.video_delay_us = 150000; /* the camera is slow: pictures arrive late */
    sim_start(&sim);
    sim_run(&sim, US_PER_S / 10);
    assert_true(distance(sim.video_lag_us, sim.audio_lag_us) > 100000);
    sim_run(&sim, 6 * US_PER_S);
    assert_true(distance(sim.video_lag_us, sim.audio_lag_us) < 4000);
    assert_true(distance(sim.step_max_us, 20000) < 200); /* no jump can be heard */
    sim_deinit(&sim);
}

static void absurd_sender_reports_move_nothing(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 5 * US_PER_S);
    sim.audio_ntp_offset_us = 1000 * US_PER_S;
    sim_run(&sim, US_PER_S); /* one report */
    sim.audio_ntp_offset_us = 0;
    assert_int_equal(stats().ignored_reports, 1);
    sim_run(&sim, 3 * US_PER_S);
    sim.audio_ntp_offset_us = 10 * US_PER_S; /* for good: believed, but it cannot be true */
    sim_run(&sim, 5 * US_PER_S);
    assert_true(distance(sim.video_lag_us, sim.audio_lag_us) < 15000);
    assert_true(distance(sim.step_max_us, 20000) < 200);
    assert_true(distance(sim.video_lag_us, 20000) < 15000);
    sim_deinit(&sim);
}

static void two_hours_of_drifting_clocks_stay_in_step(void **state)
{
    (void)state;
    const int64_t drifts_ppm[] = {200, -200};

    for (size_t i = 0; i < 2; i++) {
        begin();
        sim.packets_per_frame = 1;
        sim.drift_ppm = drifts_ppm[i];
        sim.config.keyframe_interval_us = 0;
        sim_start(&sim);
        for (int minute = 0; minute < 120; minute++) {
            sim_run(&sim, 60 * US_PER_S);
            /* The clocks are 1.4 s apart in the end; we are never more than the slack away. */
            assert_true(distance(sim.video_lag_us, 20000) < 25000);
            assert_true(distance(sim.audio_lag_us, 20000) < 25000);
            assert_true(distance(sim.video_lag_us, sim.audio_lag_us) < 5000);
        }
        assert_true(distance(sim.step_max_us, 20000) < 200);
        assert_int_equal(stats().ignored_reports, 0);
        assert_int_equal(sim.notices, 0);
        sim_deinit(&sim);
    }
}

static void timestamps_that_jump_are_anchored_again(void **state)
{
    (void)state;
    const uint32_t jumps[] = {3600u * 90000u, 0u - 3600u * 90000u};

    for (size_t i = 0; i < 2; i++) {
        begin();
        sim_start(&sim);
        sim_run(&sim, 3 * US_PER_S);
        sim.video_timestamp_offset += jumps[i];
        sim_run(&sim, 3 * US_PER_S);
        assert_true(distance(sim.video_lag_us, 20000) < 40000);
        assert_true(distance(sim.audio_lag_us, 20000) < 40000);
        sim_deinit(&sim);
    }
}

static void senders_wall_clock_is_known_after_a_report(void **state)
{
    (void)state;
    int64_t wall_us;

    begin();
    sim_start(&sim);
    sim_run(&sim, US_PER_S / 10);
    assert_false(rtp_receiver_wall_us(sim.receiver, sim.audio_pts_us, &wall_us));
    sim_run(&sim, 3 * US_PER_S);
    assert_true(rtp_receiver_wall_us(sim.receiver, sim.audio_pts_us, &wall_us));
    int64_t captured_us = sim.audio_pts_us - sim.audio_lag_us - sim.begin_us;

    assert_true(distance(wall_us, INT64_C(1790000000) * US_PER_S + captured_us) < 2000);
    sim_deinit(&sim);
}

static void a_new_resolution_gives_a_new_format(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 3 * US_PER_S);
    assert_int_equal(sim.width, 1280);
    assert_int_equal(sim.format_count, 2);
    sim.sps = SPS_1080;
    sim.wants_keyframe = true;
    sim_run(&sim, 3 * US_PER_S);
    assert_int_equal(sim.width, 1920);
    assert_int_equal(sim.format_count, 3);
    sim_deinit(&sim);
}

static void another_ssrc_takes_over_a_silent_track(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 3 * US_PER_S);
    unsigned before = sim.video_count;
    int64_t pts_us = sim.video_pts_us;

    sim.video_ssrc = 0x9999;
    sim.video_seq = 40000;
    sim.video_timestamp_offset = 0x40000000;
    sim_run(&sim, 5 * US_PER_S);
    assert_true(sim.video_count > before + 90);
    assert_true(sim.video_pts_us > pts_us + 4 * US_PER_S);
    assert_true(stats().unknown > 0); /* while the old one was not yet silent long enough */
    sim_deinit(&sim);
}

static void bye_ends_the_track_and_another_ssrc_may_follow_at_once(void **state)
{
    (void)state;
    uint8_t bytes[32];
    struct writer w = writer_fixed(bytes, sizeof(bytes));

    begin();
    sim_start(&sim);
    sim_run(&sim, 3 * US_PER_S);
    rtcp_write_bye(&w, SIM_VIDEO_SSRC);
    sim_rtcp(&sim, bytes, w.len);
    sim_rtcp(&sim, bytes, w.len);
    assert_int_equal(sim.end_count, 1);
    sim.flight_count = 0; /* nothing of the old one follows its BYE */
    sim.video_ssrc = 0x9999;
    sim.wants_keyframe = true;
    unsigned before = sim.video_count;

    sim_run(&sim, US_PER_S);
    assert_true(sim.video_count >= before + 25);
    sim_deinit(&sim);
}

static void ssrcs_are_learned_by_payload_type_without_mid(void **state)
{
    (void)state;
    begin();
    sim.config.mid_extension_id = 0;
    sim.loss_permille = 50;
    sim_start(&sim);
    sim_run(&sim, 5 * US_PER_S);
    assert_true(sim.video_count > 140);
    assert_true(sim.audio_count > 200);
    assert_true(stats().video.recovered > 10);
    assert_int_equal(stats().unknown, 0);
    sim_deinit(&sim);
}

static void ssrcs_of_the_sdp_are_taken(void **state)
{
    (void)state;
    begin();
    sim.config.video.ssrc = SIM_VIDEO_SSRC;
    sim.config.video.rtx_ssrc = SIM_RTX_SSRC;
    sim.config.audio.ssrc = 0xabcdef; /* the sender uses another one after all */
    sim_start(&sim);
    sim_run(&sim, 2 * US_PER_S);
    assert_true(sim.video_count > 55);
    assert_true(sim.audio_count > 95);
    sim_deinit(&sim);
}

static void feed(uint8_t payload_type, uint32_t ssrc, const char *payload_hex)
{
    uint8_t payload[64], bytes[128];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtp_packet packet = {.payload_type = payload_type, .ssrc = ssrc, .payload = payload};

    packet.payload_len = test_unhex(payload_hex, payload, sizeof(payload));
    rtp_write(&w, &packet);
    rtp_receiver_rtp(sim.receiver, bytes, w.len, sim.now_us);
}

/* What follows is fed by hand: samples are only counted, for they are none of the simulation. */
static unsigned fed_samples;
static unsigned fed_keyframes;

static void count_format(void *ctx, enum media_kind kind, const struct format *format)
{
    (void)ctx;
    (void)kind;
    assert_non_null(format->config);
}

static void count_sample(void *ctx, const struct sample *sample)
{
    (void)ctx;
    fed_samples++;
    fed_keyframes += sample->is_keyframe;
}

static void ignore_rtcp(void *ctx, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
}

static void ignore_end(void *ctx, enum media_kind kind)
{
    (void)ctx;
    (void)kind;
}

static void ignore_notice(void *ctx, enum rtp_notice notice)
{
    (void)ctx;
    (void)notice;
}

static struct rtp_receiver *create_fed(void)
{
    static const struct rtp_receiver_handler counting = {count_format, count_sample, ignore_rtcp,
                                                         ignore_end, ignore_notice};
    struct rtp_receiver *receiver = NULL;

    begin();
    fed_samples = 0;
    fed_keyframes = 0;
    assert_ok(rtp_receiver_create(&sim.config, &counting, NULL, &receiver));
    return receiver;
}

#define SETS_STAP "78 0019 6742c01fd9005005bb0110000003001000000303c0f1832480 0005 68cb83cb20"

static void feed_video(struct rtp_receiver *receiver, uint16_t seq, uint32_t timestamp,
                       bool has_marker, const char *payload_hex, int64_t now_us)
{
    uint8_t payload[64], bytes[128];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtp_packet packet = {.has_marker = has_marker,
                                .payload_type = SIM_VIDEO_TYPE,
                                .seq = seq,
                                .timestamp = timestamp,
                                .ssrc = SIM_VIDEO_SSRC,
                                .payload = payload};

    packet.payload_len = test_unhex(payload_hex, payload, sizeof(payload));
    rtp_write(&w, &packet);
    rtp_receiver_rtp(receiver, bytes, w.len, now_us);
}

static void half_a_key_frame_is_not_given_though_its_slices_are_whole(void **state)
{
    (void)state;
    struct rtp_receiver *receiver = create_fed();

    feed_video(receiver, 1, 0, false, SETS_STAP, 1000000);
    feed_video(receiver, 2, 0, true, "65 88 80", 1000000);
    assert_int_equal(fed_keyframes, 1);
    feed_video(receiver, 3, 3000, false, SETS_STAP, 1033000); /* 4, the first slice, is lost */
    feed_video(receiver, 5, 3000, true, "65 42 20 80", 1033000);
    rtp_receiver_on_time(receiver, 3000000);
    feed_video(receiver, 6, 6000, true, "41 e0 80", 3000000);
    assert_int_equal(fed_samples, 1);
    rtp_receiver_destroy(receiver);
}

static void a_key_frame_is_given_at_once_when_one_is_needed(void **state)
{
    (void)state;
    struct rtp_receiver *receiver = create_fed();

    feed_video(receiver, 1, 0, false, SETS_STAP, 1000000);
    feed_video(receiver, 2, 0, true, "65 88 80", 1000000);
    feed_video(receiver, 4, 6000, true, "41 e0 80", 1066000); /* 3 is lost */
    assert_int_equal(fed_samples, 1);
    rtp_receiver_on_time(receiver, 3000000);
    feed_video(receiver, 6, 9000, true, "41 e0 80", 3000000); /* and 5: it may still come */
    feed_video(receiver, 7, 12000, false, SETS_STAP, 3000000);
    feed_video(receiver, 8, 12000, true, "65 88 80", 3000000);
    assert_int_equal(fed_keyframes, 2); /* without a wait for 5 */
    feed_video(receiver, 5, 7500, true, "41 e0 80", 3010000);
    assert_int_equal(fed_samples, 2);
    rtp_receiver_destroy(receiver);
}

static void parameter_sets_may_come_alone_and_slices_in_parts(void **state)
{
    (void)state;
    struct rtp_receiver *receiver = create_fed();

    feed_video(receiver, 65534, 0, false, "6742c01fd9005005bb0110000003001000000303c0f1832480", 1);
    feed_video(receiver, 65535, 0, true, "68cb83cb20", 1); /* a marker, as some senders set it */
    feed_video(receiver, 0, 3000, false, "09 f0", 2);
    feed_video(receiver, 1, 3000, false, "65 88 80", 2);
    feed_video(receiver, 2, 3000, false, "", 2); /* padding */
    feed_video(receiver, 3, 3000, true, "65 42 20 80", 2);
    assert_int_equal(fed_keyframes, 1);
    assert_int_equal(fed_samples, 1);
    rtp_receiver_destroy(receiver);
}

static void new_sets_between_key_frames_wait_for_the_next_one(void **state)
{
    (void)state;
    struct rtp_receiver *receiver = create_fed();

    feed_video(receiver, 1, 0, false, SETS_STAP, 1);
    feed_video(receiver, 2, 0, true, "65 88 80", 1);
    feed_video(receiver, 3, 3000, true, "68cb83cb21", 2); /* another PPS with the same id */
    feed_video(receiver, 4, 6000, true, "41 e0 80", 3);
    assert_int_equal(fed_samples, 1);
    feed_video(receiver, 5, 9000, true, "65 88 80", 4);
    assert_int_equal(fed_keyframes, 2);
    rtp_receiver_destroy(receiver);
}

static void timestamps_that_stood_still_are_anchored_again(void **state)
{
    (void)state;
    begin();
    sim_start(&sim);
    sim_run(&sim, 3 * US_PER_S);
    /* The sender slept for 5 s, and its clocks with it. */
    sim.video_at_us += 5 * US_PER_S;
    sim.audio_at_us += 5 * US_PER_S;
    sim.video_timestamp_offset -= 5 * 90000;
    sim.audio_timestamp_offset -= 5 * 48000;
    sim_run(&sim, 20 * US_PER_S);
    assert_true(distance(sim.video_lag_us, 20000) < 40000);
    assert_true(distance(sim.audio_lag_us, 20000) < 40000);
    sim_deinit(&sim);
}

static void foreign_and_malformed_packets_are_counted(void **state)
{
    (void)state;
    uint8_t bytes[RTP_PACKET_LEN_MAX + 1] = {0x80, SIM_VIDEO_TYPE};

    begin();
    sim_start(&sim);
    feed(99, 5, "00");
    feed(SIM_RTX_TYPE, 6, "00");      /* rtx too short for a sequence number: padding */
    feed(SIM_RTX_TYPE, 6, "0001 65"); /* rtx before any media */
    rtp_receiver_rtp(sim.receiver, bytes, sizeof(bytes), sim.now_us);
    rtp_receiver_rtp(sim.receiver, bytes, 11, sim.now_us);
    rtp_receiver_rtcp(sim.receiver, bytes, 3, sim.now_us);
    assert_int_equal(stats().unknown, 1);
    assert_int_equal(stats().malformed, 3);
    assert_int_equal(sim.video_count, 0);
    sim_run(&sim, US_PER_S);
    assert_true(sim.video_count > 25);
    sim_deinit(&sim);
}

static void an_untaken_codec_is_told_once(void **state)
{
    (void)state;
    begin();
    sim.config.video.payloads[sim.config.video.payload_count++] =
        (struct rtp_payload){96, 0, CODEC_VP8, 90000, 0};
    sim_start(&sim);
    for (int i = 0; i < 3; i++)
        feed(96, 5, "1000");
    assert_int_equal(sim.notices, 1U << RTP_NOTICE_UNSUPPORTED_CODEC);
    assert_int_equal(stats().unknown, 3);
    sim_deinit(&sim);
}

static void video_without_key_frame_is_told(void **state)
{
    (void)state;
    begin();
    sim.wants_keyframe = false;
    sim.ignores_pli = true;
    sim_start(&sim);
    sim_run(&sim, 4 * US_PER_S);
    assert_int_equal(sim.notices, 0);
    sim_run(&sim, 6 * US_PER_S);
    assert_int_equal(sim.notices, 1U << RTP_NOTICE_NO_KEYFRAME);
    assert_int_equal(sim.video_count, 0);
    assert_int_equal(sim.pli_count, 6); /* after 0, 1, 2, 3, 5, 9 s: less and less often */
    sim_deinit(&sim);
}

static void compounds_are_whole_without_reduced_size(void **state)
{
    (void)state;
    begin();
    sim.config.has_reduced_size = false;
    sim.loss_permille = 20;
    sim_start(&sim);
    sim_run(&sim, 5 * US_PER_S); /* the simulation checks that each starts with RR */
    assert_true(sim.rtcp_count[RTCP_RTPFB - RTCP_SR] > 50);
    assert_true(sim.rtcp_count[RTCP_SDES - RTCP_SR] >= sim.rtcp_count[RTCP_RTPFB - RTCP_SR]);
    sim_deinit(&sim);
}

static void each_packet_is_told_to_congestion_control(void **state)
{
    (void)state;
    begin();
    sim.loss_permille = 30;
    sim.jitter_us = 5000;
    sim_start(&sim);
    sim_run(&sim, 10 * US_PER_S);
    struct rtp_receiver_stats s = stats();

    assert_in_range(sim.twcc_count, 150, 250);
    assert_true(sim.twcc_received >= s.video.packets + s.audio.packets - 50);
    assert_int_equal(s.feedback_packets, sim.twcc_count);
    assert_int_equal(sim.remb_count, 0);
    sim_deinit(&sim);
}

static void remb_starts_high_and_falls_with_loss(void **state)
{
    (void)state;
    begin();
    sim.config.has_twcc = false;
    sim.config.has_remb = true;
    sim.config.bitrate_max = 5000000;
    sim_start(&sim);
    sim_run(&sim, 5 * US_PER_S);
    assert_in_range(sim.remb_count, 4, 5);
    assert_int_equal(sim.twcc_count, 0);
    assert_int_equal(stats().remb_bitrate, 5000000);
    sim.loss_permille = 300;
    sim_run(&sim, 5 * US_PER_S);
    assert_true(stats().remb_bitrate < 2500000);
    assert_true(stats().remb_bitrate >= 300000);
    sim.loss_permille = 0;
    sim_run(&sim, 30 * US_PER_S);
    assert_int_equal(stats().remb_bitrate, 5000000);
    sim_deinit(&sim);
}

static void a_config_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const struct rtp_receiver_handler nothing = {0};
    struct rtp_receiver *receiver = NULL;
    struct rtp_receiver_config config = {0};

    assert_err(rtp_receiver_create(&config, &nothing, NULL, &receiver), ERR_INVALID);
    begin();
    config = sim.config;
    config.audio.payloads[0].payload_type = SIM_VIDEO_TYPE;
    assert_err(rtp_receiver_create(&config, &nothing, NULL, &receiver), ERR_INVALID);
    config = sim.config;
    config.video.payloads[0].clock_rate = 0;
    assert_err(rtp_receiver_create(&config, &nothing, NULL, &receiver), ERR_INVALID);
    config = sim.config;
    config.video.payloads[0].rtx_payload_type = 128;
    assert_err(rtp_receiver_create(&config, &nothing, NULL, &receiver), ERR_INVALID);
    assert_null(receiver);
    rtp_receiver_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_clean_stream_gives_all_its_frames),
        TEST_CASE(key_frames_are_asked_for_at_the_cadence),
        TEST_CASE(fir_is_sent_when_there_is_no_pli),
        TEST_CASE(a_stream_joined_in_the_middle_starts_with_a_key_frame),
        TEST_CASE(reordered_and_doubled_packets_change_nothing),
        TEST_CASE(frames_without_marker_end_with_the_next_timestamp),
        TEST_CASE(twenty_percent_loss_is_repaired_by_rtx),
        TEST_CASE(loss_that_is_repaired_without_rtx_is_still_told),
        TEST_CASE(loss_that_nobody_repairs_ends_at_a_key_frame),
        TEST_CASE(loss_without_nack_is_given_up_soon),
        TEST_CASE(an_outage_of_seconds_is_survived),
        TEST_CASE(a_burst_after_a_stall_keeps_the_times),
        TEST_CASE(sequence_numbers_and_timestamps_wrap),
        TEST_CASE(sound_and_picture_are_aligned_by_sender_reports),
        TEST_CASE(absurd_sender_reports_move_nothing),
        TEST_CASE(two_hours_of_drifting_clocks_stay_in_step),
        TEST_CASE(timestamps_that_jump_are_anchored_again),
        TEST_CASE(senders_wall_clock_is_known_after_a_report),
        TEST_CASE(a_new_resolution_gives_a_new_format),
        TEST_CASE(another_ssrc_takes_over_a_silent_track),
        TEST_CASE(bye_ends_the_track_and_another_ssrc_may_follow_at_once),
        TEST_CASE(ssrcs_are_learned_by_payload_type_without_mid),
        TEST_CASE(ssrcs_of_the_sdp_are_taken),
        TEST_CASE(half_a_key_frame_is_not_given_though_its_slices_are_whole),
        TEST_CASE(a_key_frame_is_given_at_once_when_one_is_needed),
        TEST_CASE(parameter_sets_may_come_alone_and_slices_in_parts),
        TEST_CASE(new_sets_between_key_frames_wait_for_the_next_one),
        TEST_CASE(timestamps_that_stood_still_are_anchored_again),
        TEST_CASE(foreign_and_malformed_packets_are_counted),
        TEST_CASE(an_untaken_codec_is_told_once),
        TEST_CASE(video_without_key_frame_is_told),
        TEST_CASE(compounds_are_whole_without_reduced_size),
        TEST_CASE(each_packet_is_told_to_congestion_control),
        TEST_CASE(remb_starts_high_and_falls_with_loss),
        TEST_CASE(a_config_that_contradicts_itself_is_refused),
    };
    return RUN_TESTS("webrtc_rtp_receiver", tests);
}
