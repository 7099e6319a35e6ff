#include "support/web_server.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/certificate.h"
#include "support/test.h"

struct connection {
    int fd;
    SSL *tls;
};

static int receive(const struct connection *c, void *to, size_t cap)
{
    return c->tls ? SSL_read(c->tls, to, (int)cap) : (int)recv(c->fd, to, cap, 0);
}

static bool send_bytes(const struct connection *c, const char *bytes, size_t len)
{
    while (len) {
        int sent = c->tls ? SSL_write(c->tls, bytes, (int)len)
                          : (int)send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Head and body; false when the client went before. */
static bool read_request(struct web_server *server, const struct connection *c)
{
    size_t len = 0, wanted = SIZE_MAX;

    while (len < wanted) {
        int got = receive(c, server->last + len, sizeof(server->last) - 1 - len);

        if (got <= 0)
            return false;
        len += (size_t)got;
        server->last[len] = '\0';

        const char *head_end = strstr(server->last, "\r\n\r\n");
        if (!head_end)
            continue;
        const char *length = strcasestr(server->last, "\r\ncontent-length: ");
        uint64_t body_len = 0;
        if (length) {
            struct text rest = text_of(length + strlen("\r\ncontent-length: "));
            (void)text_parse_u64(text_cut(&rest, '\r'), sizeof(server->last), &body_len);
        }
        wanted = (size_t)(head_end + 4 - server->last) + (size_t)body_len;
    }
    return true;
}

static void answer(const struct connection *c, struct text target)
{
    static const char ok[] =
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    static const char huge[] = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    static const char cut[] =
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\nhello";
    char block[4096];
    char head[4096];

    if (text_equal(target, TEXT("/ok"))) {
        (void)send_bytes(c, ok, strlen(ok));
    } else if (text_equal(target, TEXT("/slow"))) {
        while (receive(c, block, sizeof(block)) > 0)
            continue;
    } else if (text_equal(target, TEXT("/huge"))) {
        memset(block, 'x', sizeof(block));
        if (send_bytes(c, huge, strlen(huge)))
            while (send_bytes(c, block, sizeof(block)))
                continue;
    } else if (text_equal(target, TEXT("/short"))) {
        (void)send_bytes(c, cut, strlen(cut));
    } else if (text_equal(target, TEXT("/noise"))) {
        (void)send_bytes(c, "SSH-2.0-noise\r\n", strlen("SSH-2.0-noise\r\n"));
    } else if (text_starts_with(target, TEXT("/status/"))) {
        struct text status = text_sub(target, strlen("/status/"), 3);
        (void)snprintf(head, sizeof(head),
                       "HTTP/1.1 %.*s So\r\nretry-after: 7\r\ncontent-length: 0\r\n"
                       "connection: close\r\n\r\n",
                       TEXT_ARG(status));
        (void)send_bytes(c, head, strlen(head));
    } else if (text_starts_with(target, TEXT("/redirect/"))) {
        struct text status = text_sub(target, strlen("/redirect/"), 3);
        struct text location = text_sub(target, strlen("/redirect/307?"), target.len);
        (void)snprintf(head, sizeof(head),
                       "HTTP/1.1 %.*s Go\r\nlocation: %.*s\r\ncontent-length: 0\r\n"
                       "connection: close\r\n\r\n",
                       TEXT_ARG(status), TEXT_ARG(location));
        (void)send_bytes(c, head, strlen(head));
    }
}

static void serve(struct web_server *server, int fd)
{
    struct connection c = {.fd = fd};

    if (server->tls) {
        c.tls = SSL_new(server->tls);
        (void)SSL_set_fd(c.tls, fd);
        if (SSL_accept(c.tls) != 1)
            goto end;
    }
    if (read_request(server, &c)) {
        struct text line = text_of(server->last);

        server->requests++;
        (void)text_cut(&line, ' ');
        answer(&c, text_cut(&line, ' '));
    }
    if (c.tls)
        (void)SSL_shutdown(c.tls);
end:
    SSL_free(c.tls);
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
}

static void *run(void *arg)
{
    struct web_server *server = arg;
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0)
        serve(server, fd);
    return NULL;
}

void web_server_start(struct web_server *server, const struct test_certificate *certificate)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *server = (struct web_server){0};
    (void)signal(SIGPIPE, SIG_IGN); /* a client that goes while we write TLS */
    if (certificate) {
        server->tls = SSL_CTX_new(TLS_server_method());
        assert_int_equal(SSL_CTX_use_certificate_chain_file(server->tls, certificate->cert_path),
                         1);
        assert_int_equal(
            SSL_CTX_use_PrivateKey_file(server->tls, certificate->key_path, SSL_FILETYPE_PEM), 1);
    }
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(server->fd, 64), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void web_server_stop(struct web_server *server)
{
    (void)shutdown(server->fd, SHUT_RDWR); /* wakes accept() */
    (void)pthread_join(server->thread, NULL);
    (void)close(server->fd);
    SSL_CTX_free(server->tls);
}
