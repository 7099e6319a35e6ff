#include "unit/webrtc/rtp_sim.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"
#include "support/test.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp.h"
#include "webrtc/twcc.h"

#define SPS_720     "6742c01fd9005005bb0110000003001000000303c0f1832480"
#define PPS         "68cb83cb20"
#define NTP_2026_US ((INT64_C(2208988800) + INT64_C(1790000000)) * US_PER_S)

enum { FRAME_US = 33333, AUDIO_US = 20000, PART_LEN = 1000 };

static unsigned random_below(struct sim *sim, unsigned limit)
{
    sim->seed = sim->seed * 1664525u + 1013904223u;
    return limit ? (sim->seed >> 8) % limit : 0;
}

static void launch(struct sim *sim, const struct sim_packet *packet)
{
    struct sim_packet *flying;

    if (sim->is_outage)
        return;
    if (!packet->is_rtcp && random_below(sim, 1000) < sim->loss_permille)
        return;
    assert_true(sim->flight_count < SIM_FLIGHT_MAX);
    flying = &sim->flight[sim->flight_count++];
    *flying = *packet;
    flying->at_us = sim->now_us + sim->delay_us + random_below(sim, sim->jitter_us);
}

static void launch_rtp(struct sim *sim, struct rtp_packet *rtp, const char *mid)
{
    struct sim_packet packet = {0};
    struct writer w = writer_fixed(packet.bytes, sizeof(packet.bytes));
    uint8_t extensions[8] = {SIM_TWCC_EXTENSION << 4 | 1, (uint8_t)(sim->twcc_seq >> 8),
                             (uint8_t)sim->twcc_seq, SIM_MID_EXTENSION << 4, (uint8_t)mid[0]};

    sim->twcc_seq++;
    rtp->extension_profile = RTP_EXTENSION_ONE_BYTE;
    rtp->extensions = extensions;
    rtp->extensions_len = sizeof(extensions);
    rtp_write(&w, rtp);
    assert_false(w.failed);
    packet.len = w.len;
    if (rtp->payload_type == SIM_VIDEO_TYPE)
        sim->history[rtp->seq % SIM_HISTORY] = packet;
    launch(sim, &packet);
    if (random_below(sim, 1000) < sim->duplicate_permille)
        launch(sim, &packet);
}

/* Capture times lie on the publisher's clock, which runs fast or slow. */
static int64_t sender_us(const struct sim *sim, int64_t true_us)
{
    int64_t elapsed_us = true_us - sim->begin_us;

    return elapsed_us + elapsed_us / 1000 * sim->drift_ppm / 1000;
}

static uint32_t timestamp_at(const struct sim *sim, int64_t true_us, uint32_t rate, uint32_t offset)
{
    int64_t us = sender_us(sim, true_us);

    return offset + (uint32_t)(us / US_PER_S * rate + us % US_PER_S * rate / US_PER_S);
}

static uint8_t pattern(uint32_t frame_number, size_t at)
{
    return (uint8_t)(frame_number * 31 + at * 7 + (at >> 8));
}

/* A slice: header, number, flags, the true time of capture, then the pattern. */
static size_t fill_slice(struct sim *sim, uint8_t *slice, bool is_keyframe, int64_t captured_us,
                         size_t len)
{
    struct writer w = writer_fixed(slice, len);

    writer_u8(&w, is_keyframe ? 0x65 : 0x41);
    writer_u8(&w, is_keyframe ? 0x88 : 0xe0); /* first_mb 0, slice type, PPS 0 */
    writer_u8(&w, 0x80);
    writer_u32(&w, sim->frame_number);
    writer_u64(&w, (uint64_t)captured_us);
    for (size_t at = w.len; at < len; at++)
        slice[at] = pattern(sim->frame_number, at);
    return len;
}

static void send_video_packet(struct sim *sim, const uint8_t *payload, size_t len, bool is_last,
                              int64_t captured_us)
{
    struct rtp_packet rtp = {.has_marker = is_last && !sim->has_no_marker,
                             .payload_type = SIM_VIDEO_TYPE,
                             .seq = sim->video_seq++,
                             .ssrc = sim->video_ssrc,
                             .payload = payload,
                             .payload_len = len};

    rtp.timestamp = timestamp_at(sim, captured_us, 90000, sim->video_timestamp_offset);
    launch_rtp(sim, &rtp, "0");
}

static void send_frame(struct sim *sim, int64_t captured_us)
{
    static uint8_t slice[256 * PART_LEN];
    bool is_keyframe = sim->wants_keyframe;
    size_t count = sim->packets_per_frame * (is_keyframe ? 4 : 1);
    uint8_t payload[PART_LEN + 2];
    size_t len = fill_slice(sim, slice, is_keyframe, captured_us, count * PART_LEN - 1);

    sim->wants_keyframe = false;
    if (is_keyframe) {
        uint8_t sets[128];
        struct writer w = writer_fixed(payload, sizeof(payload));
        size_t sps_len = test_unhex(sim->sps, sets, sizeof(sets));

        writer_u8(&w, 0x78); /* STAP-A */
        writer_u16(&w, (uint16_t)sps_len);
        writer_bytes(&w, sets, sps_len);
        writer_u16(&w, 5);
        writer_bytes(&w, sets, test_unhex(PPS, sets, sizeof(sets)));
        send_video_packet(sim, payload, w.len, false, captured_us);
    }
    if (count == 1)
        send_video_packet(sim, slice, len, true, captured_us);
    for (size_t i = 0; count > 1 && i < count; i++) {
        size_t from = 1 + i * PART_LEN;
        size_t part = len - from < PART_LEN ? len - from : PART_LEN;
        bool is_last = i + 1 == count;

        payload[0] = (slice[0] & 0xe0) | 28;
        payload[1] = (uint8_t)((i == 0 ? 0x80 : 0) | (is_last ? 0x40 : 0) | (slice[0] & 0x1f));
        memcpy(payload + 2, slice + from, part);
        send_video_packet(sim, payload, part + 2, is_last, captured_us);
    }
    sim->frame_number++;
}

static void send_audio(struct sim *sim, int64_t captured_us)
{
    uint8_t payload[100] = {0x78};
    struct writer w = writer_fixed(payload + 1, 8);
    struct rtp_packet rtp = {.payload_type = SIM_AUDIO_TYPE,
                             .seq = sim->audio_seq++,
                             .ssrc = SIM_AUDIO_SSRC,
                             .payload = payload,
                             .payload_len = sizeof(payload)};

    writer_u64(&w, (uint64_t)captured_us);
    rtp.timestamp = timestamp_at(sim, captured_us, 48000, sim->audio_timestamp_offset);
    launch_rtp(sim, &rtp, "1");
}

static uint64_t to_ntp(int64_t us)
{
    return (uint64_t)(us / US_PER_S) << 32 | ((uint64_t)(us % US_PER_S) << 32) / (uint64_t)US_PER_S;
}

static void send_reports(struct sim *sim)
{
    struct sim_packet packet = {.is_rtcp = true};
    struct writer w = writer_fixed(packet.bytes, sizeof(packet.bytes));
    int64_t ntp_us = NTP_2026_US + sender_us(sim, sim->now_us) + sim->ntp_offset_us;
    struct rtcp_sender_report video = {.ssrc = sim->video_ssrc, .ntp = to_ntp(ntp_us)};
    struct rtcp_sender_report audio = {.ssrc = SIM_AUDIO_SSRC,
                                       .ntp = to_ntp(ntp_us + sim->audio_ntp_offset_us)};

    video.rtp_timestamp = timestamp_at(sim, sim->now_us, 90000, sim->video_timestamp_offset);
    audio.rtp_timestamp = timestamp_at(sim, sim->now_us, 48000, sim->audio_timestamp_offset);
    rtcp_write_sender_report(&w, &video);
    rtcp_write_sender_report(&w, &audio);
    if (sim->rrtr) {
        struct rtcp_dlrr dlrr = {sim->config.local_ssrc, sim->rrtr, 0};

        dlrr.delay =
            (uint32_t)((uint64_t)(sim->now_us - (int64_t)sim->rrtr_at_us) * 65536 / 1000000);
        rtcp_write_dlrr(&w, sim->video_ssrc, &dlrr);
    }
    packet.len = w.len;
    launch(sim, &packet);
}

/* ---- what comes back ------------------------------------------------------------------------- */

static void retransmit(struct sim *sim, uint16_t seq)
{
    const struct sim_packet *sent = &sim->history[seq % SIM_HISTORY];
    struct rtp_packet rtp;
    uint8_t payload[RTP_PACKET_LEN_MAX];

    if (sim->ignores_nack)
        return;
    assert_ok(rtp_parse(sent->bytes, sent->len, &rtp));
    assert_int_equal(rtp.seq, seq);
    if (sim->has_no_rtx) {
        launch_rtp(sim, &rtp, "0");
        return;
    }
    payload[0] = (uint8_t)(seq >> 8);
    payload[1] = (uint8_t)seq;
    memcpy(payload + 2, rtp.payload, rtp.payload_len);
    rtp.payload = payload;
    rtp.payload_len += 2;
    rtp.ssrc = SIM_RTX_SSRC;
    rtp.payload_type = SIM_RTX_TYPE;
    rtp.seq = sim->rtx_seq++;
    launch_rtp(sim, &rtp, "0");
}

static void on_nack(struct sim *sim, struct rtcp_feedback *feedback)
{
    uint16_t seqs[17];
    size_t count;

    if (feedback->media_ssrc != sim->video_ssrc)
        return;
    while (rtcp_next_nack(&feedback->fci, seqs, &count)) {
        sim->nack_count += (unsigned)count;
        for (size_t i = 0; i < count; i++)
            retransmit(sim, seqs[i]);
    }
}

static void on_keyframe_request(struct sim *sim)
{
    int64_t gap_us = sim->now_us - sim->pli_at_us;

    if (sim->pli_at_us && gap_us < sim->pli_gap_min_us)
        sim->pli_gap_min_us = gap_us;
    sim->pli_at_us = sim->now_us;
    if (!sim->ignores_pli)
        sim->wants_keyframe = true;
}

static void on_feedback(struct sim *sim, const struct rtcp_packet *packet)
{
    struct rtcp_feedback feedback;
    uint64_t bitrate;

    assert_ok(rtcp_read_feedback(packet, &feedback));
    if (packet->type == RTCP_RTPFB && packet->count == RTCP_RTPFB_NACK) {
        on_nack(sim, &feedback);
    } else if (packet->type == RTCP_RTPFB) {
        struct twcc_report report;

        assert_int_equal(packet->count, RTCP_RTPFB_TWCC);
        assert_ok(twcc_read(&feedback, &report));
        sim->twcc_count++;
        for (size_t i = 0; i < report.count; i++)
            sim->twcc_received += report.statuses[i].is_received;
    } else if (packet->count == RTCP_PSFB_AFB) {
        assert_ok(rtcp_read_remb(&feedback, &bitrate));
        sim->remb_count++;
    } else {
        sim->pli_count += packet->count == RTCP_PSFB_PLI;
        sim->fir_count += packet->count == RTCP_PSFB_FIR;
        on_keyframe_request(sim);
    }
}

static void on_rtcp(void *ctx, const uint8_t *bytes, size_t len)
{
    struct sim *sim = ctx;
    struct reader r = reader_of(bytes, len);
    struct rtcp_packet packet;
    bool is_first = true;

    assert_true(len <= RTP_PACKET_LEN_MAX - 100);
    while (rtcp_next(&r, &packet)) {
        assert_true(packet.type >= RTCP_SR && packet.type <= RTCP_XR);
        if (!sim->config.has_reduced_size && is_first)
            assert_int_equal(packet.type, RTCP_RR);
        is_first = false;
        sim->rtcp_count[packet.type - RTCP_SR]++;
        if (packet.type == RTCP_RTPFB || packet.type == RTCP_PSFB)
            on_feedback(sim, &packet);
        if (packet.type == RTCP_XR) {
            reader_skip(&packet.body, 10); /* to the middle of the NTP time */
            sim->rrtr = reader_u32(&packet.body);
            sim->rrtr_at_us = (uint64_t)(sim->now_us);
        }
    }
    assert_false(r.failed);
}

static void on_format(void *ctx, enum media_kind kind, const struct format *format)
{
    struct sim *sim = ctx;

    sim->format_count++;
    if (kind == MEDIA_VIDEO) {
        sim->has_video_format = true;
        sim->width = format->width;
    } else {
        sim->has_audio_format = true;
        assert_int_equal(format->sample_rate, 48000);
        assert_int_equal(format->channels, 2);
    }
}

static void check_video(struct sim *sim, const struct sample *sample)
{
    struct reader r = reader_of(sample->payload.data, sample->payload.len);
    const uint8_t *slice = sample->payload.data + 4;

    assert_true(sim->has_video_format);
    assert_int_equal(reader_u32(&r), sample->payload.len - 4); /* one slice, nothing else */
    assert_int_equal(reader_u8(&r), sample->is_keyframe ? 0x65 : 0x41);
    reader_skip(&r, 2);
    uint32_t number = reader_u32(&r);
    int64_t captured_us = (int64_t)reader_u64(&r);

    assert_false(r.failed);
    assert_true(sample->is_keyframe ||
                (sim->video_count > 0 && number == sim->last_frame_number + 1));
    for (size_t at = 15; at < sample->payload.len - 4; at++) {
        if (slice[at] != pattern(number, at))
            fail_msg("frame %u is broken at %zu", number, at);
    }
    assert_true(sim->video_count == 0 || sample->pts_us > sim->video_pts_us);
    assert_int_equal(sample->dts_us, sample->pts_us);
    sim->last_frame_number = number;
    sim->video_pts_us = sample->pts_us;
    sim->video_lag_us = sample->pts_us - captured_us;
    sim->video_count++;
    sim->keyframe_count += sample->is_keyframe;
}

static void check_audio(struct sim *sim, const struct sample *sample)
{
    struct reader r = reader_of(sample->payload.data + 1, sample->payload.len - 1);
    int64_t captured_us = (int64_t)reader_u64(&r);
    int64_t step_us = sample->pts_us - sim->audio_pts_us;

    assert_true(sim->has_audio_format);
    assert_int_equal(sample->duration_us, 20000);
    assert_true(sim->audio_count == 0 || step_us > 0);
    if (sim->audio_count > 0 && step_us > sim->step_max_us)
        sim->step_max_us = step_us;
    sim->audio_pts_us = sample->pts_us;
    sim->audio_lag_us = sample->pts_us - captured_us;
    sim->audio_count++;
}

static void on_sample(void *ctx, const struct sample *sample)
{
    if (sample->kind == MEDIA_VIDEO)
        check_video(ctx, sample);
    else
        check_audio(ctx, sample);
}

static void on_end(void *ctx, enum media_kind kind)
{
    (void)kind;
    ((struct sim *)ctx)->end_count++;
}

static void on_notice(void *ctx, enum rtp_notice notice)
{
    struct sim *sim = ctx;

    assert_false(sim->notices >> notice & 1); /* once each */
    sim->notices |= 1U << notice;
}

static const struct rtp_receiver_handler handler = {on_format, on_sample, on_rtcp, on_end,
                                                    on_notice};

/* ---- time ------------------------------------------------------------------------------------ */

void sim_init(struct sim *sim)
{
    *sim = (struct sim){.delay_us = 20000,
                        .packets_per_frame = 8,
                        .has_audio = true,
                        .video_ssrc = SIM_VIDEO_SSRC,
                        .video_timestamp_offset = 0x12345678,
                        .audio_timestamp_offset = 0x87654321,
                        .sps = SPS_720,
                        .seed = 1,
                        .begin_us = 1000 * US_PER_S,
                        .video_seq = 100,
                        .audio_seq = 200,
                        .wants_keyframe = true,
                        .pli_gap_min_us = INT64_MAX};
    sim->config = (struct rtp_receiver_config){
        .video = {.payload_count = 1,
                  .payloads = {{SIM_VIDEO_TYPE, SIM_RTX_TYPE, CODEC_H264, 90000, 0}},
                  .mid = "0",
                  .has_nack = true,
                  .has_pli = true},
        .audio = {.payload_count = 1,
                  .payloads = {{SIM_AUDIO_TYPE, 0, CODEC_OPUS, 48000, 2}},
                  .mid = "1"},
        .mid_extension_id = SIM_MID_EXTENSION,
        .twcc_extension_id = SIM_TWCC_EXTENSION,
        .has_twcc = true,
        .has_reduced_size = true,
        .local_ssrc = 0x77,
        .cname = "stoa",
        .keyframe_interval_us = 2 * US_PER_S,
    };
}

void sim_start(struct sim *sim)
{
    sim->now_us = sim->begin_us;
    sim->video_at_us = sim->begin_us;
    sim->audio_at_us = sim->begin_us;
    sim->report_at_us = sim->begin_us + 300000;
    sim->history = mem_zalloc(SIM_HISTORY * sizeof(sim->history[0]));
    sim->flight = mem_zalloc(SIM_FLIGHT_MAX * sizeof(sim->flight[0]));
    assert_ok(rtp_receiver_create(&sim->config, &handler, sim, &sim->receiver));
}

void sim_deinit(struct sim *sim)
{
    rtp_receiver_destroy(sim->receiver);
    mem_free(sim->history);
    mem_free(sim->flight);
}

void sim_rtcp(struct sim *sim, const uint8_t *bytes, size_t len)
{
    rtp_receiver_rtcp(sim->receiver, bytes, len, sim->now_us);
}

static size_t next_flying(const struct sim *sim)
{
    size_t next = 0;

    for (size_t i = 1; i < sim->flight_count; i++) {
        if (sim->flight[i].at_us < sim->flight[next].at_us)
            next = i;
    }
    return next;
}

static void deliver(struct sim *sim, size_t index)
{
    struct sim_packet *packet = &sim->flight[index];

    if (packet->is_rtcp)
        rtp_receiver_rtcp(sim->receiver, packet->bytes, packet->len, sim->now_us);
    else
        rtp_receiver_rtp(sim->receiver, packet->bytes, packet->len, sim->now_us);
    for (size_t i = index; i + 1 < sim->flight_count; i++) /* keeps the order of equal times */
        sim->flight[i] = sim->flight[i + 1];
    sim->flight_count--;
}

static void publish(struct sim *sim)
{
    if (sim->now_us >= sim->video_at_us) {
        send_frame(sim, sim->video_at_us - sim->video_delay_us);
        sim->video_at_us += FRAME_US;
    }
    if (sim->has_audio && sim->now_us >= sim->audio_at_us) {
        send_audio(sim, sim->audio_at_us);
        sim->audio_at_us += AUDIO_US;
    }
    if (sim->now_us >= sim->report_at_us) {
        send_reports(sim);
        sim->report_at_us += US_PER_S;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void sim_run(struct sim *sim, int64_t duration_us)
{
    int64_t end_us = sim->now_us + duration_us;

    while (sim->now_us < end_us) {
        size_t flying = next_flying(sim);
        int64_t next_us = earlier(sim->video_at_us, sim->report_at_us);

        if (sim->has_audio)
            next_us = earlier(next_us, sim->audio_at_us);
        if (sim->flight_count > 0)
            next_us = earlier(next_us, sim->flight[flying].at_us);
        next_us = earlier(next_us, rtp_receiver_deadline_us(sim->receiver));
        if (next_us > sim->now_us)
            sim->now_us = next_us;
        if (sim->flight_count > 0 && sim->flight[flying].at_us <= sim->now_us)
            deliver(sim, flying);
        publish(sim);
        if (rtp_receiver_deadline_us(sim->receiver) <= sim->now_us) {
            rtp_receiver_on_time(sim->receiver, sim->now_us);
            /* What was due must be done, or a loop would spin. */
            assert_true(rtp_receiver_deadline_us(sim->receiver) > sim->now_us);
        }
    }
}
