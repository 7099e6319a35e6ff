#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "net/net.h"

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 256, UNACKNOWLEDGED_MS_MAX = 45000 };

/* Out of descriptors: leave the waiting connections alone for a moment instead of spinning. */
static const int64_t ACCEPT_PAUSE_US = 100 * US_PER_MS;

struct tcp_listener {
    struct loop *loop;
    struct loop_fd watch;
    struct loop_timer pause;
    int fd;
    tcp_accept_fn *on_accept;
    void *ctx;
};

static void explain_bind_error(struct diag *diag, const struct net_address *address, int error,
                               const char *protocol)
{
    char memory[64];
    struct writer w = writer_fixed(memory, sizeof(memory) - 1);

    net_write(&w, address);
    memory[w.len] = '\0';
    if (error == EADDRINUSE)
        diag_set(diag,
                 "%s %s is in use by another program. Find it with `ss -lp%c 'sport = :%u'`, end "
                 "it, or give another port in the configuration.",
                 protocol, memory, protocol[0] == 'U' ? 'u' : 't', net_port(address));
    else if (error == EACCES)
        diag_set(diag,
                 "%s %s may not be opened by this user: ports below 1024 need the capability "
                 "CAP_NET_BIND_SERVICE. Use a port above 1023 or grant it.",
                 protocol, memory);
    else if (error == EADDRNOTAVAIL)
        diag_set(diag, "%s %s: this machine has no such address. Use 0.0.0.0 for all.", protocol,
                 memory);
    else
        diag_set(diag, "%s %s cannot be opened: %s.", protocol, memory, strerror(error));
}

static void on_pause_end(struct loop_timer *timer)
{
    struct tcp_listener *listener = CONTAINER_OF(timer, struct tcp_listener, pause);

    IGNORE_ERR(loop_fd_change(&listener->watch, LOOP_IN)); /* cannot fail for an open socket */
}

static void on_event(struct loop_fd *watch, unsigned events)
{
    struct tcp_listener *listener = CONTAINER_OF(watch, struct tcp_listener, watch);

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && listener->watch.loop; i++) {
        struct net_address peer = {0};
        socklen_t len = sizeof(peer);
        int fd = accept4(listener->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            listener->on_accept(listener->ctx, fd, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_limited(LOG_ERROR, 1, "accept_failed", LOG_STR("reason", strerror(errno)),
                        LOG_STR("do", "raise the limit of open files (ulimit -n, LimitNOFILE)"));
            IGNORE_ERR(loop_fd_change(&listener->watch, 0)); /* the same */
            loop_timer_set(listener->loop, &listener->pause,
                           loop_now_us(listener->loop) + ACCEPT_PAUSE_US, on_pause_end);
        }
        return;
    }
}

static int open_socket(const struct net_address *address, int type, bool is_shared)
{
    int fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (is_shared)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (address->any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, &address->any, net_address_len(address)) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

enum err tcp_listen(struct loop *loop, const struct net_address *address, tcp_accept_fn *on_accept,
                    void *ctx, struct diag *diag, struct tcp_listener **ret_listener)
{
    int one = 1;
    unsigned timeout_ms = UNACKNOWLEDGED_MS_MAX;
    int fd = open_socket(address, SOCK_STREAM, true);

    if (fd < 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        explain_bind_error(diag, address, error, "TCP");
        if (fd >= 0)
            (void)close(fd);
        return error == EADDRINUSE ? ERR_CONFLICT : ERR_IO;
    }
    /* Inherited by the accepted connections: responses and RTMP answers are written whole. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    /* A peer that vanished acknowledges nothing; by itself the kernel tries for a quarter of an
     * hour. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));

    struct tcp_listener *listener = mem_zalloc(sizeof(*listener));
    listener->loop = loop;
    listener->fd = fd;
    listener->on_accept = on_accept;
    listener->ctx = ctx;
    if (loop_fd_add(loop, &listener->watch, fd, LOOP_IN, on_event) != OK) {
        diag_set(diag, "The event loop refused a listening socket.");
        (void)close(fd);
        mem_free(listener);
        return ERR_IO;
    }
    *ret_listener = listener;
    return OK;
}

struct net_address tcp_listener_address(const struct tcp_listener *listener)
{
    struct net_address address = {0};
    socklen_t len = sizeof(address);

    (void)getsockname(listener->fd, &address.any, &len); /* cannot fail for a bound socket */
    return address;
}

void tcp_listener_close(struct tcp_listener *listener)
{
    if (!listener)
        return;
    loop_fd_remove(&listener->watch);
    loop_timer_cancel(&listener->pause);
    (void)close(listener->fd);
    loop_defer_free(listener->loop, listener);
}

static bool port_is_free(const struct net_address *address, int type)
{
    if (net_port(address) == 0)
        return true;

    int fd = open_socket(address, type, false);
    if (fd < 0)
        return errno != EADDRINUSE;
    bool is_free = type != SOCK_STREAM || listen(fd, 1) == 0;
    (void)close(fd);
    return is_free;
}

bool tcp_port_is_free(const struct net_address *address)
{
    return port_is_free(address, SOCK_STREAM);
}

bool udp_port_is_free(const struct net_address *address)
{
    return port_is_free(address, SOCK_DGRAM);
}
