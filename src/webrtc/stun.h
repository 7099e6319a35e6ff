/*
 * stun - STUN messages as ICE uses them (RFC 8489, RFC 8445 section 7).
 *
 *      0                   2                   4                                   20
 *     +-------------------+-------------------+------ magic cookie, transaction ----+-- attributes
 *     | type              | length (of the attributes)                              | TLV, padded
 *
 * Parsing checks the frame and FINGERPRINT and gives views into the message; MESSAGE-INTEGRITY is
 * checked with a key, once the user is known. Nothing allocates.
 */
#ifndef WEBRTC_STUN_H
#define WEBRTC_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "webrtc/srtp_hmac.h"

struct webrtc_address;
struct writer;

enum {
    STUN_HEADER_LEN = 20,
    STUN_TRANSACTION_LEN = 12,
    STUN_MESSAGE_LEN_MAX = 1280, /* a longer one is no ICE check */
    STUN_USERNAME_LEN_MAX = 513, /* RFC 8489 section 14.3: fewer than 509 bytes; 2 ufrags and ':' */
    STUN_UNKNOWN_MAX = 8,        /* unknown attributes that an answer lists */
};

enum stun_type {
    STUN_BINDING_REQUEST = 0x0001,
    STUN_BINDING_INDICATION = 0x0011,
    STUN_BINDING_RESPONSE = 0x0101,
    STUN_BINDING_ERROR = 0x0111,
};

struct stun_message {
    uint16_t type; /* enum stun_type, or any other 14-bit type */
    uint8_t transaction[STUN_TRANSACTION_LEN];
    struct text username; /* ptr NULL: absent */
    bool has_priority;
    uint32_t priority;
    bool has_use_candidate;
    bool has_controlling; /* ICE-CONTROLLING */
    bool has_controlled;  /* ICE-CONTROLLED */
    uint64_t tie_breaker; /* of either */
    uint16_t error_code;  /* 0: absent */
    bool has_mapped_address;
    uint8_t mapped_ip[16]; /* of XOR-MAPPED-ADDRESS; IPv4 as ::ffff:a.b.c.d */
    uint16_t mapped_port;
    size_t integrity_at; /* where MESSAGE-INTEGRITY begins; 0: absent */
    bool has_fingerprint;
    size_t unknown_count; /* comprehension-required attributes that we do not know */
    uint16_t unknown[STUN_UNKNOWN_MAX];
};

/* True when the bytes may be STUN: first byte 0..3, the magic cookie, a fitting length. */
bool stun_is_message(const uint8_t *bytes, size_t len);

/* ERR_MALFORMED: no STUN message, or its FINGERPRINT is wrong. Views live as long as the bytes. */
MUST_USE enum err stun_parse(const uint8_t *bytes, size_t len, struct stun_message *ret_message);

/* True when MESSAGE-INTEGRITY is there and made with this key (short-term: the password). */
bool stun_check_integrity(const uint8_t *bytes, const struct stun_message *message,
                          struct srtp_hmac *key);

/* ---- writing: begin, attributes, end ---- */

struct stun_writer {
    struct writer *w;
    size_t begin;
};

struct stun_writer stun_begin(struct writer *w, uint16_t type,
                              const uint8_t transaction[STUN_TRANSACTION_LEN]);
void stun_add_username(struct stun_writer *s, struct text username);
void stun_add_priority(struct stun_writer *s, uint32_t priority);
void stun_add_use_candidate(struct stun_writer *s);
void stun_add_controlling(struct stun_writer *s, uint64_t tie_breaker);
void stun_add_controlled(struct stun_writer *s, uint64_t tie_breaker);
void stun_add_mapped_address(struct stun_writer *s, const struct webrtc_address *address);
void stun_add_error(struct stun_writer *s, unsigned code, struct text reason);
void stun_add_unknown(struct stun_writer *s, const uint16_t *types, size_t count);

/* Ends the message: MESSAGE-INTEGRITY when `key` is given, then FINGERPRINT. */
void stun_end(struct stun_writer *s, struct srtp_hmac *key);

#endif
