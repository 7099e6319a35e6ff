/*
 * The rules of what we take of an offer, and the answer (RFC 8829 section 5.3, RFC 9725).
 *
 * A WHIP server must not refuse single m= sections of media, so a rule that one breaks refuses the
 * whole offer, with a sentence. What is no media (data channels) or sends nothing is answered with
 * port 0.
 */
#include "webrtc/sdp.h"

#include <string.h>

#include "base/writer.h"
#include "webrtc/webrtc.h"

enum {
    /* The level that we declare when the offer allows asymmetry: we decode nothing, so the most
     * that HLS players take (5.2). */
    H264_LEVEL_MAX = 0x34,
    H264_PROFILE_DEFAULT = 0x42000a, /* RFC 6184 section 8.1, when profile-level-id is absent */
};

static enum err unsupported(struct diag *diag, const char *sentence)
{
    diag_set(diag, "%s", sentence);
    return ERR_UNSUPPORTED;
}

/* ---- codecs ---- */

static bool is_h264_for_us(const struct sdp_payload *payload, unsigned packetization_mode)
{
    struct text mode = sdp_fmtp_value(payload->fmtp, TEXT("packetization-mode"));
    struct text level_id = sdp_fmtp_value(payload->fmtp, TEXT("profile-level-id"));
    uint64_t mode_number = 0; /* RFC 6184 section 8.1: absent means 0 */
    uint64_t profile_level = H264_PROFILE_DEFAULT;

    if (!text_equal_nocase(payload->encoding, TEXT("H264")) || payload->clock_rate != 90000)
        return false;
    if (mode.len && !text_parse_u64(mode, 2, &mode_number))
        return false;
    if (level_id.len &&
        (level_id.len != 6 || !text_parse_hex_u64(level_id, 0xffffff, &profile_level)))
        return false;
    unsigned profile = (unsigned)(profile_level >> 16);
    return mode_number == packetization_mode && (profile == 66 || profile == 77 || profile == 100);
}

static bool is_opus(const struct sdp_payload *payload)
{
    return text_equal_nocase(payload->encoding, TEXT("opus")) && payload->clock_rate == 48000;
}

/* The retransmission type whose apt= names `type` (RFC 4588 section 8.6). */
static uint8_t rtx_type_of(const struct sdp_section *section, uint8_t type)
{
    for (size_t i = 0; i < section->payload_count; i++) {
        const struct sdp_payload *payload = &section->payloads[i];
        uint64_t apt;

        if (text_equal_nocase(payload->encoding, TEXT("rtx")) &&
            text_parse_u64(sdp_fmtp_value(payload->fmtp, TEXT("apt")), 127, &apt) && apt == type)
            return payload->type;
    }
    return 0;
}

static void take_codec(struct sdp_track *track, const struct sdp_payload *payload, enum codec codec)
{
    const struct sdp_section *section = track->section;

    if (track->codec_count == SDP_CODECS_MAX)
        return;
    track->codecs[track->codec_count++] = (struct sdp_codec){
        .payload = payload,
        .rtx_type = rtx_type_of(section, payload->type),
        .feedback = (uint8_t)(payload->feedback | section->feedback),
        .codec = codec,
    };
}

/* Among the same packetization mode the publisher's order stays: it knows what its encoder does
 * best (RFC 3264 section 6.1). */
static void take_h264(struct sdp_track *track)
{
    static const unsigned modes[] = {1, 0};

    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < track->section->payload_count; i++) {
            if (is_h264_for_us(&track->section->payloads[i], modes[m]))
                take_codec(track, &track->section->payloads[i], CODEC_H264);
        }
    }
}

static void take_opus(struct sdp_track *track)
{
    for (size_t i = 0; i < track->section->payload_count; i++) {
        if (is_opus(&track->section->payloads[i]))
            take_codec(track, &track->section->payloads[i], CODEC_OPUS);
    }
}

/* "VP8, VP9 and AV1": the media codecs of a section, each once, without the helpers. */
static void write_codec_names(struct writer *w, const struct sdp_section *section)
{
    static const char *const helpers[] = {"rtx",        "red", "ulpfec",
                                          "flexfec-03", "CN",  "telephone-event"};
    struct text names[4];
    size_t count = 0;

    for (size_t i = 0; i < section->payload_count && count < 4; i++) {
        struct text name = section->payloads[i].encoding;
        bool is_new = name.len != 0 && name.len <= 20;

        for (size_t h = 0; h < sizeof(helpers) / sizeof(helpers[0]); h++)
            is_new = is_new && !text_equal_nocase(name, text_of(helpers[h]));
        for (size_t n = 0; n < count; n++)
            is_new = is_new && !text_equal_nocase(name, names[n]);
        if (is_new)
            names[count++] = name;
    }
    for (size_t n = 0; n < count; n++) {
        writer_str(w, n == 0 ? "" : n + 1 == count ? " and " : ", ");
        writer_text(w, names[n]);
    }
    if (count == 0)
        writer_str(w, "codecs that are not known");
}

static enum err refuse_codecs(const struct sdp_section *section, const char *wanted,
                              struct diag *diag)
{
    char memory[120];
    struct writer w = writer_fixed(memory, sizeof(memory));

    write_codec_names(&w, section);
    diag_set(diag, "Your browser offered only %.*s for %.*s; enable %s.",
             TEXT_ARG(writer_as_text(&w)), TEXT_ARG(section->media), wanted);
    return ERR_UNSUPPORTED;
}

/* ---- sections ---- */

static bool is_sending(const struct sdp_section *section)
{
    /* Port 0 means refused, unless the section only exists in the bundle (RFC 8843 section 6). */
    return (section->port != 0 || section->has_bundle_only) &&
           (section->direction == SDP_SENDONLY || section->direction == SDP_SENDRECV);
}

static bool is_taken(const struct sdp_choice *choice, const struct sdp_section *section)
{
    return section == choice->video.section || section == choice->audio.section;
}

static enum err choose_section(struct sdp_track *track, const struct sdp_section *section,
                               struct diag *diag)
{
    if (track->section) {
        diag_set(diag, "The offer has more than one %.*s track; publish one.",
                 TEXT_ARG(section->media));
        return ERR_UNSUPPORTED;
    }
    track->section = section;
    return OK;
}

static enum err choose_sections(const struct sdp *offer, struct sdp_choice *choice,
                                struct diag *diag)
{
    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *section = &offer->sections[i];
        bool is_video = text_equal(section->media, TEXT("video"));
        enum err err;

        if ((!is_video && !text_equal(section->media, TEXT("audio"))) || !is_sending(section))
            continue;
        err = choose_section(is_video ? &choice->video : &choice->audio, section, diag);
        if (err != OK)
            return err;
    }
    if (!choice->video.section && !choice->audio.section)
        return unsupported(diag, "The offer sends neither video nor audio.");
    return OK;
}

static enum err check_section(const struct sdp *offer, const struct sdp_choice *choice,
                              const struct sdp_section *section, struct diag *diag)
{
    static const char *const protos[] = {"UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF",
                                         "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"};
    bool is_alone = !choice->video.section || !choice->audio.section;
    bool is_known = false;

    for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
        is_known = is_known || text_equal(section->proto, text_of(protos[i]));
    if (!is_known)
        return unsupported(diag, "The offer's media is not WebRTC (UDP/TLS/RTP/SAVPF).");
    if (!section->has_rtcp_mux)
        return unsupported(diag, "The offer lacks a=rtcp-mux; RTP and RTCP must share a port.");
    if (!is_alone && !sdp_has_word(offer->bundle, section->mid))
        return unsupported(diag, "The offer does not bundle audio and video (a=group:BUNDLE); use "
                                 "bundlePolicy max-bundle.");
    return OK;
}

static enum err choose_codecs(struct sdp_choice *choice, struct diag *diag)
{
    if (choice->video.section) {
        take_h264(&choice->video);
        if (choice->video.codec_count == 0)
            return refuse_codecs(choice->video.section, "H.264", diag);
    }
    if (choice->audio.section) {
        take_opus(&choice->audio);
        if (choice->audio.codec_count == 0)
            return refuse_codecs(choice->audio.section, "Opus", diag);
    }
    return OK;
}

/* ---- transport ---- */

/* The section whose transport holds for the bundle: the first of the group that we take (RFC 8843
 * section 7.2.1); what it lacks may stand in any other one. */
static const struct sdp_section *tagged_section(const struct sdp *offer,
                                                const struct sdp_choice *choice)
{
    const struct sdp_section *first = NULL;
    struct text tag = text_sub(offer->bundle, 0, text_index_of(offer->bundle, ' '));

    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *section = &offer->sections[i];

        if (tag.len && text_equal(section->mid, tag))
            return section;
        if (!first && is_taken(choice, section))
            first = section;
    }
    return first;
}

/* Fills what `to` lacks. ufrag and pwd belong together, so they come from one place. */
static void merge_transport(struct sdp_transport *to, const struct sdp_transport *from)
{
    if (to->ufrag.len == 0 || to->pwd.len == 0) {
        to->ufrag = from->ufrag;
        to->pwd = from->pwd;
    }
    if (to->setup == 0)
        to->setup = from->setup;
    if (to->fingerprint_count == 0) {
        to->fingerprint_count = from->fingerprint_count;
        memcpy(to->fingerprints, from->fingerprints, sizeof(to->fingerprints));
    }
    to->has_other_fingerprint |= from->has_other_fingerprint;
}

static enum err choose_transport(const struct sdp *offer, struct sdp_choice *choice,
                                 struct diag *diag)
{
    struct sdp_transport *transport = &choice->transport;

    *transport = tagged_section(offer, choice)->transport;
    merge_transport(transport, &offer->transport);
    for (size_t i = 0; i < offer->section_count; i++) {
        if (is_taken(choice, &offer->sections[i]))
            merge_transport(transport, &offer->sections[i].transport);
    }
    if (transport->ufrag.len == 0 || transport->pwd.len == 0)
        return unsupported(diag, "The offer lacks a=ice-ufrag and a=ice-pwd.");
    if (transport->fingerprint_count == 0)
        return unsupported(diag, transport->has_other_fingerprint
                                     ? "The offer's fingerprint is not sha-256 (384, 512)."
                                     : "The offer lacks a=fingerprint; DTLS-SRTP is required.");
    if (transport->setup == SDP_PASSIVE || transport->setup == SDP_HOLDCONN)
        return unsupported(diag, "The offer's a=setup must be actpass or active: this server is "
                                 "passive.");
    if (offer->has_ice_lite)
        return unsupported(diag, "The offer is of an ICE-lite agent, and so is this server; one "
                                 "side must be full.");
    return OK;
}

/* transport-cc reports on the numbers of its extension; without it there is nothing to report. */
static void drop_transport_cc(struct sdp_track *track)
{
    for (size_t i = 0; i < track->codec_count; i++)
        track->codecs[i].feedback &= (uint8_t)~SDP_TRANSPORT_CC;
}

/* In a bundle a URI has one id (RFC 8843 section 8.3): the first section's counts. */
static void choose_extensions(struct sdp_choice *choice)
{
    const struct sdp_section *sections[] = {choice->video.section, choice->audio.section};

    for (unsigned e = 1; e < SDP_EXT_COUNT; e++) {
        for (size_t s = 0; s < 2 && choice->extensions[e] == 0; s++) {
            const struct sdp_extmap *map = sections[s] ? &sections[s]->extensions[e] : NULL;

            if (map && map->direction != SDP_RECVONLY && map->direction != SDP_INACTIVE)
                choice->extensions[e] = map->id;
        }
    }
    if (choice->extensions[SDP_EXT_TWCC] == 0) {
        drop_transport_cc(&choice->video);
        drop_transport_cc(&choice->audio);
    }
}

enum err sdp_choose(const struct sdp *offer, struct sdp_choice *ret_choice, struct diag *diag)
{
    struct sdp_choice choice = {0};
    enum err err = choose_sections(offer, &choice, diag);

    for (size_t i = 0; err == OK && i < offer->section_count; i++) {
        if (is_taken(&choice, &offer->sections[i]))
            err = check_section(offer, &choice, &offer->sections[i], diag);
    }
    if (err == OK)
        err = choose_codecs(&choice, diag);
    if (err == OK)
        err = choose_transport(offer, &choice, diag);
    if (err != OK)
        return err;
    choose_extensions(&choice);
    *ret_choice = choice;
    return OK;
}

/* ---- writing ---- */

static void write_h264_fmtp(struct writer *w, const struct sdp_payload *payload,
                            const struct sdp_local *local)
{
    struct text level_id = sdp_fmtp_value(payload->fmtp, TEXT("profile-level-id"));
    struct text mode = sdp_fmtp_value(payload->fmtp, TEXT("packetization-mode"));
    struct text asymmetry = sdp_fmtp_value(payload->fmtp, TEXT("level-asymmetry-allowed"));
    uint64_t profile_level = H264_PROFILE_DEFAULT;
    bool is_asymmetric = text_equal(asymmetry, TEXT("1"));

    if (level_id.len)
        (void)text_parse_hex_u64(level_id, 0xffffff, &profile_level); /* checked when chosen */
    if (is_asymmetric && (profile_level & 0xff) < H264_LEVEL_MAX)
        profile_level = (profile_level & 0xffff00) | H264_LEVEL_MAX;

    writer_printf(w, "a=fmtp:%u %spacketization-mode=%s;profile-level-id=%06x",
                  (unsigned)payload->type, is_asymmetric ? "level-asymmetry-allowed=1;" : "",
                  text_equal(mode, TEXT("1")) ? "1" : "0", (unsigned)profile_level);
    if (local->start_bitrate_kbps)
        writer_printf(w, ";x-google-start-bitrate=%u", (unsigned)local->start_bitrate_kbps);
    writer_str(w, "\r\n");
}

static void write_feedback(struct writer *w, uint8_t type, unsigned feedback)
{
    static const struct {
        enum sdp_feedback feedback;
        const char *words;
    } kinds[] = {{SDP_REMB, "goog-remb"},
                 {SDP_TRANSPORT_CC, "transport-cc"},
                 {SDP_FIR, "ccm fir"},
                 {SDP_NACK, "nack"},
                 {SDP_PLI, "nack pli"}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (feedback & kinds[i].feedback)
            writer_printf(w, "a=rtcp-fb:%u %s\r\n", (unsigned)type, kinds[i].words);
    }
}

static void write_codec(struct writer *w, const struct sdp_codec *codec,
                        const struct sdp_local *local)
{
    const struct sdp_payload *payload = codec->payload;
    unsigned type = payload->type;

    if (codec->codec == CODEC_H264)
        writer_printf(w, "a=rtpmap:%u H264/90000\r\n", type);
    else
        writer_printf(w, "a=rtpmap:%u opus/48000/2\r\n", type);
    write_feedback(w, payload->type, codec->feedback);
    if (codec->codec == CODEC_H264)
        write_h264_fmtp(w, payload, local);
    else
        writer_printf(w, "a=fmtp:%u minptime=10;stereo=1;useinbandfec=1\r\n", type);
    if (codec->rtx_type)
        writer_printf(w, "a=rtpmap:%u rtx/%u\r\na=fmtp:%u apt=%u\r\n", (unsigned)codec->rtx_type,
                      (unsigned)payload->clock_rate, (unsigned)codec->rtx_type, type);
}

static void write_extensions(struct writer *w, const struct sdp_section *section,
                             const struct sdp_choice *choice)
{
    for (unsigned e = 1; e < SDP_EXT_COUNT; e++) {
        const struct sdp_extmap *map = &section->extensions[e];

        if (map->id == 0 || map->id != choice->extensions[e])
            continue;
        writer_printf(w, "a=extmap:%u%s %.*s\r\n", (unsigned)map->id,
                      map->direction == SDP_SENDONLY ? "/recvonly" : "",
                      TEXT_ARG(sdp_extension_uri((enum sdp_extension)e)));
    }
}

static void write_track(struct writer *w, const struct sdp_track *track,
                        const struct sdp_choice *choice, const struct sdp_local *local)
{
    const struct sdp_section *section = track->section;

    for (size_t i = 0; i < track->codec_count; i++) {
        writer_printf(w, " %u", (unsigned)track->codecs[i].payload->type);
        if (track->codecs[i].rtx_type)
            writer_printf(w, " %u", (unsigned)track->codecs[i].rtx_type);
    }
    writer_printf(w, "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
    writer_printf(w, "a=ice-ufrag:%.*s\r\na=ice-pwd:%.*s\r\n", TEXT_ARG(local->ufrag),
                  TEXT_ARG(local->pwd));
    writer_printf(w, "a=fingerprint:sha-256 %.*s\r\na=setup:passive\r\n",
                  TEXT_ARG(local->fingerprint));
    if (section->mid.len)
        writer_printf(w, "a=mid:%.*s\r\n", TEXT_ARG(section->mid));
    write_extensions(w, section, choice);
    writer_str(w, "a=recvonly\r\na=rtcp-mux\r\n");
    if (section->has_rtcp_rsize)
        writer_str(w, "a=rtcp-rsize\r\n");
    if (section->has_receiver_rtt)
        writer_str(w, "a=rtcp-xr:rcvr-rtt=all\r\n");
    for (size_t i = 0; i < track->codec_count; i++)
        write_codec(w, &track->codecs[i], local);
}

/* A section that carries nothing for us - media that is not sent, a data channel - gets port 0
 * (RFC 3264 section 6). */
static void write_refused(struct writer *w, const struct sdp_section *section)
{
    writer_printf(w, " %.*s\r\nc=IN IP4 0.0.0.0\r\n", TEXT_ARG(section->first_format));
    if (section->mid.len)
        writer_printf(w, "a=mid:%.*s\r\n", TEXT_ARG(section->mid));
    writer_str(w, "a=inactive\r\n");
}

static void write_group(struct writer *w, const struct sdp *offer, const struct sdp_choice *choice)
{
    bool is_first = true;

    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *section = &offer->sections[i];

        if (!is_taken(choice, section) || !sdp_has_word(offer->bundle, section->mid))
            continue;
        writer_printf(w, "%s%.*s", is_first ? "a=group:BUNDLE " : " ", TEXT_ARG(section->mid));
        is_first = false;
    }
    if (!is_first)
        writer_str(w, "\r\n");
}

void sdp_write_answer(struct writer *w, const struct sdp *offer, const struct sdp_choice *choice,
                      const struct sdp_local *local)
{
    bool has_candidates = false;

    writer_str(w, "v=0\r\no=- ");
    writer_dec(w, local->session_id);
    writer_str(w, " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n");
    write_group(w, offer, choice);
    writer_str(w, "a=msid-semantic: WMS *\r\n");

    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *section = &offer->sections[i];
        bool is_ours = is_taken(choice, section);

        writer_printf(w, "m=%.*s %d %.*s", TEXT_ARG(section->media), is_ours ? 9 : 0,
                      TEXT_ARG(section->proto));
        if (!is_ours) {
            write_refused(w, section);
            continue;
        }
        write_track(w, section == choice->video.section ? &choice->video : &choice->audio, choice,
                    local);
        if (!has_candidates)
            sdp_write_candidates(w, local);
        has_candidates = true;
    }
}

/* ---- candidates ---- */

/* RFC 8445 section 5.1.2.1: type preference 126 for host; then the order of the configuration.
 * TCP stands behind UDP (RFC 6544 section 4.2), with a lower type preference. */
static uint32_t candidate_priority(bool is_tcp, size_t index)
{
    uint32_t local_preference = 65535 - (uint32_t)index;

    return (is_tcp ? 90U : 126U) << 24 | local_preference << 8 | 255U;
}

void sdp_write_candidates(struct writer *w, const struct sdp_local *local)
{
    for (size_t i = 0; i < local->candidate_count; i++) {
        const struct webrtc_candidate *candidate = &local->candidates[i];
        char ip[WEBRTC_IP_TEXT_CAP];

        webrtc_address_ip_text(&candidate->address, ip);
        writer_printf(
            w, "a=candidate:%u 1 %s %u %s %u typ host%s\r\n", (unsigned)i + 1,
            candidate->is_tcp ? "tcp" : "udp", (unsigned)candidate_priority(candidate->is_tcp, i),
            ip, (unsigned)candidate->address.port, candidate->is_tcp ? " tcptype passive" : "");
    }
    writer_str(w, "a=end-of-candidates\r\n");
}
