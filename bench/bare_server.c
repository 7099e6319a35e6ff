/*
 * bare_server - the floor: what the kernel alone takes to answer a request on this machine.
 *
 *     bare_server PORT FILE...
 *
 * One thread, one epoll set, one recv() and one sendmsg() a request, and nothing else: a request
 * is whatever one recv() brings, the path is compared with the names of the files and never
 * checked, every answer is the same header and bytes in memory. No server that answers by these
 * two system calls can take less; what it takes more is its own work.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 16, EVENTS_MAX = 1024, REQUEST_MAX = 4096, FDS_MAX = 65536 };

struct file {
    const char *name; /* "/part.m4s" */
    size_t name_len;
    char head[160];
    size_t head_len;
    char *bytes;
    size_t len;
};

static struct file files[FILES_MAX];
static size_t file_count;

/* What a connection still has to send. */
static struct rest {
    const struct file *file;
    size_t sent;
} rests[FDS_MAX];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void load(const char *path)
{
    struct file *file = &files[file_count++];
    FILE *in = fopen(path, "rb");

    if (!in || fseek(in, 0, SEEK_END) != 0)
        die(path);
    file->len = (size_t)ftell(in);
    file->bytes = malloc(file->len);
    if (!file->bytes || fseek(in, 0, SEEK_SET) != 0 ||
        fread(file->bytes, 1, file->len, in) != file->len)
        die(path);
    (void)fclose(in);
    file->name = strrchr(path, '/');
    file->name_len = strlen(file->name);
    file->head_len = (size_t)snprintf(file->head, sizeof(file->head),
                                      "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
                                      "Content-Length: %zu\r\n\r\n",
                                      file->len);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4096) != 0)
        die("listen");
    return fd;
}

static void send_rest(int fd)
{
    struct rest *rest = &rests[fd];
    const struct file *file = rest->file;
    struct iovec vectors[2];
    size_t count = 0;

    if (!file)
        return;
    if (rest->sent < file->head_len)
        vectors[count++] = (struct iovec){(void *)(uintptr_t)(file->head + rest->sent),
                                          file->head_len - rest->sent};
    size_t from = rest->sent < file->head_len ? 0 : rest->sent - file->head_len;
    vectors[count++] = (struct iovec){file->bytes + from, file->len - from};

    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return;
    rest->sent += (size_t)sent;
    if (rest->sent == file->head_len + file->len)
        rest->file = NULL;
}

static bool is_kept[FDS_MAX];

static void send_to_kept(const char *request, int fd)
{
    static const char done[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const char *path_end = strstr(request, " HTTP/");

    for (size_t i = 0; path_end && i < file_count; i++) {
        if (memcmp(path_end - files[i].name_len, files[i].name, files[i].name_len) != 0)
            continue;
        for (int to = 0; to < FDS_MAX; to++)
            if (is_kept[to])
                (void)send(to, files[i].bytes, files[i].len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)send(fd, done, strlen(done), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    die("a path that is not served");
}

static void answer(int fd)
{
    char request[REQUEST_MAX + 1];
    ssize_t len = recv(fd, request, REQUEST_MAX, MSG_DONTWAIT);

    if (len == 0 || (len < 0 && errno != EAGAIN)) {
        rests[fd].file = NULL;
        is_kept[fd] = false;
        (void)close(fd);
        return;
    }
    if (len < 0)
        return;
    request[len] = '\0';
    if (strncmp(request, "POST ", strlen("POST ")) == 0) {
        send_to_kept(request, fd);
        return;
    }
    for (size_t i = 0; i < file_count; i++) {
        if (strncmp(request + strlen("GET "), files[i].name, files[i].name_len) == 0) {
            rests[fd] = (struct rest){&files[i], 0};
            is_kept[fd] = strcmp(files[i].name, "/snapshot") == 0;
            send_rest(fd);
            return;
        }
    }
    die("a path that is not served");
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS_MAX];
    int listener = listen_on((uint16_t)strtoul(argc > 1 ? argv[1] : "0", NULL, 10));
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};

    for (int i = 2; i < argc && file_count < FILES_MAX; i++)
        load(argv[i]);
    if (epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll_ctl");
    for (;;) {
        int count = epoll_wait(set, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd != listener) {
                if (events[i].events & EPOLLOUT)
                    send_rest(fd);
                if (events[i].events & (EPOLLIN | EPOLLHUP))
                    answer(fd);
                continue;
            }
            int one = 1;
            fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0 || fd >= FDS_MAX)
                continue;
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
            if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)
                die("epoll_ctl");
        }
    }
}
