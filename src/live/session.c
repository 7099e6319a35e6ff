#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "codec/codec.h"
#include "live/live_private.h"
#include "media/sample.h"
#include "transcode/transcode.h"

/* A publisher that sends nothing for this long is reported as lost; its connection stays. */
static const int64_t SILENCE_US = 5 * US_PER_S;

/* What the worker makes of Opus: AAC-LC, 48 kHz, stereo (ISO 14496-3 section 1.6.2.1). It is known
 * before its first frame, so that the first init segment need not wait for one. */
static const uint8_t AAC_LC_48K_STEREO[] = {0x11, 0x90};

static uint32_t count_from_address(const struct live *live, const struct net_address *peer)
{
    uint32_t count = 0;
    size_t position = 0;
    const struct live_session *session;

    while ((session = map_next(&live->session_by_id, &position)))
        count += net_equal_ip(&session->peer, peer);
    return count;
}

enum err session_init(struct live_session *session, struct live *live,
                      const struct session_ops *ops, enum live_protocol protocol,
                      const struct net_address *peer, struct diag *diag)
{
    if (live->is_draining) {
        diag_set(diag, "The server is shutting down. Connect again in a moment.");
        return ERR_LIMIT;
    }
    if (live->session_by_id.count >= live->config.sessions_max) {
        diag_set(diag, "The server has no room for another publisher. Try again later.");
        return ERR_LIMIT;
    }
    if (!net_is_loopback(peer) &&
        count_from_address(live, peer) >= live->config.sessions_per_address_max) {
        diag_set(diag, "Too many publishing connections come from your address. Close some.");
        return ERR_LIMIT;
    }
    *session = (struct live_session){
        .live = live,
        .ops = ops,
        .id = live->next_session_id++,
        .state = SESSION_ASKING,
        .protocol = protocol,
        .peer = *peer,
        .last_sample_us = loop_now_us(live->loop),
        .target_bitrate_kbps = -1,
        .nominal_fps = -1,
    };
    (void)map_put_u64(&live->session_by_id, session->id, session);
    return OK;
}

static void close_transcode(struct live_session *session)
{
    transcode_close(session->transcode);
    session->transcode = NULL;
    interleave_deinit(&session->interleave);
}

void session_deinit(struct live_session *session)
{
    if (!session->live)
        return; /* never registered */
    close_transcode(session);
    if (session->program)
        program_detach(session->program);
    (void)map_remove_u64(&session->live->session_by_id, session->id);
    session->state = SESSION_OVER;
    session->live = NULL;
}

void session_ask(struct live_session *session, uint64_t channel_id, struct text stream_key)
{
    struct live_publish request = {
        .session_id = session->id,
        .channel_id = channel_id,
        .protocol = session->protocol,
        .stream_key = stream_key,
        .peer = &session->peer,
        .is_refused = session->is_refused,
    };

    session->channel_id = channel_id;
    session->live->handler->on_publish(session->live->ctx, &request);
}

/* Ends the session's part in its program for good. */
static bool fail(struct live_session *session, const struct diag *diag)
{
    struct live *live = session->live;
    uint64_t channel_id = session->channel_id;

    close_transcode(session);
    if (session->program)
        program_detach(session->program);
    session->state = SESSION_OVER;
    live->handler->on_failed(live->ctx, channel_id, session->id, diag->message);
    return false;
}

/* ---- sound by way of the worker ---- */

static void on_transcoded_format(void *ctx, const struct format *format)
{
    (void)ctx;
    (void)format; /* AAC_LC_48K_STEREO was announced already, and the worker makes nothing else */
}

/* One picture that has waited for its sound; takes its references. */
static enum err push_picture(struct live_session *session, struct interleave_picture picture,
                             struct diag *diag)
{
    enum err err = OK;

    if (picture.format)
        err = program_set_format(session->program, picture.format, diag);
    if (err == OK)
        return program_push(session->program, picture.sample, diag);
    sample_unref(picture.sample);
    return err;
}

static enum err push_pictures(struct live_session *session, int64_t now_us, struct diag *diag)
{
    struct interleave_picture picture;
    enum err err = OK;

    while (session->program && err == OK && interleave_take(&session->interleave, now_us, &picture))
        err = push_picture(session, picture, diag);
    return err;
}

/* All of them: the sound that comes now is not theirs. */
static enum err flush_pictures(struct live_session *session, struct diag *diag)
{
    struct interleave_picture picture;
    enum err err = OK;

    while (session->program && err == OK && interleave_take_anyway(&session->interleave, &picture))
        err = push_picture(session, picture, diag);
    return err;
}

static void on_transcoded_sample(void *ctx, const struct sample *sample)
{
    struct live_session *session = ctx;
    struct diag diag = {0};

    if (!session->program)
        return;
    int64_t now_us = loop_now_us(session->live->loop);
    enum err err = program_push(session->program, sample_ref(sample), &diag);
    interleave_note_sound(&session->interleave, sample, now_us);
    if (err == OK)
        err = push_pictures(session, now_us, &diag);
    if (err && !fail(session, &diag))
        session->ops->end(session, diag.message);
}

static void on_transcode_failed(void *ctx, const char *reason, bool is_final)
{
    const struct live_session *session = ctx;

    log_warn("transcode_failed", LOG_U64("channel", session->channel_id), LOG_STR("reason", reason),
             LOG_BOOL("is_final", is_final), LOG_STR("effect", "the picture goes on with silence"));
}

static void on_transcode_recovered(void *ctx)
{
    const struct live_session *session = ctx;

    log_info("transcode_recovered", LOG_U64("channel", session->channel_id));
}

static const struct transcode_handler transcode_handler = {
    .on_format = on_transcoded_format,
    .on_sample = on_transcoded_sample,
    .on_failed = on_transcode_failed,
    .on_recovered = on_transcode_recovered,
};

static struct format *aac_format(void)
{
    struct format *format =
        format_create(CODEC_AAC, buf_copy(AAC_LC_48K_STEREO, sizeof(AAC_LC_48K_STEREO)));

    format->sample_rate = 48000;
    format->channels = 2;
    return format;
}

/* Replaces an Opus format by that of its AAC. ERR_UNSUPPORTED, ERR_LIMIT: no transcoding. */
static enum err open_transcode(struct live_session *session, struct format **format,
                               struct diag *diag)
{
    close_transcode(session);
    enum err err = transcode_open(session->live->transcoder, *format, &transcode_handler, session,
                                  &session->transcode);

    format_unref(*format);
    *format = NULL;
    if (err) {
        diag_set(diag, "The server cannot convert more sound at the moment. Send AAC, or try "
                       "again later.");
        return err;
    }
    *format = aac_format();
    return OK;
}

/* ---- from the protocols ---- */

static enum err take_video_format(struct live_session *session, struct format *format,
                                  struct diag *diag)
{
    enum err err = codec_complete_format(format, diag);

    if (err) {
        format_unref(format);
    } else if (session->transcode && session->program->is_feeding) {
        interleave_put_format(&session->interleave, format); /* pictures before it may wait */
    } else {
        err = program_set_format(session->program, format, diag);
    }
    return err;
}

static enum err take_audio_format(struct live_session *session, struct format *format,
                                  struct diag *diag)
{
    enum err err = flush_pictures(session, diag);

    session->audio_codec = format->codec;
    close_transcode(session);
    if (err == OK && format->codec == CODEC_OPUS)
        err = open_transcode(session, &format, diag);
    else if (err == OK)
        err = codec_complete_format(format, diag);
    if (err == OK)
        return program_set_format(session->program, format, diag);
    format_unref(format);
    return err;
}

bool session_on_format(struct live_session *session, struct format *format, struct diag *diag)
{
    if (!session->program) {
        format_unref(format);
        return session->state != SESSION_OVER;
    }
    enum err err = codec_kind(format->codec) == MEDIA_VIDEO
                       ? take_video_format(session, format, diag)
                       : take_audio_format(session, format, diag);
    return err == OK || fail(session, diag);
}

bool session_on_sample(struct live_session *session, struct sample *sample, struct diag *diag)
{
    struct program *program = session->program;
    int64_t now_us;

    if (!program) {
        sample_unref(sample);
        return session->state != SESSION_OVER;
    }
    now_us = loop_now_us(session->live->loop);
    session->last_sample_us = now_us;
    if (session->is_silent) {
        session->is_silent = false;
        program->awaits_media = true; /* playable again with the next part */
        session->live->handler->on_resumed(session->live->ctx, session->channel_id, session->id);
    }
    struct timeline_times times =
        timeline_place(&program->timeline, sample->kind, sample->dts_us, sample->pts_us, now_us);
    sample->dts_us = times.dts_us; /* not shared yet: the protocol gave us its only reference */
    sample->pts_us = times.pts_us;
    program_note_arrival(program, times.dts_us);

    enum err err = OK;
    if (!session->transcode) {
        err = program_push(program, sample, diag);
    } else if (sample->kind == MEDIA_AUDIO) {
        transcode_push(session->transcode, sample);
        sample_unref(sample);
    } else {
        transcode_advance(session->transcode, times.dts_us - 500 * US_PER_MS);
        interleave_put(&session->interleave, sample, now_us);
        err = push_pictures(session, now_us, diag);
    }
    return err == OK || fail(session, diag);
}

void session_on_lost(struct live_session *session, const char *reason)
{
    struct live *live = session->live;
    bool was_accepted = session->state == SESSION_ACCEPTED;
    struct diag unheard = {0};

    IGNORE_ERR(flush_pictures(session, &unheard)); /* it is over in any case */
    close_transcode(session);
    if (session->program)
        program_detach(session->program);
    session->state = SESSION_OVER;
    if (was_accepted)
        live->handler->on_lost(live->ctx, session->channel_id, session->id, reason);
}

void session_check_silence(struct live_session *session, int64_t now_us)
{
    if (session->state != SESSION_ACCEPTED || session->is_silent ||
        now_us - session->last_sample_us < SILENCE_US)
        return;
    session->is_silent = true;
    session->live->handler->on_lost(session->live->ctx, session->channel_id, session->id,
                                    "The publisher is connected, but nothing comes from it.");
}
