/*
 * tls - the OpenSSL side of a stream: context with reload, one session a stream. Private to net/.
 *
 * A session reads from the socket through a BIO of our own and writes its records into a gather
 * buffer of the thread, which the stream sends with one system call: 0.38 instead of 0.6 CPU
 * seconds a GB (docs/decisions/0004-tls-gather-buffer.md).
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/net.h"

struct tls_session;

/* Where records are gathered: one a thread, emptied before control leaves the stream. */
enum { TLS_GATHER_CAP = 96 * 1024, TLS_GATHER_FULL = 64 * 1024, TLS_RECORD_MAX = 16384 };
struct tls_gather {
    size_t len;
    uint8_t bytes[TLS_GATHER_CAP];
};
struct tls_gather *tls_gather(void);

/* NULL when OpenSSL refuses (out of memory). The context may be destroyed before the session. */
struct tls_session *tls_session_create(struct tls_context *tls, int fd);
void tls_session_destroy(struct tls_session *session);

/* OK: done. ERR_AGAIN: more bytes of the peer are needed. Others: it failed. */
MUST_USE enum err tls_session_handshake(struct tls_session *session);
MUST_USE enum err tls_session_read(struct tls_session *session, void *to, size_t cap,
                                   size_t *ret_len);

/* Encrypts up to TLS_RECORD_MAX bytes into the gather buffer, which must have room. */
MUST_USE enum err tls_session_write(struct tls_session *session, const void *bytes, size_t len);

/* Puts close_notify into the gather buffer. */
void tls_session_close_notify(struct tls_session *session);

struct text tls_session_alpn(const struct tls_session *session);

#endif
