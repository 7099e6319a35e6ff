#include "webrtc/sdp.h"

#include <string.h>

#include "webrtc/webrtc.h"

/* ---- lines ---- */

enum err sdp_next_line(struct sdp_lines *lines, char *ret_type, struct text *ret_value,
                       struct diag *diag)
{
    struct text line = {NULL, 0};

    while (line.len == 0) {
        if (lines->rest.len == 0)
            return ERR_CLOSED;
        line = text_cut(&lines->rest, '\n');
        lines->line++;
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
    }
    if (diag)
        diag->line = lines->line;
    if (lines->line > SDP_LINES_MAX || line.len > SDP_LINE_LEN_MAX) {
        diag_set(diag, "The SDP has too many lines or a line that is too long.");
        return ERR_LIMIT;
    }
    if (line.len < 2 || line.ptr[1] != '=') {
        diag_set(diag, "This is no SDP: a line must look like \"a=value\".");
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.ptr[i] < ' ' && line.ptr[i] != '\t') {
            diag_set(diag, "The SDP has a control character in a line.");
            return ERR_MALFORMED;
        }
    }
    *ret_type = line.ptr[0];
    *ret_value = text_sub(line, 2, line.len - 2);
    return OK;
}

bool sdp_is_token(struct text text)
{
    /* RFC 8866 section 9: token-char, and '/' for protocols. */
    static const char others[] = "!#$%&'*+-.^_`{|}~/";

    if (text.len == 0 || text.len > SDP_TOKEN_LEN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!is_alnum && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return true;
}

/* RFC 8839 section 5.4: 4 to 256 ice-chars. Some peers use other visible characters: let them, but
 * for ':', which separates the names in a STUN USERNAME. */
static bool is_credential(struct text text, size_t len_min)
{
    if (text.len < len_min || text.len > 256)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == ':')
            return false;
    }
    return true;
}

bool sdp_ufrag_is_valid(struct text ufrag)
{
    return is_credential(ufrag, 4);
}

bool sdp_pwd_is_valid(struct text pwd)
{
    return is_credential(pwd, 22);
}

struct text sdp_fmtp_value(struct text fmtp, struct text name)
{
    while (fmtp.len) {
        struct text value = text_trim(text_cut(&fmtp, ';'));
        struct text key = text_trim(text_cut(&value, '='));

        if (text_equal_nocase(key, name))
            return text_trim(value);
    }
    return (struct text){NULL, 0};
}

bool sdp_has_word(struct text list, struct text word)
{
    while (list.len) {
        if (text_equal(text_cut(&list, ' '), word))
            return word.len != 0;
    }
    return false;
}

/* ---- attributes ---- */

/* Where a line stands: before the first m= line `section` is NULL. */
struct place {
    struct sdp *sdp;
    struct sdp_section *section;
    struct diag *diag;
};

static struct sdp_transport *transport_of(struct place *at)
{
    return at->section ? &at->section->transport : &at->sdp->transport;
}

static enum err malformed(struct place *at, const char *sentence)
{
    diag_set(at->diag, "%s", sentence);
    return ERR_MALFORMED;
}

static enum err on_ufrag(struct place *at, struct text value)
{
    if (!sdp_ufrag_is_valid(value))
        return malformed(at, "The offer's ice-ufrag must have 4 to 256 characters.");
    transport_of(at)->ufrag = value;
    return OK;
}

static enum err on_pwd(struct place *at, struct text value)
{
    if (!sdp_pwd_is_valid(value))
        return malformed(at, "The offer's ice-pwd must have 22 to 256 characters.");
    transport_of(at)->pwd = value;
    return OK;
}

static enum err on_setup(struct place *at, struct text value)
{
    static const char *const names[] = {"actpass", "active", "passive", "holdconn"};

    for (unsigned i = 0; i < 4; i++) {
        if (text_equal(value, text_of(names[i]))) {
            transport_of(at)->setup = (enum sdp_setup)(i + 1);
            return OK;
        }
    }
    return malformed(at, "The offer's a=setup is none of actpass, active, passive, holdconn.");
}

/* RFC 8122: hash function, space, bytes in hexadecimal with colons. */
static enum err on_fingerprint(struct place *at, struct text value)
{
    static const struct {
        struct text name;
        uint8_t len;
    } hashes[] = {
        {TEXT_INIT("sha-256"), 32}, {TEXT_INIT("sha-384"), 48}, {TEXT_INIT("sha-512"), 64}};
    struct sdp_transport *transport = transport_of(at);
    struct text name = text_cut(&value, ' ');
    unsigned hash = 0;

    while (hash < 3 && !text_equal_nocase(name, hashes[hash].name))
        hash++;
    if (hash == 3) {
        transport->has_other_fingerprint = true;
        return OK;
    }
    struct sdp_fingerprint fingerprint = {.hash = (enum sdp_hash)(hash + 1),
                                          .len = hashes[hash].len};
    if (value.len != fingerprint.len * 3U - 1)
        return malformed(at, "The offer's fingerprint has a wrong length.");
    for (size_t i = 0; i < fingerprint.len; i++) {
        uint64_t byte;

        if (!text_parse_hex_u64(text_sub(value, i * 3, 2), 255, &byte) ||
            (i * 3 + 2 < value.len && value.ptr[i * 3 + 2] != ':'))
            return malformed(at, "The offer's fingerprint is not written as AB:CD:... .");
        fingerprint.digest[i] = (uint8_t)byte;
    }
    if (transport->fingerprint_count < SDP_FINGERPRINTS_MAX)
        transport->fingerprints[transport->fingerprint_count++] = fingerprint;
    return OK;
}

static enum err on_group(struct place *at, struct text value)
{
    if (at->section || !text_equal(text_cut(&value, ' '), TEXT("BUNDLE")) || at->sdp->bundle.len)
        return OK;
    at->sdp->bundle = text_trim(value);
    return OK;
}

static enum err on_ice_lite(struct place *at, struct text value)
{
    (void)value;
    at->sdp->has_ice_lite = true;
    return OK;
}

static enum err set_direction(struct place *at, enum sdp_direction direction)
{
    if (at->section)
        at->section->direction = direction;
    else
        at->sdp->direction = direction;
    return OK;
}

static enum err on_sendrecv(struct place *at, struct text value)
{
    (void)value;
    return set_direction(at, SDP_SENDRECV);
}

static enum err on_sendonly(struct place *at, struct text value)
{
    (void)value;
    return set_direction(at, SDP_SENDONLY);
}

static enum err on_recvonly(struct place *at, struct text value)
{
    (void)value;
    return set_direction(at, SDP_RECVONLY);
}

static enum err on_inactive(struct place *at, struct text value)
{
    (void)value;
    return set_direction(at, SDP_INACTIVE);
}

static enum err on_mid(struct place *at, struct text value)
{
    if (!sdp_is_token(value))
        return malformed(at, "The offer's a=mid is no token of at most 64 characters.");
    at->section->mid = value;
    return OK;
}

static enum err on_bundle_only(struct place *at, struct text value)
{
    (void)value;
    at->section->has_bundle_only = true;
    return OK;
}

static enum err on_rtcp_mux(struct place *at, struct text value)
{
    (void)value;
    at->section->has_rtcp_mux = true;
    return OK;
}

static enum err on_rtcp_rsize(struct place *at, struct text value)
{
    (void)value;
    at->section->has_rtcp_rsize = true;
    return OK;
}

static enum err on_rtcp_xr(struct place *at, struct text value)
{
    if (sdp_has_word(value, TEXT("rcvr-rtt=all")))
        at->section->has_receiver_rtt = true;
    return OK;
}

static struct sdp_payload *find_payload(struct sdp_section *section, struct text number)
{
    uint64_t type;

    if (!text_parse_u64(number, 127, &type))
        return NULL;
    for (size_t i = 0; i < section->payload_count; i++) {
        if (section->payloads[i].type == type)
            return &section->payloads[i];
    }
    return NULL;
}

/* a=rtpmap:111 opus/48000/2 (RFC 8866 section 6.6) */
static enum err on_rtpmap(struct place *at, struct text value)
{
    struct sdp_payload *payload = find_payload(at->section, text_cut(&value, ' '));
    struct text encoding = text_cut(&value, '/');
    struct text clock_rate = text_cut(&value, '/');
    uint64_t rate;
    uint64_t channels = 0;

    if (!payload)
        return OK; /* of a payload type that the m= line does not have */
    if (!sdp_is_token(encoding) || !text_parse_u64(text_trim(clock_rate), UINT32_MAX, &rate) ||
        rate == 0 || (value.len && !text_parse_u64(text_trim(value), 255, &channels)))
        return malformed(at, "The offer has an a=rtpmap that is not encoding/clock rate.");
    payload->encoding = encoding;
    payload->clock_rate = (uint32_t)rate;
    payload->channels = (uint8_t)channels;
    return OK;
}

static enum err on_fmtp(struct place *at, struct text value)
{
    struct sdp_payload *payload = find_payload(at->section, text_cut(&value, ' '));

    if (payload)
        payload->fmtp = text_trim(value);
    return OK;
}

/* a=rtcp-fb:96 nack pli (RFC 4585 section 4.2) */
static enum err on_rtcp_fb(struct place *at, struct text value)
{
    static const struct {
        struct text words;
        uint8_t feedback;
    } kinds[] = {
        {TEXT_INIT("nack"), SDP_NACK},      {TEXT_INIT("nack pli"), SDP_PLI},
        {TEXT_INIT("ccm fir"), SDP_FIR},    {TEXT_INIT("transport-cc"), SDP_TRANSPORT_CC},
        {TEXT_INIT("goog-remb"), SDP_REMB},
    };
    struct text number = text_cut(&value, ' ');
    struct sdp_payload *payload = find_payload(at->section, number);
    uint8_t *to = payload ? &payload->feedback : NULL;

    if (text_equal(number, TEXT("*")))
        to = &at->section->feedback;
    for (size_t i = 0; to && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (text_equal(text_trim(value), kinds[i].words))
            *to = (uint8_t)(*to | kinds[i].feedback);
    }
    return OK;
}

static enum sdp_direction direction_of(struct text word)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

    for (unsigned i = 0; i < 4; i++) {
        if (text_equal(word, text_of(names[i])))
            return (enum sdp_direction)(i + 1);
    }
    return 0;
}

static const struct text extension_uris[SDP_EXT_COUNT] = {
    [SDP_EXT_MID] = TEXT_INIT("urn:ietf:params:rtp-hdrext:sdes:mid"),
    [SDP_EXT_TWCC] =
        TEXT_INIT("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    [SDP_EXT_ABS_SEND_TIME] =
        TEXT_INIT("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
};

struct text sdp_extension_uri(enum sdp_extension extension)
{
    return extension_uris[extension];
}

/* a=extmap:4/sendonly urn:... (RFC 8285 section 5). Ids over 14 need two-byte headers: not ours. */
static enum err on_extmap(struct place *at, struct text value)
{
    struct text direction = text_cut(&value, ' ');
    struct text number = text_cut(&direction, '/');
    struct text uri = text_cut(&value, ' ');
    uint64_t id;

    if (!at->section)
        return OK; /* at session level it would hold for all sections; no publisher does that */
    if (!text_parse_u64(number, 14, &id) || id == 0)
        return OK;
    for (unsigned i = 1; i < SDP_EXT_COUNT; i++) {
        if (text_equal(uri, extension_uris[i]) && at->section->extensions[i].id == 0)
            at->section->extensions[i] =
                (struct sdp_extmap){(uint8_t)id, direction.len ? direction_of(direction) : 0};
    }
    return OK;
}

static enum err on_ssrc(struct place *at, struct text value)
{
    uint64_t ssrc;

    if (!text_parse_u64(text_cut(&value, ' '), UINT32_MAX, &ssrc))
        return malformed(at, "The offer has an a=ssrc that is no number.");
    if (at->section->ssrc == 0)
        at->section->ssrc = (uint32_t)ssrc;
    return OK;
}

/* a=ssrc-group:FID 1 2: the second retransmits the first (RFC 5576 section 4.2, RFC 4588). With
 * several (simulcast) the first group counts. */
static enum err on_ssrc_group(struct place *at, struct text value)
{
    uint64_t ssrc;
    uint64_t rtx_ssrc;

    if (!text_equal(text_cut(&value, ' '), TEXT("FID")) || at->section->rtx_ssrc != 0)
        return OK;
    if (!text_parse_u64(text_cut(&value, ' '), UINT32_MAX, &ssrc) ||
        !text_parse_u64(text_cut(&value, ' '), UINT32_MAX, &rtx_ssrc))
        return malformed(at, "The offer has an a=ssrc-group:FID without two numbers.");
    at->section->ssrc = (uint32_t)ssrc;
    at->section->rtx_ssrc = (uint32_t)rtx_ssrc;
    return OK;
}

static const struct attribute {
    struct text name;
    bool is_of_section; /* without meaning before the first m= line */
    enum err (*on)(struct place *at, struct text value);
} attributes[] = {
    {TEXT_INIT("bundle-only"), true, on_bundle_only},
    {TEXT_INIT("extmap"), false, on_extmap},
    {TEXT_INIT("fingerprint"), false, on_fingerprint},
    {TEXT_INIT("fmtp"), true, on_fmtp},
    {TEXT_INIT("group"), false, on_group},
    {TEXT_INIT("ice-lite"), false, on_ice_lite},
    {TEXT_INIT("ice-pwd"), false, on_pwd},
    {TEXT_INIT("ice-ufrag"), false, on_ufrag},
    {TEXT_INIT("inactive"), false, on_inactive},
    {TEXT_INIT("mid"), true, on_mid},
    {TEXT_INIT("recvonly"), false, on_recvonly},
    {TEXT_INIT("rtcp-fb"), true, on_rtcp_fb},
    {TEXT_INIT("rtcp-mux"), true, on_rtcp_mux},
    {TEXT_INIT("rtcp-mux-only"), true, on_rtcp_mux},
    {TEXT_INIT("rtcp-rsize"), true, on_rtcp_rsize},
    {TEXT_INIT("rtcp-xr"), true, on_rtcp_xr},
    {TEXT_INIT("rtpmap"), true, on_rtpmap},
    {TEXT_INIT("sendonly"), false, on_sendonly},
    {TEXT_INIT("sendrecv"), false, on_sendrecv},
    {TEXT_INIT("setup"), false, on_setup},
    {TEXT_INIT("ssrc"), true, on_ssrc},
    {TEXT_INIT("ssrc-group"), true, on_ssrc_group},
};

static enum err on_attribute(struct place *at, struct text value)
{
    struct text name = text_cut(&value, ':');

    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (text_equal(name, attributes[i].name))
            return attributes[i].is_of_section && !at->section ? OK : attributes[i].on(at, value);
    }
    return OK;
}

/* m=video 9 UDP/TLS/RTP/SAVPF 96 97 (RFC 8866 section 5.14) */
static enum err on_media(struct place *at, struct text value)
{
    struct text media = text_cut(&value, ' ');
    struct text port = text_cut(&value, ' ');
    struct text proto = text_cut(&value, ' ');
    uint64_t number;

    if (at->sdp->section_count == SDP_SECTIONS_MAX) {
        diag_set(at->diag, "The offer has more than %d m= sections.", SDP_SECTIONS_MAX);
        return ERR_LIMIT;
    }
    if (!sdp_is_token(media) || !sdp_is_token(proto) || !text_parse_u64(port, UINT16_MAX, &number))
        return malformed(at, "The offer has an m= line that is not media, port, protocol.");

    struct sdp_section *section = &at->sdp->sections[at->sdp->section_count];
    memset(section, 0, sizeof(*section));
    section->media = media;
    section->port = (uint16_t)number;
    section->proto = proto;
    section->direction = at->sdp->direction;
    section->first_format = text_sub(value, 0, text_index_of(value, ' '));
    if (!sdp_is_token(section->first_format))
        return malformed(at, "The offer has an m= line without formats.");
    while (value.len && section->payload_count < SDP_PAYLOADS_MAX) {
        struct text format = text_cut(&value, ' ');

        if (text_parse_u64(format, 127, &number) && !find_payload(section, format))
            section->payloads[section->payload_count++].type = (uint8_t)number;
    }
    at->section = section;
    at->sdp->section_count++;
    return OK;
}

enum err sdp_parse(struct text text, struct sdp *sdp, struct diag *diag)
{
    struct sdp_lines lines = {text, 0};
    struct place at = {sdp, NULL, diag};
    char type = 0;
    struct text value;

    memset(sdp, 0, sizeof(*sdp));
    sdp->direction = SDP_SENDRECV;
    if (text.len > WEBRTC_OFFER_LEN_MAX) {
        diag_set(diag, "The offer is larger than %d bytes.", WEBRTC_OFFER_LEN_MAX);
        return ERR_LIMIT;
    }
    enum err err = sdp_next_line(&lines, &type, &value, diag);
    if (err == ERR_CLOSED || (err == OK && (type != 'v' || !text_equal(value, TEXT("0")))))
        return malformed(&at, "This is no SDP: it must begin with \"v=0\".");

    while (err == OK) {
        if (type == 'm')
            err = on_media(&at, value);
        else if (type == 'a')
            err = on_attribute(&at, value);
        if (err == OK)
            err = sdp_next_line(&lines, &type, &value, diag);
    }
    if (err != ERR_CLOSED)
        return err;
    if (diag)
        diag->line = 0;
    return OK;
}
