/* Texts of credentials: drawn, found in headers, never guessed from each other. */
#include "account/credential.h"

#include <stdio.h>

#include "base/mem.h"
#include "support/test.h"

static void cookie_is_found_among_others(void **state)
{
    (void)state;
    struct text value;

    assert_true(
        credential_find_cookie(TEXT("a=1; stoa_session=xyz; b=2"), TEXT("stoa_session"), &value));
    assert_text(value, "xyz");
    assert_true(credential_find_cookie(TEXT("stoa_session=x=y"), TEXT("stoa_session"), &value));
    assert_text(value, "x=y");
    assert_true(credential_find_cookie(TEXT("a;;stoa_session=;"), TEXT("stoa_session"), &value));
    assert_text(value, "");
    assert_true(credential_find_cookie(TEXT("a=1;stoa_session=2"), TEXT("stoa_session"), &value));
    assert_text(value, "2");
}

static void cookies_of_similar_names_are_others(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        ";",
        "=",
        "stoa_session",
        "stoa_sessio=x",
        "stoa_sessions=x",
        "Stoa_Session=x",
        "xstoa_session=x",
        "a=stoa_session=x",
        "\"stoa_session\"=x",
    };
    struct text value;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_false(credential_find_cookie(text_of(headers[i]), TEXT("stoa_session"), &value));
}

/* Another host of the same domain may plant a second one: nobody can say which is ours. */
static void cookie_that_is_there_twice_is_none(void **state)
{
    (void)state;
    struct text value;

    assert_false(credential_find_cookie(TEXT("stoa_session=a; stoa_session=b"),
                                        TEXT("stoa_session"), &value));
}

static void long_cookie_header_is_ignored(void **state)
{
    (void)state;
    char *header = mem_alloc(ACCOUNT_COOKIE_LEN_MAX + 1);
    struct text value;

    memset(header, 'a', ACCOUNT_COOKIE_LEN_MAX + 1);
    memcpy(header, "stoa_session=x; ", 16);
    assert_true(credential_find_cookie((struct text){header, ACCOUNT_COOKIE_LEN_MAX},
                                       TEXT("stoa_session"), &value));
    assert_false(credential_find_cookie((struct text){header, ACCOUNT_COOKIE_LEN_MAX + 1},
                                        TEXT("stoa_session"), &value));
    mem_free(header);
}

static void bearer_is_cut_out_of_the_header(void **state)
{
    (void)state;
    static char text[ACCOUNT_BEARER_LEN_MAX + 9];

    assert_text(credentials_bearer(TEXT("Bearer abc")), "abc");
    assert_text(credentials_bearer(TEXT("bEARER   abc  ")), "abc");
    assert_text(credentials_bearer(TEXT("Bearer")), "");
    assert_text(credentials_bearer(TEXT("Bearer ")), "");
    assert_text(credentials_bearer(TEXT("Bearerabc")), "");
    assert_text(credentials_bearer(TEXT("Basic abc")), "");
    assert_text(credentials_bearer(TEXT("")), "");
    assert_text(credentials_bearer(TEXT("Bearer a b")), "");
    assert_text(credentials_bearer(TEXT("Bearer a\nb")), "");
    assert_text(credentials_bearer(TEXT("Bearer a\xc3\xa4")), "");
    assert_text(credentials_bearer((struct text){"Bearer a\0b", 10}), "");

    memset(text, 'x', sizeof(text));
    memcpy(text, "Bearer ", 7);
    assert_int_equal(credentials_bearer((struct text){text, 7 + ACCOUNT_BEARER_LEN_MAX}).len,
                     ACCOUNT_BEARER_LEN_MAX);
    assert_int_equal(credentials_bearer((struct text){text, 8 + ACCOUNT_BEARER_LEN_MAX}).len, 0);
}

static void drawn_texts_have_their_shape_and_differ(void **state)
{
    (void)state;
    char token[ACCOUNT_SESSION_TOKEN_LEN + 1], other[ACCOUNT_SESSION_TOKEN_LEN + 1];
    char key[ACCOUNT_KEY_LEN + 1], publish[ACCOUNT_KEY_LEN + 1], prefix[ROW_PREFIX_LEN_MAX + 1];

    credential_draw_token(token);
    credential_draw_token(other);
    assert_true(credential_is_token(text_of(token)));
    assert_int_equal(strlen(token), ACCOUNT_SESSION_TOKEN_LEN);
    assert_string_not_equal(token, other);
    account_draw_key(key);
    credential_draw_key("pt_", publish);
    assert_int_equal(strlen(key), ACCOUNT_KEY_LEN);
    assert_true(text_starts_with(text_of(key), TEXT("sk_")));
    assert_true(text_starts_with(text_of(publish), TEXT("pt_")));
    assert_string_not_equal(key + 3, publish + 3);
    credential_prefix(text_of(key), prefix);
    assert_int_equal(strlen(prefix), 9);
    assert_memory_equal(prefix, key, 9);
    credential_prefix(TEXT("secret12"), prefix);
    assert_string_equal(prefix, "se");
    credential_prefix(TEXT(""), prefix);
    assert_string_equal(prefix, "");
}

static void only_the_own_shape_is_a_token(void **state)
{
    (void)state;
    char token[ACCOUNT_SESSION_TOKEN_LEN + 1];

    credential_draw_token(token);
    assert_false(credential_is_token(text_sub(text_of(token), 0, 42)));
    assert_false(credential_is_token(TEXT("")));
    token[5] = '+';
    assert_false(credential_is_token(text_of(token)));
    token[5] = 'A';
    token[42] = 'B'; /* bits that stand for nothing */
    assert_false(credential_is_token(text_of(token)));
}

static void csrf_token_follows_from_the_session_alone(void **state)
{
    (void)state;
    char token[ACCOUNT_SESSION_TOKEN_LEN + 1];
    char a[ACCOUNT_CSRF_TOKEN_LEN + 1], b[ACCOUNT_CSRF_TOKEN_LEN + 1];

    credential_draw_token(token);
    credential_csrf(text_of(token), a);
    credential_csrf(text_of(token), b);
    assert_string_equal(a, b);
    assert_string_not_equal(a, token);
    token[0] = token[0] == 'a' ? 'b' : 'a';
    credential_csrf(text_of(token), b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(cookie_is_found_among_others),
        TEST_CASE(cookies_of_similar_names_are_others),
        TEST_CASE(cookie_that_is_there_twice_is_none),
        TEST_CASE(long_cookie_header_is_ignored),
        TEST_CASE(bearer_is_cut_out_of_the_header),
        TEST_CASE(drawn_texts_have_their_shape_and_differ),
        TEST_CASE(only_the_own_shape_is_a_token),
        TEST_CASE(csrf_token_follows_from_the_session_alone),
    };
    return RUN_TESTS("account_credential", tests);
}
