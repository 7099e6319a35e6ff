#include "rtmp/handshake.h"

#include <string.h>

#include "base/crypto.h"
#include "base/writer.h"

enum { SCHEMES_COUNT = 2, DIGEST_PLACES_COUNT = 728, S2_SIGNED_LEN = HANDSHAKE_PACKET_LEN - 32 };

#define COMMON_KEY_TAIL                                                                            \
    0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e,      \
        0x57, 0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb,  \
        0x31, 0xae

/* "Genuine Adobe Flash Player 001" */
const uint8_t handshake_client_key[HANDSHAKE_CLIENT_NAME_LEN + 32] = {'G',
                                                                      'e',
                                                                      'n',
                                                                      'u',
                                                                      'i',
                                                                      'n',
                                                                      'e',
                                                                      ' ',
                                                                      'A',
                                                                      'd',
                                                                      'o',
                                                                      'b',
                                                                      'e',
                                                                      ' ',
                                                                      'F',
                                                                      'l',
                                                                      'a',
                                                                      's',
                                                                      'h',
                                                                      ' ',
                                                                      'P',
                                                                      'l',
                                                                      'a',
                                                                      'y',
                                                                      'e',
                                                                      'r',
                                                                      ' ',
                                                                      '0',
                                                                      '0',
                                                                      '1',
                                                                      COMMON_KEY_TAIL};

/* "Genuine Adobe Flash Media Server 001" */
const uint8_t handshake_server_key[HANDSHAKE_SERVER_NAME_LEN + 32] = {'G',
                                                                      'e',
                                                                      'n',
                                                                      'u',
                                                                      'i',
                                                                      'n',
                                                                      'e',
                                                                      ' ',
                                                                      'A',
                                                                      'd',
                                                                      'o',
                                                                      'b',
                                                                      'e',
                                                                      ' ',
                                                                      'F',
                                                                      'l',
                                                                      'a',
                                                                      's',
                                                                      'h',
                                                                      ' ',
                                                                      'M',
                                                                      'e',
                                                                      'd',
                                                                      'i',
                                                                      'a',
                                                                      ' ',
                                                                      'S',
                                                                      'e',
                                                                      'r',
                                                                      'v',
                                                                      'e',
                                                                      'r',
                                                                      ' ',
                                                                      '0',
                                                                      '0',
                                                                      '1',
                                                                      COMMON_KEY_TAIL};

enum err handshake_check_version(uint8_t version)
{
    if (version == HANDSHAKE_VERSION)
        return OK;

    /* Section 5.2.2: 4 to 31 are future versions (6 is RTMPE); 32 and above are text, so another
     * protocol. */
    return version > HANDSHAKE_VERSION && version < 32 ? ERR_UNSUPPORTED : ERR_MALFORMED;
}

unsigned handshake_digest_at(const uint8_t packet[HANDSHAKE_PACKET_LEN], unsigned scheme)
{
    /* A packet is 8 bytes, then two blocks of 764: digest and key, or key and digest. The digest's
     * block begins with the four bytes that sum up to its place. */
    unsigned block_at = scheme == 0 ? 8 : 8 + 764;
    unsigned sum = 0;

    for (unsigned i = 0; i < 4; i++)
        sum += packet[block_at + i];
    return block_at + 4 + sum % DIGEST_PLACES_COUNT;
}

void handshake_digest(const uint8_t packet[HANDSHAKE_PACKET_LEN], unsigned digest_at,
                      const void *key, unsigned key_len, uint8_t ret_digest[HANDSHAKE_DIGEST_LEN])
{
    uint8_t rest[HANDSHAKE_PACKET_LEN - HANDSHAKE_DIGEST_LEN];

    memcpy(rest, packet, digest_at);
    memcpy(rest + digest_at, packet + digest_at + HANDSHAKE_DIGEST_LEN, sizeof(rest) - digest_at);
    crypto_hmac_sha256(key, key_len, rest, sizeof(rest), ret_digest);
}

/* Stretches the seed: block i is HMAC(seed, i). The bytes guard nothing, they only must differ. */
static void fill_random(const uint8_t seed[HANDSHAKE_SEED_LEN], uint8_t to[HANDSHAKE_PACKET_LEN])
{
    for (size_t i = 0; i < HANDSHAKE_PACKET_LEN / CRYPTO_SHA256_LEN; i++) {
        uint8_t index = (uint8_t)i;

        crypto_hmac_sha256(seed, HANDSHAKE_SEED_LEN, &index, 1, to + i * CRYPTO_SHA256_LEN);
    }
}

/* The digest of C1, or NULL for a plain handshake. */
static const uint8_t *find_client_digest(const uint8_t c1[HANDSHAKE_PACKET_LEN],
                                         unsigned *ret_scheme)
{
    if (c1[4] == 0 && c1[5] == 0 && c1[6] == 0 && c1[7] == 0)
        return NULL; /* the zeroes of a plain C1; a complex one has the client's version here */

    for (unsigned scheme = 0; scheme < SCHEMES_COUNT; scheme++) {
        uint8_t digest[HANDSHAKE_DIGEST_LEN];
        unsigned at = handshake_digest_at(c1, scheme);

        handshake_digest(c1, at, handshake_client_key, HANDSHAKE_CLIENT_NAME_LEN, digest);
        if (crypto_equal(digest, c1 + at, sizeof(digest))) {
            *ret_scheme = scheme;
            return c1 + at;
        }
    }
    return NULL;
}

static void sign_answer(const uint8_t *client_digest, unsigned scheme,
                        uint8_t s1[HANDSHAKE_PACKET_LEN], uint8_t s2[HANDSHAKE_PACKET_LEN])
{
    static const uint8_t version[4] = {4, 5, 0, 1}; /* not zero: says that S1 has a digest */
    uint8_t digest[HANDSHAKE_DIGEST_LEN];
    uint8_t key[HANDSHAKE_DIGEST_LEN];

    memcpy(s1 + 4, version, sizeof(version));
    unsigned at = handshake_digest_at(s1, scheme);
    handshake_digest(s1, at, handshake_server_key, HANDSHAKE_SERVER_NAME_LEN, digest);
    memcpy(s1 + at, digest, sizeof(digest));

    crypto_hmac_sha256(handshake_server_key, sizeof(handshake_server_key), client_digest,
                       HANDSHAKE_DIGEST_LEN, key);
    crypto_hmac_sha256(key, sizeof(key), s2, S2_SIGNED_LEN, s2 + S2_SIGNED_LEN);
}

void handshake_write_answer(struct writer *w, const uint8_t c1[HANDSHAKE_PACKET_LEN],
                            const uint8_t seed[HANDSHAKE_SEED_LEN])
{
    uint8_t s1[HANDSHAKE_PACKET_LEN];
    uint8_t s2[HANDSHAKE_PACKET_LEN];
    unsigned scheme = 0;
    const uint8_t *client_digest = find_client_digest(c1, &scheme);

    fill_random(seed, s1);
    memset(s1, 0, 8); /* our time, which begins at 0, and the zeroes of a plain S1 */
    memcpy(s2, c1, sizeof(s2));
    if (client_digest) {
        memcpy(s2, s1 + 8, sizeof(s2) - 8); /* random; the client looks at its last bytes only */
        sign_answer(client_digest, scheme, s1, s2);
    }
    writer_u8(w, HANDSHAKE_VERSION);
    writer_bytes(w, s1, sizeof(s1));
    writer_bytes(w, s2, sizeof(s2));
}
