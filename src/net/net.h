/*
 * net - sockets: addresses, TCP listeners and connections (plain or TLS), UDP with batches and GSO.
 *
 *     tcp_listener --fd--> stream --on_readable--> stream_read()
 *                             `<--- stream_send(head, slices) : shared bytes, no copies
 *     udp_socket --batch of datagrams--> on_datagram ; udp_send(), udp_send_segments()
 *
 * A stream sends slices of shared buffers straight from where they are (those in pages without a
 * copy, by sendfile); what the socket does not take is queued by reference. With TLS up to 64 kB of
 * records are gathered and sent with one system call. No object here knows a protocol.
 *
 * Process   Ignores SIGPIPE: sendfile() has no flag against it.
 * Threads   Each object belongs to one loop. tls_context may be shared and reloaded by any thread.
 * Errors    ERR_AGAIN: wait for the callback. ERR_CLOSED: the peer ended it. ERR_IO: it broke.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "loop/loop.h"

struct writer;

/* ---- addresses ---- */

/* An IPv4 or IPv6 address with port. Zeroed (family 0) is no address. Compare with net_equal(). */
struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (all of IPv4). ERR_INVALID otherwise. No name lookup. */
MUST_USE enum err net_parse(struct text text, struct net_address *ret_address);

/* An address without port: "192.0.2.1", "2001:db8::1". */
MUST_USE enum err net_parse_ip(struct text text, uint16_t port, struct net_address *ret_address);

uint16_t net_port(const struct net_address *address);
void net_set_port(struct net_address *address, uint16_t port);
socklen_t net_address_len(const struct net_address *address);
bool net_equal(const struct net_address *a, const struct net_address *b);

/* Equal but for the port. */
bool net_equal_ip(const struct net_address *a, const struct net_address *b);

/* The same for equal addresses (IP and port); differs between processes. */
uint64_t net_hash(const struct net_address *address);
uint64_t net_hash_ip(const struct net_address *address);

/* What one subscriber of the network has: of IPv4 the address, of IPv6 the /64. Bytes, for counting
 * in a map; borrowed from the address. */
struct text net_subscriber_key(const struct net_address *address);

bool net_is_loopback(const struct net_address *address);

/* 0.0.0.0 or ::. */
bool net_is_any(const struct net_address *address);

/* IP and port as text; net_write_ip() without port and brackets. */
void net_write(struct writer *w, const struct net_address *address);
void net_write_ip(struct writer *w, const struct net_address *address);

/* The addresses of this machine's interfaces that are up, loopback last, port 0; returns how many.
 */
size_t net_local_addresses(struct net_address *to, size_t cap);

/* ---- TCP listener ---- */

struct tcp_listener;

/* A new connection: non-blocking, close-on-exec; the owner closes it. */
typedef void tcp_accept_fn(void *ctx, int fd, const struct net_address *peer);

/* Listens with SO_REUSEPORT, so that each loop can have its own listener on one port; the kernel
 * spreads the connections. CONFLICT: the port is taken (diag says how to find by whom). */
MUST_USE enum err tcp_listen(struct loop *loop, const struct net_address *address,
                             tcp_accept_fn *on_accept, void *ctx, struct diag *diag,
                             struct tcp_listener **ret_listener);

/* The address with the port that the system gave when 0 was asked for. */
struct net_address tcp_listener_address(const struct tcp_listener *listener);

/* Stops accepting. NULL is allowed. */
void tcp_listener_close(struct tcp_listener *listener);

/* True when nobody else listens on the port: SO_REUSEPORT alone would let two servers share it
 * silently. To be asked once before the first tcp_listen(). */
bool tcp_port_is_free(const struct net_address *address);
bool udp_port_is_free(const struct net_address *address);

/* ---- TLS ---- */

struct tls_context;

/* A server context from PEM files. `alpn` is a list in wire format ("\x02h2\x08http/1.1") or empty.
 * INVALID: a file is missing or does not fit; diag says which and why. */
MUST_USE enum err tls_context_create(const char *cert_path, const char *key_path, struct text alpn,
                                     struct diag *diag, struct tls_context **ret_tls);

/* Reads the files again. On error the old certificate stays. Any thread. */
MUST_USE enum err tls_context_reload(struct tls_context *tls, struct diag *diag);
void tls_context_destroy(struct tls_context *tls);

/* ---- stream ---- */

struct stream;

struct stream_handler {
    /* Bytes may be there: call stream_read() until it says ERR_AGAIN, or pause. Called again at the
     * next turn when the owner stopped earlier. Also called when the peer closed: stream_read()
     * then says ERR_CLOSED. */
    void (*on_readable)(void *ctx);
    /* The queue, which was not empty, has become empty. May be NULL. */
    void (*on_drained)(void *ctx);
    /* The connection broke while sending. The owner calls stream_close(); nothing else is called
     * in between. Not called when stream_read() or stream_send() tells the error itself. */
    void (*on_broken)(void *ctx, enum err reason);
};

/* Takes the connection `fd`; with `tls` the handshake runs by itself before the first on_readable.
 * ERR_IO: the loop refused it; fd is closed. The handler outlives the stream. */
MUST_USE enum err stream_create(struct loop *loop, int fd, const struct net_address *peer,
                                struct tls_context *tls, const struct stream_handler *handler,
                                void *ctx, struct stream **ret_stream);

/* Closes at once, also inside a callback; no callback follows. What is queued is dropped. NULL is
 * allowed. */
void stream_close(struct stream *stream);

/* Another owner (a protocol upgrade). */
void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *ctx);

/* Up to `cap` bytes. OK: *ret_len > 0. ERR_AGAIN, ERR_CLOSED (orderly end), ERR_IO. */
MUST_USE enum err stream_read(struct stream *stream, void *to, size_t cap, size_t *ret_len);

/* Pausing stops on_readable until stream_resume_reading(). */
void stream_pause_reading(struct stream *stream);
void stream_resume_reading(struct stream *stream);

/* For streams that are read on a clock instead of on arrival (many small writes of a publisher):
 * the kernel wakes us only for `bytes` or for the end. on_readable is not called while fewer have
 * come; the owner reads when it likes. 1 restores the default. Plain TCP only. */
void stream_set_read_low_water(struct stream *stream, int bytes);

/* Lets the acknowledgement of the next bytes ride on the answer to them. The kernel does so by
 * itself while answers come at once, but one that came late (a blocked LL-HLS request) makes it
 * acknowledge the next request with a packet of its own. Plain TCP only; costs a system call. */
void stream_delay_acks(struct stream *stream);

/* Sends `head` (borrowed; copied only if it cannot be sent now; may be empty) and then the slices,
 * whose references it takes in every case. OK: sent or queued. ERR_CLOSED, ERR_IO: it broke; close.
 */
MUST_USE enum err stream_send(struct stream *stream, const void *head, size_t head_len,
                              const struct slice *slices, size_t count);

/* Bytes queued and not yet given to the kernel. */
size_t stream_queued_len(const struct stream *stream);

/* Sends FIN after what is queued (TLS: close_notify before it). */
void stream_shutdown(struct stream *stream);

/* What ALPN chose, or empty. Valid from the first on_readable. */
struct text stream_alpn(const struct stream *stream);
bool stream_is_tls(const struct stream *stream);
const struct net_address *stream_peer(const struct stream *stream);
struct net_address stream_local_address(const struct stream *stream);
struct loop *stream_loop(const struct stream *stream);

/* ---- UDP ---- */

struct udp_socket;

/* One datagram; the bytes may be changed in place (SRTP decrypts there) until the call returns.
 * `arrived_us`: when the kernel had it, in loop_now_us() time and never later than now: what waited
 * for its reader keeps its distance to the others. */
typedef void udp_datagram_fn(void *ctx, uint8_t *bytes, size_t len, const struct net_address *from,
                             int64_t arrived_us);

struct udp_handler {
    udp_datagram_fn *on_datagram;
};

enum { UDP_DATAGRAM_MAX = 2048, UDP_BATCH = 32 };

MUST_USE enum err udp_open(struct loop *loop, const struct net_address *address,
                           const struct udp_handler *handler, void *ctx, struct diag *diag,
                           struct udp_socket **ret_socket);
struct net_address udp_address(const struct udp_socket *socket);
void udp_close(struct udp_socket *socket);

/* Off: datagrams are read as they come. On: nobody is woken for them, and the owner calls
 * udp_read() on a clock of its own; in one turn it should not find more than a part of
 * udp_capacity(), or some are lost. ERR_IO: the system refused; datagrams are read as they come. */
MUST_USE enum err udp_set_clocked(struct udp_socket *socket, bool is_clocked);

/* Reads what has come and calls on_datagram for each; returns how many. */
size_t udp_read(struct udp_socket *socket);

/* About how many full datagrams the kernel keeps for us before it drops. */
size_t udp_capacity(const struct udp_socket *socket);

/* Sends one datagram. What the kernel does not take is lost, as UDP is; it is counted. */
void udp_send(struct udp_socket *socket, const struct net_address *to, const void *bytes,
              size_t len);

/* Sends `len` bytes as datagrams of `segment_len` (the last may be shorter) with one system call
 * (UDP_SEGMENT); one by one where the kernel or the path cannot. */
void udp_send_segments(struct udp_socket *socket, const struct net_address *to, const void *bytes,
                       size_t len, size_t segment_len);

struct udp_stats {
    uint64_t received;
    uint64_t sent;
    uint64_t send_failed;
};
struct udp_stats udp_get_stats(const struct udp_socket *socket);

#endif
