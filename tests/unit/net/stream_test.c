#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pages.h"
#include "net/net.h"
#include "support/certificate.h"
#include "support/test.h"

enum { BODY_LEN = 3000000 };

/* An echo peer in miniature: waits for "go", then sends a head and one large shared body twice. */
struct server {
    struct loop *loop;
    struct tcp_listener *listener;
    struct tls_context *tls;
    struct stream *stream;
    struct buf *body;
    struct pages_cursor pages;
    bool is_paged;
    bool shuts_down; /* behind the answer */
    char congestion[16];
    char got[16];
    size_t got_len;
    char alpn[16];
};

static void on_readable(void *ctx)
{
    struct server *server = ctx;
    enum err err;
    size_t len;

    while ((err = stream_read(server->stream, server->got + server->got_len,
                              sizeof(server->got) - server->got_len, &len)) == OK) {
        server->got_len += len;
        if (server->got_len != 2)
            continue;
        /* Slices that are a run in the file, if they are in it, and others between. */
        struct slice slices[] = {
            slice_of(server->body, 0, 100), slice_of(server->body, 100, BODY_LEN - 200),
            slice_take(buf_copy(server->body->data + BODY_LEN - 100, 100)),
            slice_of(server->body, 0, BODY_LEN - 50), slice_of(server->body, BODY_LEN - 50, 50)};
        struct text alpn = stream_alpn(server->stream);
        memcpy(server->alpn, alpn.len ? alpn.ptr : "", alpn.len);
        err = stream_send(server->stream, "head", 4, slices, 5);
        if (err)
            break; /* the peer left early */
        if (server->shuts_down)
            stream_shutdown(server->stream);
    }
    if (err == ERR_AGAIN)
        return;
    stream_close(server->stream);
    loop_stop(server->loop);
}

static void on_broken(void *ctx, enum err reason)
{
    struct server *server = ctx;

    (void)reason;
    stream_close(server->stream);
    loop_stop(server->loop);
}

static const struct stream_handler handler = {.on_readable = on_readable, .on_broken = on_broken};

static void on_accept(void *ctx, int fd, const struct net_address *peer)
{
    struct server *server = ctx;
    socklen_t len = sizeof(server->congestion) - 1;

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, server->congestion, &len), 0);
    assert_ok(
        stream_create(server->loop, fd, peer, server->tls, &handler, server, &server->stream));
}

static void server_start(struct server *server)
{
    struct net_address any;
    struct diag diag = {0};

    assert_ok(loop_create("test", &server->loop));
    assert_ok(net_parse(TEXT("0.0.0.0:0"), &any));
    assert_ok(tcp_listen(server->loop, &any, on_accept, server, &diag, &server->listener));
    server->body =
        server->is_paged ? buf_create_paged(&server->pages, BODY_LEN) : buf_create(BODY_LEN);
    for (size_t i = 0; i < BODY_LEN; i++)
        server->body->data[i] = (uint8_t)(i * 7);
}

static void server_end(struct server *server)
{
    loop_join(server->loop);
    tcp_listener_close(server->listener);
    assert_int_equal(server->body->refs, 1); /* every slice was released */
    buf_unref(server->body);
    pages_cursor_deinit(&server->pages);
    loop_destroy(server->loop);
}

static int connect_to(const struct server *server)
{
    struct net_address address = tcp_listener_address(server->listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, &address.any, net_address_len(&address)), 0);
    return fd;
}

static void check_body(size_t *offset, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++, (*offset)++) {
        uint8_t wanted =
            *offset < 4 ? (uint8_t) "head"[*offset] : (uint8_t)((*offset - 4) % BODY_LEN * 7);
        if (bytes[i] != wanted)
            fail_msg("byte %zu differs", *offset);
    }
}

static void slow_peer_gets_every_byte(bool is_paged)
{
    struct server server = {.is_paged = is_paged};
    static uint8_t bytes[65536];
    size_t offset = 0;

    server_start(&server);
    assert_ok(loop_start(server.loop));
    int fd = connect_to(&server);
    assert_int_equal(write(fd, "g", 1), 1);
    assert_int_equal(write(fd, "o", 1), 1);
    while (offset < 4 + 2 * (size_t)BODY_LEN) {
        ssize_t len = read(fd, bytes, sizeof(bytes));
        assert_true(len > 0);
        check_body(&offset, bytes, (size_t)len);
    }
    (void)close(fd);
    server_end(&server);
}

static void slow_peer_gets_every_byte_in_order(void **state)
{
    (void)state;
    slow_peer_gets_every_byte(false);
}

static void slow_peer_gets_pages_in_order(void **state)
{
    (void)state;
    slow_peer_gets_every_byte(true);
}

static void peer_sees_the_end_behind_all_that_was_queued(void **state)
{
    (void)state;
    struct server server = {.shuts_down = true};
    static uint8_t bytes[65536];
    size_t offset = 0;
    ssize_t len;

    server_start(&server);
    assert_ok(loop_start(server.loop));
    int fd = connect_to(&server);
    assert_int_equal(write(fd, "go", 2), 2);
    while ((len = read(fd, bytes, sizeof(bytes))) > 0)
        check_body(&offset, bytes, (size_t)len);
    assert_int_equal(len, 0);
    assert_int_equal(offset, 4 + 2 * BODY_LEN);
    (void)close(fd);
    server_end(&server);
}

/* A client with TLS that has asked the server for its answer. */
struct tls_peer {
    struct test_certificate certificate;
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

static void tls_peer_ask(struct tls_peer *peer, struct server *server)
{
    struct diag diag = {0};

    test_certificate_create(&peer->certificate);
    assert_ok(tls_context_create(peer->certificate.cert_path, peer->certificate.key_path,
                                 TEXT("\x02h2\x08http/1.1"), &diag, &server->tls));
    server_start(server);
    assert_ok(loop_start(server->loop));
    peer->fd = connect_to(server);
    peer->ctx = SSL_CTX_new(TLS_client_method());
    peer->ssl = SSL_new(peer->ctx);
    assert_int_equal(SSL_set_fd(peer->ssl, peer->fd), 1);
    assert_int_equal(SSL_set_alpn_protos(peer->ssl, (const unsigned char *)"\x02h2", 3), 0);
    assert_int_equal(SSL_connect(peer->ssl), 1);
    assert_ok(tls_context_reload(server->tls, &diag)); /* running sessions go on */
    assert_int_equal(SSL_write(peer->ssl, "go", 2), 2);
}

static void tls_peer_read(struct tls_peer *peer)
{
    static uint8_t bytes[65536];
    size_t offset = 0;

    while (offset < 4 + 2 * (size_t)BODY_LEN) {
        int len = SSL_read(peer->ssl, bytes, sizeof(bytes));
        assert_true(len > 0);
        check_body(&offset, bytes, (size_t)len);
    }
}

static void tls_peer_leave(struct tls_peer *peer, struct server *server)
{
    (void)SSL_shutdown(peer->ssl);
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->ctx);
    (void)close(peer->fd);
    server_end(server);
    tls_context_destroy(server->tls);
    test_certificate_remove(&peer->certificate);
}

static void tls_peer_gets_every_byte_and_alpn(void **state)
{
    (void)state;
    struct server server = {0};
    struct tls_peer peer;

    tls_peer_ask(&peer, &server);
    tls_peer_read(&peer);
    tls_peer_leave(&peer, &server);
    assert_string_equal(server.alpn, "h2");
}

/* Without close_notify it could not tell the end from a connection that was cut. */
static void tls_peer_is_told_of_the_end_behind_all_that_was_queued(void **state)
{
    (void)state;
    struct server server = {.shuts_down = true};
    struct tls_peer peer;
    uint8_t byte;

    tls_peer_ask(&peer, &server);
    tls_peer_read(&peer);
    int len = SSL_read(peer.ssl, &byte, 1);
    assert_int_equal(SSL_get_error(peer.ssl, len), SSL_ERROR_ZERO_RETURN);
    tls_peer_leave(&peer, &server);
}

static void peer_leaves_mid_way(struct server *server)
{
    uint8_t byte;

    server_start(server);
    assert_ok(loop_start(server->loop));
    int fd = connect_to(server);
    assert_int_equal(write(fd, "go", 2), 2);
    assert_int_equal(read(fd, &byte, 1), 1);
    (void)close(fd); /* with unread bytes: a reset */
    server_end(server);
}

static void peer_that_leaves_mid_way_breaks_the_stream(void **state)
{
    (void)state;
    peer_leaves_mid_way(&(struct server){.is_paged = false});
    peer_leaves_mid_way(&(struct server){.is_paged = true});
}

/* Pacing towards this machine is work for nothing, whatever the system does for other lines. */
static void connections_from_this_machine_are_not_paced(void **state)
{
    (void)state;
    struct server server = {0};

    peer_leaves_mid_way(&server);
    assert_string_equal(server.congestion, "reno");
}

static void missing_certificate_is_named(void **state)
{
    (void)state;
    struct tls_context *tls;
    struct diag diag = {0};

    assert_err(tls_context_create("/nonexistent.pem", "/nonexistent.key", TEXT(""), &diag, &tls),
               ERR_INVALID);
    assert_true(text_contains(text_of(diag.message), TEXT("/nonexistent.pem")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(slow_peer_gets_every_byte_in_order),
        TEST_CASE(slow_peer_gets_pages_in_order),
        TEST_CASE(connections_from_this_machine_are_not_paced),
        TEST_CASE(peer_sees_the_end_behind_all_that_was_queued),
        TEST_CASE(tls_peer_gets_every_byte_and_alpn),
        TEST_CASE(tls_peer_is_told_of_the_end_behind_all_that_was_queued),
        TEST_CASE(peer_that_leaves_mid_way_breaks_the_stream),
        TEST_CASE(missing_certificate_is_named),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does: net.h */
    return RUN_TESTS("net_stream", tests);
}
