/*
 * handshake - the three packets that open an RTMP connection, on the server's side.
 *
 *     client   C0 (version) C1 (1536 bytes)      ->
 *     server                                     <-   S0 S1 S2
 *     client   C2 (1536 bytes, not looked at)    ->
 *
 * Plain (RTMP 1.0 section 5.2): S2 echoes C1. Complex, as Flash Player 9 and later and ffmpeg speak
 * it, in no specification: C1 and S1 hide an HMAC-SHA256 digest of themselves at a place that four
 * of their bytes tell, and S2 ends with a digest keyed by that of C1. Clients that ask for it may
 * refuse a server without. Which one is meant shows in C1 itself.
 */
#ifndef RTMP_HANDSHAKE_H
#define RTMP_HANDSHAKE_H

#include <stdint.h>

#include "base/err.h"

struct writer;

enum {
    HANDSHAKE_PACKET_LEN = 1536,
    HANDSHAKE_VERSION = 3,
    HANDSHAKE_SEED_LEN = 32,
    HANDSHAKE_DIGEST_LEN = 32
};

/* Says whether byte C0 is for us. ERR_UNSUPPORTED: RTMPE, or a later version; ERR_MALFORMED: no
 * RTMP at all. */
MUST_USE enum err handshake_check_version(uint8_t version);

/* Writes S0, S1 and S2 in answer to C1. The seed is random and used once. */
void handshake_write_answer(struct writer *w, const uint8_t c1[HANDSHAKE_PACKET_LEN],
                            const uint8_t seed[HANDSHAKE_SEED_LEN]);

/* Where the digest of a C1 or S1 is in scheme 0 or 1. */
unsigned handshake_digest_at(const uint8_t packet[HANDSHAKE_PACKET_LEN], unsigned scheme);

/* The digest of a packet: HMAC-SHA256 over all bytes but those of the digest's place. */
void handshake_digest(const uint8_t packet[HANDSHAKE_PACKET_LEN], unsigned digest_at,
                      const void *key, unsigned key_len, uint8_t ret_digest[HANDSHAKE_DIGEST_LEN]);

/* The keys that everybody knows. Those of C1 and S1 are their first 30 and 36 characters. */
enum { HANDSHAKE_CLIENT_NAME_LEN = 30, HANDSHAKE_SERVER_NAME_LEN = 36 };
extern const uint8_t handshake_client_key[HANDSHAKE_CLIENT_NAME_LEN + 32];
extern const uint8_t handshake_server_key[HANDSHAKE_SERVER_NAME_LEN + 32];

#endif
