/* The people: created, changed, listed, taken back, and found again by the next run. */
#include "account_world.h"

#include <stdio.h>

#include "base/uuid.h"

static struct account_input good_input(void)
{
    return (struct account_input){
        .email = TEXT("Anna@Example.com"),
        .display_name = TEXT("Anna"),
        .role = TEXT("seller"),
    };
}

static void account_is_created_stored_and_found(void **state)
{
    (void)state;
    struct world world;
    const struct account_input input = good_input();
    const struct account_row *row;

    world_begin(&world);
    assert_ok(account_create(world.dir, &input, world.batch, world.now_us, &row, &world.diag));
    assert_true(uuid_is_valid(text_of(row->id)));
    assert_int_equal(row->id[14], '4');
    assert_string_equal(row->email, "anna@example.com");
    assert_string_equal(row->password_hash, "");
    assert_int_equal(row->created_at_us, WALL_OFFSET_US + world.now_us);
    struct account_row before = *row;

    world_commit(&world);
    world_reload(&world);
    row = account_find(world.dir, text_of(before.id));
    assert_non_null(row);
    assert_string_equal(row->email, before.email);
    assert_string_equal(row->display_name, "Anna");
    assert_string_equal(row->role, "seller");
    assert_int_equal(row->created_at_us, before.created_at_us);
    assert_ptr_equal(account_find_by_email(world.dir, TEXT("ANNA@example.COM")), row);
    assert_null(account_find_by_email(world.dir, TEXT("anna@example.org")));
    assert_null(account_find(world.dir, TEXT("")));
    world_end(&world);
}

static void wrong_input_names_the_field(void **state)
{
    (void)state;
    struct world world;
    const struct account_row *row;
    char long_name[ROW_NAME_LEN_MAX + 2];

    memset(long_name, 'n', sizeof(long_name));
    world_begin(&world);
    const struct {
        struct text email, name, role;
        const char *field;
    } cases[] = {
        {TEXT("anna"), TEXT("Anna"), TEXT("buyer"), "email: "},
        {TEXT("a@b.com'); DROP TABLE accounts;--"), TEXT("Anna"), TEXT("buyer"), "email: "},
        {TEXT("a@b.com"), TEXT(""), TEXT("buyer"), "displayName: "},
        {TEXT("a@b.com"), TEXT("A\r\nSet-Cookie: x"), TEXT("buyer"), "displayName: "},
        {TEXT("a@b.com"), TEXT("\xff"), TEXT("buyer"), "displayName: "},
        {TEXT("a@b.com"), {long_name, ROW_NAME_LEN_MAX + 1}, TEXT("buyer"), "displayName: "},
        {TEXT("a@b.com"), TEXT("Anna"), TEXT("root"), "role: "},
        {TEXT("a@b.com"), TEXT("Anna"), TEXT(""), "role: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct account_input input = {
            .email = cases[i].email, .display_name = cases[i].name, .role = cases[i].role};

        assert_err(account_check_new(world.dir, &input, &world.diag), ERR_INVALID);
        assert_err(account_create(world.dir, &input, world.batch, 0, &row, &world.diag),
                   ERR_INVALID);
        assert_true(text_starts_with(text_of(world.diag.message), text_of(cases[i].field)));
    }
    assert_int_equal(account_directory_count(world.dir), 0);
    assert_int_equal(store_batch_count(world.batch), 0);
    world_end(&world);
}

static void email_belongs_to_one(void **state)
{
    (void)state;
    struct world world;
    struct account_input input = good_input();
    const struct account_row *row;

    world_begin(&world);
    assert_ok(account_create(world.dir, &input, world.batch, world.now_us, &row, &world.diag));
    world_commit(&world);
    input.email = TEXT("anna@EXAMPLE.com");
    assert_err(account_create(world.dir, &input, world.batch, world.now_us, &row, &world.diag),
               ERR_CONFLICT);
    world_end(&world);
}

static void number_of_accounts_is_limited(void **state)
{
    (void)state;
    struct world world;
    struct account_limits limits = world_limits();
    const struct account_input input = good_input();
    const struct account_row *row;

    limits.accounts_max = 2;
    world_begin_with(&world, &limits, NULL);
    (void)world_account(&world, "a@b.com", "buyer");
    (void)world_account(&world, "b@b.com", "buyer");
    assert_err(account_create(world.dir, &input, world.batch, world.now_us, &row, &world.diag),
               ERR_LIMIT);
    world_end(&world);
}

static void what_was_not_stored_is_taken_back(void **state)
{
    (void)state;
    struct world world;
    struct account_input input = good_input();
    const struct account_row *row;
    char key[ACCOUNT_KEY_LEN + 1];

    world_begin(&world);
    assert_ok(account_create(world.dir, &input, world.batch, world.now_us, &row, &world.diag));
    /* Its key goes with it. */
    const struct api_key_input key_input = {
        .account_id = text_of(row->id), .name = TEXT("x"), .scopes = SCOPE_READ};
    const struct api_key_row *key_row;
    assert_ok(account_key_create(world.dir, &key_input, world.batch, world.now_us, key, &key_row,
                                 &world.diag));
    world_fail(&world);
    assert_int_equal(account_directory_count(world.dir), 0);
    assert_null(account_find_by_email(world.dir, TEXT("anna@example.com")));
    assert_int_equal(world_bearer(&world, key).fault, CREDENTIAL_UNKNOWN);

    assert_ok(account_create(world.dir, &input, world.batch, world.now_us, &row, &world.diag));
    world_commit(&world);
    /* A change that was not stored stays in memory. */
    const struct account_input change = {.sets_disabled = true, .is_disabled = true};
    assert_ok(account_update(world.dir, text_of(row->id), &change, world.batch, world.now_us,
                             &world.diag));
    world_fail(&world);
    row = account_find_by_email(world.dir, TEXT("anna@example.com"));
    assert_non_null(row);
    assert_true(row->disabled_at_us != 0);
    world_end(&world);
}

static void update_changes_what_it_names(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    const struct account_row *row = world_account(&world, "a@b.com", "buyer");
    const struct text id = text_of(row->id);
    struct account_input change = {.role = TEXT("seller")};

    world.now_us = S(2000);
    assert_ok(account_update(world.dir, id, &change, world.batch, world.now_us, &world.diag));
    assert_string_equal(row->role, "seller");
    assert_string_equal(row->display_name, "Somebody");
    assert_int_equal(row->updated_at_us, WALL_OFFSET_US + S(2000));
    assert_int_equal(row->created_at_us, WALL_OFFSET_US + S(1000));
    change = (struct account_input){.display_name = TEXT("Else"), .sets_disabled = true};
    assert_ok(account_update(world.dir, id, &change, world.batch, world.now_us, &world.diag));
    assert_string_equal(row->display_name, "Else");
    assert_int_equal(row->disabled_at_us, 0);

    change = (struct account_input){.role = TEXT("king")};
    assert_err(account_update(world.dir, id, &change, world.batch, world.now_us, &world.diag),
               ERR_INVALID);
    change = (struct account_input){.display_name = {"", 0}};
    assert_err(account_update(world.dir, id, &change, world.batch, world.now_us, &world.diag),
               ERR_INVALID);
    assert_err(
        account_update(world.dir, TEXT("nobody"), &change, world.batch, world.now_us, &world.diag),
        ERR_NOT_FOUND);
    struct account_row before = *row;
    world_commit(&world);
    world_reload(&world);
    row = account_find(world.dir, text_of(before.id));
    assert_string_equal(row->display_name, "Else");
    assert_string_equal(row->role, "seller");
    world_end(&world);
}

static void last_admin_stays(void **state)
{
    (void)state;
    struct world world;
    const struct account_input demote = {.role = TEXT("seller")};
    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};
    const struct account_input enable = {.sets_disabled = true};

    world_begin(&world);
    const struct text first = text_of(world_account(&world, "a@b.com", "admin")->id);
    assert_err(account_update(world.dir, first, &demote, world.batch, 0, &world.diag),
               ERR_CONFLICT);
    assert_err(account_update(world.dir, first, &disable, world.batch, 0, &world.diag),
               ERR_CONFLICT);
    const struct text second = text_of(world_account(&world, "b@b.com", "admin")->id);
    assert_ok(account_update(world.dir, first, &disable, world.batch, S(1000), &world.diag));
    /* One that is disabled does not count. */
    assert_err(account_update(world.dir, second, &demote, world.batch, 0, &world.diag),
               ERR_CONFLICT);
    assert_ok(account_update(world.dir, first, &demote, world.batch, 0, &world.diag));
    assert_ok(account_update(world.dir, first, &enable, world.batch, 0, &world.diag));
    assert_err(account_update(world.dir, second, &disable, world.batch, 0, &world.diag),
               ERR_CONFLICT);
    world_end(&world);
}

static void list_has_an_order_that_pages_can_follow(void **state)
{
    (void)state;
    struct world world;
    size_t seen = 0;
    const struct account_row *last = NULL;

    world_begin(&world);
    for (int i = 0; i < 25; i++) {
        char email[40];
        (void)snprintf(email, sizeof(email), "u%d@b.com", i);
        world.now_us = S(1000 + i / 5); /* five at the same moment */
        (void)world_account(&world, email, "buyer");
    }
    world_reload(&world);
    for (;;) {
        size_t at =
            last ? account_directory_after(world.dir, last->created_at_us, text_of(last->id)) : 0;
        assert_int_equal(at, seen);
        if (at == account_directory_count(world.dir))
            break;
        for (size_t i = 0; i < 4 && at + i < account_directory_count(world.dir); i++, seen++) {
            const struct account_row *row = account_directory_at(world.dir, at + i);

            if (last)
                assert_true(
                    last->created_at_us < row->created_at_us ||
                    (last->created_at_us == row->created_at_us && strcmp(last->id, row->id) < 0));
            last = row;
        }
    }
    assert_int_equal(seen, 25);
    world_end(&world);
}

static void first_start_makes_an_admin_once(void **state)
{
    (void)state;
    struct world world;
    bool is_created = false;

    world_begin(&world);
    assert_true(account_directory_needs_admin(world.dir));
    assert_err(account_ensure_admin(world.dir, TEXT("nonsense"), TEXT("$x"), world.batch, 0,
                                    &is_created, &world.diag),
               ERR_INVALID);
    assert_ok(account_ensure_admin(world.dir, TEXT("admin@localhost"), TEXT("$x"), world.batch,
                                   world.now_us, &is_created, &world.diag));
    assert_true(is_created);
    world_commit(&world);
    world_reload(&world);
    assert_false(account_directory_needs_admin(world.dir));
    assert_ok(account_ensure_admin(world.dir, TEXT("other@localhost"), TEXT("$y"), world.batch,
                                   world.now_us, &is_created, &world.diag));
    assert_false(is_created);
    assert_int_equal(account_directory_count(world.dir), 1);
    assert_string_equal(account_directory_at(world.dir, 0)->password_hash, "$x");
    assert_string_equal(account_directory_at(world.dir, 0)->role, "admin");
    world_end(&world);
}

static void account_with_that_email_becomes_the_first_admin(void **state)
{
    (void)state;
    struct world world;
    bool is_created = false;
    const struct account_input disable = {.sets_disabled = true, .is_disabled = true};

    world_begin(&world);
    const struct account_row *row = world_account(&world, "a@b.com", "seller");
    assert_ok(account_update(world.dir, text_of(row->id), &disable, world.batch, 0, &world.diag));
    assert_ok(account_ensure_admin(world.dir, TEXT("A@b.com"), TEXT("$x"), world.batch,
                                   world.now_us, &is_created, &world.diag));
    assert_true(is_created);
    assert_string_equal(row->role, "admin");
    assert_string_equal(row->password_hash, "$x");
    assert_string_equal(row->display_name, "Somebody");
    assert_int_equal(row->disabled_at_us, 0);
    world_end(&world);
}

static void another_server_changes_accounts(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    struct account_row row = *world_account(&world, "a@b.com", "seller");
    struct session_opened session = world_session(&world, "a@b.com");

    (void)snprintf(row.role, sizeof(row.role), "buyer");
    (void)snprintf(row.display_name, sizeof(row.display_name), "New");
    account_directory_set_account_row(world.dir, text_of(row.id), &row);
    assert_string_equal(account_find(world.dir, text_of(row.id))->display_name, "New");
    assert_int_equal(world_cookie(&world, &session).role, ROLE_BUYER);
    row.disabled_at_us = 1;
    account_directory_set_account_row(world.dir, text_of(row.id), &row);
    assert_int_equal(world_cookie(&world, &session).fault, CREDENTIAL_DISABLED);

    account_directory_set_account_row(world.dir, text_of(row.id), NULL);
    assert_null(account_find(world.dir, text_of(row.id)));
    assert_int_equal(world_cookie(&world, &session).fault, CREDENTIAL_SESSION_EXPIRED);
    account_directory_set_account_row(world.dir, text_of(row.id), NULL); /* gone already */

    row.disabled_at_us = 0;
    account_directory_set_account_row(world.dir, text_of(row.id), &row); /* new to us */
    assert_non_null(account_find_by_email(world.dir, TEXT("a@b.com")));
    world_end(&world);
}

static void audit_row_says_who_did_what(void **state)
{
    (void)state;
    struct world world;

    world_begin(&world);
    (void)world_account(&world, "a@b.com", "seller");
    struct session_opened session = world_session(&world, "a@b.com");
    struct caller caller = world_cookie(&world, &session);
    const struct caller nobody = {.kind = CALLER_ANYBODY};

    account_audit(world.dir, world.batch, &nobody, TEXT("192.0.2.9"), "auth.signIn",
                  TEXT("a@b.com"), TEXT("wrong password\r\nfaked: line"), world.now_us);
    account_audit(world.dir, world.batch, &caller, TEXT("192.0.2.1"), "channel.create",
                  TEXT("channel 7"), TEXT("Autumn sale"), world.now_us);
    world_commit(&world);

    const struct store_query query = {.kind = STORE_QUERY_AUDIT};
    struct store_result result;
    assert_ok(store_run_query(world.store, &query, &result, &world.diag));
    assert_int_equal(result.count, 2);
    const struct audit_row *rows = result.audit; /* newest first */
    assert_string_equal(rows[0].actor, "a@b.com");
    assert_string_equal(rows[0].account_id, caller.account_id);
    assert_string_equal(rows[0].action, "channel.create");
    assert_string_equal(rows[0].target, "channel 7");
    assert_string_equal(rows[0].detail, "Autumn sale");
    assert_string_equal(rows[0].address, "192.0.2.1");
    assert_int_equal(rows[0].at_us, WALL_OFFSET_US + world.now_us);
    assert_string_equal(rows[1].actor, "nobody");
    assert_string_equal(rows[1].account_id, "");
    assert_string_equal(rows[1].detail, "wrong password  faked: line");
    assert_true(strcmp(rows[0].id, rows[1].id) > 0);
    store_result_deinit(&result);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(account_is_created_stored_and_found),
        TEST_CASE(wrong_input_names_the_field),
        TEST_CASE(email_belongs_to_one),
        TEST_CASE(number_of_accounts_is_limited),
        TEST_CASE(what_was_not_stored_is_taken_back),
        TEST_CASE(update_changes_what_it_names),
        TEST_CASE(last_admin_stays),
        TEST_CASE(list_has_an_order_that_pages_can_follow),
        TEST_CASE(first_start_makes_an_admin_once),
        TEST_CASE(account_with_that_email_becomes_the_first_admin),
        TEST_CASE(another_server_changes_accounts),
        TEST_CASE(audit_row_says_who_did_what),
    };
    return RUN_TESTS("account_accounts", tests);
}
