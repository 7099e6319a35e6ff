#include "rtmp/handshake.h"

#include <string.h>

#include "base/crypto.h"
#include "base/writer.h"
#include "support/rtmp_client.h"
#include "support/test.h"

enum { ANSWER_LEN = 1 + 2 * HANDSHAKE_PACKET_LEN };

static const uint8_t seed[HANDSHAKE_SEED_LEN] = {1, 2, 3};

struct exchange {
    struct rtmp_client client;
    struct writer answer;
    const uint8_t *c1, *s1, *s2;
};

static struct exchange exchange(enum rtmp_client_handshake kind)
{
    struct exchange x = {.client = rtmp_client_new(), .answer = writer_growing(ANSWER_LEN)};

    rtmp_client_handshake(&x.client, kind);
    x.c1 = x.client.out.data + 1;
    handshake_write_answer(&x.answer, x.c1, seed);
    assert_false(x.answer.failed);
    assert_int_equal(x.answer.len, ANSWER_LEN);
    assert_int_equal(x.answer.data[0], 3);
    x.s1 = x.answer.data + 1;
    x.s2 = x.s1 + HANDSHAKE_PACKET_LEN;
    return x;
}

static void end(struct exchange *x)
{
    rtmp_client_free(&x->client);
    writer_deinit(&x->answer);
}

static void a_plain_client_gets_its_own_bytes_back(void **state)
{
    (void)state;
    struct exchange x = exchange(RTMP_CLIENT_PLAIN);
    static const uint8_t zeroes[4];

    assert_memory_equal(x.s2, x.c1, HANDSHAKE_PACKET_LEN);
    assert_memory_equal(x.s1 + 4, zeroes, 4);
    end(&x);
}

/* What a Flash Player or ffmpeg checks before it goes on. */
static void assert_signed(struct exchange *x, unsigned scheme)
{
    uint8_t digest[HANDSHAKE_DIGEST_LEN];
    uint8_t key[HANDSHAKE_DIGEST_LEN];
    unsigned at = handshake_digest_at(x->s1, scheme);

    assert_true(x->s1[4] >= 3);
    handshake_digest(x->s1, at, handshake_server_key, HANDSHAKE_SERVER_NAME_LEN, digest);
    assert_memory_equal(digest, x->s1 + at, sizeof(digest));

    crypto_hmac_sha256(handshake_server_key, sizeof(handshake_server_key),
                       x->c1 + handshake_digest_at(x->c1, scheme), HANDSHAKE_DIGEST_LEN, key);
    crypto_hmac_sha256(key, sizeof(key), x->s2, HANDSHAKE_PACKET_LEN - 32, digest);
    assert_memory_equal(digest, x->s2 + HANDSHAKE_PACKET_LEN - 32, sizeof(digest));
}

static void a_client_with_digest_gets_digests_in_its_scheme(void **state)
{
    (void)state;
    struct exchange x = exchange(RTMP_CLIENT_SCHEME_0);

    assert_signed(&x, 0);
    end(&x);
    x = exchange(RTMP_CLIENT_SCHEME_1);
    assert_signed(&x, 1);
    end(&x);
}

static void a_broken_digest_falls_back_to_plain(void **state)
{
    (void)state;
    struct exchange x = exchange(RTMP_CLIENT_SCHEME_0);
    uint8_t c1[HANDSHAKE_PACKET_LEN];

    memcpy(c1, x.c1, sizeof(c1));
    c1[HANDSHAKE_PACKET_LEN - 1] ^= 1;
    writer_clear(&x.answer);
    handshake_write_answer(&x.answer, c1, seed);
    assert_memory_equal(x.answer.data + 1 + HANDSHAKE_PACKET_LEN, c1, sizeof(c1));
    end(&x);
}

static void digests_stay_inside_the_packet_wherever_they_are_put(void **state)
{
    (void)state;
    uint8_t packet[HANDSHAKE_PACKET_LEN];
    uint8_t digest[HANDSHAKE_DIGEST_LEN];

    for (unsigned value = 0; value < 256; value++) {
        memset(packet, (int)value, sizeof(packet));
        for (unsigned scheme = 0; scheme < 2; scheme++) {
            unsigned at = handshake_digest_at(packet, scheme);

            assert_true(at >= 12 && at + HANDSHAKE_DIGEST_LEN <= HANDSHAKE_PACKET_LEN);
            handshake_digest(packet, at, "k", 1, digest);
        }
    }
}

static void other_versions_and_other_protocols_are_told_apart(void **state)
{
    (void)state;
    assert_ok(handshake_check_version(3));
    assert_err(handshake_check_version(6), ERR_UNSUPPORTED); /* RTMPE */
    assert_err(handshake_check_version(0), ERR_MALFORMED);
    assert_err(handshake_check_version('G'), ERR_MALFORMED);    /* GET / */
    assert_err(handshake_check_version(0x16), ERR_UNSUPPORTED); /* also how TLS begins */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(a_plain_client_gets_its_own_bytes_back),
        TEST_CASE(a_client_with_digest_gets_digests_in_its_scheme),
        TEST_CASE(a_broken_digest_falls_back_to_plain),
        TEST_CASE(digests_stay_inside_the_packet_wherever_they_are_put),
        TEST_CASE(other_versions_and_other_protocols_are_told_apart),
    };
    return RUN_TESTS("rtmp_handshake", tests);
}
