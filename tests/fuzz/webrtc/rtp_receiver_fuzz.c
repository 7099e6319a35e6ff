/*
 * A script for a receiver. Each step is a byte and its operands:
 *
 *   0 raw RTP, 1 raw RTCP: length u8, bytes      2 time passes: u16 ms, then what is due is done
 *   3 video packet: seq u8 (relative), flags u8 (marker, rtx, new timestamp, payload kind)
 *   4 audio packet: seq u8 (relative)            5 ask for a key frame
 *
 * Always: times rise in each track; the first video sample and each after a format is a key frame;
 * samples are chains of NAL units; what is due is done by on_time; RTCP that is sent can be read.
 */
#include <stdlib.h>

#include "base/reader.h"
#include "base/writer.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp.h"
#include "webrtc/rtp_receiver.h"

struct world {
    struct rtp_receiver *receiver;
    int64_t now_us;
    int64_t pts_us[MEDIA_AUDIO + 1];
    bool has_sample[MEDIA_AUDIO + 1];
    bool has_format[MEDIA_AUDIO + 1];
    bool needs_keyframe;
    uint16_t seq;
    uint32_t timestamp;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void on_format(void *ctx, enum media_kind kind, const struct format *format)
{
    struct world *world = ctx;

    check(format->config != NULL);
    world->has_format[kind] = true;
    if (kind == MEDIA_VIDEO)
        world->needs_keyframe = true;
}

static void on_sample(void *ctx, const struct sample *sample)
{
    struct world *world = ctx;
    struct reader r = reader_of(sample->payload.data, sample->payload.len);

    check(world->has_format[sample->kind]);
    check(!world->has_sample[sample->kind] || sample->pts_us > world->pts_us[sample->kind]);
    world->has_sample[sample->kind] = true;
    world->pts_us[sample->kind] = sample->pts_us;
    if (sample->kind == MEDIA_AUDIO)
        return;
    check(sample->is_keyframe || !world->needs_keyframe);
    world->needs_keyframe = false;
    while (r.left > 0)
        reader_skip(&r, reader_u32(&r));
    check(!r.failed);
}

static void on_rtcp(void *ctx, const uint8_t *bytes, size_t len)
{
    struct reader r = reader_of(bytes, len);
    struct rtcp_packet packet;

    (void)ctx;
    check(len > 0 && len <= RTP_PACKET_LEN_MAX - 100);
    while (rtcp_next(&r, &packet))
        continue;
    check(!r.failed);
}

static void on_end(void *ctx, enum media_kind kind)
{
    (void)ctx;
    (void)kind;
}

static void on_notice(void *ctx, enum rtp_notice notice)
{
    (void)ctx;
    (void)notice;
}

static const struct rtp_receiver_handler handler = {on_format, on_sample, on_rtcp, on_end,
                                                    on_notice};

static const struct rtp_receiver_config config = {
    .video = {.payload_count = 1,
              .payloads = {{102, 103, CODEC_H264, 90000, 0}},
              .mid = "0",
              .has_nack = true,
              .has_pli = true},
    .audio = {.payload_count = 1, .payloads = {{111, 0, CODEC_OPUS, 48000, 2}}, .mid = "1"},
    .mid_extension_id = 4,
    .twcc_extension_id = 3,
    .has_twcc = true,
    .local_ssrc = 1,
    .cname = "fuzz",
    .keyframe_interval_us = 2000000,
};

/* An SPS and PPS in a STAP-A, an IDR slice, delta slices, fragments. */
static const struct {
    const char *bytes;
    size_t len;
} payloads[8] = {
    {"\x78\x00\x19\x67\x42\xc0\x1f\xd9\x00\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03"
     "\xc0\xf1\x83\x24\x80\x00\x05\x68\xcb\x83\xcb\x20",
     35},
    {"\x65\x88\x80", 3},
    {"\x41\xe0\x80", 3},
    {"\x5c\x81\xe0\x80", 4},
    {"\x5c\x01\x11", 3},
    {"\x5c\x41\x22", 3},
    {"\x7c\x85\x88\x80", 4},
    {"\x7c\x45\x33", 3},
};

static void send(struct world *world, uint8_t type, uint8_t delta, uint8_t flags)
{
    uint8_t bytes[128], payload[64], extension[4] = {0x31, 0, (uint8_t)(delta * 3), 0};
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct writer p = writer_fixed(payload, sizeof(payload));
    bool is_rtx = flags & 2;
    struct rtp_packet packet = {.has_marker = flags & 1,
                                .payload_type = type,
                                .ssrc = type,
                                .extension_profile = RTP_EXTENSION_ONE_BYTE,
                                .extensions = extension,
                                .extensions_len = 4,
                                .payload = payload};

    world->seq = (uint16_t)(world->seq + (int8_t)delta);
    world->timestamp += flags & 4 ? 3000 : 0;
    packet.seq = world->seq;
    packet.timestamp = world->timestamp;
    if (is_rtx) {
        packet.payload_type = 103;
        packet.ssrc = 103;
        writer_u16(&p, world->seq);
    }
    writer_bytes(&p, payloads[flags >> 3 & 7].bytes, payloads[flags >> 3 & 7].len);
    packet.payload_len = p.len;
    rtp_write(&w, &packet);
    rtp_receiver_rtp(world->receiver, bytes, w.len, world->now_us);
}

static void pass_time(struct world *world, int64_t us)
{
    world->now_us += us;
    if (rtp_receiver_deadline_us(world->receiver) > world->now_us)
        return;
    for (unsigned i = 0; i < 8 && rtp_receiver_deadline_us(world->receiver) <= world->now_us; i++)
        rtp_receiver_on_time(world->receiver, world->now_us);
    check(rtp_receiver_deadline_us(world->receiver) > world->now_us);
}

static void step(struct world *world, struct reader *r)
{
    uint8_t kind = reader_u8(r) % 6;
    size_t len;
    uint8_t delta;

    switch (kind) {
    case 0:
    case 1:
        len = reader_u8(r);
        len = len < r->left ? len : r->left;
        if (kind == 0)
            rtp_receiver_rtp(world->receiver, r->ptr, len, world->now_us);
        else
            rtp_receiver_rtcp(world->receiver, r->ptr, len, world->now_us);
        reader_skip(r, len);
        break;
    case 2:
        pass_time(world, (int64_t)reader_u16(r) * 1000);
        break;
    case 3:
        delta = reader_u8(r);
        send(world, 102, delta, reader_u8(r));
        break;
    case 4:
        send(world, 111, reader_u8(r), 4);
        break;
    default:
        rtp_receiver_request_keyframe(world->receiver, world->now_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.now_us = 1000000, .needs_keyframe = true};
    struct reader r = reader_of(data, size);
    struct rtp_receiver_stats stats;

    if (rtp_receiver_create(&config, &handler, &world, &world.receiver) != OK)
        abort();
    for (unsigned i = 0; i < 5000 && r.left > 0; i++)
        step(&world, &r);
    rtp_receiver_stats(world.receiver, world.now_us, &stats);
    check(stats.video.loss >= 0 && stats.video.loss <= 1);
    rtp_receiver_destroy(world.receiver);
    return 0;
}
