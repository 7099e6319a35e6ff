#include "webrtc/stun.h"

#include <string.h>

#include "base/writer.h"
#include "support/test.h"
#include "webrtc/webrtc.h"

enum { MESSAGE_CAP = 512 };

static const char password[] = "VOkJxbRl1RmTxUk/WvJxBt";

/* RFC 5769 section 2.1 */
static const char request_hex[] = "000100582112a442b7e7a701bc34d686fa87dfae"
                                  "802200105354554e207465737420636c69656e74"
                                  "002400046e0001ff80290008932ff9b151263b36"
                                  "000600096576746a3a68367659202020"
                                  "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
                                  "80280004e57a3bcf";

/* Section 2.2 and 2.3 */
static const char response_ipv4_hex[] = "0101003c2112a442b7e7a701bc34d686fa87dfae"
                                        "8022000b7465737420766563746f7220"
                                        "002000080001a147e112a643"
                                        "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
                                        "80280004c07d4c96";
static const char response_ipv6_hex[] = "010100482112a442b7e7a701bc34d686fa87dfae"
                                        "8022000b7465737420766563746f7220"
                                        "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
                                        "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
                                        "80280004c8fb0b4c";

static struct srtp_hmac make_key(const char *pwd)
{
    struct srtp_hmac key;

    srtp_hmac_init(&key, pwd, strlen(pwd));
    return key;
}

static void request_of_rfc_5769_is_understood(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_CAP];
    size_t len = test_unhex(request_hex, bytes, sizeof(bytes));
    struct srtp_hmac key = make_key(password);
    struct srtp_hmac wrong_key = make_key("VOkJxbRl1RmTxUk/WvJxBu");
    struct stun_message message;

    assert_ok(stun_parse(bytes, len, &message));
    assert_int_equal(message.type, STUN_BINDING_REQUEST);
    assert_text(message.username, "evtj:h6vY");
    assert_true(message.has_priority);
    assert_int_equal(message.priority, 0x6e0001ff);
    assert_true(message.has_controlled);
    assert_true(message.tie_breaker == UINT64_C(0x932ff9b151263b36));
    assert_true(message.has_fingerprint);
    assert_false(message.has_use_candidate);
    assert_true(stun_check_integrity(bytes, &message, &key));
    assert_true(stun_check_integrity(bytes, &message, &key)); /* the key stays good */
    assert_false(stun_check_integrity(bytes, &message, &wrong_key));
    srtp_hmac_deinit(&key);
    srtp_hmac_deinit(&wrong_key);
}

static void check_response(const char *hex, const char *ip)
{
    uint8_t bytes[MESSAGE_CAP];
    size_t len = test_unhex(hex, bytes, sizeof(bytes));
    struct srtp_hmac key = make_key(password);
    struct stun_message message;
    struct webrtc_address address;

    assert_true(webrtc_address_parse(text_of(ip), 32853, 0, &address));
    assert_ok(stun_parse(bytes, len, &message));
    assert_int_equal(message.type, STUN_BINDING_RESPONSE);
    assert_true(message.has_mapped_address);
    assert_int_equal(message.mapped_port, 32853);
    assert_memory_equal(message.mapped_ip, address.ip, 16);
    assert_true(stun_check_integrity(bytes, &message, &key));

    /* Our own response says the same. */
    uint8_t own[MESSAGE_CAP];
    struct writer w = writer_fixed(own, sizeof(own));
    struct stun_writer s = stun_begin(&w, STUN_BINDING_RESPONSE, message.transaction);
    stun_add_mapped_address(&s, &address);
    stun_end(&s, &key);
    assert_ok(stun_parse(own, w.len, &message));
    assert_int_equal(message.mapped_port, 32853);
    assert_memory_equal(message.mapped_ip, address.ip, 16);
    assert_true(stun_check_integrity(own, &message, &key));
    srtp_hmac_deinit(&key);
}

static void responses_of_rfc_5769_are_understood_and_written(void **state)
{
    (void)state;
    check_response(response_ipv4_hex, "192.0.2.1");
    check_response(response_ipv6_hex, "2001:db8:1234:5678:11:2233:4455:6677");
}

static void truncated_and_changed_messages_are_malformed(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_CAP];
    size_t len = test_unhex(request_hex, bytes, sizeof(bytes));
    struct stun_message message;

    for (size_t cut = 0; cut < len; cut++)
        assert_err(stun_parse(bytes, cut, &message), ERR_MALFORMED);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* FINGERPRINT covers everything; only its own type may turn into another attribute. */
        if (stun_parse(bytes, len, &message) == OK)
            assert_false(message.has_fingerprint);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_ok(stun_parse(bytes, len, &message));
}

static void attributes_behind_the_integrity_are_ignored(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_CAP];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    const uint8_t transaction[STUN_TRANSACTION_LEN] = {1};
    struct srtp_hmac key = make_key(password);
    struct stun_message message;

    struct stun_writer s = stun_begin(&w, STUN_BINDING_REQUEST, transaction);
    stun_add_username(&s, TEXT("user:peer"));
    stun_end(&s, &key);
    w.len -= 8; /* without FINGERPRINT */
    stun_add_use_candidate(&s);
    writer_patch_u16(&w, 2, (uint16_t)(w.len - STUN_HEADER_LEN));
    assert_ok(stun_parse(bytes, w.len, &message));
    assert_true(stun_check_integrity(bytes, &message, &key));
    assert_false(message.has_use_candidate);
    srtp_hmac_deinit(&key);
}

static void unknown_attributes_that_must_be_understood_are_listed(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_CAP];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    const uint8_t transaction[STUN_TRANSACTION_LEN] = {2};
    struct stun_message message;

    struct stun_writer s = stun_begin(&w, STUN_BINDING_REQUEST, transaction);
    for (uint16_t type = 0x7000; type < 0x7020; type++) {
        writer_u16(&w, type);
        writer_u16(&w, 0);
    }
    writer_u16(&w, 0xc057); /* comprehension-optional: skipped */
    writer_u16(&w, 3);
    writer_u32(&w, 0);
    stun_end(&s, NULL);
    assert_ok(stun_parse(bytes, w.len, &message));
    assert_int_equal(message.unknown_count, STUN_UNKNOWN_MAX);
    assert_int_equal(message.unknown[0], 0x7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(request_of_rfc_5769_is_understood),
        TEST_CASE(responses_of_rfc_5769_are_understood_and_written),
        TEST_CASE(truncated_and_changed_messages_are_malformed),
        TEST_CASE(attributes_behind_the_integrity_are_ignored),
        TEST_CASE(unknown_attributes_that_must_be_understood_are_listed),
    };
    return RUN_TESTS("webrtc_stun", tests);
}
