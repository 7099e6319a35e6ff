#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net.h"
#include "net/tls.h"

enum {
    VECTORS_PER_SEND = 64,
    QUEUE_MIN = 8,
    FILE_LEN_MIN = 32 * 1024,       /* of less, a second system call costs more than the copy */
    UNSENT_PAGES_MAX = 1024 * 1024, /* no memory of the client's own: a segment at once */
};

struct stream {
    struct loop *loop;
    struct loop_fd watch;
    struct loop_idle again; /* linked: on_readable is called at the end of the turn */
    const struct stream_handler *handler;
    void *ctx;
    struct tls_session *tls;
    int fd;
    bool is_handshaking;
    bool may_read;  /* an edge was seen and no read has said ERR_AGAIN since */
    bool has_hup;   /* the peer's FIN or a reset is known: a short read is not the end */
    bool may_write; /* no send has said EAGAIN since the last edge */
    bool is_paced;  /* the kernel sends by the clock: copies are cheaper than pages then */
    bool is_paused;
    bool is_clocked; /* low water is set: reads are tried without an edge */
    bool is_closed;
    bool is_shut_down; /* FIN follows the queue */
    bool is_notified;  /* TLS: close_notify is written */

    struct slice *queue; /* ring of slices not yet sent; allocated while needed */
    size_t queue_first;
    size_t queue_count;
    size_t queue_cap;
    size_t queued_len;

    struct slice records; /* TLS: ciphertext that the socket did not take */
    struct net_address peer;
};

/* ---- the queue ---- */

static struct slice *queue_at(struct stream *stream, size_t index)
{
    return &stream->queue[(stream->queue_first + index) & (stream->queue_cap - 1)];
}

static void queue_push(struct stream *stream, struct slice slice)
{
    if (stream->queue_count == stream->queue_cap) {
        size_t cap = stream->queue_cap ? stream->queue_cap * 2 : QUEUE_MIN;
        struct slice *larger = mem_alloc(cap * sizeof(*larger));

        for (size_t i = 0; i < stream->queue_count; i++)
            larger[i] = *queue_at(stream, i);
        mem_free(stream->queue);
        stream->queue = larger;
        stream->queue_first = 0;
        stream->queue_cap = cap;
    }
    stream->queue_count++;
    *queue_at(stream, stream->queue_count - 1) = slice;
    stream->queued_len += slice.len;
}

/* Drops `len` bytes from the front. */
static void queue_consume(struct stream *stream, size_t len)
{
    stream->queued_len -= len;
    while (stream->queue_count) {
        struct slice *first = queue_at(stream, 0);

        if (len < first->len) {
            first->data += len;
            first->len -= len;
            return;
        }
        len -= first->len;
        slice_unref(first);
        stream->queue_first = (stream->queue_first + 1) & (stream->queue_cap - 1);
        stream->queue_count--;
    }
}

static void queue_clear(struct stream *stream)
{
    queue_consume(stream, stream->queued_len);
    mem_free(stream->queue);
    stream->queue = NULL;
    stream->queue_cap = stream->queue_first = 0;
}

/* ---- sending ---- */

static enum err why_not_sent(struct stream *stream)
{
    if (errno == EAGAIN) {
        stream->may_write = false;
        return ERR_AGAIN;
    }
    return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
}

/* has_more: what follows at once may go in the same packets. */
static enum err send_vectors(struct stream *stream, struct iovec *vectors, size_t count,
                             bool has_more, size_t *ret_sent)
{
    struct msghdr header = {.msg_iov = vectors, .msg_iovlen = count};
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (has_more ? MSG_MORE : 0);
    size_t len = 0;
    ssize_t sent;

    for (size_t i = 0; i < count; i++)
        len += vectors[i].iov_len;
    do {
        sent = sendmsg(stream->fd, &header, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return why_not_sent(stream);
    /* epoll(7): less than was given means that the socket is full, and an edge will come. */
    if ((size_t)sent < len)
        stream->may_write = false;
    *ret_sent = (size_t)sent;
    return OK;
}

/* Slices that stand one behind the other in a file: parts of one segment, mostly. */
struct file_run {
    int fd;
    off_t offset;
    size_t len;
    size_t count;
};

/* The run at the beginning of the list. False: it is not worth a call of its own. */
static bool find_run(const struct stream *stream, const struct slice *slices, size_t count,
                     struct file_run *run)
{
    off_t offset;
    int fd;

    if (stream->is_paced || !slice_in_file(&slices[0], &run->fd, &run->offset))
        return false;
    run->len = slices[0].len;
    for (run->count = 1; run->count < count; run->count++) {
        const struct slice *slice = &slices[run->count];

        if (!slice_in_file(slice, &fd, &offset) || offset != run->offset + (off_t)run->len)
            break;
        run->len += slice->len;
    }
    return run->len >= FILE_LEN_MIN;
}

/* The kernel takes the pages themselves. Less than was asked for need not mean that the socket is
 * full: the caller goes on until this says ERR_AGAIN. */
static enum err send_run(struct stream *stream, const struct file_run *run, size_t *ret_sent)
{
    off_t offset = run->offset;
    ssize_t sent;

    do {
        sent = sendfile(stream->fd, run->fd, &offset, run->len);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return why_not_sent(stream);
    *ret_sent = (size_t)sent;
    return sent > 0 ? OK : ERR_IO; /* the file never ends */
}

static struct iovec vector_of(const void *bytes, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)bytes, len}; /* sendmsg only reads */
}

/* Sends head and slices from where they are; *ret_sent tells how far it came. */
static enum err send_in_place(struct stream *stream, const void *head, size_t head_len,
                              const struct slice *slices, size_t count, size_t *ret_sent)
{
    size_t next = 0;
    enum err err = OK;

    *ret_sent = 0;
    while (!err && stream->may_write && (head_len || next < count)) {
        struct iovec vectors[VECTORS_PER_SEND];
        size_t vector_count = 0;
        struct file_run run;
        size_t sent = 0;
        size_t len = head_len;

        if (head_len)
            vectors[vector_count++] = vector_of(head, head_len);
        head_len = 0;
        while (next < count && vector_count < VECTORS_PER_SEND &&
               !find_run(stream, &slices[next], count - next, &run)) {
            len += slices[next].len;
            vectors[vector_count++] = vector_of(slices[next].data, slices[next].len);
            next++;
        }
        if (vector_count) {
            err = send_vectors(stream, vectors, vector_count, next < count, &sent);
        } else {
            len = run.len;
            next += run.count;
            err = send_run(stream, &run, &sent);
        }
        *ret_sent += sent;
        if (sent < len)
            break;
    }
    return err == ERR_AGAIN ? OK : err;
}

static enum err flush_plain(struct stream *stream)
{
    while (stream->queue_count && stream->may_write) {
        struct slice front[VECTORS_PER_SEND];
        size_t count = 0;
        size_t sent;

        for (; count < stream->queue_count && count < VECTORS_PER_SEND; count++)
            front[count] = *queue_at(stream, count);
        enum err err = send_in_place(stream, NULL, 0, front, count, &sent);
        if (err)
            return err;
        queue_consume(stream, sent);
    }
    return OK;
}

/* Keeps records that the socket did not take, behind those that already wait. */
static void keep_records(struct stream *stream, const uint8_t *bytes, size_t len)
{
    struct buf *joined = buf_create(stream->records.len + len);

    if (stream->records.len)
        memcpy(joined->data, stream->records.data, stream->records.len);
    memcpy(joined->data + stream->records.len, bytes, len);
    slice_unref(&stream->records);
    stream->records = slice_take(joined);
}

/* Empties the gather buffer, which the next stream of this thread uses: sends what the socket
 * takes and keeps the rest. */
static enum err send_gathered(struct stream *stream)
{
    struct tls_gather *gather = tls_gather();
    size_t len = gather->len;
    size_t sent = 0;

    gather->len = 0;
    while (sent < len && stream->may_write && !stream->records.buf) {
        struct iovec vector = vector_of(gather->bytes + sent, len - sent);
        size_t now;
        enum err err = send_vectors(stream, &vector, 1, false, &now);

        if (err == ERR_AGAIN)
            break;
        if (err)
            return err;
        sent += now;
    }
    if (sent < len)
        keep_records(stream, gather->bytes + sent, len - sent);
    return OK;
}

static enum err send_records(struct stream *stream)
{
    while (stream->records.len && stream->may_write) {
        struct iovec vector = vector_of(stream->records.data, stream->records.len);
        size_t sent;
        enum err err = send_vectors(stream, &vector, 1, false, &sent);

        if (err == ERR_AGAIN)
            break;
        if (err)
            return err;
        stream->records.data += sent;
        stream->records.len -= sent;
    }
    if (stream->records.len == 0)
        slice_unref(&stream->records);
    return OK;
}

/* Copies the beginning of the queue, up to one record. */
static size_t copy_record(struct stream *stream, uint8_t to[TLS_RECORD_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < stream->queue_count && len < TLS_RECORD_MAX; i++) {
        const struct slice *slice = queue_at(stream, i);
        size_t room = TLS_RECORD_MAX - len;
        size_t take = slice->len < room ? slice->len : room;

        memcpy(to + len, slice->data, take);
        len += take;
    }
    return len;
}

/* Encrypts the next record from the queue: from where it is when the first slice fills it, else
 * filled up from the slices behind it. Frame headers of HTTP/2 get no record of their own. */
static enum err encrypt_record(struct stream *stream)
{
    const struct slice *first = queue_at(stream, 0);
    uint8_t together[TLS_RECORD_MAX];
    const uint8_t *bytes = first->data;
    size_t len = TLS_RECORD_MAX;

    if (first->len < TLS_RECORD_MAX) {
        bytes = together;
        len = copy_record(stream, together);
    }
    enum err err = len ? tls_session_write(stream->tls, bytes, len) : OK;
    if (!err)
        queue_consume(stream, len);
    return err;
}

static enum err flush_tls(struct stream *stream)
{
    enum err err = send_records(stream);

    while (!err && stream->queue_count && !stream->records.buf && stream->may_write) {
        while (!err && stream->queue_count && tls_gather()->len < TLS_GATHER_FULL)
            err = encrypt_record(stream);
        enum err sent = send_gathered(stream); /* also after an error: it may be an alert */
        if (!err)
            err = sent;
    }
    return err;
}

static void notify_close(struct stream *stream)
{
    if (!stream->tls || stream->is_notified)
        return;
    stream->is_notified = true;
    tls_session_close_notify(stream->tls);
    (void)send_gathered(stream); /* a broken connection needs no notice */
}

static enum err flush(struct stream *stream)
{
    if (stream->is_handshaking)
        return OK;

    bool had_queue = stream->queue_count != 0;
    enum err err = stream->tls ? flush_tls(stream) : flush_plain(stream);

    if (err)
        return err;
    if (had_queue && stream->queue_count == 0)
        queue_clear(stream);
    if (stream->is_shut_down && stream->queue_count == 0 && !stream->records.buf) {
        notify_close(stream);
        if (!stream->records.buf)
            (void)shutdown(stream->fd, SHUT_WR);
    }
    return OK;
}

enum err stream_send(struct stream *stream, const void *head, size_t head_len,
                     const struct slice *slices, size_t count)
{
    size_t sent = 0;
    enum err err = OK;

    loop_assert_current(stream->loop);
    if (!stream->tls && stream->queue_count == 0 && stream->may_write)
        err = send_in_place(stream, head, head_len, slices, count, &sent);

    if (sent < head_len)
        queue_push(stream, slice_take(buf_copy((const uint8_t *)head + sent, head_len - sent)));
    sent = sent < head_len ? 0 : sent - head_len;
    for (size_t i = 0; i < count; i++) {
        struct slice slice = slices[i];

        if (sent >= slice.len) {
            sent -= slice.len;
            slice_unref(&slice);
            continue;
        }
        slice.data += sent;
        slice.len -= sent;
        sent = 0;
        queue_push(stream, slice);
    }
    return err ? err : flush(stream);
}

size_t stream_queued_len(const struct stream *stream)
{
    return stream->queued_len + stream->records.len;
}

void stream_shutdown(struct stream *stream)
{
    if (stream->is_shut_down)
        return;
    stream->is_shut_down = true;
    (void)flush(stream); /* a broken connection shows at the next read */
}

/* ---- reading ---- */

static void deliver(struct stream *stream);

static void on_again(struct loop_idle *idle)
{
    deliver(CONTAINER_OF(idle, struct stream, again));
}

static void break_with(struct stream *stream, enum err reason)
{
    loop_fd_remove(&stream->watch);
    loop_idle_cancel(&stream->again);
    stream->handler->on_broken(stream->ctx, reason);
}

/* False: the stream was closed or is not ready. */
static bool go_on_with_handshake(struct stream *stream)
{
    enum err err = tls_session_handshake(stream->tls);
    enum err sent = send_gathered(stream);

    if (err == ERR_AGAIN) {
        stream->may_read = false;
        err = sent;
    } else if (!err) {
        stream->is_handshaking = false;
        err = sent ? sent : flush(stream);
    }
    if (err) {
        break_with(stream, err);
        return false;
    }
    return !stream->is_handshaking;
}

static void deliver(struct stream *stream)
{
    if (stream->is_closed || !stream->may_read)
        return;
    if (stream->is_handshaking && !go_on_with_handshake(stream))
        return;
    if (stream->is_paused)
        return;
    stream->handler->on_readable(stream->ctx);
    if (!stream->is_closed && stream->may_read && !stream->is_paused && stream->watch.loop)
        loop_idle_add(stream->loop, &stream->again, on_again);
}

enum err stream_read(struct stream *stream, void *to, size_t cap, size_t *ret_len)
{
    if (!stream->may_read && !stream->is_clocked)
        return ERR_AGAIN;

    if (stream->tls) {
        enum err err = tls_session_read(stream->tls, to, cap, ret_len);

        /* Reading may have to answer (key update): never leave records of this stream behind. */
        if (tls_gather()->len)
            (void)send_gathered(stream); /* a broken connection shows at the next read */
        if (err == ERR_AGAIN)
            stream->may_read = false;
        return err;
    }

    ssize_t len;
    do {
        len = recv(stream->fd, to, cap, MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    if (len > 0) {
        /* A short read has emptied the socket; what comes later makes a new edge. */
        if ((size_t)len < cap && !stream->has_hup)
            stream->may_read = false;
        *ret_len = (size_t)len;
        return OK;
    }
    if (len == 0)
        return ERR_CLOSED;
    if (errno == EAGAIN) {
        stream->may_read = false;
        return ERR_AGAIN;
    }
    return errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
}

void stream_pause_reading(struct stream *stream)
{
    stream->is_paused = true;
}

void stream_resume_reading(struct stream *stream)
{
    stream->is_paused = false;
    if (stream->may_read && stream->watch.loop)
        loop_idle_add(stream->loop, &stream->again, on_again);
}

void stream_set_read_low_water(struct stream *stream, int bytes)
{
    if (stream->tls)
        return; /* a record may be smaller than the mark */
    if (setsockopt(stream->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0)
        stream->is_clocked = bytes > 1;
}

void stream_delay_acks(struct stream *stream)
{
    int off = 0;

    if (!stream->tls)
        (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off)); /* a hint */
}

/* ---- events and life ---- */

static void on_event(struct loop_fd *watch, unsigned events)
{
    struct stream *stream = CONTAINER_OF(watch, struct stream, watch);

    if (events & LOOP_HUP)
        stream->has_hup = true;
    if (events & (LOOP_IN | LOOP_HUP))
        stream->may_read = true;
    if (events & LOOP_OUT && !stream->may_write) {
        bool had_queue = stream_queued_len(stream) != 0;

        stream->may_write = true;
        enum err err = flush(stream);
        if (err) {
            break_with(stream, err);
            return;
        }
        if (had_queue && stream_queued_len(stream) == 0 && stream->handler->on_drained)
            stream->handler->on_drained(stream->ctx);
    }
    deliver(stream);
}

/* BBR is the one that paces. Decision 0015. */
static bool is_paced(int fd)
{
    static const char bbr[] = "bbr";
    char name[16] = "";
    socklen_t len = sizeof(name) - 1;

    return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0 &&
           strncmp(name, bbr, strlen(bbr)) == 0;
}

enum err stream_create(struct loop *loop, int fd, const struct net_address *peer,
                       struct tls_context *tls, const struct stream_handler *handler, void *ctx,
                       struct stream **ret_stream)
{
    struct stream *stream = mem_zalloc(sizeof(*stream));
    int unsent_max = UNSENT_PAGES_MAX;

    stream->loop = loop;
    stream->fd = fd;
    stream->peer = *peer;
    stream->handler = handler;
    stream->ctx = ctx;
    stream->may_write = true;
    stream->is_paced = is_paced(fd);
    if (!tls && !stream->is_paced)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof(unsent_max));
    loop_idle_init(&stream->again);
    if (tls) {
        stream->tls = tls_session_create(tls, fd);
        stream->is_handshaking = true;
    }
    if ((tls && !stream->tls) ||
        loop_fd_add(loop, &stream->watch, fd, LOOP_IN | LOOP_OUT | LOOP_EDGE, on_event) != OK) {
        tls_session_destroy(stream->tls);
        (void)close(fd);
        mem_free(stream);
        return ERR_IO;
    }
    *ret_stream = stream;
    return OK;
}

void stream_close(struct stream *stream)
{
    if (!stream || stream->is_closed)
        return;
    loop_assert_current(stream->loop);
    stream->is_closed = true;
    loop_fd_remove(&stream->watch);
    loop_idle_cancel(&stream->again);
    if (!stream->is_handshaking && !stream->records.buf && !stream->queue_count)
        notify_close(stream); /* the peer is told if it still listens */
    tls_gather()->len = 0;
    tls_session_destroy(stream->tls);
    queue_clear(stream);
    slice_unref(&stream->records);
    (void)close(stream->fd);
    loop_defer_free(stream->loop, stream); /* we may be inside its own callback */
}

void stream_set_handler(struct stream *stream, const struct stream_handler *handler, void *ctx)
{
    stream->handler = handler;
    stream->ctx = ctx;
}

struct text stream_alpn(const struct stream *stream)
{
    return stream->tls ? tls_session_alpn(stream->tls) : (struct text){0};
}

bool stream_is_tls(const struct stream *stream)
{
    return stream->tls != NULL;
}

const struct net_address *stream_peer(const struct stream *stream)
{
    return &stream->peer;
}

struct net_address stream_local_address(const struct stream *stream)
{
    struct net_address address = {0};
    socklen_t len = sizeof(address);

    (void)getsockname(stream->fd, &address.any, &len); /* an unknown address is family 0 */
    return address;
}

struct loop *stream_loop(const struct stream *stream)
{
    return stream->loop;
}
