#include "webrtc/srtp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/writer.h"
#include "support/test.h"
#include "webrtc/srtp_hmac.h"

#if __has_include(<srtp2/srtp.h>)
#include <srtp2/srtp.h>
#define HAS_ORACLE 1
#else
#define HAS_ORACLE 0
#endif

enum { PACKET_CAP = 2048 };

/* The vectors that every implementation carries: key and salt of RFC 3711 appendix B.3 (AES-CM) and
 * counting bytes (GCM), one RTP and one SRTCP packet each. */
static const char cm_key[] = "E1F97A0D3E018BE0D64FA32C06DE4139";
static const char cm_salt[] = "0EC675AD498AFEEBB6960B3AABE6";
static const char gcm_key[] = "000102030405060708090a0b0c0d0e0f";
static const char gcm_salt[] = "a0a1a2a3a4a5a6a7a8a9aaab";
static const char plain_rtp[] = "800f1234decafbadcafebabe abababababababababababababababab";
static const char plain_rtcp[] = "81c8000bcafebabe abababababababababababababababab";

static struct srtp_key read_key(enum srtp_profile profile)
{
    struct srtp_key key = {0};
    bool is_gcm = profile == SRTP_PROFILE_GCM;

    (void)test_unhex(is_gcm ? gcm_key : cm_key, key.key, sizeof(key.key));
    (void)test_unhex(is_gcm ? gcm_salt : cm_salt, key.salt, sizeof(key.salt));
    return key;
}

struct pair {
    struct srtp_context *seal;
    struct srtp_context *open;
};

static struct pair pair_create(enum srtp_profile profile)
{
    struct srtp_key key = read_key(profile);

    return (struct pair){srtp_context_create(profile, SRTP_SEAL, &key),
                         srtp_context_create(profile, SRTP_OPEN, &key)};
}

static void pair_destroy(struct pair *pair)
{
    srtp_context_destroy(pair->seal);
    srtp_context_destroy(pair->open);
}

static void check_vector(enum srtp_profile profile, bool is_rtcp, const char *sealed_hex)
{
    const char *plain_hex = is_rtcp ? plain_rtcp : plain_rtp;
    uint8_t packet[PACKET_CAP], sealed[PACKET_CAP], plain[PACKET_CAP];
    size_t plain_len = test_unhex(plain_hex, plain, sizeof(plain));
    size_t sealed_len = test_unhex(sealed_hex, sealed, sizeof(sealed));
    struct pair pair = pair_create(profile);
    size_t len;

    memcpy(packet, plain, plain_len);
    assert_ok((is_rtcp ? srtp_seal_rtcp : srtp_seal_rtp)(pair.seal, packet, plain_len,
                                                         sizeof(packet), &len));
    assert_int_equal(len, sealed_len);
    assert_memory_equal(packet, sealed, len);
    assert_ok((is_rtcp ? srtp_open_rtcp : srtp_open_rtp)(pair.open, packet, len, &len));
    assert_int_equal(len, plain_len);
    assert_memory_equal(packet, plain, len);
    pair_destroy(&pair);
}

static void known_packets_give_known_bytes(void **state)
{
    (void)state;
    check_vector(SRTP_PROFILE_CM_SHA1_80, false,
                 "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    check_vector(SRTP_PROFILE_CM_SHA1_80, true,
                 "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    check_vector(SRTP_PROFILE_GCM, false,
                 "800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e"
                 "d2976826f796b201df3131a127e8a392");
    check_vector(SRTP_PROFILE_GCM, true,
                 "81c8000bcafebabe c98b8b5df0392a55852b6c21ac8e7025"
                 "c52c6fbea2b3b446ea31123ba88ce61e 80000001");
}

static void hmac_equals_that_of_openssl_for_each_length(void **state)
{
    (void)state;
    uint8_t bytes[200];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t key_len = 0; key_len < 130; key_len++) {
        struct srtp_hmac hmac;
        uint8_t mac[HMAC_SHA1_LEN], wanted[HMAC_SHA1_LEN];

        srtp_hmac_init(&hmac, bytes, key_len);
        for (size_t len = 0; len <= sizeof(bytes); len += 25) {
            srtp_hmac_begin(&hmac);
            srtp_hmac_add(&hmac, bytes, len / 2);
            srtp_hmac_add(&hmac, bytes + len / 2, len - len / 2);
            srtp_hmac_end(&hmac, mac);
            crypto_hmac_sha1(bytes, key_len, bytes, len, wanted);
            assert_memory_equal(mac, wanted, sizeof(mac));
        }
        srtp_hmac_deinit(&hmac);
    }
}

static const enum srtp_profile profiles[] = {SRTP_PROFILE_CM_SHA1_80, SRTP_PROFILE_GCM};

static size_t write_rtp(uint8_t *to, uint16_t sequence, uint32_t ssrc, size_t payload_len)
{
    struct writer w = writer_fixed(to, PACKET_CAP);

    writer_u16(&w, 0x8060);
    writer_u16(&w, sequence);
    writer_u32(&w, 3000);
    writer_u32(&w, ssrc);
    writer_zeroes(&w, payload_len);
    return w.len;
}

static enum err relay(struct pair *pair, uint16_t sequence)
{
    uint8_t packet[PACKET_CAP];
    size_t len = write_rtp(packet, sequence, 7, 40);

    assert_ok(srtp_seal_rtp(pair->seal, packet, len, sizeof(packet), &len));
    return srtp_open_rtp(pair->open, packet, len, &len);
}

static void replayed_packet_is_refused(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct pair pair = pair_create(profiles[p]);
        uint8_t sealed[PACKET_CAP], again[PACKET_CAP];
        size_t len = write_rtp(sealed, 1000, 7, 40);
        size_t plain_len;

        assert_ok(srtp_seal_rtp(pair.seal, sealed, len, sizeof(sealed), &len));
        memcpy(again, sealed, len);
        assert_ok(srtp_open_rtp(pair.open, sealed, len, &plain_len));
        memcpy(sealed, again, len);
        assert_err(srtp_open_rtp(pair.open, sealed, len, &plain_len), ERR_DENIED);

        /* Also after newer ones have come. */
        assert_ok(relay(&pair, 1003));
        memcpy(sealed, again, len);
        assert_err(srtp_open_rtp(pair.open, sealed, len, &plain_len), ERR_DENIED);

        /* And far behind the window. */
        assert_ok(relay(&pair, 1000 + SRTP_WINDOW));
        memcpy(sealed, again, len);
        assert_err(srtp_open_rtp(pair.open, sealed, len, &plain_len), ERR_DENIED);
        pair_destroy(&pair);
    }
}

static void replayed_rtcp_is_refused(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct pair pair = pair_create(profiles[p]);
        uint8_t sealed[PACKET_CAP], again[PACKET_CAP];
        size_t len = test_unhex(plain_rtcp, sealed, sizeof(sealed));
        size_t plain_len;

        assert_ok(srtp_seal_rtcp(pair.seal, sealed, len, sizeof(sealed), &len));
        memcpy(again, sealed, len);
        assert_ok(srtp_open_rtcp(pair.open, sealed, len, &plain_len));
        assert_err(srtp_open_rtcp(pair.open, again, len, &plain_len), ERR_DENIED);
        pair_destroy(&pair);
    }
}

static void late_packet_within_the_window_is_taken_once(void **state)
{
    (void)state;
    uint8_t late[SRTP_WINDOW][100];
    size_t lens[SRTP_WINDOW];
    size_t len;

    for (size_t p = 0; p < 2; p++) {
        struct pair pair = pair_create(profiles[p]);

        /* Across a wrap of the sequence number, newest first. */
        for (size_t i = 0; i < SRTP_WINDOW; i++) {
            size_t plain_len = write_rtp(late[i], (uint16_t)(65300 + i), 7, 20);
            assert_ok(srtp_seal_rtp(pair.seal, late[i], plain_len, sizeof(late[i]), &lens[i]));
        }
        uint8_t first[100];
        memcpy(first, late[0], lens[0]);
        assert_ok(srtp_open_rtp(pair.open, first, lens[0], &len)); /* tells the rollover counter */
        for (size_t i = SRTP_WINDOW; i-- > 1;)
            assert_ok(srtp_open_rtp(pair.open, late[i], lens[i], &len));
        pair_destroy(&pair);
    }
}

static void each_changed_bit_is_noticed(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct pair pair = pair_create(profiles[p]);
        uint8_t sealed[PACKET_CAP], changed[PACKET_CAP];
        size_t len = write_rtp(sealed, 5, 7, 33);
        size_t plain_len;

        assert_ok(srtp_seal_rtp(pair.seal, sealed, len, sizeof(sealed), &len));
        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(changed, sealed, len);
            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(srtp_open_rtp(pair.open, changed, len, &plain_len) != OK);
        }
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(changed, sealed, len);
            assert_true(srtp_open_rtp(pair.open, changed, cut, &plain_len) != OK);
        }
        assert_ok(srtp_open_rtp(pair.open, sealed, len, &plain_len)); /* nothing was spoilt */
        pair_destroy(&pair);
    }
}

static void each_changed_bit_of_rtcp_is_noticed(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct pair pair = pair_create(profiles[p]);
        uint8_t sealed[PACKET_CAP], changed[PACKET_CAP];
        size_t len = test_unhex(plain_rtcp, sealed, sizeof(sealed));
        size_t plain_len;

        assert_ok(srtp_seal_rtcp(pair.seal, sealed, len, sizeof(sealed), &len));
        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(changed, sealed, len);
            changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(srtp_open_rtcp(pair.open, changed, len, &plain_len) != OK);
        }
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(changed, sealed, len);
            assert_true(srtp_open_rtcp(pair.open, changed, cut, &plain_len) != OK);
        }
        assert_ok(srtp_open_rtcp(pair.open, sealed, len, &plain_len));
        pair_destroy(&pair);
    }
}

static void forged_ssrcs_take_no_place_and_real_ones_are_bounded(void **state)
{
    (void)state;
    struct pair pair = pair_create(SRTP_PROFILE_GCM);
    uint8_t packet[PACKET_CAP];
    size_t len;

    for (uint32_t ssrc = 1000; ssrc < 2000; ssrc++) {
        size_t forged_len = write_rtp(packet, 1, ssrc, 60);
        assert_err(srtp_open_rtp(pair.open, packet, forged_len, &len), ERR_DENIED);
    }
    for (uint32_t ssrc = 0; ssrc < SRTP_SSRCS_MAX; ssrc++) {
        size_t plain_len = write_rtp(packet, 1, ssrc, 60);
        assert_ok(srtp_seal_rtp(pair.seal, packet, plain_len, sizeof(packet), &len));
        assert_ok(srtp_open_rtp(pair.open, packet, len, &len));
    }
    size_t plain_len = write_rtp(packet, 1, 99, 60);
    assert_err(srtp_seal_rtp(pair.seal, packet, plain_len, sizeof(packet), &len), ERR_LIMIT);
    pair_destroy(&pair);
}

static void header_longer_than_the_packet_is_malformed(void **state)
{
    (void)state;
    struct pair pair = pair_create(SRTP_PROFILE_CM_SHA1_80);
    uint8_t packet[PACKET_CAP];
    size_t plain_len = write_rtp(packet, 1, 1, 30);
    size_t len;

    packet[0] = 0x8f; /* 15 CSRCs */
    assert_err(srtp_seal_rtp(pair.seal, packet, plain_len, sizeof(packet), &len), ERR_MALFORMED);
    packet[0] = 0x90; /* an extension of no room */
    packet[14] = 0xff;
    assert_err(srtp_open_rtp(pair.open, packet, plain_len, &len), ERR_MALFORMED);
    packet[0] = 0x40; /* version 1 */
    assert_err(srtp_open_rtp(pair.open, packet, plain_len, &len), ERR_MALFORMED);
    packet[0] = 0x80;
    assert_err(srtp_seal_rtp(pair.seal, packet, plain_len, plain_len + 19, &len), ERR_LIMIT);
    pair_destroy(&pair);
}

#if HAS_ORACLE

/* A generator of our own, so that a failure can be seen again. */
static uint32_t random_u32(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static srtp_t oracle_create(enum srtp_profile profile, bool is_outbound, uint8_t key[30])
{
    struct srtp_key own = read_key(profile);
    srtp_policy_t policy = {0};
    srtp_t oracle = NULL;

    memcpy(key, own.key, 16);
    memcpy(key + 16, own.salt, srtp_salt_len(profile));
    if (profile == SRTP_PROFILE_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    }
    policy.ssrc.type = is_outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = key;
    policy.window_size = 512;
    assert_int_equal(srtp_create(&oracle, &policy), srtp_err_status_ok);
    return oracle;
}

static size_t write_random_rtp(uint8_t *to, uint64_t *seed, uint16_t sequence, uint32_t ssrc)
{
    unsigned csrcs = random_u32(seed) % 4 == 0 ? random_u32(seed) % 16 : 0;
    bool has_extension = random_u32(seed) % 3 == 0;
    unsigned words = random_u32(seed) % 9;
    size_t payload_len = random_u32(seed) % 1200;
    struct writer w = writer_fixed(to, PACKET_CAP);

    writer_u8(&w, (uint8_t)(0x80 | (has_extension ? 0x10 : 0) | csrcs));
    writer_u8(&w, (uint8_t)(random_u32(seed) % 128));
    writer_u16(&w, sequence);
    writer_u32(&w, random_u32(seed));
    writer_u32(&w, ssrc);
    for (unsigned i = 0; i < csrcs; i++)
        writer_u32(&w, random_u32(seed));
    if (has_extension) {
        writer_u16(&w, 0xbede);
        writer_u16(&w, (uint16_t)words);
        writer_zeroes(&w, words * 4U);
    }
    for (size_t i = 0; i < payload_len; i++)
        writer_u8(&w, (uint8_t)random_u32(seed));
    assert_false(w.failed);
    return w.len;
}

struct oracle_pair {
    srtp_t out;
    srtp_t in;
    uint8_t out_key[30];
    uint8_t in_key[30];
};

/* One packet through both, in both directions. */
static void compare_rtp(struct pair *own, struct oracle_pair *oracle, const uint8_t *plain,
                        size_t plain_len)
{
    static uint8_t ours[PACKET_CAP], theirs[PACKET_CAP], opened[PACKET_CAP];
    int their_len = (int)plain_len;
    size_t our_len;

    memcpy(ours, plain, plain_len);
    memcpy(theirs, plain, plain_len);
    assert_ok(srtp_seal_rtp(own->seal, ours, plain_len, sizeof(ours), &our_len));
    assert_int_equal(srtp_protect(oracle->out, theirs, &their_len), srtp_err_status_ok);
    assert_int_equal(our_len, their_len);
    assert_memory_equal(ours, theirs, our_len);

    memcpy(opened, theirs, our_len);
    assert_ok(srtp_open_rtp(own->open, opened, our_len, &our_len));
    assert_int_equal(our_len, plain_len);
    assert_memory_equal(opened, plain, plain_len);
    assert_int_equal(srtp_unprotect(oracle->in, ours, &their_len), srtp_err_status_ok);
    assert_memory_equal(ours, plain, plain_len);
}

static void compare_rtcp(struct pair *own, struct oracle_pair *oracle, uint64_t *seed)
{
    static uint8_t plain[PACKET_CAP], ours[PACKET_CAP], theirs[PACKET_CAP];
    size_t plain_len = 8 + random_u32(seed) % 100 * 4;
    int their_len = (int)plain_len;
    size_t our_len;

    for (size_t i = 0; i < plain_len; i++)
        plain[i] = (uint8_t)random_u32(seed);
    (void)test_unhex("81c9000100000007", plain, sizeof(plain));
    memcpy(ours, plain, plain_len);
    memcpy(theirs, plain, plain_len);
    assert_ok(srtp_seal_rtcp(own->seal, ours, plain_len, sizeof(ours), &our_len));
    assert_int_equal(srtp_protect_rtcp(oracle->out, theirs, &their_len), srtp_err_status_ok);
    assert_int_equal(our_len, their_len);
    assert_memory_equal(ours, theirs, our_len);
    assert_ok(srtp_open_rtcp(own->open, theirs, our_len, &our_len));
    assert_int_equal(our_len, plain_len);
    assert_memory_equal(theirs, plain, plain_len);
    assert_int_equal(srtp_unprotect_rtcp(oracle->in, ours, &their_len), srtp_err_status_ok);
}

static void random_packets_equal_libsrtp_byte_for_byte(void **state)
{
    (void)state;
    static uint8_t plain[PACKET_CAP];

    assert_int_equal(srtp_init(), srtp_err_status_ok);
    for (size_t p = 0; p < 2; p++) {
        struct pair own = pair_create(profiles[p]);
        struct oracle_pair oracle;
        uint64_t seed = 20260101 + p;
        uint32_t sequences[3] = {0, 40000, 65530};

        oracle.out = oracle_create(profiles[p], true, oracle.out_key);
        oracle.in = oracle_create(profiles[p], false, oracle.in_key);
        for (int i = 0; i < 6000; i++) {
            unsigned track = random_u32(&seed) % 3;
            uint32_t from = sequences[track];
            unsigned count = 1 + random_u32(&seed) % 8;

            /* A jump ahead, then a few packets, newest first: reordering and wraps. */
            from += 1 + random_u32(&seed) % 200;
            for (unsigned k = count; k-- > 0;) {
                size_t len = write_random_rtp(plain, &seed, (uint16_t)(from + k), 100 + track);
                compare_rtp(&own, &oracle, plain, len);
            }
            sequences[track] = from + count;
            if (random_u32(&seed) % 16 == 0)
                compare_rtcp(&own, &oracle, &seed);
        }
        for (size_t t = 0; t < 3; t++)
            assert_true(sequences[t] > 2 * 65536); /* the counters did roll over */
        (void)srtp_dealloc(oracle.out);
        (void)srtp_dealloc(oracle.in);
        pair_destroy(&own);
    }
    (void)srtp_shutdown();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(hmac_equals_that_of_openssl_for_each_length),
        TEST_CASE(known_packets_give_known_bytes),
        TEST_CASE(replayed_packet_is_refused),
        TEST_CASE(replayed_rtcp_is_refused),
        TEST_CASE(late_packet_within_the_window_is_taken_once),
        TEST_CASE(each_changed_bit_is_noticed),
        TEST_CASE(each_changed_bit_of_rtcp_is_noticed),
        TEST_CASE(forged_ssrcs_take_no_place_and_real_ones_are_bounded),
        TEST_CASE(header_longer_than_the_packet_is_malformed),
#if HAS_ORACLE
        TEST_CASE(random_packets_equal_libsrtp_byte_for_byte),
#endif
    };
    return RUN_TESTS("webrtc_srtp", tests);
}
