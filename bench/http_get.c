#include "http_get.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

enum err http_get_connect(struct http_get *get, const struct sockaddr_in *address)
{
    int on = 1;

    get->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (get->fd < 0)
        return ERR_IO;
    (void)setsockopt(get->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(get->fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno != EINPROGRESS) {
        http_get_close(get);
        return ERR_IO;
    }
    get->request_len = get->request_sent = 0;
    return OK;
}

void http_get_close(struct http_get *get)
{
    if (get->fd >= 0)
        (void)close(get->fd);
    get->fd = -1;
}

void http_get_ask(struct http_get *get, const char *host, const char *path, struct writer *body)
{
    int len = snprintf(get->request, sizeof(get->request),
                       "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: stoa-bench\r\n\r\n", path, host);

    http_get_expect(get, body);
    get->request_len = len > 0 && (size_t)len < sizeof(get->request) ? (size_t)len : 0;
}

void http_get_expect(struct http_get *get, struct writer *body)
{
    get->request_len = get->request_sent = 0;
    get->head_len = 0;
    get->has_head = false;
    get->body = body;
    if (body)
        writer_clear(body);
}

static enum err send_request(struct http_get *get)
{
    while (http_get_is_sending(get)) {
        ssize_t sent = send(get->fd, get->request + get->request_sent,
                            get->request_len - get->request_sent, MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN || errno == ENOTCONN ? ERR_AGAIN : ERR_CLOSED;
        get->request_sent += (size_t)sent;
    }
    return OK;
}

static enum err parse_head(struct http_get *get, size_t head_len)
{
    struct text rest = {get->head, head_len};
    struct text line = text_cut(&rest, '\n');
    uint64_t status, body_len = UINT64_MAX;

    if (!text_starts_with(line, TEXT("HTTP/1.1 ")) ||
        !text_parse_u64(text_sub(line, 9, 3), 999, &status))
        return ERR_MALFORMED;
    while (rest.len) {
        line = text_cut(&rest, '\n');
        struct text name = text_cut(&line, ':');

        if (text_equal_nocase(name, TEXT("content-length")) &&
            !text_parse_u64(text_trim(text_sub(line, 0, line.len - 1)), UINT32_MAX, &body_len))
            return ERR_MALFORMED;
    }
    if (body_len == UINT64_MAX && (status == 204 || status == 304))
        body_len = 0;
    if (body_len == UINT64_MAX)
        return ERR_UNSUPPORTED;
    get->status = (int)status;
    get->body_len = get->body_left = body_len;
    get->has_head = true;
    return OK;
}

static void take_body(struct http_get *get, const void *bytes, size_t len)
{
    if (get->body)
        writer_bytes(get->body, bytes, len);
    get->body_left -= len;
}

static enum err receive(struct http_get *get, void *to, size_t len, int flags, size_t *ret_len)
{
    ssize_t got = recv(get->fd, to, len, flags);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
    if (got == 0)
        return ERR_CLOSED;
    get->total_len += (uint64_t)got;
    *ret_len = (size_t)got;
    return OK;
}

static enum err read_head(struct http_get *get)
{
    size_t got;
    enum err err =
        receive(get, get->head + get->head_len, sizeof(get->head) - get->head_len, 0, &got);

    if (err != OK)
        return err;
    get->head_len += got;
    const char *end = memmem(get->head, get->head_len, "\r\n\r\n", 4);
    if (!end)
        return get->head_len < sizeof(get->head) ? OK : ERR_LIMIT;
    size_t head_len = (size_t)(end - get->head) + 4;
    err = parse_head(get, head_len);
    if (err != OK)
        return err;
    if (get->head_len - head_len > get->body_left)
        return ERR_MALFORMED; /* more than was asked for */
    take_body(get, end + 4, get->head_len - head_len);
    return OK;
}

static enum err read_body(struct http_get *get)
{
    uint8_t bytes[16384];
    size_t got, most = get->body_left < (1U << 30) ? (size_t)get->body_left : 1U << 30;
    enum err err;

    if (!get->body) {
        err = receive(get, NULL, most, MSG_TRUNC, &got);
        if (err == OK)
            get->body_left -= got;
        return err;
    }
    err = receive(get, bytes, most < sizeof(bytes) ? most : sizeof(bytes), 0, &got);
    if (err == OK)
        take_body(get, bytes, got);
    return err;
}

enum err http_get_ready(struct http_get *get)
{
    enum err err = send_request(get);

    while (err == OK) {
        if (get->has_head && get->body_left == 0)
            return get->body && get->body->failed ? ERR_LIMIT : OK;
        err = get->has_head ? read_body(get) : read_head(get);
    }
    return err;
}
