#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/net.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h; older C libraries do not repeat it */
#endif

enum {
    BATCHES_PER_TURN = 16,
    SOCKET_BUFFER_LEN = 4 << 20,
    GSO_SEGMENTS_MAX = 64,
    GSO_LEN_MAX = 65000,
    STAMP_SPACE = CMSG_SPACE(sizeof(struct timespec)),
    DATAGRAM_COST = 2304, /* what a datagram of 1,200 bytes takes of the receive buffer */
};

/* A stamp older than this tells of a wall clock that was set meanwhile. */
static const int64_t ARRIVAL_AGE_MAX_US = 5 * US_PER_S;

struct udp_socket {
    struct loop *loop;
    struct loop_fd watch;
    int fd; /* -1: closed */
    const struct udp_handler *handler;
    void *ctx;
    bool is_gso_off;
    size_t capacity;
    struct udp_stats stats;
    struct mmsghdr messages[UDP_BATCH];
    struct iovec vectors[UDP_BATCH];
    struct net_address froms[UDP_BATCH];
    _Alignas(struct cmsghdr) char controls[UDP_BATCH][STAMP_SPACE];
    uint8_t bytes[UDP_BATCH][UDP_DATAGRAM_MAX];
};

/* The kernel overwrites the lengths with what it filled. */
static void arm_message(struct udp_socket *socket, size_t i)
{
    socket->messages[i].msg_hdr.msg_namelen = sizeof(socket->froms[i]);
    socket->messages[i].msg_hdr.msg_controllen = sizeof(socket->controls[i]);
}

static void arm_batch(struct udp_socket *socket)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        socket->vectors[i] = (struct iovec){socket->bytes[i], UDP_DATAGRAM_MAX};
        socket->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &socket->froms[i],
            .msg_iov = &socket->vectors[i],
            .msg_iovlen = 1,
            .msg_control = socket->controls[i],
        };
        arm_message(socket, i);
    }
}

/* The clocks at one moment: the kernel stamps with the wall clock. */
struct clocks {
    int64_t mono_us;
    int64_t wall_us;
};

static int64_t arrival_us(struct msghdr *header, const struct clocks *now)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(header);
    struct timespec stamp;

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
        return now->mono_us; /* the first ones after the socket was opened may have none */
    memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
    int64_t age_us = now->wall_us - (int64_t)stamp.tv_sec * US_PER_S - stamp.tv_nsec / 1000;
    if (age_us < 0 || age_us > ARRIVAL_AGE_MAX_US)
        return now->mono_us;
    return now->mono_us - age_us;
}

static void deliver(struct udp_socket *socket, size_t count)
{
    struct clocks now = {clock_mono_us(), clock_wall_us()};

    for (size_t i = 0; i < count && socket->fd >= 0; i++) {
        struct msghdr *header = &socket->messages[i].msg_hdr;

        if (!(header->msg_flags & MSG_TRUNC))
            socket->handler->on_datagram(socket->ctx, socket->bytes[i], socket->messages[i].msg_len,
                                         &socket->froms[i], arrival_us(header, &now));
        arm_message(socket, i);
    }
}

size_t udp_read(struct udp_socket *socket)
{
    size_t total = 0;

    for (int batch = 0; batch < BATCHES_PER_TURN; batch++) {
        int count = recvmmsg(socket->fd, socket->messages, UDP_BATCH, MSG_DONTWAIT, NULL);

        if (count <= 0)
            break; /* EAGAIN; an ICMP error of an earlier send is consumed by this */
        socket->stats.received += (uint64_t)count;
        total += (size_t)count;
        deliver(socket, (size_t)count);
        if (socket->fd < 0 || count < UDP_BATCH)
            break; /* closed by a callback (it is freed at the end of the turn), or empty */
    }
    return total;
}

static void on_event(struct loop_fd *watch, unsigned events)
{
    (void)events;
    (void)udp_read(CONTAINER_OF(watch, struct udp_socket, watch));
}

enum err udp_set_clocked(struct udp_socket *socket, bool is_clocked)
{
    if (is_clocked)
        loop_fd_remove(&socket->watch);
    else if (!socket->watch.loop)
        return loop_fd_add(socket->loop, &socket->watch, socket->fd, LOOP_IN, on_event);
    return OK;
}

size_t udp_capacity(const struct udp_socket *socket)
{
    return socket->capacity;
}

static void set_buffers(int fd)
{
    int size = SOCKET_BUFFER_LEN;

    /* Key frames come in bursts. The FORCE form is for root; the other is cut to net.core.rmem_max.
     */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static size_t capacity_of(int fd)
{
    int size = 0;
    socklen_t len = sizeof(size);

    (void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len); /* cannot fail for a socket */
    return (size_t)size / DATAGRAM_COST;
}

static int open_bound(const struct net_address *address)
{
    int one = 1;
    int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_buffers(fd);
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
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

enum err udp_open(struct loop *loop, const struct net_address *address,
                  const struct udp_handler *handler, void *ctx, struct diag *diag,
                  struct udp_socket **ret_socket)
{
    int fd = open_bound(address);

    if (fd < 0) {
        enum err err = errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO;
        diag_set(diag,
                 "UDP port %u cannot be opened: %s. Find who uses it with `ss -lpu 'sport = :%u'`, "
                 "end it, or give another port as rtc.listen.",
                 net_port(address), strerror(errno), net_port(address));
        return err;
    }
    struct udp_socket *socket = mem_zalloc(sizeof(*socket));
    socket->loop = loop;
    socket->fd = fd;
    socket->capacity = capacity_of(fd);
    socket->handler = handler;
    socket->ctx = ctx;
    arm_batch(socket);
    if (loop_fd_add(loop, &socket->watch, fd, LOOP_IN, on_event) != OK) {
        diag_set(diag, "The event loop refused a UDP socket.");
        (void)close(fd);
        mem_free(socket);
        return ERR_IO;
    }
    *ret_socket = socket;
    return OK;
}

struct net_address udp_address(const struct udp_socket *socket)
{
    struct net_address address = {0};
    socklen_t len = sizeof(address);

    (void)getsockname(socket->fd, &address.any, &len); /* cannot fail for a bound socket */
    return address;
}

void udp_close(struct udp_socket *socket)
{
    if (!socket)
        return;
    loop_fd_remove(&socket->watch);
    (void)close(socket->fd);
    socket->fd = -1; /* a callback of udp_read() may be below us on the stack */
    loop_defer_free(socket->loop, socket);
}

void udp_send(struct udp_socket *socket, const struct net_address *to, const void *bytes,
              size_t len)
{
    ssize_t sent = sendto(socket->fd, bytes, len, MSG_DONTWAIT, &to->any, net_address_len(to));

    if (sent < 0)
        socket->stats.send_failed++;
    else
        socket->stats.sent++;
}

/* One system call for up to GSO_SEGMENTS_MAX datagrams. False: the kernel or the device cannot. */
static bool send_gso(struct udp_socket *socket, const struct net_address *to, const uint8_t *bytes,
                     size_t len, uint16_t segment_len)
{
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {{0}};
    struct net_address address = *to;
    struct iovec vector = {(void *)(uintptr_t)bytes, len}; /* sendmsg only reads */
    struct msghdr header = {
        .msg_name = &address,
        .msg_namelen = net_address_len(to),
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *message = CMSG_FIRSTHDR(&header);

    message->cmsg_level = IPPROTO_UDP;
    message->cmsg_type = UDP_SEGMENT;
    message->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    memcpy(CMSG_DATA(message), &segment_len, sizeof(segment_len));
    if (sendmsg(socket->fd, &header, MSG_DONTWAIT) >= 0) {
        socket->stats.sent += (len + segment_len - 1) / segment_len;
        return true;
    }
    if (errno == EIO || errno == EINVAL || errno == ENOPROTOOPT || errno == EOPNOTSUPP)
        return false;
    socket->stats.send_failed++;
    return true;
}

void udp_send_segments(struct udp_socket *socket, const struct net_address *to, const void *bytes,
                       size_t len, size_t segment_len)
{
    const uint8_t *next = bytes;
    size_t per_call = GSO_LEN_MAX / segment_len;

    if (per_call > GSO_SEGMENTS_MAX)
        per_call = GSO_SEGMENTS_MAX;
    while (len > 0) {
        size_t chunk = socket->is_gso_off ? segment_len : per_call * segment_len;

        if (chunk > len)
            chunk = len;
        if (chunk > segment_len && !send_gso(socket, to, next, chunk, (uint16_t)segment_len)) {
            socket->is_gso_off = true;
            continue;
        }
        if (chunk <= segment_len)
            udp_send(socket, to, next, chunk);
        next += chunk;
        len -= chunk;
    }
}

struct udp_stats udp_get_stats(const struct udp_socket *socket)
{
    return socket->stats;
}
