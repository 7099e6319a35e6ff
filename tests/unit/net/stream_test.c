#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
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
        struct slice slices[2] = {slice_of(server->body, 0, server->body->len),
                                  slice_of(server->body, 0, server->body->len)};
        struct text alpn = stream_alpn(server->stream);
        memcpy(server->alpn, alpn.len ? alpn.ptr : "", alpn.len);
        err = stream_send(server->stream, "head", 4, slices, 2);
        if (err)
            break; /* the peer left early */
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

    assert_ok(
        stream_create(server->loop, fd, peer, server->tls, &handler, server, &server->stream));
}

static void server_start(struct server *server)
{
    struct net_address any;
    struct diag diag = {0};

    assert_ok(loop_create("test", &server->loop));
    assert_ok(net_parse(TEXT("127.0.0.1:0"), &any));
    assert_ok(tcp_listen(server->loop, &any, on_accept, server, &diag, &server->listener));
    server->body = buf_create(BODY_LEN);
    for (size_t i = 0; i < BODY_LEN; i++)
        server->body->data[i] = (uint8_t)(i * 7);
}

static void server_end(struct server *server)
{
    loop_join(server->loop);
    tcp_listener_close(server->listener);
    assert_int_equal(server->body->refs, 1); /* every slice was released */
    buf_unref(server->body);
    loop_destroy(server->loop);
}

static int connect_to(const struct server *server)
{
    struct net_address address = tcp_listener_address(server->listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

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

static void slow_peer_gets_every_byte_in_order(void **state)
{
    (void)state;
    struct server server = {0};
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

static void tls_peer_gets_every_byte_and_alpn(void **state)
{
    (void)state;
    struct server server = {0};
    struct test_certificate certificate;
    struct diag diag = {0};
    static uint8_t bytes[65536];
    size_t offset = 0;

    test_certificate_create(&certificate);
    assert_ok(tls_context_create(certificate.cert_path, certificate.key_path,
                                 TEXT("\x02h2\x08http/1.1"), &diag, &server.tls));
    server_start(&server);
    assert_ok(loop_start(server.loop));
    int fd = connect_to(&server);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2", 3), 0);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_ok(tls_context_reload(server.tls, &diag)); /* running sessions go on */
    assert_int_equal(SSL_write(ssl, "go", 2), 2);
    while (offset < 4 + 2 * (size_t)BODY_LEN) {
        int len = SSL_read(ssl, bytes, sizeof(bytes));
        assert_true(len > 0);
        check_body(&offset, bytes, (size_t)len);
    }
    (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
    server_end(&server);
    assert_string_equal(server.alpn, "h2");
    tls_context_destroy(server.tls);
    test_certificate_remove(&certificate);
}

static void peer_that_leaves_mid_way_breaks_the_stream(void **state)
{
    (void)state;
    struct server server = {0};
    uint8_t byte;

    server_start(&server);
    assert_ok(loop_start(server.loop));
    int fd = connect_to(&server);
    assert_int_equal(write(fd, "go", 2), 2);
    assert_int_equal(read(fd, &byte, 1), 1);
    (void)close(fd); /* with unread bytes: a reset */
    server_end(&server);
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
        TEST_CASE(tls_peer_gets_every_byte_and_alpn),
        TEST_CASE(peer_that_leaves_mid_way_breaks_the_stream),
        TEST_CASE(missing_certificate_is_named),
    };
    return RUN_TESTS("net_stream", tests);
}
