/* Roles and scopes: each role, each set of scopes, each question. */
#include "account/account.h"
#include "support/test.h"

static const char *const words[] = {"read", "channels", "publish", "webhooks", "accounts", "admin"};

enum { WORDS = 6, SETS = 1 << WORDS };

/* Written down once more, by hand: what the table is to say. */
static const struct {
    enum account_role role;
    const char *name;
    bool has[WORDS];
} wanted[] = {
    /*                         read   chan.  publ.  webh.  acc.   admin */
    {ROLE_NONE, "", {false, false, false, false, false, false}},
    {ROLE_BUYER, "buyer", {true, false, false, false, false, false}},
    {ROLE_SELLER, "seller", {true, true, true, true, false, false}},
    {ROLE_ADMIN, "admin", {true, true, true, true, true, true}},
};

static void each_role_has_its_scopes(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        uint32_t scopes = account_role_scopes(wanted[i].role);

        assert_string_equal(account_role_name(wanted[i].role), wanted[i].name);
        for (size_t word = 0; word < WORDS; word++)
            assert_int_equal((scopes >> word & 1) != 0, wanted[i].has[word]);
        assert_int_equal(scopes >> WORDS, 0);
    }
    assert_int_equal(ROLE_END, 4);
    assert_int_equal(account_role_scopes(ROLE_END), 0);
}

static void words_name_roles_exactly(void **state)
{
    (void)state;

    assert_int_equal(account_role_parse(TEXT("buyer")), ROLE_BUYER);
    assert_int_equal(account_role_parse(TEXT("seller")), ROLE_SELLER);
    assert_int_equal(account_role_parse(TEXT("admin")), ROLE_ADMIN);
    assert_int_equal(account_role_parse(TEXT("Admin")), ROLE_NONE);
    assert_int_equal(account_role_parse(TEXT("admin ")), ROLE_NONE);
    assert_int_equal(account_role_parse(TEXT("")), ROLE_NONE);
}

static void each_set_of_scopes_is_written_and_read_back(void **state)
{
    (void)state;
    char text[ROW_SCOPES_LEN_MAX + 1];
    uint32_t scopes;

    for (uint32_t set = 1; set < SETS; set++) {
        account_scopes_write(set, text);
        assert_ok(account_scopes_parse(text_of(text), &scopes, NULL));
        assert_int_equal(scopes, set);
    }
    account_scopes_write(SCOPE_ALL, text);
    assert_string_equal(text, "read channels publish webhooks accounts admin");
    for (uint32_t word = 0; word < WORDS; word++)
        assert_string_equal(account_scope_word(UINT32_C(1) << word), words[word]);
    assert_null(account_scope_word(1 << WORDS));
    assert_null(account_scope_word(3));
}

static void wrong_scopes_are_named(void **state)
{
    (void)state;
    uint32_t scopes = 77;
    struct diag diag = {0};

    assert_err(account_scopes_parse(TEXT("read root"), &scopes, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.message, "\"root\""));
    assert_err(account_scopes_parse(TEXT("read read"), &scopes, &diag), ERR_INVALID);
    assert_non_null(strstr(diag.message, "twice"));
    assert_err(account_scopes_parse(TEXT(""), &scopes, &diag), ERR_INVALID);
    assert_err(account_scopes_parse(TEXT("read  channels"), &scopes, &diag), ERR_INVALID);
    assert_err(account_scopes_parse(TEXT("READ"), &scopes, &diag), ERR_INVALID);
    assert_int_equal(scopes, 77);
}

static void admin_scope_implies_all_and_nothing_else_does(void **state)
{
    (void)state;

    for (unsigned role = ROLE_NONE; role < ROLE_END; role++) {
        for (uint32_t set = 0; set < SETS; set++) {
            struct caller caller = {.role = (enum account_role)role, .scopes = set};

            for (uint32_t word = 0; word < WORDS; word++) {
                bool wants = (set & SCOPE_ADMIN) != 0 || (set >> word & 1) != 0;

                assert_int_equal(caller_has_scope(&caller, (enum account_scope)(1U << word)),
                                 wants);
            }
            assert_int_equal(caller_is_admin(&caller),
                             role == ROLE_ADMIN && (set & SCOPE_ADMIN) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_role_has_its_scopes),
        TEST_CASE(words_name_roles_exactly),
        TEST_CASE(each_set_of_scopes_is_written_and_read_back),
        TEST_CASE(wrong_scopes_are_named),
        TEST_CASE(admin_scope_implies_all_and_nothing_else_does),
    };
    return RUN_TESTS("account_role", tests);
}
