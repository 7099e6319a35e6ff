#include "whip_sender.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp.h"

enum {
    DATAGRAM_CAP = 1500,
    MID_PACKETS = 100,      /* a browser stops saying the mid when the first report has come */
    SEQ_BEGIN_MAX = 0x7fff, /* far from the first wrap, which SRTP could otherwise take wrongly */
};

#define NTP_UNIX_S UINT64_C(2208988800) /* from 1900 to 1970 */

void whip_sender_init(struct whip_sender *sender, const struct whip_media *media)
{
    const struct whip_track *video = &media->tracks[WHIP_VIDEO];

    memset(sender, 0, sizeof(*sender));
    for (size_t i = 0; i < WHIP_TRACKS; i++) {
        uint64_t random = crypto_random_u64();

        sender->tracks[i] = (struct whip_sender_track){
            .media = &media->tracks[i],
            .ssrc = (uint32_t)random | 1, /* 0 would mean none */
            .first_timestamp = (uint32_t)(random >> 32),
            .seq = (uint16_t)(random >> 16 & SEQ_BEGIN_MAX),
        };
    }
    crypto_random_text(sender->cname, WHIP_CNAME_LEN);
    sender->bytes_a_second =
        (int64_t)video->bytes.len * video->clock_rate / video->duration * WHIP_PACING_PERCENT / 100;
}

void whip_sender_begin(struct whip_sender *sender, int fd, struct srtp_context *seal,
                       int64_t now_us)
{
    sender->fd = fd;
    sender->seal = seal;
    sender->begin_us = sender->paced_us = sender->report_us = now_us;
}

static void send_datagram(struct whip_sender *sender, const uint8_t *bytes, size_t len)
{
    if (send(sender->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        sender->unsent_count++;
    sender->byte_count += len;
}

/* ---- RTP ---- */

/* One-byte extensions (RFC 8285 section 4.2), padded to whole words. */
static void write_extensions(struct writer *w, const struct whip_sender *sender, size_t track)
{
    enum { WORD_LEN = 4 };

    if (sender->tracks[track].packet_count < MID_PACKETS) {
        writer_u8(w, WHIP_EXTENSION_MID << 4); /* the low half is the length less 1 */
        writer_u8(w, (uint8_t)('0' + track));
    }
    writer_u8(w, WHIP_EXTENSION_TWCC << 4 | 1);
    writer_u16(w, sender->transport_seq);
    writer_zeroes(w, (WORD_LEN - w->len % WORD_LEN) % WORD_LEN);
}

/* Sends the payload that is next; returns the bytes that it took. */
static int64_t send_packet(struct whip_sender *sender, size_t number)
{
    struct whip_sender_track *track = &sender->tracks[number];
    const struct whip_unit *unit = &track->media->units.items[track->next_unit];
    const struct whip_payload *payload =
        &track->media->payloads.items[unit->first_payload + track->next_payload];
    uint8_t memory[8], bytes[DATAGRAM_CAP];
    struct writer extensions = writer_fixed(memory, sizeof(memory));
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    size_t len;

    write_extensions(&extensions, sender, number);
    struct rtp_packet packet = {
        .has_marker = number == WHIP_VIDEO && track->next_payload + 1 == unit->payload_count,
        .payload_type = number == WHIP_VIDEO ? WHIP_VIDEO_TYPE : WHIP_AUDIO_TYPE,
        .seq = track->seq,
        .timestamp = track->first_timestamp + (uint32_t)(unit->ticks + track->loop_ticks),
        .ssrc = track->ssrc,
        .extension_profile = RTP_EXTENSION_ONE_BYTE,
        .extensions = extensions.data,
        .extensions_len = extensions.len,
        .payload = track->media->bytes.data + payload->at,
        .payload_len = payload->len,
    };
    rtp_write(&w, &packet);
    track->seq++;
    track->packet_count++;
    track->octet_count += (uint32_t)payload->len;
    sender->transport_seq++;
    sender->packet_count++;
    if (srtp_seal_rtp(sender->seal, bytes, w.len, sizeof(bytes), &len) != OK)
        return 0;
    send_datagram(sender, bytes, len);
    return (int64_t)len;
}

static int64_t due_us(const struct whip_sender *sender, const struct whip_sender_track *track)
{
    const struct whip_unit *unit = &track->media->units.items[track->next_unit];

    return sender->begin_us +
           (unit->ticks + track->loop_ticks) * US_PER_S / (int64_t)track->media->clock_rate;
}

static void go_to_next_unit(struct whip_sender_track *track)
{
    track->next_payload = 0;
    if (++track->next_unit == track->media->units.count) {
        track->next_unit = 0;
        track->loop_ticks += track->media->duration;
    }
}

/* Sends until nothing is due or the budget (NULL: none) is used up. */
static void send_track(struct whip_sender *sender, size_t number, int64_t *budget, int64_t now_us)
{
    struct whip_sender_track *track = &sender->tracks[number];

    for (int64_t lag_us; (lag_us = now_us - due_us(sender, track)) >= 0; go_to_next_unit(track)) {
        size_t count = track->media->units.items[track->next_unit].payload_count;

        for (; track->next_payload < count; track->next_payload++) {
            if (budget && *budget <= 0)
                return;
            if (track->next_payload == 0 && lag_us > sender->lag_max_us)
                sender->lag_max_us = lag_us;
            int64_t len = send_packet(sender, number);
            if (budget)
                *budget -= len;
        }
    }
}

/* ---- RTCP ---- */

/* RFC 3550 section 6.4.1: the same instant on the wall clock and on the track's. */
static void send_report(struct whip_sender *sender, const struct whip_sender_track *track,
                        int64_t now_us)
{
    uint64_t wall_us = (uint64_t)clock_wall_us(), second_us = (uint64_t)US_PER_S;
    int64_t ticks = (now_us - sender->begin_us) * (int64_t)track->media->clock_rate / US_PER_S;
    struct rtcp_sender_report report = {
        .ssrc = track->ssrc,
        .ntp = (wall_us / second_us + NTP_UNIX_S) << 32 | ((wall_us % second_us) << 32) / second_us,
        .rtp_timestamp = track->first_timestamp + (uint32_t)ticks,
        .packet_count = track->packet_count,
        .octet_count = track->octet_count,
    };
    uint8_t bytes[DATAGRAM_CAP];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    size_t len;

    rtcp_write_sender_report(&w, &report);
    rtcp_write_sdes_cname(&w, track->ssrc, text_of(sender->cname));
    if (srtp_seal_rtcp(sender->seal, bytes, w.len, sizeof(bytes), &len) == OK)
        send_datagram(sender, bytes, len);
}

void whip_sender_on_tick(struct whip_sender *sender, int64_t now_us)
{
    int64_t filled = (now_us - sender->paced_us) * sender->bytes_a_second / US_PER_S;

    /* What a quiet moment left over is not saved up for a burst; what was too much is owed. */
    sender->budget = (sender->budget < 0 ? sender->budget : 0) + filled;
    sender->paced_us = now_us;
    send_track(sender, WHIP_AUDIO, NULL, now_us);
    send_track(sender, WHIP_VIDEO, &sender->budget, now_us);
    if (now_us < sender->report_us)
        return;
    sender->report_us += US_PER_S;
    for (size_t i = 0; i < WHIP_TRACKS; i++)
        send_report(sender, &sender->tracks[i], now_us);
}
