#include "account/email.h"

#include <stdio.h>

#include "support/test.h"

static void usual_addresses_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "anna@example.com",
        "a@b",
        "admin@localhost",
        "first.last+tag@sub.example.co.uk",
        "o'hara@example.ie",
        "X_1@EXAMPLE.COM",
        "a@1.2",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_ok(email_check(text_of(good[i]), NULL));
}

static void others_are_refused_with_the_field(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "anna",      "@example.com",    "anna@",          "a b@example.com",
        "a@b@c",     ".a@b.com",  "a.@b.com",        "a..b@c.com",     "a@b..com",
        "a@.com",    "a@com.",    "a@-b.com",        "a@b-.com",       "a@b_c.com",
        "a\n@b.com", "a@b.com\n", "a@b.com\r\nTo:x", "\"a b\"@c.com",  "a@[127.0.0.1]",
        "<a@b.com>", "a@b.com>",  "a,b@c.com",       "\xc3\xa4@b.com", "a@\xc3\xa4.com",
        "a;b@c.com", "a@b com",   "a@b.com'--",      "a\\b@c.com",     "a(b)@c.com",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct diag diag = {0};

        if (email_check(text_of(bad[i]), &diag) != ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_true(text_starts_with(text_of(diag.message), TEXT("email: ")));
    }
    assert_err(email_check((struct text){"a\0b@c.com", 9}, NULL), ERR_INVALID);
}

static void lengths_are_limited(void **state)
{
    (void)state;
    char text[400];

    (void)snprintf(text, sizeof(text), "%064d@b.com", 0);
    assert_ok(email_check(text_of(text), NULL));
    (void)snprintf(text, sizeof(text), "%065d@b.com", 0);
    assert_err(email_check(text_of(text), NULL), ERR_INVALID);
    (void)snprintf(text, sizeof(text), "a@%063d.com", 0);
    assert_ok(email_check(text_of(text), NULL));
    (void)snprintf(text, sizeof(text), "a@%064d.com", 0);
    assert_err(email_check(text_of(text), NULL), ERR_INVALID);
    (void)snprintf(text, sizeof(text), "a@%063d.%063d.%063d.%060d", 0, 0, 0, 0);
    assert_int_equal(strlen(text), 254);
    assert_ok(email_check(text_of(text), NULL));
    (void)snprintf(text, sizeof(text), "a@%063d.%063d.%063d.%061d", 0, 0, 0, 0);
    assert_err(email_check(text_of(text), NULL), ERR_INVALID);
}

static void case_is_folded(void **state)
{
    (void)state;
    char lower[ROW_EMAIL_LEN_MAX + 1];

    email_lower(TEXT("Anna.B@EXAMPLE.com"), lower);
    assert_string_equal(lower, "anna.b@example.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(usual_addresses_are_taken),
        TEST_CASE(others_are_refused_with_the_field),
        TEST_CASE(lengths_are_limited),
        TEST_CASE(case_is_folded),
    };
    return RUN_TESTS("account_email", tests);
}
