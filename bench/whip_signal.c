/*
 * WHIP's two requests, and the SDP in them.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http_get.h"
#include "webrtc/dtls_identity.h"
#include "webrtc/sdp.h"
#include "webrtc/webrtc.h"
#include "whip_session.h"

enum { REQUEST_MAX = 8192, ANSWER_MAX = 65536, ANSWER_TIMEOUT_MS = 5000, CREATED = 201 };

/* ---- HTTP, blocking ---- */

static bool wait_for(int fd, short events)
{
    struct pollfd watch = {fd, events, 0};

    return poll(&watch, 1, ANSWER_TIMEOUT_MS) == 1;
}

/* A request of some kB fits into the buffer of a fresh socket. */
static enum err exchange(const struct whip_client *client, struct text request,
                         struct http_get *get, struct writer *body)
{
    enum err err = http_get_connect(get, &client->address);

    if (err != OK)
        return err;
    if (!wait_for(get->fd, POLLOUT))
        err = ERR_TIMEOUT;
    else if (send(get->fd, request.ptr, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
        err = ERR_CLOSED;
    http_get_expect(get, body);
    while (err == OK || err == ERR_AGAIN) {
        if (!wait_for(get->fd, POLLIN)) {
            err = ERR_TIMEOUT;
            break;
        }
        err = http_get_ready(get);
        if (err == OK)
            break;
    }
    http_get_close(get);
    return err;
}

static struct text header(const struct http_get *get, struct text name)
{
    struct text rest = {get->head, get->head_len};

    while (rest.len) {
        struct text value = text_cut(&rest, '\n');

        if (text_equal_nocase(text_cut(&value, ':'), name) && value.len)
            return text_trim(text_sub(value, 0, value.len - 1));
    }
    return TEXT("");
}

/* ---- SDP ---- */

static void write_section(struct writer *w, const struct whip_session *session, size_t number)
{
    bool is_video = number == WHIP_VIDEO;

    writer_printf(w,
                  "m=%s 9 UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n",
                  is_video ? "video" : "audio", is_video ? WHIP_VIDEO_TYPE : WHIP_AUDIO_TYPE);
    writer_printf(w, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n", session->ufrag,
                  session->pwd);
    writer_printf(w, "a=fingerprint:sha-256 %.*s\r\na=setup:actpass\r\na=mid:%zu\r\n",
                  TEXT_ARG(dtls_identity_fingerprint(session->client->identity)), number);
    writer_printf(w, "a=extmap:%d %.*s\r\na=extmap:%d %.*s\r\n", WHIP_EXTENSION_TWCC,
                  TEXT_ARG(sdp_extension_uri(SDP_EXT_TWCC)), WHIP_EXTENSION_MID,
                  TEXT_ARG(sdp_extension_uri(SDP_EXT_MID)));
    writer_str(w, "a=sendonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
    if (is_video)
        writer_printf(w,
                      "a=rtpmap:%d H264/90000\r\na=rtcp-fb:%d transport-cc\r\na=rtcp-fb:%d nack\r\n"
                      "a=rtcp-fb:%d nack pli\r\na=fmtp:%d level-asymmetry-allowed=1;"
                      "packetization-mode=1;profile-level-id=%06x\r\n",
                      WHIP_VIDEO_TYPE, WHIP_VIDEO_TYPE, WHIP_VIDEO_TYPE, WHIP_VIDEO_TYPE,
                      WHIP_VIDEO_TYPE, session->client->media.profile_level);
    else
        writer_printf(w,
                      "a=rtpmap:%d opus/48000/2\r\na=rtcp-fb:%d transport-cc\r\n"
                      "a=fmtp:%d minptime=10;useinbandfec=1\r\n",
                      WHIP_AUDIO_TYPE, WHIP_AUDIO_TYPE, WHIP_AUDIO_TYPE);
    writer_printf(w, "a=ssrc:%u cname:%s\r\n", session->sender.tracks[number].ssrc,
                  session->sender.cname);
}

static void write_offer(struct writer *w, const struct whip_session *session)
{
    writer_printf(w, "v=0\r\no=- %llu 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n",
                  (unsigned long long)(session->tie_breaker >> 1));
    for (size_t i = 0; i < WHIP_TRACKS; i++)
        write_section(w, session, i);
}

static bool take(char *to, size_t cap, struct text value)
{
    struct writer w = writer_fixed(to, cap - 1);

    writer_text(&w, value);
    to[w.len] = '\0';
    return !w.failed && value.len > 0;
}

/* candidate:1 1 udp 2130706431 127.0.0.1 8189 typ host (RFC 8839 section 5.1). */
static void take_candidate(struct whip_session *session, struct text value)
{
    char ip[INET_ADDRSTRLEN];
    uint64_t port;

    (void)text_cut(&value, ' ');
    (void)text_cut(&value, ' ');
    bool is_udp = text_equal_nocase(text_cut(&value, ' '), TEXT("udp"));
    (void)text_cut(&value, ' ');
    bool is_ipv4 = take(ip, sizeof(ip), text_cut(&value, ' '));
    if (!is_udp || !is_ipv4 || session->server.sin_port != 0 ||
        !text_parse_u64(text_cut(&value, ' '), UINT16_MAX, &port) ||
        inet_pton(AF_INET, ip, &session->server.sin_addr) != 1)
        return;
    session->server.sin_family = AF_INET;
    session->server.sin_port = htons((uint16_t)port);
}

static enum err read_answer(struct whip_session *session, struct text answer)
{
    struct sdp_lines lines = {answer, 0};
    struct text value;
    char type;

    while (sdp_next_line(&lines, &type, &value, NULL) == OK) {
        struct text name = text_cut(&value, ':');

        if (type != 'a')
            continue;
        if (text_equal(name, TEXT("ice-ufrag")))
            (void)take(session->server_ufrag, sizeof(session->server_ufrag), value);
        else if (text_equal(name, TEXT("ice-pwd")))
            (void)take(session->server_pwd, sizeof(session->server_pwd), value);
        else if (text_equal(name, TEXT("candidate")))
            take_candidate(session, value);
    }
    if (session->server_ufrag[0] && session->server_pwd[0] && session->server.sin_port)
        return OK;
    diag_set(&session->diag, "the answer has no ufrag, pwd or candidate for UDP over IPv4");
    return ERR_MALFORMED;
}

/* ---- the two requests ---- */

static void write_head(struct writer *w, const struct whip_session *session, const char *method,
                       const char *path)
{
    writer_printf(w, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: stoa-bench\r\n", method, path,
                  session->client->host);
}

enum err whip_signal_publish(struct whip_session *session)
{
    char path[WHIP_PATH_LEN_MAX + 1], offer_memory[REQUEST_MAX / 2], memory[REQUEST_MAX];
    struct writer offer = writer_fixed(offer_memory, sizeof(offer_memory));
    struct writer request = writer_fixed(memory, sizeof(memory));
    struct writer body = writer_growing(ANSWER_MAX);
    struct http_get get;

    (void)snprintf(path, sizeof(path), "/whip/%s", session->channel);
    write_offer(&offer, session);
    write_head(&request, session, "POST", path);
    writer_printf(&request,
                  "Authorization: Bearer %s\r\nContent-Type: application/sdp\r\n"
                  "Content-Length: %zu\r\n\r\n",
                  session->key, offer.len);
    writer_bytes(&request, offer.data, offer.len);
    enum err err = offer.failed || request.failed
                       ? ERR_LIMIT
                       : exchange(session->client, writer_as_text(&request), &get, &body);
    if (err != OK) {
        diag_set(&session->diag, "no answer to POST: %s", err_name(err));
    } else if (get.status != CREATED) {
        diag_set(&session->diag, "POST: %d %.*s", get.status, TEXT_ARG(writer_as_text(&body)));
        err = ERR_DENIED;
    } else {
        (void)take(session->path, sizeof(session->path), header(&get, TEXT("Location")));
        err = read_answer(session, writer_as_text(&body));
    }
    writer_deinit(&body);
    return err;
}

void whip_signal_delete(struct whip_session *session)
{
    char memory[REQUEST_MAX];
    struct writer request = writer_fixed(memory, sizeof(memory));
    struct http_get get;

    if (!session->path[0])
        return;
    write_head(&request, session, "DELETE", session->path);
    writer_str(&request, "\r\n");
    /* The session is over in any case. */
    IGNORE_ERR(exchange(session->client, writer_as_text(&request), &get, NULL));
    session->path[0] = '\0';
}
