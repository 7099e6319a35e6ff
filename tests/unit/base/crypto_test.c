#include "base/crypto.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/writer.h"
#include "support/test.h"

static void base64_matches_rfc4648(void **state)
{
    (void)state;
    /* RFC 4648 section 10 */
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char memory[32];
        struct writer w = writer_fixed(memory, sizeof(memory));
        crypto_base64(&w, rows[i][0], strlen(rows[i][0]));
        assert_text(writer_as_text(&w), rows[i][1]);

        uint8_t back[16];
        size_t len;
        assert_ok(crypto_base64_decode(text_of(rows[i][1]), back, sizeof(back), &len));
        assert_text(((struct text){(const char *)back, len}), rows[i][0]);
    }
    uint8_t to[2];
    size_t len;
    assert_err(crypto_base64_decode(TEXT("Zg="), to, sizeof(to), &len), ERR_MALFORMED);
    assert_err(crypto_base64_decode(TEXT("Z\ng="), to, sizeof(to), &len), ERR_MALFORMED);
    assert_err(crypto_base64_decode(TEXT("Zm9v"), to, sizeof(to), &len), ERR_LIMIT);
}

static void base64url_has_one_text_for_each_value(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "A", "AAAAA", "Zg==", "Zh", "Zm9=", "Zm-", "Zm+v", "Zm/v", "Z g"};
    char memory[16];
    uint8_t to[8];
    size_t len;
    struct writer w = writer_fixed(memory, sizeof(memory));

    crypto_base64url(&w, "\xfb\xff\xfe", 3);
    assert_text(writer_as_text(&w), "-__-");
    for (size_t i = 0; i <= 6; i++) {
        writer_clear(&w);
        crypto_base64url(&w, "foobar", i);
        assert_int_equal(w.len, (i * 4 + 2) / 3);
        assert_ok(crypto_base64url_decode(writer_as_text(&w), to, sizeof(to), &len));
        assert_int_equal(len, i);
        assert_memory_equal(to, "foobar", i);
    }
    assert_ok(crypto_base64url_decode(TEXT("-__-"), to, sizeof(to), &len));
    assert_memory_equal(to, "\xfb\xff\xfe", 3);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(crypto_base64url_decode(text_of(bad[i]), to, sizeof(to), &len), ERR_MALFORMED);
    assert_err(crypto_base64url_decode(TEXT("AAAA"), to, 2, &len), ERR_LIMIT);
    assert_err(crypto_base64url_decode(TEXT("AAA"), to, 1, &len), ERR_LIMIT);
    assert_ok(crypto_base64url_decode(TEXT("AAA"), to, 2, &len));
}

static void digests_match_their_vectors(void **state)
{
    (void)state;
    uint8_t digest[32];
    char memory[80];
    struct writer w = writer_fixed(memory, sizeof(memory));

    crypto_sha256("abc", 3, digest);
    crypto_hex(&w, digest, 32);
    assert_text(writer_as_text(&w),
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(crypto_crc32("123456789", 9), 0xcbf43926);
    /* RFC 2202 test case 2 */
    crypto_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, digest);
    writer_clear(&w);
    crypto_hex(&w, digest, 20);
    assert_text(writer_as_text(&w), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void empty_secret_equals_nothing(void **state)
{
    (void)state;
    struct secret secret = {0};

    assert_false(secret_equals(&secret, TEXT("")));
    assert_true(secret_set(&secret, TEXT("key")));
    assert_true(secret_equals(&secret, TEXT("key")));
    assert_false(secret_equals(&secret, TEXT("keY")));
    char too_long[SECRET_LEN_MAX + 1];
    memset(too_long, 'x', sizeof(too_long));
    assert_false(secret_set(&secret, (struct text){too_long, sizeof(too_long)}));
    assert_int_equal(secret.len, 0);
}

static void dates_are_written_in_utc(void **state)
{
    (void)state;
    char memory[80];
    struct writer w = writer_fixed(memory, sizeof(memory));

    clock_write_iso8601(&w, INT64_C(1795250400123456));
    assert_text(writer_as_text(&w), "2026-11-21T08:40:00.123Z");
    writer_clear(&w);
    clock_write_http_date(&w, INT64_C(784111777000000));
    assert_text(writer_as_text(&w), "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void sealed_bytes_open_with_their_key_only(void **state)
{
    (void)state;
    static const uint8_t key[CRYPTO_SHA256_LEN] = {1, 2, 3}, other[CRYPTO_SHA256_LEN] = {1, 2, 4};
    static const struct text plains[] = {TEXT_INIT(""), TEXT_INIT("a"),
                                         TEXT_INIT("{\"key\":\"sk_abcdefghijklmnop\"}")};

    for (size_t i = 0; i < 3; i++) {
        struct buf *sealed = crypto_seal(key, plains[i]);
        struct buf *again = crypto_seal(key, plains[i]);
        struct buf *plain = NULL;

        assert_false(text_equal(buf_text(sealed), buf_text(again))); /* another nonce */
        assert_ok(crypto_open(key, buf_text(sealed), &plain));
        assert_true(text_equal(buf_text(plain), plains[i]));
        buf_unref(plain);
        assert_err(crypto_open(other, buf_text(sealed), &plain), ERR_DENIED);
        for (size_t at = 0; at < sealed->len; at++) {
            sealed->data[at] ^= 1;
            assert_err(crypto_open(key, buf_text(sealed), &plain), ERR_DENIED);
            sealed->data[at] ^= 1;
            assert_err(crypto_open(key, text_sub(buf_text(sealed), 0, at), &plain), ERR_DENIED);
        }
        buf_unref(sealed);
        buf_unref(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(base64_matches_rfc4648),      TEST_CASE(base64url_has_one_text_for_each_value),
        TEST_CASE(digests_match_their_vectors), TEST_CASE(empty_secret_equals_nothing),
        TEST_CASE(dates_are_written_in_utc),    TEST_CASE(sealed_bytes_open_with_their_key_only),
    };
    return RUN_TESTS("base_crypto", tests);
}
