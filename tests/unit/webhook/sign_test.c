#include "base/crypto.h"
#include "base/writer.h"
#include "support/test.h"
#include "webhook/webhook.h"

static enum err sign(const char *secret, const char *id, const char *timestamp, const char *body,
                     char to[WEBHOOK_SIGNATURE_LEN_MAX + 1])
{
    struct writer w = writer_fixed(to, WEBHOOK_SIGNATURE_LEN_MAX + 1);
    enum err err = webhook_sign(&w, secret, id, timestamp, text_of(body));

    writer_char(&w, '\0');
    assert_false(w.failed);
    return err;
}

/* The vector that the libraries of Standard Webhooks test themselves with. */
static void signature_is_that_of_the_standard(void **state)
{
    (void)state;
    char signature[WEBHOOK_SIGNATURE_LEN_MAX + 1];

    assert_ok(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                   "1614265330", "{\"test\": 2432232314}", signature));
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void each_part_is_signed(void **state)
{
    (void)state;
    const char *secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    char reference[WEBHOOK_SIGNATURE_LEN_MAX + 1], other[WEBHOOK_SIGNATURE_LEN_MAX + 1];

    assert_ok(sign(secret, "a", "1", "{}", reference));
    assert_ok(sign(secret, "b", "1", "{}", other));
    assert_string_not_equal(reference, other);
    assert_ok(sign(secret, "a", "2", "{}", other));
    assert_string_not_equal(reference, other);
    assert_ok(sign(secret, "a", "1", "{ }", other));
    assert_string_not_equal(reference, other);
    assert_ok(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", "a", "1", "{}", other));
    assert_string_not_equal(reference, other);
    assert_ok(sign(secret, "a", "1", "{}", other));
    assert_string_equal(reference, other);
}

static void secret_of_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8",
        "whsec_M*KQ",
        /* 66 bytes: more than any key of ours */
        ("whsec_"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAA"),
    };

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        char signature[WEBHOOK_SIGNATURE_LEN_MAX + 1];

        assert_err(sign(secrets[i], "a", "1", "{}", signature), ERR_INVALID);
        assert_string_equal(signature, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(signature_is_that_of_the_standard),
        TEST_CASE(each_part_is_signed),
        TEST_CASE(secret_of_another_form_is_refused),
    };
    return RUN_TESTS("webhook_sign", tests);
}
