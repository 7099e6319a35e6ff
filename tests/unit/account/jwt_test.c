/* The shop's own tokens: right ones, and each way in which one can be wrong. */
#include "account/jwt.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jwt_tool.h"
#include "support/test.h"

#define NOW_S  INT64_C(1795250400)
#define NOW_US (NOW_S * US_PER_S)

#define SECRET "0123456789abcdef0123456789abcdef"
#define HS256  "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS                                                                                     \
    "{\"sub\":\"42\",\"exp\":1795254000,\"email\":\"Anna@example.com\",\"role\":\"seller\"}"

static struct jwt_config hs256_config(void)
{
    return (struct jwt_config){
        .algorithm = JWT_HS256, .keys = {{.key = TEXT(SECRET)}}, .key_count = 1};
}

static struct jwt_checker *checker_of(const struct jwt_config *config)
{
    struct jwt_checker *checker = NULL;
    struct diag diag = {0};

    if (jwt_checker_create(config, &checker, &diag) != OK)
        fail_msg("%s", diag.message);
    return checker;
}

/* What a token with these claims, rightly signed, comes to. */
static enum credential_fault check_claims(const struct jwt_config *config, const char *claims,
                                          struct jwt_claims *ret_claims)
{
    struct jwt_checker *checker = checker_of(config);
    char token[JWT_TOOL_TOKEN_MAX];
    struct jwt_claims ignored;

    jwt_tool_hs256(HS256, claims, SECRET, strlen(SECRET), token);
    enum credential_fault fault =
        jwt_check(checker, text_of(token), NOW_US, ret_claims ? ret_claims : &ignored);
    jwt_checker_destroy(checker);
    return fault;
}

/* What these very characters come to. */
static enum credential_fault check_token(const struct jwt_config *config, const char *token)
{
    struct jwt_checker *checker = checker_of(config);
    struct jwt_claims claims;
    enum credential_fault fault = jwt_check(checker, text_of(token), NOW_US, &claims);

    jwt_checker_destroy(checker);
    return fault;
}

static void vector_of_rfc_7515_is_read(void **state)
{
    (void)state;
    /* Appendix A.1: header with a line break, exp in 2011. */
    static const uint8_t key[] = {0x03, 0x23, 0x35, 0x4b, 0x2b, 0x0f, 0xa5, 0xbc, 0x83, 0x7e, 0x06,
                                  0x65, 0x77, 0x7b, 0xa6, 0x8f, 0x5a, 0xb3, 0x28, 0xe6, 0xf0, 0x54,
                                  0xc9, 0x28, 0xa9, 0x0f, 0x84, 0xb2, 0xd2, 0x50, 0x2e, 0xbf, 0xd3,
                                  0xfb, 0x5a, 0x92, 0xd2, 0x06, 0x47, 0xef, 0x96, 0x8a, 0xb4, 0xc3,
                                  0x77, 0x62, 0x3d, 0x22, 0x3d, 0x2e, 0x21, 0x72, 0x05, 0x2e, 0x4f,
                                  0x08, 0xc0, 0xcd, 0x9a, 0xf5, 0x67, 0xd0, 0x80, 0xa3};
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
        "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_"
        "wW1gFWFOEjXk";
    const struct jwt_config config = {
        .algorithm = JWT_HS256,
        .keys = {{.key = {(const char *)key, sizeof(key)}}},
        .key_count = 1,
        .issuer = TEXT("joe"),
    };
    struct jwt_checker *checker = checker_of(&config);
    struct jwt_claims claims;

    assert_int_equal(jwt_check(checker, text_of(token), NOW_US, &claims), CREDENTIAL_JWT_EXPIRED);
    /* In its time it lacks nothing but a subject. */
    assert_int_equal(jwt_check(checker, text_of(token), INT64_C(1300819379) * US_PER_S, &claims),
                     CREDENTIAL_JWT_CLAIMS);
    jwt_checker_destroy(checker);
}

static void good_token_of_each_algorithm_is_taken(void **state)
{
    (void)state;
    struct jwt_tool_key rsa = jwt_tool_rsa(2048), ec = jwt_tool_ec("P-256");
    char token[JWT_TOOL_TOKEN_MAX];
    struct jwt_config config = hs256_config();
    struct jwt_claims claims;

    assert_int_equal(check_claims(&config, CLAIMS, &claims), CREDENTIAL_GOOD);
    assert_string_equal(claims.subject, "42");
    assert_string_equal(claims.email, "Anna@example.com");
    assert_int_equal(claims.role, ROLE_SELLER);

    config.algorithm = JWT_RS256;
    config.keys[0].key = text_of(rsa.public_pem);
    jwt_tool_rs256("{\"alg\":\"RS256\"}", CLAIMS, &rsa, token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);

    config.algorithm = JWT_ES256;
    config.keys[0].key = text_of(ec.public_pem);
    for (int i = 0; i < 20; i++) { /* r and s have leading zeroes now and then */
        jwt_tool_es256("{\"alg\":\"ES256\",\"typ\":\"jwt\"}", CLAIMS, &ec, token);
        assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);
    }
    jwt_tool_free(&rsa);
    jwt_tool_free(&ec);
}

static void forged_signatures_are_refused(void **state)
{
    (void)state;
    struct jwt_tool_key rsa = jwt_tool_rsa(2048), other_rsa = jwt_tool_rsa(2048);
    struct jwt_tool_key ec = jwt_tool_ec("P-256"), other_ec = jwt_tool_ec("P-256");
    char token[JWT_TOOL_TOKEN_MAX];
    struct jwt_config config = hs256_config();

    jwt_tool_hs256(HS256, CLAIMS, "another secret of the same length", 32, token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_SIGNATURE);
    jwt_tool_raw(HS256, CLAIMS, "AAAA", token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_SIGNATURE);

    config.algorithm = JWT_RS256;
    config.keys[0].key = text_of(rsa.public_pem);
    jwt_tool_rs256("{\"alg\":\"RS256\"}", CLAIMS, &other_rsa, token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_SIGNATURE);
    jwt_tool_raw("{\"alg\":\"RS256\"}", CLAIMS, "AAAA", token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_SIGNATURE);

    config.algorithm = JWT_ES256;
    config.keys[0].key = text_of(ec.public_pem);
    jwt_tool_es256("{\"alg\":\"ES256\"}", CLAIMS, &other_ec, token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_SIGNATURE);
    /* r = s = 0, which careless verifiers took for good (CVE-2022-21449). */
    jwt_tool_raw(
        "{\"alg\":\"ES256\"}", CLAIMS,
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAA",
        token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_SIGNATURE);
    jwt_tool_free(&rsa);
    jwt_tool_free(&other_rsa);
    jwt_tool_free(&ec);
    jwt_tool_free(&other_ec);
}

/* Each bit of a token matters. */
static void changed_characters_are_noticed(void **state)
{
    (void)state;
    const struct jwt_config config = hs256_config();
    char token[JWT_TOOL_TOKEN_MAX];

    jwt_tool_hs256(HS256, CLAIMS, SECRET, strlen(SECRET), token);
    size_t len = strlen(token);
    for (size_t i = 0; i < len; i++) {
        char kept = token[i];

        token[i] = kept == 'A' ? 'B' : 'A';
        assert_int_not_equal(check_token(&config, token), CREDENTIAL_GOOD);
        token[i] = kept;
    }
    assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);
}

/* A copy that ends where the token does, so that a sanitizer sees a byte read behind it. */
static void each_truncation_is_refused(void **state)
{
    (void)state;
    const struct jwt_config config = hs256_config();
    struct jwt_checker *checker = checker_of(&config);
    char token[JWT_TOOL_TOKEN_MAX];
    struct jwt_claims claims;

    jwt_tool_hs256(HS256, CLAIMS, SECRET, strlen(SECRET), token);
    for (size_t len = 0; len < strlen(token); len++) {
        char *copy = mem_dup(token, len ? len : 1);

        assert_int_not_equal(jwt_check(checker, (struct text){copy, len}, NOW_US, &claims),
                             CREDENTIAL_GOOD);
        mem_free(copy);
    }
    jwt_checker_destroy(checker);
}

static void dot_behind_a_good_token_is_refused(void **state)
{
    (void)state;
    const struct jwt_config config = hs256_config();
    char token[JWT_TOOL_TOKEN_MAX];

    jwt_tool_hs256(HS256, CLAIMS, SECRET, strlen(SECRET), token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);
    (void)strncat(token, ".", sizeof(token) - strlen(token) - 1);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_MALFORMED);
}

static void token_does_not_choose_the_algorithm(void **state)
{
    (void)state;
    struct jwt_tool_key rsa = jwt_tool_rsa(2048);
    char token[JWT_TOOL_TOKEN_MAX];
    struct jwt_config config = {.algorithm = JWT_RS256, .key_count = 1};

    config.keys[0].key = text_of(rsa.public_pem);
    /* The public key, which everybody has, as the secret of an HMAC. */
    jwt_tool_hs256(HS256, CLAIMS, rsa.public_pem, strlen(rsa.public_pem), token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_ALGORITHM);

    static const char *const headers[] = {
        "{\"alg\":\"none\"}",  "{\"alg\":\"None\"}",
        "{\"alg\":\"\"}",      "{}",
        "{\"alg\":null}",      "{\"alg\":\"RS512\"}",
        "{\"alg\":\"rs256\"}", "{\"alg\":[\"RS256\"]}",
        "{\"alg\":\"PS256\"}",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        jwt_tool_rs256(headers[i], CLAIMS, &rsa, token);
        assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_ALGORITHM);
        jwt_tool_raw(headers[i], CLAIMS, "", token);
        assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_MALFORMED);
        jwt_tool_raw(headers[i], CLAIMS, "AA", token);
        assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_ALGORITHM);
    }
    jwt_tool_free(&rsa);
}

static void malformed_tokens_are_refused_before_any_key(void **state)
{
    (void)state;
    const struct jwt_config config = hs256_config();
    char token[JWT_TOOL_TOKEN_MAX];
    static const char *const tokens[] = {
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.",
        ".b.c",
        "a..c",
        "a.b.c",
        "a.b.c.d",
        "e30.e30.e30.e30",
        "e30.e30.=",
        "e30.e 0.e30",
        "e30=.e30.e30",
        "e30.e30.A",
        "W10.e30.AA",
        "e30.W10.AA",
        "bnVsbA.e30.AA",
        "e30.e31.AA",
    };
    static const char *const headers[] = {
        "",
        "x",
        "[]",
        "{\"alg\":\"HS256\"",
        "{\"alg\":\"HS256\"} ,",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"typ\":\"JOSE\"}",
        "{\"alg\":\"HS256\",\"typ\":7}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\\u0000\"}",
        "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
    };
    static const char *const claims[] = {
        "",
        "7",
        "[]",
        "null",
        "{\"sub\":\"42\",\"exp\":1795254000",
        "{\"sub\":\"42\",\"exp\":1795254000}}",
        "{\"sub\":\"42\",\"exp\":1,\"exp\":1795254000}",
        "{\"sub\":\"\xff\",\"exp\":1795254000}",
        "{\"sub\":\"42\",\"exp\":1e999}",
    };

    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
        assert_int_equal(check_token(&config, tokens[i]), CREDENTIAL_JWT_MALFORMED);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        jwt_tool_hs256(headers[i], CLAIMS, SECRET, strlen(SECRET), token);
        assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_MALFORMED);
    }
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
        assert_int_equal(check_claims(&config, claims[i], NULL), CREDENTIAL_JWT_MALFORMED);
}

static void deep_and_long_tokens_are_refused(void **state)
{
    (void)state;
    const struct jwt_config config = hs256_config();
    char claims[9000], token[JWT_TOOL_TOKEN_MAX];

    memset(claims, '[', sizeof(claims));
    claims[5900] = '\0'; /* fits into the limit, and is deeper than any parser should go */
    jwt_tool_hs256(HS256, claims, SECRET, strlen(SECRET), token);
    assert_true(strlen(token) <= ACCOUNT_BEARER_LEN_MAX);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_MALFORMED);

    int len = snprintf(claims, sizeof(claims), "{\"sub\":\"42\",\"exp\":1795254000,\"x\":\"");
    memset(claims + len, 'x', sizeof(claims) - (size_t)len);
    (void)snprintf(claims + 6000, 10, "\"}");
    jwt_tool_hs256(HS256, claims, SECRET, strlen(SECRET), token);
    assert_true(strlen(token) <= ACCOUNT_BEARER_LEN_MAX);
    assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);
    claims[6000] = 'x';
    (void)snprintf(claims + 8000, 10, "\"}");
    claims[6001] = 'x';
    claims[6002] = 'x';
    jwt_tool_hs256(HS256, claims, SECRET, strlen(SECRET), token);
    assert_true(strlen(token) > ACCOUNT_BEARER_LEN_MAX);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_MALFORMED);
}

static void times_are_checked_with_half_a_minute_of_leeway(void **state)
{
    (void)state;
    const struct jwt_config config = hs256_config();
    static const struct {
        int64_t exp_s, nbf_s;
        enum credential_fault fault;
    } cases[] = {
        {NOW_S + 1, NOW_S, CREDENTIAL_GOOD},
        {NOW_S - 29, NOW_S, CREDENTIAL_GOOD},
        {NOW_S - 30, NOW_S, CREDENTIAL_JWT_EXPIRED},
        {NOW_S + 3600, NOW_S + 30, CREDENTIAL_GOOD},
        {NOW_S + 3600, NOW_S + 31, CREDENTIAL_JWT_NOT_YET},
        {0, 0, CREDENTIAL_JWT_EXPIRED},
        {-1, 0, CREDENTIAL_JWT_EXPIRED},
        {INT64_MAX, 0, CREDENTIAL_GOOD},
        {INT64_MIN, 0, CREDENTIAL_JWT_EXPIRED},
        {NOW_S + 1, INT64_MAX, CREDENTIAL_JWT_NOT_YET},
        {NOW_S + 1, INT64_MIN, CREDENTIAL_GOOD},
    };
    char claims[200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(claims, sizeof(claims), "{\"sub\":\"42\",\"exp\":%lld,\"nbf\":%lld}",
                       (long long)cases[i].exp_s, (long long)cases[i].nbf_s);
        assert_int_equal(check_claims(&config, claims, NULL), cases[i].fault);
    }
    assert_int_equal(check_claims(&config, "{\"sub\":\"42\",\"exp\":1795250401.5}", NULL),
                     CREDENTIAL_GOOD);
    static const char *const lacking[] = {
        "{}",
        "{\"sub\":\"42\"}",
        "{\"sub\":\"42\",\"exp\":\"1795254000\"}",
        "{\"sub\":\"42\",\"exp\":true}",
        "{\"sub\":\"42\",\"exp\":null}",
        "{\"sub\":\"42\",\"exp\":1795254000,\"nbf\":\"0\"}",
        "{\"exp\":1795254000}",
        "{\"sub\":\"\",\"exp\":1795254000}",
        "{\"sub\":42,\"exp\":1795254000}",
        "{\"sub\":\"4\\u00002\",\"exp\":1795254000}",
    };
    for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++)
        assert_int_not_equal(check_claims(&config, lacking[i], NULL), CREDENTIAL_GOOD);
}

static void issuer_and_audience_must_fit(void **state)
{
    (void)state;
    struct jwt_config config = hs256_config();
    static const struct {
        const char *members;
        enum credential_fault fault;
    } cases[] = {
        {"\"iss\":\"shop\",\"aud\":\"stoa\"", CREDENTIAL_GOOD},
        {"\"iss\":\"shop\",\"aud\":[\"x\",\"stoa\"]", CREDENTIAL_GOOD},
        {"\"iss\":\"shop\",\"aud\":[7,\"stoa\"]", CREDENTIAL_GOOD},
        {"\"iss\":\"shop2\",\"aud\":\"stoa\"", CREDENTIAL_JWT_ISSUER},
        {"\"iss\":[\"shop\"],\"aud\":\"stoa\"", CREDENTIAL_JWT_ISSUER},
        {"\"aud\":\"stoa\"", CREDENTIAL_JWT_ISSUER},
        {"\"iss\":\"shop\",\"aud\":\"Stoa\"", CREDENTIAL_JWT_AUDIENCE},
        {"\"iss\":\"shop\",\"aud\":[]", CREDENTIAL_JWT_AUDIENCE},
        {"\"iss\":\"shop\",\"aud\":{\"stoa\":1}", CREDENTIAL_JWT_AUDIENCE},
        {"\"iss\":\"shop\",\"aud\":\"\"", CREDENTIAL_JWT_AUDIENCE},
        {"\"iss\":\"shop\"", CREDENTIAL_JWT_AUDIENCE},
    };
    char claims[200];

    config.issuer = TEXT("shop");
    config.audience = TEXT("stoa");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(claims, sizeof(claims), "{\"sub\":\"42\",\"exp\":1795254000,%s}",
                       cases[i].members);
        assert_int_equal(check_claims(&config, claims, NULL), cases[i].fault);
    }
}

static void roles_are_mapped_by_configuration(void **state)
{
    (void)state;
    struct jwt_config config = hs256_config();
    static const struct {
        const char *members;
        enum account_role role;
    } cases[] = {
        {"\"x\":1", ROLE_NONE},
        {"\"groups\":\"boss\"", ROLE_ADMIN},
        {"\"groups\":\"owner\"", ROLE_ADMIN},
        {"\"groups\":\"vendor\"", ROLE_SELLER},
        {"\"groups\":\"admin\"", ROLE_BUYER}, /* not this shop's word */
        {"\"groups\":\"\"", ROLE_BUYER},
        {"\"groups\":\"boss,owner\"", ROLE_BUYER},
        {"\"groups\":[\"customer\",\"vendor\"]", ROLE_SELLER},
        {"\"groups\":[\"vendor\",\"boss\",7]", ROLE_ADMIN},
        {"\"groups\":[]", ROLE_BUYER},
        {"\"groups\":7", ROLE_BUYER},
        {"\"groups\":null", ROLE_BUYER},
        {"\"role\":\"boss\"", ROLE_NONE}, /* not this shop's claim */
    };
    char text[200];
    struct jwt_claims claims;

    config.role_claim = TEXT("groups");
    config.admin_roles = TEXT("boss, owner");
    config.seller_roles = TEXT("vendor");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"sub\":\"42\",\"exp\":1795254000,%s}",
                       cases[i].members);
        assert_int_equal(check_claims(&config, text, &claims), CREDENTIAL_GOOD);
        assert_int_equal(claims.role, cases[i].role);
    }
}

static void unverified_email_is_nobodys(void **state)
{
    (void)state;
    struct jwt_config config = hs256_config();
    static const struct {
        const char *members;
        const char *email;
    } cases[] = {
        {"\"mail\":\"a@b.com\"", "a@b.com"},
        {"\"mail\":\"a@b.com\",\"email_verified\":true", "a@b.com"},
        {"\"mail\":\"a@b.com\",\"email_verified\":false", ""},
        {"\"mail\":\"a@b.com\",\"email_verified\":\"true\"", ""},
        {"\"mail\":\"no e-mail\"", ""},
        {"\"mail\":7", ""},
        {"\"email\":\"a@b.com\"", ""},
    };
    char text[200];
    struct jwt_claims claims;

    config.email_claim = TEXT("mail");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"sub\":\"42\",\"exp\":1795254000,%s}",
                       cases[i].members);
        assert_int_equal(check_claims(&config, text, &claims), CREDENTIAL_GOOD);
        assert_string_equal(claims.email, cases[i].email);
    }
}

static void key_is_chosen_by_its_name(void **state)
{
    (void)state;
    struct jwt_config config = {.algorithm = JWT_HS256, .key_count = 2};
    static const char *const secrets[] = {"11111111111111111111111111111111",
                                          "22222222222222222222222222222222"};
    char token[JWT_TOOL_TOKEN_MAX], header[100];
    /* By kid and by the secret that signs. */
    static const struct {
        const char *member;
        int secret;
        enum credential_fault fault;
    } cases[] = {
        {",\"kid\":\"one\"", 0, CREDENTIAL_GOOD},
        {",\"kid\":\"two\"", 1, CREDENTIAL_GOOD},
        {",\"kid\":\"one\"", 1, CREDENTIAL_JWT_SIGNATURE},
        {",\"kid\":\"three\"", 0, CREDENTIAL_JWT_KEY},
        {",\"kid\":\"../../one\"", 0, CREDENTIAL_JWT_KEY},
        {",\"kid\":\"one\\u0000\"", 0, CREDENTIAL_JWT_MALFORMED},
        {"", 0, CREDENTIAL_JWT_KEY},
    };

    for (size_t i = 0; i < 2; i++)
        config.keys[i] = (struct jwt_key_config){.kid = i ? TEXT("two") : TEXT("one"),
                                                 .key = text_of(secrets[i])};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(header, sizeof(header), "{\"alg\":\"HS256\"%s}", cases[i].member);
        jwt_tool_hs256(header, CLAIMS, secrets[cases[i].secret], 32, token);
        assert_int_equal(check_token(&config, token), cases[i].fault);
    }

    /* A key without a name takes tokens without one, and all when it is alone. */
    config.keys[1].kid = (struct text){0};
    jwt_tool_hs256("{\"alg\":\"HS256\"}", CLAIMS, secrets[1], 32, token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);
    jwt_tool_hs256("{\"alg\":\"HS256\",\"kid\":\"x\"}", CLAIMS, secrets[1], 32, token);
    assert_int_equal(check_token(&config, token), CREDENTIAL_JWT_KEY);
    config.keys[0] = config.keys[1];
    config.key_count = 1;
    assert_int_equal(check_token(&config, token), CREDENTIAL_GOOD);
}

static void keys_that_do_not_fit_are_refused_at_start(void **state)
{
    (void)state;
    struct jwt_tool_key rsa = jwt_tool_rsa(2048), small = jwt_tool_rsa(1024);
    struct jwt_tool_key p256 = jwt_tool_ec("P-256"), p384 = jwt_tool_ec("P-384");
    const struct {
        enum jwt_algorithm algorithm;
        struct text key;
    } cases[] = {
        {JWT_HS256, TEXT("too short")},
        {JWT_HS256, TEXT("")},
        {JWT_HS256, text_of(rsa.public_pem)},
        {JWT_RS256, TEXT(SECRET)},
        {JWT_RS256, text_of(p256.public_pem)},
        {JWT_RS256, text_of(small.public_pem)},
        {JWT_RS256, text_of(rsa.private_pem)},
        {JWT_RS256, TEXT("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")},
        {JWT_ES256, text_of(rsa.public_pem)},
        {JWT_ES256, text_of(p384.public_pem)},
        {JWT_ES256, text_of(p256.private_pem)},
        {0, TEXT(SECRET)},
        {99, TEXT(SECRET)},
    };
    struct jwt_checker *checker = NULL;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct jwt_config config = {
            .algorithm = cases[i].algorithm, .keys = {{.key = cases[i].key}}, .key_count = 1};
        struct diag diag = {0};

        assert_err(jwt_checker_create(&config, &checker, &diag), ERR_INVALID);
        assert_true(text_starts_with(text_of(diag.message), TEXT("jwt")));
        assert_null(strstr(diag.message, SECRET)); /* a sentence never tells the key */
    }
    struct jwt_config config = hs256_config();
    config.key_count = 0;
    assert_err(jwt_checker_create(&config, &checker, NULL), ERR_INVALID);
    config.key_count = 2;
    config.keys[1] = config.keys[0]; /* two of one name */
    assert_err(jwt_checker_create(&config, &checker, NULL), ERR_INVALID);
    assert_null(checker);
    jwt_checker_destroy(NULL);
    jwt_tool_free(&rsa);
    jwt_tool_free(&small);
    jwt_tool_free(&p256);
    jwt_tool_free(&p384);
}

static void algorithms_have_names(void **state)
{
    (void)state;

    assert_int_equal(jwt_algorithm_parse(TEXT("HS256")), JWT_HS256);
    assert_int_equal(jwt_algorithm_parse(TEXT("RS256")), JWT_RS256);
    assert_int_equal(jwt_algorithm_parse(TEXT("ES256")), JWT_ES256);
    assert_int_equal(jwt_algorithm_parse(TEXT("none")), 0);
    assert_int_equal(jwt_algorithm_parse(TEXT("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(vector_of_rfc_7515_is_read),
        TEST_CASE(good_token_of_each_algorithm_is_taken),
        TEST_CASE(forged_signatures_are_refused),
        TEST_CASE(changed_characters_are_noticed),
        TEST_CASE(each_truncation_is_refused),
        TEST_CASE(dot_behind_a_good_token_is_refused),
        TEST_CASE(token_does_not_choose_the_algorithm),
        TEST_CASE(malformed_tokens_are_refused_before_any_key),
        TEST_CASE(deep_and_long_tokens_are_refused),
        TEST_CASE(times_are_checked_with_half_a_minute_of_leeway),
        TEST_CASE(issuer_and_audience_must_fit),
        TEST_CASE(roles_are_mapped_by_configuration),
        TEST_CASE(unverified_email_is_nobodys),
        TEST_CASE(key_is_chosen_by_its_name),
        TEST_CASE(keys_that_do_not_fit_are_refused_at_start),
        TEST_CASE(algorithms_have_names),
    };
    return RUN_TESTS("account_jwt", tests);
}
