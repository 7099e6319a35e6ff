/* From headers to who calls: each kind of credential, and each way in which one is not good. */
#include "account_world.h"
#include "jwt_tool.h"

#include <stdio.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static struct jwt_checker *shop_checker(void)
{
    const struct jwt_config config = {
        .algorithm = JWT_HS256, .keys = {{.key = TEXT(SECRET)}}, .key_count = 1};
    struct jwt_checker *checker;

    assert_ok(jwt_checker_create(&config, &checker, NULL));
    return checker;
}

static struct caller world_jwt(struct world *world, const char *members)
{
    char token[JWT_TOOL_TOKEN_MAX], claims[500];

    (void)snprintf(claims, sizeof(claims), "{\"exp\":1795254000%s}", members);
    jwt_tool_hs256("{\"alg\":\"HS256\"}", claims, SECRET, strlen(SECRET), token);
    return world_bearer(world, token);
}

static struct caller identify(struct world *world, const struct credentials *credentials)
{
    struct caller caller;

    account_identify(world->dir, credentials, world->now_us, &caller);
    return caller;
}

static void nobody_is_nobody(void **state)
{
    (void)state;
    struct world world;
    const struct credentials cases[] = {
        {.address = TEXT("192.0.2.1")},
        {.authorization = TEXT("Basic YTpi")}, /* of a proxy in front of us */
        {.authorization = TEXT("Bearerx y")},
        {.cookie = TEXT("theme=dark")},
        {.cookie = TEXT("stoa_session=")},
        {.csrf_token = TEXT("x")},
    };

    world_begin(&world);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct caller caller = identify(&world, &cases[i]);

        assert_int_equal(caller.kind, CALLER_ANYBODY);
        assert_int_equal(caller.fault, CREDENTIAL_GOOD);
        assert_int_equal(caller.role, ROLE_NONE);
        assert_int_equal(caller.scopes, 0);
        assert_false(caller.is_refused);
        assert_null(caller_kind_name(caller.kind));
    }
    world_end(&world);
}

static void stream_key_is_host_of_its_channel(void **state)
{
    (void)state;
    struct world world;
    const struct credentials credentials = {.authorization = TEXT("Bearer stream-key"),
                                            .stream_key_channel_id = 7};

    world_begin(&world);
    struct caller caller = identify(&world, &credentials);
    assert_int_equal(caller.kind, CALLER_STREAM_KEY);
    assert_int_equal(caller.channel_id, 7);
    assert_int_equal(caller.role, ROLE_NONE);
    assert_int_equal(caller.scopes, SCOPE_READ | SCOPE_CHANNELS | SCOPE_PUBLISH);
    assert_string_equal(caller.name, "stream key of channel 7");
    assert_false(caller_is_admin(&caller));
    world_end(&world);
}

static void malformed_authorization_is_refused(void **state)
{
    (void)state;
    struct world world;
    static const char *const headers[] = {"Bearer", "Bearer ", "bearer a b", "Bearer \x01",
                                          "Bearer \xc3\xa4"};

    world_begin(&world);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const struct credentials credentials = {.authorization = text_of(headers[i])};
        struct caller caller = identify(&world, &credentials);

        assert_int_equal(caller.fault, CREDENTIAL_MALFORMED);
        assert_true(caller.is_refused);
    }
    char *longer = test_malloc(ACCOUNT_BEARER_LEN_MAX + 2);
    memset(longer, 'x', ACCOUNT_BEARER_LEN_MAX + 1);
    longer[ACCOUNT_BEARER_LEN_MAX + 1] = '\0';
    assert_int_equal(world_bearer(&world, longer).fault, CREDENTIAL_MALFORMED);
    test_free(longer);
    world_end(&world);
}

static void authorization_comes_before_the_cookie(void **state)
{
    (void)state;
    struct world world;
    char cookie[100];

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "buyer");
    struct session_opened session = world_session(&world, "a@b.com");
    account_set_admin_key(world.dir, TEXT("admin-key"), world.batch, world.now_us);
    (void)snprintf(cookie, sizeof(cookie), "stoa_session=%s", session.token);

    struct credentials both = {.authorization = TEXT("Bearer admin-key"),
                               .cookie = text_of(cookie)};
    assert_int_equal(identify(&world, &both).kind, CALLER_ADMIN_KEY);
    both.authorization = TEXT("Bearer wrong");
    assert_int_equal(identify(&world, &both).fault, CREDENTIAL_UNKNOWN);
    both.authorization = TEXT("Basic YTpi");
    assert_int_equal(identify(&world, &both).kind, CALLER_SESSION);
    world_end(&world);
}

static void wrong_keys_shut_the_address_out(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    account_set_admin_key(world.dir, TEXT("admin-key"), world.batch, world.now_us);
    (void)world_account(&world, "a@b.com", "buyer");
    struct session_opened session = world_session(&world, "a@b.com");

    for (int i = 0; i < 10; i++)
        assert_int_equal(world_bearer(&world, "guess").fault, CREDENTIAL_UNKNOWN);
    struct caller caller = world_bearer(&world, "admin-key"); /* also the right one */
    assert_int_equal(caller.fault, CREDENTIAL_SHUT_OUT);
    assert_in_range(caller.retry_after_us, S(59), S(60));
    assert_int_equal(world_cookie(&world, &session).kind, CALLER_SESSION);
    const struct credentials elsewhere = {.authorization = TEXT("Bearer admin-key"),
                                          .address = TEXT("192.0.2.2")};
    assert_int_equal(identify(&world, &elsewhere).kind, CALLER_ADMIN_KEY);
    world.now_us += S(60);
    assert_int_equal(world_bearer(&world, "admin-key").kind, CALLER_ADMIN_KEY);
    world_end(&world);
}

/* A program that goes on with a key that was good once guesses nothing. */
static void expired_and_revoked_keys_shut_nobody_out(void **state)
{
    (void)state;
    struct world world;
    char key[ACCOUNT_KEY_LEN + 1];
    const struct api_key_row *row;
    struct jwt_checker *jwt = shop_checker();
    const struct account_limits limits = world_limits();

    world_begin_with(&world, &limits, jwt);
    const struct api_key_input input = {.account_id =
                                            text_of(world_account(&world, "a@b.com", "seller")->id),
                                        .name = TEXT("k"),
                                        .scopes = SCOPE_READ};
    assert_ok(
        account_key_create(world.dir, &input, world.batch, world.now_us, key, &row, &world.diag));
    assert_ok(
        account_key_revoke(world.dir, text_of(row->id), world.batch, world.now_us, &world.diag));
    for (int i = 0; i < 50; i++)
        assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_REVOKED);
    for (int i = 0; i < 50; i++) {
        char token[JWT_TOOL_TOKEN_MAX];

        jwt_tool_hs256("{\"alg\":\"HS256\"}", "{\"sub\":\"1\",\"exp\":1}", SECRET, strlen(SECRET),
                       token);
        assert_int_equal(world_bearer(&world, token).fault, CREDENTIAL_JWT_EXPIRED);
    }
    world_end(&world);
    jwt_checker_destroy(jwt);
}

static void shop_token_finds_its_account(void **state)
{
    (void)state;
    struct world world;
    struct jwt_checker *jwt = shop_checker();
    const struct account_limits limits = world_limits();
    char members[200];

    world_begin_with(&world, &limits, jwt);
    (void)world_account(&world, "boss@b.com", "admin");
    const char *id = world_account(&world, "a@b.com", "seller")->id;

    (void)snprintf(members, sizeof(members), ",\"sub\":\"%s\"", id);
    struct caller caller = world_jwt(&world, members);
    assert_int_equal(caller.kind, CALLER_JWT);
    assert_string_equal(caller.account_id, id);
    assert_int_equal(caller.role, ROLE_SELLER);
    assert_int_equal(caller.scopes, account_role_scopes(ROLE_SELLER));
    caller = world_jwt(&world, ",\"sub\":\"shop-7\",\"email\":\"A@B.com\"");
    assert_string_equal(caller.account_id, id);
    assert_string_equal(caller.name, "a@b.com");
    caller =
        world_jwt(&world, ",\"sub\":\"shop-7\",\"email\":\"a@b.com\",\"email_verified\":false");
    assert_string_equal(caller.account_id, "");

    /* Who is not stored is a guest: a buyer, whatever the token says. */
    caller = world_jwt(&world, ",\"sub\":\"shop-8\",\"email\":\"n@b.com\",\"role\":\"admin\"");
    assert_int_equal(caller.kind, CALLER_JWT);
    assert_int_equal(caller.role, ROLE_BUYER);
    assert_int_equal(caller.scopes, SCOPE_READ);
    assert_string_equal(caller.account_id, "");
    assert_string_equal(caller.name, "jwt shop-8");

    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};
    assert_ok(
        account_update(world.dir, text_of(id), &disable, world.batch, world.now_us, &world.diag));
    assert_int_equal(world_jwt(&world, members).fault, CREDENTIAL_DISABLED);
    world_end(&world);
    jwt_checker_destroy(jwt);
}

/* Each role of the account with each role of the token: the lower one holds. */
static void lower_role_of_account_and_token_holds(void **state)
{
    (void)state;
    struct world world;
    struct jwt_checker *jwt = shop_checker();
    const struct account_limits limits = world_limits();
    static const char *const words[] = {"", "nothing of ours", "seller", "admin"};

    world_begin_with(&world, &limits, jwt);
    (void)world_account(&world, "boss@b.com", "admin");
    const char *id = world_account(&world, "a@b.com", "buyer")->id;
    for (enum account_role role = ROLE_BUYER; role < ROLE_END; role++) {
        const struct account_input change = {.role = text_of(account_role_name(role))};

        assert_ok(account_update(world.dir, text_of(id), &change, world.batch, 0, &world.diag));
        for (unsigned claim = ROLE_NONE; claim < ROLE_END; claim++) {
            char members[200];
            enum account_role wanted =
                claim != ROLE_NONE && claim < role ? (enum account_role)claim : role;

            (void)snprintf(members, sizeof(members), ",\"sub\":\"x\",\"email\":\"a@b.com\"%s%s%s",
                           claim ? ",\"role\":\"" : "", words[claim], claim ? "\"" : "");
            struct caller caller = world_jwt(&world, members);
            assert_int_equal(caller.role, wanted);
            assert_int_equal(caller.scopes, account_role_scopes(wanted));
        }
    }
    world_end(&world);
    jwt_checker_destroy(jwt);
}

static void jwt_needs_a_configured_key(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    assert_int_equal(world_jwt(&world, ",\"sub\":\"1\"").fault, CREDENTIAL_JWT_OFF);
    world_end(&world);
}

static void each_fault_has_words_and_a_status(void **state)
{
    (void)state;

    for (unsigned i = CREDENTIAL_GOOD + 1; i < CREDENTIAL_FAULT_END; i++) {
        enum credential_fault fault = (enum credential_fault)i;
        int status = credential_fault_status(fault);

        assert_true(strlen(credential_fault_code(fault)) > 0);
        assert_true(status == 401 || status == 403 || status == 429);
        assert_true(text_ends_with(text_of(credential_fault_sentence(fault)), TEXT(".")));
    }
    assert_string_equal(credential_fault_code(CREDENTIAL_GOOD), "");
    assert_int_equal(credential_fault_status(CREDENTIAL_FAULT_END), 0);
}

static void each_kind_has_its_name(void **state)
{
    (void)state;

    assert_string_equal(caller_kind_name(CALLER_SESSION), "session");
    assert_string_equal(caller_kind_name(CALLER_API_KEY), "apiKey");
    assert_string_equal(caller_kind_name(CALLER_ADMIN_KEY), "adminKey");
    assert_string_equal(caller_kind_name(CALLER_JWT), "jwt");
    assert_string_equal(caller_kind_name(CALLER_STREAM_KEY), "streamKey");
    assert_string_equal(caller_kind_name(CALLER_PUBLISH_TOKEN), "publishToken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(nobody_is_nobody),
        TEST_CASE(stream_key_is_host_of_its_channel),
        TEST_CASE(malformed_authorization_is_refused),
        TEST_CASE(authorization_comes_before_the_cookie),
        TEST_CASE(wrong_keys_shut_the_address_out),
        TEST_CASE(expired_and_revoked_keys_shut_nobody_out),
        TEST_CASE(shop_token_finds_its_account),
        TEST_CASE(lower_role_of_account_and_token_holds),
        TEST_CASE(jwt_needs_a_configured_key),
        TEST_CASE(each_fault_has_words_and_a_status),
        TEST_CASE(each_kind_has_its_name),
    };
    return RUN_TESTS("account_identify", tests);
}
