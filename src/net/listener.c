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

enum {
    BACKLOG = 4096,
    ACCEPTS_PER_TURN = 256,
    UNACKNOWLEDGED_MS_MAX = 45000,
    /* What the kernel takes for one connection ahead of what it may send. More than this is memory
     * that slow clients hold (up to 4 MB each), and copying into pages that have left the
     * processor's cache: some 7 % of the CPU of large segments. */
    UNSENT_MAX = 128 * 1024,
};

/* Out of descriptors: leave the waiting connections alone for a moment instead of spinning. */
static const int64_t ACCEPT_PAUSE_US = 100 * US_PER_MS;

/* A listening socket; fd -1: there is none. */
struct door {
    struct tcp_listener *listener;
    struct loop_fd watch;
    struct loop_timer pause;
    int fd;
};

struct tcp_listener {
    struct loop *loop;
    struct door door;
    struct door near_door; /* for this machine itself, beside one for all addresses */
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
    struct door *door = CONTAINER_OF(timer, struct door, pause);

    IGNORE_ERR(loop_fd_change(&door->watch, LOOP_IN)); /* cannot fail for an open socket */
}

static void on_event(struct loop_fd *watch, unsigned events)
{
    struct door *door = CONTAINER_OF(watch, struct door, watch);
    struct tcp_listener *listener = door->listener;

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && door->watch.loop; i++) {
        struct net_address peer = {0};
        socklen_t len = sizeof(peer);
        int fd = accept4(door->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            listener->on_accept(listener->ctx, fd, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_limited(LOG_ERROR, 1, "accept_failed", LOG_STR("reason", strerror(errno)),
                        LOG_STR("do", "raise the limit of open files (ulimit -n, LimitNOFILE)"));
            IGNORE_ERR(loop_fd_change(&door->watch, 0)); /* the same */
            loop_timer_set(listener->loop, &door->pause,
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

/* Inherited by the accepted connections. */
static void set_options(int fd, const struct net_address *address)
{
    static const char unpaced[] = "reno"; /* in every kernel, free for every user */
    int one = 1;
    int unsent_max = UNSENT_MAX;
    unsigned timeout_ms = UNACKNOWLEDGED_MS_MAX;

    /* Responses and RTMP answers are written whole. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof(unsent_max));
    /* A peer that vanished acknowledges nothing; by itself the kernel tries for a quarter of an
     * hour. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    /* BBR paces packets by timers, for lines that are slower than we are. Towards this machine
     * itself, a proxy in front, that is work for nothing. Decision 0015. */
    if (net_is_loopback(address))
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, unpaced, sizeof(unpaced) - 1);
}

static enum err open_door(struct tcp_listener *listener, struct door *door,
                          const struct net_address *address, struct diag *diag)
{
    int fd = open_socket(address, SOCK_STREAM, true);

    if (fd < 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        explain_bind_error(diag, address, error, "TCP");
        if (fd >= 0)
            (void)close(fd);
        return error == EADDRINUSE ? ERR_CONFLICT : ERR_IO;
    }
    set_options(fd, address);
    door->listener = listener;
    door->fd = fd;
    if (loop_fd_add(listener->loop, &door->watch, fd, LOOP_IN, on_event) != OK) {
        diag_set(diag, "The event loop refused a listening socket.");
        (void)close(fd);
        door->fd = -1;
        return ERR_IO;
    }
    return OK;
}

static void close_door(struct door *door)
{
    if (door->fd < 0)
        return;
    loop_fd_remove(&door->watch);
    loop_timer_cancel(&door->pause);
    (void)close(door->fd);
    door->fd = -1;
}

/* The kernel gives who comes from this machine to the socket with the narrower address. Without it
 * all come by the other one. */
static void open_near_door(struct tcp_listener *listener)
{
    struct net_address address = tcp_listener_address(listener);
    struct diag ignored;

    if (!net_is_any(&address))
        return;
    if (address.any.sa_family == AF_INET6)
        address.v6.sin6_addr = in6addr_loopback;
    else
        address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    IGNORE_ERR(open_door(listener, &listener->near_door, &address, &ignored));
}

enum err tcp_listen(struct loop *loop, const struct net_address *address, tcp_accept_fn *on_accept,
                    void *ctx, struct diag *diag, struct tcp_listener **ret_listener)
{
    struct tcp_listener *listener = mem_zalloc(sizeof(*listener));

    listener->loop = loop;
    listener->door.fd = listener->near_door.fd = -1;
    listener->on_accept = on_accept;
    listener->ctx = ctx;
    enum err err = open_door(listener, &listener->door, address, diag);
    if (err) {
        mem_free(listener);
        return err;
    }
    open_near_door(listener);
    *ret_listener = listener;
    return OK;
}

struct net_address tcp_listener_address(const struct tcp_listener *listener)
{
    struct net_address address = {0};
    socklen_t len = sizeof(address);

    (void)getsockname(listener->door.fd, &address.any, &len); /* cannot fail for a bound socket */
    return address;
}

void tcp_listener_close(struct tcp_listener *listener)
{
    if (!listener)
        return;
    close_door(&listener->door);
    close_door(&listener->near_door);
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
