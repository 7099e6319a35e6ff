#include "webrtc/webrtc.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/writer.h"
#include "webrtc/dtls.h"
#include "webrtc/ice.h"
#include "webrtc/rtp_receiver.h"
#include "webrtc/sdp.h"
#include "webrtc/session_mux.h"
#include "webrtc/session_offer.h"
#include "webrtc/srtp.h"

/* From the answer to the first valid check: long enough for slow gathering of candidates. */
#define FIRST_CHECK_US (20 * INT64_C(1000000))
/* From the first check to the keys. */
#define HANDSHAKE_US (15 * INT64_C(1000000))

enum {
    MIDS_CAP = 2 * (SDP_TOKEN_LEN_MAX + 1),
    MEDIA_CAP = 8,
    FRAG_ANSWER_LEN_MAX = 4096,
    CNAME_LEN = 16,
};

struct webrtc_session {
    const struct webrtc_handler *handler;
    void *ctx;
    struct webrtc_mux *mux;
    enum webrtc_state state;
    bool is_in_mux;

    struct ice ice;
    struct dtls *dtls;
    struct srtp_context *incoming; /* NULL until connected */
    struct srtp_context *outgoing;
    struct rtp_receiver *receiver;

    struct webrtc_address dtls_to; /* where answers of DTLS go */
    int64_t now_us;                /* of the call that is running */
    int64_t created_at_us;
    int64_t first_check_at_us;
    int64_t first_flight_at_us; /* 0: DTLS has sent nothing yet */
    int64_t connected_at_us;
    int64_t heard_at_us; /* the last thing that only the peer can have sent */
    int64_t handshake_round_trip_us;

    uint64_t datagrams;
    uint64_t bytes;
    uint64_t dropped;

    /* For the answer to a restart. */
    char mids[MIDS_CAP];
    char media[MEDIA_CAP];
    struct text fingerprint;
    size_t candidate_count;
    struct webrtc_candidate candidates[WEBRTC_CANDIDATES_MAX];
};

const char *webrtc_end_sentence(enum webrtc_end reason)
{
    static const char *const sentences[] = {[WEBRTC_END_NONE] = "not ended",
#define END_SENTENCE(code, sentence) [code] = sentence,
                                            WEBRTC_END_TABLE(END_SENTENCE)
#undef END_SENTENCE
    };

    return sentences[reason];
}

const char *webrtc_notice_sentence(enum webrtc_notice notice)
{
    static const char *const sentences[] = {[WEBRTC_NOTICE_NONE] = "nothing",
#define NOTICE_SENTENCE(code, sentence) [code] = sentence,
                                            WEBRTC_NOTICE_TABLE(NOTICE_SENTENCE)
#undef NOTICE_SENTENCE
    };

    return sentences[notice];
}

/* ---- leaving ---- */

static void leave_mux(struct webrtc_session *session)
{
    struct ice *ice = &session->ice;

    if (!session->is_in_mux)
        return;
    session->is_in_mux = false;
    webrtc_mux_remove_ufrag(session->mux, ice->current.ufrag);
    webrtc_mux_remove_ufrag(session->mux, ice->previous.ufrag);
    for (size_t i = 0; i < WEBRTC_PATHS_MAX; i++) {
        if (ice->paths[i].is_used)
            webrtc_mux_remove_path(session->mux, &ice->paths[i].address, session);
    }
    webrtc_mux_count_session(session->mux, -1);
}

static void end(struct webrtc_session *session, enum webrtc_end reason)
{
    if (session->state == WEBRTC_ENDED)
        return;
    session->state = WEBRTC_ENDED;
    leave_mux(session);
    session->handler->on_ended(session->ctx, reason);
}

void webrtc_session_close(struct webrtc_session *session, enum webrtc_end reason, int64_t now_us)
{
    if (session->state == WEBRTC_ENDED)
        return;
    session->now_us = now_us;
    if (session->ice.selected)
        session->dtls_to = session->ice.selected->address;
    dtls_close(session->dtls);
    end(session, reason);
}

void webrtc_session_destroy(struct webrtc_session *session)
{
    if (!session)
        return;
    leave_mux(session);
    rtp_receiver_destroy(session->receiver);
    srtp_context_destroy(session->incoming);
    srtp_context_destroy(session->outgoing);
    dtls_destroy(session->dtls);
    ice_deinit(&session->ice);
    mem_free(session);
}

/* ---- from the receiver ---- */

static void on_format(void *ctx, enum media_kind kind, const struct format *format)
{
    struct webrtc_session *session = ctx;

    (void)kind;
    session->handler->on_format(session->ctx, format);
}

static void on_sample(void *ctx, const struct sample *sample)
{
    struct webrtc_session *session = ctx;

    session->handler->on_sample(session->ctx, sample);
}

static void on_rtcp(void *ctx, const uint8_t *bytes, size_t len)
{
    struct webrtc_session *session = ctx;
    uint8_t packet[RTP_PACKET_LEN_MAX + SRTP_OVERHEAD];

    if (session->state != WEBRTC_CONNECTED || !session->ice.selected || len > RTP_PACKET_LEN_MAX)
        return;
    memcpy(packet, bytes, len);
    if (srtp_seal_rtcp(session->outgoing, packet, len, sizeof(packet), &len) == OK)
        session->handler->send(session->ctx, &session->ice.selected->address, packet, len);
}

/* BYE: the track may come back with another SSRC; the end of the session is told by DTLS, by DELETE
 * or by silence. */
static void on_track_end(void *ctx, enum media_kind kind)
{
    (void)ctx;
    (void)kind;
}

static void on_notice(void *ctx, enum rtp_notice notice)
{
    static const enum webrtc_notice notices[] = {
        [RTP_NOTICE_UNSUPPORTED_CODEC] = WEBRTC_NOTICE_CODEC,
        [RTP_NOTICE_TIME_ORDER] = WEBRTC_NOTICE_B_FRAMES,
        [RTP_NOTICE_NO_KEYFRAME] = WEBRTC_NOTICE_NO_KEYFRAME,
        [RTP_NOTICE_UNSUPPORTED_PACKING] = WEBRTC_NOTICE_PACKING,
    };
    struct webrtc_session *session = ctx;

    session->handler->on_notice(session->ctx, notices[notice]);
}

static const struct rtp_receiver_handler receiver_handler = {
    .on_format = on_format,
    .on_sample = on_sample,
    .on_rtcp = on_rtcp,
    .on_end = on_track_end,
    .on_notice = on_notice,
};

/* ---- DTLS ---- */

static void send_dtls(void *ctx, const uint8_t *bytes, size_t len)
{
    struct webrtc_session *session = ctx;

    if (session->dtls_to.port == 0)
        return;
    if (session->first_flight_at_us == 0)
        session->first_flight_at_us = session->now_us;
    session->handler->send(session->ctx, &session->dtls_to, bytes, len);
}

static void connect_media(struct webrtc_session *session)
{
    enum srtp_profile profile;
    struct srtp_key client;
    struct srtp_key server;

    dtls_keys(session->dtls, &profile, &client, &server);
    session->incoming = srtp_context_create(profile, SRTP_OPEN, &client);
    session->outgoing = srtp_context_create(profile, SRTP_SEAL, &server);
    crypto_wipe(&client, sizeof(client));
    crypto_wipe(&server, sizeof(server));

    /* From our first flight to the peer's last one is one round trip, or more with losses: good
     * enough until reports know better. */
    session->handshake_round_trip_us = session->now_us - session->first_flight_at_us;
    rtp_receiver_set_rtt(session->receiver, session->handshake_round_trip_us);
    session->connected_at_us = session->now_us;
    session->state = WEBRTC_CONNECTED;
    session->handler->on_connected(session->ctx);
}

static void after_dtls(struct webrtc_session *session, enum dtls_state state)
{
    switch (state) {
    case DTLS_HANDSHAKING:
        break;
    case DTLS_CONNECTED:
        if (session->state == WEBRTC_SECURING)
            connect_media(session);
        break;
    case DTLS_CLOSED:
        end(session, WEBRTC_END_PEER_CLOSED);
        break;
    case DTLS_FAILED:
        end(session, WEBRTC_END_DTLS_FAILED);
        break;
    case DTLS_WRONG_CERTIFICATE:
        end(session, WEBRTC_END_FINGERPRINT);
        break;
    }
}

/* ---- receiving ---- */

static void apply_change(struct webrtc_session *session, const struct webrtc_address *from,
                         const struct ice_change *change)
{
    session->heard_at_us = session->now_us;
    if (change->has_dropped)
        webrtc_mux_remove_path(session->mux, &change->dropped, session);
    if (change->has_added)
        webrtc_mux_add_path(session->mux, from, session);
    if (change->has_ended_previous)
        webrtc_mux_remove_ufrag(session->mux, change->ended_ufrag);
    if (session->state == WEBRTC_WAITING) {
        session->first_check_at_us = session->now_us;
        session->state = WEBRTC_SECURING;
    }
}

static bool receive_stun(struct webrtc_session *session, const uint8_t *bytes, size_t len,
                         const struct webrtc_address *from)
{
    uint8_t memory[ICE_ANSWER_LEN_MAX];
    struct writer answer = writer_fixed(memory, sizeof(memory));
    struct ice_change change;
    enum err err = ice_check(&session->ice, bytes, len, from, session->now_us, &answer, &change);

    if (answer.len && !answer.failed)
        session->handler->send(session->ctx, from, memory, answer.len);
    if (change.is_valid)
        apply_change(session, from, &change);
    return err == OK;
}

static bool receive_dtls(struct webrtc_session *session, const uint8_t *bytes, size_t len,
                         const struct ice_path *path)
{
    session->dtls_to = path->address;
    after_dtls(session, dtls_receive(session->dtls, bytes, len, session->now_us));
    return true;
}

static bool receive_srtp(struct webrtc_session *session, uint8_t *bytes, size_t len,
                         struct ice_path *path)
{
    /* RFC 5761 section 4: RTCP has 192..223 where RTP has marker and payload type. */
    bool is_rtcp = len > 1 && bytes[1] >= 192 && bytes[1] <= 223;
    enum err err;

    if (session->state != WEBRTC_CONNECTED)
        return false;
    if (is_rtcp)
        err = srtp_open_rtcp(session->incoming, bytes, len, &len);
    else
        err = srtp_open_rtp(session->incoming, bytes, len, &len);
    if (err != OK)
        return false;
    session->heard_at_us = session->now_us;
    ice_note_media(&session->ice, path, session->now_us);
    if (is_rtcp)
        rtp_receiver_rtcp(session->receiver, bytes, len, session->now_us);
    else
        rtp_receiver_rtp(session->receiver, bytes, len, session->now_us);
    return true;
}

/* RFC 7983 section 7: the first byte tells the protocol. Only STUN is taken from an address that
 * no valid check came from. */
static bool receive(struct webrtc_session *session, uint8_t *bytes, size_t len,
                    const struct webrtc_address *from)
{
    if (len == 0 || len > WEBRTC_DATAGRAM_LEN_MAX)
        return false;
    if (bytes[0] <= 3)
        return receive_stun(session, bytes, len, from);

    struct ice_path *path = ice_find_path(&session->ice, from);
    if (!path)
        return false;
    if (bytes[0] >= 20 && bytes[0] <= 63)
        return receive_dtls(session, bytes, len, path);
    if (bytes[0] >= 128 && bytes[0] <= 191)
        return receive_srtp(session, bytes, len, path);
    return false;
}

void webrtc_session_receive(struct webrtc_session *session, uint8_t *bytes, size_t len,
                            const struct webrtc_address *from, int64_t now_us)
{
    if (session->state == WEBRTC_ENDED)
        return;
    /* What came before a call that had its own time already: time does not go back. */
    if (now_us > session->now_us)
        session->now_us = now_us;
    session->datagrams++;
    session->bytes += len;
    if (!receive(session, bytes, len, from))
        session->dropped++;
}

void webrtc_session_forget(struct webrtc_session *session, const struct webrtc_address *address)
{
    struct ice_path *path = ice_find_path(&session->ice, address);

    if (path)
        ice_drop_path(&session->ice, path);
}

/* ---- time ---- */

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

int64_t webrtc_session_deadline_us(const struct webrtc_session *session)
{
    int64_t alive_us =
        earlier(session->heard_at_us + ICE_CONSENT_US, ice_deadline_us(&session->ice));

    switch (session->state) {
    case WEBRTC_WAITING:
        return session->created_at_us + FIRST_CHECK_US;
    case WEBRTC_SECURING:
        alive_us = earlier(alive_us, dtls_deadline_us(session->dtls));
        return earlier(alive_us, session->first_check_at_us + HANDSHAKE_US);
    case WEBRTC_CONNECTED:
        return earlier(alive_us, rtp_receiver_deadline_us(session->receiver));
    case WEBRTC_ENDED:
    default:
        return INT64_MAX;
    }
}

static void drop_silent_paths(struct webrtc_session *session)
{
    struct ice_path *path;

    while ((path = ice_find_silent(&session->ice, session->now_us))) {
        webrtc_mux_remove_path(session->mux, &path->address, session);
        ice_drop_path(&session->ice, path);
    }
}

static void on_time_securing(struct webrtc_session *session)
{
    if (session->now_us - session->first_check_at_us >= HANDSHAKE_US) {
        end(session, WEBRTC_END_NO_DTLS);
        return;
    }
    if (session->ice.selected)
        session->dtls_to = session->ice.selected->address;
    after_dtls(session, dtls_on_time(session->dtls, session->now_us));
}

void webrtc_session_on_time(struct webrtc_session *session, int64_t now_us)
{
    if (session->state == WEBRTC_ENDED)
        return;
    session->now_us = now_us;
    if (session->state == WEBRTC_WAITING) {
        if (now_us - session->created_at_us >= FIRST_CHECK_US)
            end(session, WEBRTC_END_NO_CHECK);
        return;
    }
    drop_silent_paths(session);
    if (now_us - session->heard_at_us >= ICE_CONSENT_US)
        end(session, WEBRTC_END_SILENT);
    else if (session->state == WEBRTC_SECURING)
        on_time_securing(session);
    else
        rtp_receiver_on_time(session->receiver, now_us);
}

/* ---- creating ---- */

static struct sdp_local local_side(const struct webrtc_session *session)
{
    return (struct sdp_local){
        .ufrag = text_of(session->ice.current.ufrag),
        .pwd = text_of(session->ice.current.pwd),
        .fingerprint = session->fingerprint,
        .candidates = session->candidates,
        .candidate_count = session->candidate_count,
        .session_id = crypto_random_u64() >> 1, /* RFC 8829 section 5.2.1: below 2^63 */
    };
}

static enum err create_receiver(struct webrtc_session *session, const struct session_offer *offer,
                                const struct webrtc_config *config, struct diag *diag)
{
    struct rtp_receiver_config receiver = {0};

    session_offer_receiver_config(offer, &receiver);
    receiver.bitrate_max = config->max_bitrate_kbps * 1000;
    receiver.keyframe_interval_us = config->keyframe_interval_us;
    receiver.local_ssrc = (uint32_t)(crypto_random_u64() >> 32);
    crypto_random_text(receiver.cname, CNAME_LEN);
    enum err err = rtp_receiver_create(&receiver, &receiver_handler, session, &session->receiver);
    if (err == OK)
        return OK;
    diag_set(diag, "The offer uses one payload type for two things.");
    return ERR_MALFORMED;
}

static enum err build(struct webrtc_session *session, const struct session_offer *offer,
                      const struct webrtc_config *config, struct diag *diag,
                      struct buf **ret_answer)
{
    const struct sdp_transport *transport = &offer->choice.transport;
    struct text media = session_offer_first_media(offer);

    ice_init(&session->ice, transport->ufrag);
    session->fingerprint = dtls_identity_fingerprint(config->identity);
    memcpy(session->media, media.ptr, media.len); /* "audio" or "video" */
    bool fits = session_offer_mids(offer, session->mids, sizeof(session->mids));
    assert(fits); /* two tokens */
    (void)fits;

    enum err err = create_receiver(session, offer, config, diag);
    if (err == OK)
        err = dtls_create(config->identity, transport->fingerprints, transport->fingerprint_count,
                          send_dtls, session, &session->dtls);
    if (err != OK)
        return err;
    struct sdp_local local = local_side(session);
    local.start_bitrate_kbps = config->start_bitrate_kbps;
    return session_offer_answer(offer, &local, ret_answer);
}

enum err webrtc_session_create(struct text offer_text, const struct webrtc_config *config,
                               const struct webrtc_handler *handler, void *ctx, int64_t now_us,
                               struct diag *diag, struct webrtc_session **ret_session,
                               struct buf **ret_answer)
{
    struct session_offer *offer = mem_alloc(sizeof(*offer));
    struct webrtc_session *session = NULL;
    enum err err = session_offer_read(offer_text, offer, diag);

    assert(config->candidate_count > 0 && config->candidate_count <= WEBRTC_CANDIDATES_MAX);
    if (err == OK) {
        session = mem_zalloc(sizeof(*session));
        session->handler = handler;
        session->ctx = ctx;
        session->mux = config->mux;
        session->state = WEBRTC_WAITING;
        session->now_us = session->created_at_us = session->heard_at_us = now_us;
        session->candidate_count = config->candidate_count;
        memcpy(session->candidates, config->candidates,
               config->candidate_count * sizeof(config->candidates[0]));
        err = build(session, offer, config, diag, ret_answer);
    }
    mem_free(offer);
    if (err != OK) {
        webrtc_session_destroy(session);
        return err;
    }
    session->is_in_mux = true;
    webrtc_mux_count_session(session->mux, 1);
    webrtc_mux_add_ufrag(session->mux, session->ice.current.ufrag, session);
    *ret_session = session;
    return OK;
}

/* ---- trickle and restart ---- */

static struct buf *write_frag(const struct webrtc_session *session)
{
    struct writer w = writer_growing(FRAG_ANSWER_LEN_MAX);
    struct sdp_local local = local_side(session);

    sdp_frag_write(&w, text_of(session->mids), text_of(session->media), &local);
    assert(!w.failed);
    struct buf *answer = writer_copy_buf(&w);
    writer_deinit(&w);
    return answer;
}

enum err webrtc_session_patch(struct webrtc_session *session, struct text sdpfrag,
                              struct diag *diag, struct buf **ret_answer)
{
    struct sdp_frag frag;
    char lost_ufrag[ICE_UFRAG_LEN + 1];
    enum err err = sdp_frag_parse(sdpfrag, &frag, diag);

    if (err != OK)
        return err;
    if (session->state == WEBRTC_ENDED) {
        diag_set(diag, "The session has ended.");
        return ERR_CLOSED;
    }
    if (frag.ufrag.len == 0 || text_equal(frag.ufrag, text_of(session->ice.current.remote_ufrag))) {
        *ret_answer = NULL;
        return OK;
    }
    ice_restart(&session->ice, frag.ufrag, lost_ufrag);
    webrtc_mux_remove_ufrag(session->mux, lost_ufrag);
    webrtc_mux_add_ufrag(session->mux, session->ice.current.ufrag, session);
    *ret_answer = write_frag(session);
    return OK;
}

struct text webrtc_session_ice_tag(const struct webrtc_session *session)
{
    return text_of(session->ice.current.ufrag);
}

/* ---- the rest ---- */

void webrtc_session_request_keyframe(struct webrtc_session *session, int64_t now_us)
{
    session->now_us = now_us;
    if (session->state == WEBRTC_CONNECTED)
        rtp_receiver_request_keyframe(session->receiver, now_us);
}

int64_t webrtc_session_missed_at_us(const struct webrtc_session *session)
{
    return rtp_receiver_missed_at_us(session->receiver);
}

void webrtc_session_set_keyframe_interval(struct webrtc_session *session, int64_t interval_us)
{
    rtp_receiver_set_keyframe_interval(session->receiver, interval_us);
}

bool webrtc_session_wall_us(const struct webrtc_session *session, int64_t pts_us,
                            int64_t *ret_wall_us)
{
    return rtp_receiver_wall_us(session->receiver, pts_us, ret_wall_us);
}

static struct webrtc_track_stats track_stats(const struct rtp_track_stats *track)
{
    return (struct webrtc_track_stats){
        .packets = track->packets,
        .lost = track->lost,
        .recovered = track->recovered,
        .frames = track->frames,
        .frames_dropped = track->frames_dropped,
        .bitrate_bps = track->bitrate,
        .loss = track->loss,
        .fps = track->fps,
        .keyframe_interval_us = track->keyframe_interval_us,
    };
}

void webrtc_session_stats(const struct webrtc_session *session, int64_t now_us,
                          struct webrtc_stats *ret_stats)
{
    struct rtp_receiver_stats receiver;
    const struct ice_path *selected = session->ice.selected;

    rtp_receiver_stats(session->receiver, now_us, &receiver);
    memset(ret_stats, 0, sizeof(*ret_stats));
    ret_stats->state = session->state;
    if (selected)
        ret_stats->peer = selected->address;
    ret_stats->connected_at_us = session->connected_at_us;
    ret_stats->round_trip_us =
        receiver.rtt_us >= 0 ? receiver.rtt_us : session->handshake_round_trip_us;
    ret_stats->datagrams = session->datagrams;
    ret_stats->bytes = session->bytes;
    ret_stats->dropped = session->dropped;
    ret_stats->video = track_stats(&receiver.video);
    ret_stats->audio = track_stats(&receiver.audio);
}
