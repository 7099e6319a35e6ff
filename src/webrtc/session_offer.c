#include "webrtc/session_offer.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/writer.h"

enum { ANSWER_LEN_MAX = 64 * 1024 };

enum err session_offer_read(struct text text, struct session_offer *offer, struct diag *diag)
{
    enum err err = sdp_parse(text, &offer->sdp, diag);

    return err == OK ? sdp_choose(&offer->sdp, &offer->choice, diag) : err;
}

static unsigned feedback_of(const struct sdp_track *track)
{
    unsigned feedback = 0;

    for (size_t i = 0; i < track->codec_count; i++)
        feedback |= track->codecs[i].feedback;
    return feedback;
}

static void fill_track(const struct sdp_track *track, struct rtp_track_config *config)
{
    static_assert((int)SDP_CODECS_MAX <= (int)RTP_PAYLOADS_MAX,
                  "each codec of the answer has a place");
    const struct sdp_section *section = track->section;
    unsigned feedback = feedback_of(track);

    if (!section)
        return;
    for (size_t i = 0; i < track->codec_count; i++) {
        const struct sdp_codec *codec = &track->codecs[i];

        config->payloads[config->payload_count++] = (struct rtp_payload){
            .payload_type = codec->payload->type,
            .rtx_payload_type = codec->rtx_type,
            .codec = codec->codec,
            .clock_rate = codec->payload->clock_rate,
            .channels = codec->payload->channels,
        };
    }
    config->ssrc = section->ssrc;
    config->rtx_ssrc = section->rtx_ssrc;
    if (section->mid.len <= RTP_MID_LEN_MAX && section->mid.len > 0)
        memcpy(config->mid, section->mid.ptr, section->mid.len);
    config->has_nack = (feedback & SDP_NACK) != 0;
    config->has_pli = (feedback & SDP_PLI) != 0;
    config->has_fir = (feedback & SDP_FIR) != 0;
}

void session_offer_receiver_config(const struct session_offer *offer,
                                   struct rtp_receiver_config *config)
{
    const struct sdp_choice *choice = &offer->choice;
    const struct sdp_section *sections[] = {choice->video.section, choice->audio.section};
    unsigned feedback = feedback_of(&choice->video) | feedback_of(&choice->audio);

    fill_track(&choice->video, &config->video);
    fill_track(&choice->audio, &config->audio);
    config->mid_extension_id = choice->extensions[SDP_EXT_MID];
    config->twcc_extension_id = choice->extensions[SDP_EXT_TWCC];
    config->abs_send_time_extension_id = choice->extensions[SDP_EXT_ABS_SEND_TIME];
    config->has_twcc = (feedback & SDP_TRANSPORT_CC) != 0;
    config->has_remb = (feedback & SDP_REMB) != 0;
    config->has_reduced_size = true;
    for (size_t i = 0; i < 2; i++) {
        if (sections[i] && !sections[i]->has_rtcp_rsize)
            config->has_reduced_size = false;
    }
}

static bool is_track(const struct session_offer *offer, const struct sdp_section *section)
{
    return section == offer->choice.video.section || section == offer->choice.audio.section;
}

bool session_offer_mids(const struct session_offer *offer, char *to, size_t cap)
{
    struct writer w = writer_fixed(to, cap);

    for (size_t i = 0; i < offer->sdp.section_count; i++) {
        const struct sdp_section *section = &offer->sdp.sections[i];

        if (!is_track(offer, section) || section->mid.len == 0)
            continue;
        if (w.len)
            writer_char(&w, ' ');
        writer_text(&w, section->mid);
    }
    writer_char(&w, '\0');
    return !w.failed;
}

struct text session_offer_first_media(const struct session_offer *offer)
{
    for (size_t i = 0; i < offer->sdp.section_count; i++) {
        if (is_track(offer, &offer->sdp.sections[i]))
            return offer->sdp.sections[i].media;
    }
    return TEXT("video"); /* an offer without a track was refused */
}

enum err session_offer_answer(const struct session_offer *offer, const struct sdp_local *local,
                              struct buf **ret_answer)
{
    struct writer w = writer_growing(ANSWER_LEN_MAX);

    sdp_write_answer(&w, &offer->sdp, &offer->choice, local);
    if (w.failed) {
        writer_deinit(&w);
        return ERR_LIMIT;
    }
    *ret_answer = writer_copy_buf(&w);
    writer_deinit(&w);
    return OK;
}
