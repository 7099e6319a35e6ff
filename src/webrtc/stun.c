#include "webrtc/stun.h"

#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "base/reader.h"
#include "base/writer.h"
#include "webrtc/webrtc.h"

enum {
    MAGIC_COOKIE = 0x2112a442,
    FINGERPRINT_XOR = 0x5354554e,
    INTEGRITY_ATTRIBUTE_LEN = 4 + HMAC_SHA1_LEN,
    FINGERPRINT_ATTRIBUTE_LEN = 8,
    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
};

enum attribute {
    ATTR_USERNAME = 0x0006,
    ATTR_MESSAGE_INTEGRITY = 0x0008,
    ATTR_ERROR_CODE = 0x0009,
    ATTR_UNKNOWN_ATTRIBUTES = 0x000a,
    ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001c,
    ATTR_XOR_MAPPED_ADDRESS = 0x0020,
    ATTR_PRIORITY = 0x0024,
    ATTR_USE_CANDIDATE = 0x0025,
    ATTR_FINGERPRINT = 0x8028,
    ATTR_ICE_CONTROLLED = 0x8029,
    ATTR_ICE_CONTROLLING = 0x802a,
};

/* ---- parsing ---- */

bool stun_is_message(const uint8_t *bytes, size_t len)
{
    struct reader r = reader_of(bytes, len);
    uint16_t type = reader_u16(&r);
    uint16_t attributes_len = reader_u16(&r);
    uint32_t cookie = reader_u32(&r);

    return !r.failed && type <= 0x3fff && cookie == MAGIC_COOKIE && attributes_len % 4 == 0 &&
           len == (size_t)STUN_HEADER_LEN + attributes_len && len <= STUN_MESSAGE_LEN_MAX;
}

/* XORs the address with cookie and transaction (RFC 8489 section 14.2). */
static void xor_address(uint8_t *ip, size_t len, const uint8_t transaction[STUN_TRANSACTION_LEN])
{
    static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

    for (size_t i = 0; i < sizeof(cookie); i++)
        ip[i] ^= cookie[i];
    if (len == sizeof(cookie))
        return;
    for (size_t i = 0; i < STUN_TRANSACTION_LEN; i++)
        ip[sizeof(cookie) + i] ^= transaction[i];
}

static void parse_mapped_address(struct reader *value, struct stun_message *message)
{
    static const uint8_t ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};

    reader_skip(value, 1);
    uint8_t family = reader_u8(value);
    uint16_t port = reader_u16(value) ^ (uint16_t)(MAGIC_COOKIE >> 16);

    if (family == FAMILY_IPV4) {
        memcpy(message->mapped_ip, ipv4_prefix, sizeof(ipv4_prefix));
        reader_copy(value, message->mapped_ip + 12, 4);
        xor_address(message->mapped_ip + 12, 4, message->transaction);
    } else if (family == FAMILY_IPV6) {
        reader_copy(value, message->mapped_ip, 16);
        xor_address(message->mapped_ip, 16, message->transaction);
    } else {
        reader_fail(value);
    }
    message->mapped_port = port;
    message->has_mapped_address = !value->failed;
}

static void parse_error_code(struct reader *value, struct stun_message *message)
{
    reader_skip(value, 2);
    uint8_t class = reader_u8(value) & 7;
    uint8_t number = reader_u8(value);

    if (class < 3 || class > 6 || number > 99)
        reader_fail(value);
    message->error_code = (uint16_t)(class * 100 + number);
}

/* Fails the reader when the value does not fit its type. */
static void parse_attribute(enum attribute type, struct reader *value, struct stun_message *message)
{
    switch (type) {
    case ATTR_USERNAME:
        if (value->left > STUN_USERNAME_LEN_MAX)
            reader_fail(value);
        message->username = reader_text(value, value->left);
        break;
    case ATTR_PRIORITY:
        message->priority = reader_u32(value);
        message->has_priority = true;
        break;
    case ATTR_USE_CANDIDATE:
        message->has_use_candidate = true;
        break;
    case ATTR_ICE_CONTROLLED:
    case ATTR_ICE_CONTROLLING:
        message->tie_breaker = reader_u64(value);
        message->has_controlled |= type == ATTR_ICE_CONTROLLED;
        message->has_controlling |= type == ATTR_ICE_CONTROLLING;
        break;
    case ATTR_XOR_MAPPED_ADDRESS:
        parse_mapped_address(value, message);
        break;
    case ATTR_ERROR_CODE:
        parse_error_code(value, message);
        break;
    case ATTR_MESSAGE_INTEGRITY_SHA256: /* we check the SHA-1 one, which ICE uses */
    case ATTR_UNKNOWN_ATTRIBUTES:
        break;
    case ATTR_MESSAGE_INTEGRITY:
    case ATTR_FINGERPRINT:
    default:
        /* RFC 8489 section 14: types below 0x8000 must be understood. */
        if (type < 0x8000 && message->unknown_count < STUN_UNKNOWN_MAX)
            message->unknown[message->unknown_count++] = (uint16_t)type;
        break;
    }
}

static bool fingerprint_fits(const uint8_t *bytes, size_t at, uint32_t fingerprint)
{
    return (crypto_crc32(bytes, at) ^ FINGERPRINT_XOR) == fingerprint;
}

enum err stun_parse(const uint8_t *bytes, size_t len, struct stun_message *ret_message)
{
    struct stun_message message = {0};

    if (!stun_is_message(bytes, len))
        return ERR_MALFORMED;
    struct reader r = reader_of(bytes, len);
    message.type = reader_u16(&r);
    reader_skip(&r, 6);
    reader_copy(&r, message.transaction, sizeof(message.transaction));

    while (r.left > 0 && !message.has_fingerprint) {
        size_t at = len - r.left;
        uint16_t type = reader_u16(&r);
        uint16_t value_len = reader_u16(&r);
        struct reader value = reader_sub(&r, value_len);

        reader_skip(&r, (4 - value_len % 4U) % 4);
        if (r.failed)
            return ERR_MALFORMED;
        if (type == ATTR_FINGERPRINT) {
            message.has_fingerprint = true;
            if (value_len != 4 || !fingerprint_fits(bytes, at, reader_u32(&value)))
                return ERR_MALFORMED;
        } else if (message.integrity_at != 0) {
            continue; /* section 14.5: what follows MESSAGE-INTEGRITY is not protected: ignore it */
        } else if (type == ATTR_MESSAGE_INTEGRITY) {
            message.integrity_at = at;
            if (value_len != HMAC_SHA1_LEN)
                return ERR_MALFORMED;
        } else {
            parse_attribute((enum attribute)type, &value, &message);
            if (value.failed)
                return ERR_MALFORMED;
        }
    }
    if (r.left > 0) /* section 14.7: FINGERPRINT is the last attribute */
        return ERR_MALFORMED;
    *ret_message = message;
    return OK;
}

/* The MAC over the message up to `at`, with a length that ends behind MESSAGE-INTEGRITY (RFC 8489
 * section 14.5). */
static void compute_integrity(const uint8_t *bytes, size_t at, struct srtp_hmac *key,
                              uint8_t ret_mac[HMAC_SHA1_LEN])
{
    size_t attributes_len = at - STUN_HEADER_LEN + INTEGRITY_ATTRIBUTE_LEN;
    const uint8_t length[2] = {(uint8_t)(attributes_len >> 8), (uint8_t)attributes_len};

    srtp_hmac_begin(key);
    srtp_hmac_add(key, bytes, 2);
    srtp_hmac_add(key, length, sizeof(length));
    srtp_hmac_add(key, bytes + 4, at - 4);
    srtp_hmac_end(key, ret_mac);
}

bool stun_check_integrity(const uint8_t *bytes, const struct stun_message *message,
                          struct srtp_hmac *key)
{
    uint8_t mac[HMAC_SHA1_LEN];

    if (message->integrity_at == 0)
        return false;
    compute_integrity(bytes, message->integrity_at, key, mac);
    return crypto_equal(mac, bytes + message->integrity_at + 4, sizeof(mac));
}

/* ---- writing ---- */

struct stun_writer stun_begin(struct writer *w, uint16_t type,
                              const uint8_t transaction[STUN_TRANSACTION_LEN])
{
    struct stun_writer s = {w, w->len};

    writer_u16(w, type);
    writer_u16(w, 0);
    writer_u32(w, MAGIC_COOKIE);
    writer_bytes(w, transaction, STUN_TRANSACTION_LEN);
    return s;
}

static void add_bytes(struct stun_writer *s, enum attribute type, const void *bytes, size_t len)
{
    writer_u16(s->w, (uint16_t)type);
    writer_u16(s->w, (uint16_t)len);
    writer_bytes(s->w, bytes, len);
    writer_zeroes(s->w, (4 - len % 4) % 4);
}

void stun_add_username(struct stun_writer *s, struct text username)
{
    assert(username.len <= STUN_USERNAME_LEN_MAX);
    add_bytes(s, ATTR_USERNAME, username.ptr, username.len);
}

void stun_add_priority(struct stun_writer *s, uint32_t priority)
{
    writer_u16(s->w, ATTR_PRIORITY);
    writer_u16(s->w, 4);
    writer_u32(s->w, priority);
}

void stun_add_use_candidate(struct stun_writer *s)
{
    writer_u16(s->w, ATTR_USE_CANDIDATE);
    writer_u16(s->w, 0);
}

void stun_add_controlling(struct stun_writer *s, uint64_t tie_breaker)
{
    writer_u16(s->w, ATTR_ICE_CONTROLLING);
    writer_u16(s->w, 8);
    writer_u64(s->w, tie_breaker);
}

void stun_add_controlled(struct stun_writer *s, uint64_t tie_breaker)
{
    writer_u16(s->w, ATTR_ICE_CONTROLLED);
    writer_u16(s->w, 8);
    writer_u64(s->w, tie_breaker);
}

void stun_add_mapped_address(struct stun_writer *s, const struct webrtc_address *address)
{
    bool is_ipv4 = webrtc_address_is_ipv4(address);
    size_t ip_len = is_ipv4 ? 4 : 16;
    uint8_t ip[16];

    memcpy(ip, address->ip + 16 - ip_len, ip_len);
    if (!s->w->failed)
        xor_address(ip, ip_len, s->w->data + s->begin + 8);
    writer_u16(s->w, ATTR_XOR_MAPPED_ADDRESS);
    writer_u16(s->w, (uint16_t)(4 + ip_len));
    writer_u8(s->w, 0);
    writer_u8(s->w, is_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6);
    writer_u16(s->w, address->port ^ (uint16_t)(MAGIC_COOKIE >> 16));
    writer_bytes(s->w, ip, ip_len);
}

void stun_add_error(struct stun_writer *s, unsigned code, struct text reason)
{
    writer_u16(s->w, ATTR_ERROR_CODE);
    writer_u16(s->w, (uint16_t)(4 + reason.len));
    writer_u16(s->w, 0);
    writer_u8(s->w, (uint8_t)(code / 100));
    writer_u8(s->w, (uint8_t)(code % 100));
    writer_text(s->w, reason);
    writer_zeroes(s->w, (4 - reason.len % 4) % 4);
}

void stun_add_unknown(struct stun_writer *s, const uint16_t *types, size_t count)
{
    writer_u16(s->w, ATTR_UNKNOWN_ATTRIBUTES);
    writer_u16(s->w, (uint16_t)(count * 2));
    for (size_t i = 0; i < count; i++)
        writer_u16(s->w, types[i]);
    writer_zeroes(s->w, count % 2 ? 2 : 0);
}

void stun_end(struct stun_writer *s, struct srtp_hmac *key)
{
    struct writer *w = s->w;
    uint8_t mac[HMAC_SHA1_LEN];

    if (key && !w->failed) {
        compute_integrity(w->data + s->begin, w->len - s->begin, key, mac);
        add_bytes(s, ATTR_MESSAGE_INTEGRITY, mac, sizeof(mac));
    }
    size_t attributes_len = w->len - s->begin - STUN_HEADER_LEN + FINGERPRINT_ATTRIBUTE_LEN;

    writer_patch_u16(w, s->begin + 2, (uint16_t)attributes_len);
    if (w->failed)
        return;
    uint32_t crc = crypto_crc32(w->data + s->begin, w->len - s->begin);
    writer_u16(w, ATTR_FINGERPRINT);
    writer_u16(w, 4);
    writer_u32(w, crc ^ FINGERPRINT_XOR);
}
