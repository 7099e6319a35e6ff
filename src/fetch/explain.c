/*
 * libcurl's codes as sentences for the person who typed in the URL.
 */
#include <openssl/x509.h>

#include "base/clock.h"
#include "fetch/call.h"

/* How far a call came before its time was over. libcurl does not tell when TCP was there and TLS
 * was not. */
static const char *phase_of(const struct call *call)
{
    curl_off_t resolved_us = 0, connected_us = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved_us);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    if (resolved_us == 0 && call->sockets_tried == 0 && !call->parsed.is_address)
        return "could not be found in DNS";
    if (connected_us > 0)
        return "did not answer";
    return call->parsed.is_https ? "did not take the connection or finish the TLS handshake"
                                 : "did not take the connection";
}

static void explain_certificate(const struct call *call, struct diag *diag)
{
    long result = X509_V_OK;

    (void)curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &result);
    /* libcurl leaves "unspecified" there when the chain is good and the name is not. */
    if (result == X509_V_OK || result == X509_V_ERR_UNSPECIFIED)
        diag_set(diag, "The certificate of %.*s is made out for another name.",
                 TEXT_ARG(text_sub(call->parsed.host, 0, 100)));
    else
        diag_set(diag, "The certificate of %.*s is not trusted: %s.",
                 TEXT_ARG(text_sub(call->parsed.host, 0, 100)),
                 X509_verify_cert_error_string(result));
}

/*    code, what the caller does, what follows after the host's name */
static const struct {
    CURLcode code;
    enum err err;
    const char *sentence;
} sentences[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_IO, "is a name that DNS does not know."},
    {CURLE_COULDNT_CONNECT, ERR_IO, "refused the connection."},
    {CURLE_SSL_CONNECT_ERROR, ERR_IO, "failed in the TLS handshake."},
    {CURLE_GOT_NOTHING, ERR_IO, "closed the connection without an answer."},
    {CURLE_SEND_ERROR, ERR_IO, "closed the connection before it had the whole request."},
    {CURLE_RECV_ERROR, ERR_IO, "broke the connection."},
    {CURLE_PARTIAL_FILE, ERR_IO, "closed the connection before the end of its answer."},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_MALFORMED, "does not speak HTTP."},
    {CURLE_WEIRD_SERVER_REPLY, ERR_MALFORMED, "does not speak HTTP."},
    {CURLE_BAD_CONTENT_ENCODING, ERR_MALFORMED, "sent an answer that cannot be read."},
    {CURLE_HTTP2, ERR_MALFORMED, "broke the rules of HTTP/2."},
    {CURLE_HTTP2_STREAM, ERR_MALFORMED, "ended the request (HTTP/2)."},
};

enum err call_explain(const struct call *call, CURLcode code, int64_t now_us, struct diag *diag)
{
    struct text host = text_sub(call->parsed.host, 0, 100);

    if (call->refusal.message[0] != '\0' && call->sockets_tried == 0) {
        diag_set(diag, "%.*s %.130s.", TEXT_ARG(host), call->refusal.message);
        return ERR_DENIED;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        diag_set(diag, "%.*s %s within %lld s.", TEXT_ARG(host), phase_of(call),
                 (long long)((now_us - call->begun_us + US_PER_S / 2) / US_PER_S));
        return ERR_TIMEOUT;
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        explain_certificate(call, diag);
        return ERR_IO;
    }
    if (code == CURLE_WRITE_ERROR && call->is_cut) {
        diag_set(diag, "The answer of %.*s is longer than %zu bytes.", TEXT_ARG(host),
                 call->answer_max);
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (sentences[i].code == code) {
            diag_set(diag, "%.*s %s", TEXT_ARG(host), sentences[i].sentence);
            return sentences[i].err;
        }
    }
    diag_set(diag, "The request to %.*s failed: %s.", TEXT_ARG(host), curl_easy_strerror(code));
    return ERR_IO;
}
