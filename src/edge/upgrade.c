#include "edge/upgrade.h"

#include "edge/call.h"

static const char SESSION_COOKIE[] = "stoa_session";

bool upgrade_is_meant(const struct http_request *request)
{
    return text_equal_nocase(http_header(request, "upgrade"), TEXT("websocket"));
}

/* No rule of CORS holds a page back from opening a WebSocket, and the browser sends our cookies
 * along. What is public anybody's page may hear, as with the event stream; but a socket that acts
 * with somebody's session must not be had by a page that is neither ours nor on the list
 * (cross-site WebSocket hijacking). Without the cookie there is nothing to steal. */
static bool is_hijack(const struct http_request *request)
{
    struct text cookie;

    return http_origin(request) == HTTP_ORIGIN_FOREIGN &&
           http_cookie_find(request, SESSION_COOKIE, &cookie);
}

static void refuse_handshake(struct http_request *request)
{
    static const struct http_header_line lines[] = {
        {"Upgrade", TEXT_INIT("websocket")},
        {"Sec-WebSocket-Version", TEXT_INIT("13")},
    };
    /* HTTP/2 has no Upgrade field. */
    size_t skipped = request->version == HTTP_2;

    http_respond_problem_with(request,
                              &(struct http_response){.status = 426,
                                                      .headers = lines + skipped,
                                                      .headers_count = 2 - skipped},
                              TEXT("A WebSocket is opened with HTTP/1.1 and version 13 of the "
                                   "protocol (RFC 6455)."));
}

bool upgrade_is_allowed(struct http_request *request)
{
    if (!http_is_websocket(request)) {
        refuse_handshake(request);
        return false;
    }
    if (is_hijack(request)) {
        call_respond_problem(request, 403, "forbidden",
                             TEXT("A page of another site may not open this WebSocket with your "
                                  "session. Name its origin in http.cors_origins, or send no "
                                  "cookie."));
        return false;
    }
    return true;
}
