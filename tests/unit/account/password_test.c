#include "account/password.h"

#include <sodium.h>

#include "support/test.h"

static const struct password_cost CHEAP = {.memory_kib = 8, .passes = 1};
static const struct password_cost DEARER = {.memory_kib = 16, .passes = 1};

static struct password_job hashed(const char *password, struct password_cost cost)
{
    struct password_job job = {.cost = cost};

    assert_true(password_set(&job.to_hash, text_of(password)));
    assert_ok(password_job_run(&job));
    return job;
}

static struct password_job verified(const char *password, const char *hash,
                                    struct password_cost cost)
{
    struct password_job job = {.cost = cost};

    assert_true(password_set(&job.to_verify, text_of(password)));
    memcpy(job.hash, hash, strlen(hash) + 1);
    assert_ok(password_job_run(&job));
    return job;
}

static void right_password_fits_and_others_do_not(void **state)
{
    (void)state;
    struct password_job hash = hashed("correct horse", CHEAP);

    assert_true(text_starts_with(text_of(hash.new_hash), TEXT("$argon2id$v=19$m=8,t=1,p=1$")));
    assert_true(verified("correct horse", hash.new_hash, CHEAP).is_right);
    assert_false(verified("correct horsf", hash.new_hash, CHEAP).is_right);
    assert_false(verified("correct horse ", hash.new_hash, CHEAP).is_right);
    assert_false(verified("correct horse", "", CHEAP).is_right);
    assert_false(verified("correct horse", "$argon2id$v=19$m=8,t=1,p=1$", CHEAP).is_right);
}

static void same_password_has_another_hash_each_time(void **state)
{
    (void)state;

    assert_string_not_equal(hashed("password", CHEAP).new_hash, hashed("password", CHEAP).new_hash);
}

static void another_cost_is_hashed_anew_at_sign_in(void **state)
{
    (void)state;
    struct password_job hash = hashed("password", CHEAP);

    assert_string_equal(verified("password", hash.new_hash, CHEAP).new_hash, "");
    struct password_job again = verified("password", hash.new_hash, DEARER);
    assert_true(text_starts_with(text_of(again.new_hash), TEXT("$argon2id$v=19$m=16,t=1,p=1$")));
    assert_true(verified("password", again.new_hash, DEARER).is_right);
    assert_string_equal(verified("wrong one", hash.new_hash, DEARER).new_hash, "");
}

static void new_password_is_hashed_only_behind_the_right_one(void **state)
{
    (void)state;
    struct password_job hash = hashed("password", CHEAP);

    for (int is_right = 0; is_right < 2; is_right++) {
        struct password_job job = {.cost = CHEAP};

        (void)password_set(&job.to_verify, is_right ? TEXT("password") : TEXT("passwort"));
        (void)password_set(&job.to_hash, TEXT("new password"));
        memcpy(job.hash, hash.new_hash, sizeof(job.hash));
        assert_ok(password_job_run(&job));
        assert_int_equal(job.is_right, is_right);
        assert_int_equal(job.new_hash[0] != '\0', is_right);
        if (is_right)
            assert_true(verified("new password", job.new_hash, CHEAP).is_right);
    }
}

static void passwords_are_wiped_by_the_work(void **state)
{
    (void)state;
    struct password_job job = {.cost = CHEAP};
    static const struct password empty;

    (void)password_set(&job.to_verify, TEXT("password"));
    (void)password_set(&job.to_hash, TEXT("new password"));
    assert_ok(password_job_run(&job));
    assert_memory_equal(&job.to_verify, &empty, sizeof(empty));
    assert_memory_equal(&job.to_hash, &empty, sizeof(empty));
}

/* An unknown e-mail must cost what a known one costs: the hash that nobody's password fits is well
 * formed and has the same cost, so that Argon2id runs to its end. */
static void nobodys_hash_costs_the_same(void **state)
{
    (void)state;
    char hash[ROW_PASSWORD_HASH_LEN_MAX + 1];
    struct password_job mine = hashed("password", DEARER);

    password_write_nobodys_hash(&DEARER, hash);
    assert_int_equal(strlen(hash), strlen(mine.new_hash));
    assert_int_equal(crypto_pwhash_argon2id_str_needs_rehash(hash, 1, 16 * 1024), 0);
    assert_int_equal(crypto_pwhash_argon2id_str_needs_rehash(hash, 2, 16 * 1024), 1);
    assert_false(verified("password", hash, DEARER).is_right);
    assert_false(verified("", hash, DEARER).is_right);
}

static void default_cost_is_64_mib(void **state)
{
    (void)state;
    struct password_cost cost = password_cost_default();

    assert_int_equal(cost.memory_kib, 64 * 1024);
    struct password_job hash = hashed("password", cost);
    assert_true(text_starts_with(text_of(hash.new_hash), TEXT("$argon2id$v=19$m=65536,t=2,p=1$")));
    assert_true(verified("password", hash.new_hash, cost).is_right);
}

static void rules_are_a_length_and_nothing_else(void **state)
{
    (void)state;
    char text[PASSWORD_LEN_MAX + 2];
    struct password password;
    struct diag diag = {0};

    memset(text, 'x', sizeof(text));
    assert_ok(password_check_rules(TEXT("12345678"), &diag));
    assert_ok(password_check_rules(TEXT("        "), &diag));
    assert_ok(password_check_rules(TEXT("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"), &diag));
    assert_err(password_check_rules(TEXT("1234567"), &diag), ERR_INVALID);
    assert_true(text_starts_with(text_of(diag.message), TEXT("password: ")));
    assert_ok(password_check_rules((struct text){text, PASSWORD_LEN_MAX}, &diag));
    assert_err(password_check_rules((struct text){text, PASSWORD_LEN_MAX + 1}, &diag), ERR_INVALID);
    assert_err(password_check_rules(TEXT("1234567\xff"), &diag), ERR_INVALID);
    assert_err(password_check_rules((struct text){"1234\0"
                                                  "678",
                                                  8},
                                    &diag),
               ERR_INVALID);

    assert_true(password_set(&password, (struct text){text, PASSWORD_LEN_MAX}));
    assert_int_equal(password.len, PASSWORD_LEN_MAX);
    assert_false(password_set(&password, (struct text){text, PASSWORD_LEN_MAX + 1}));
    assert_int_equal(password.len, 0);
}

static void drawn_passwords_differ_and_keep_the_rules(void **state)
{
    (void)state;
    char a[PASSWORD_DRAWN_LEN + 1], b[PASSWORD_DRAWN_LEN + 1];

    password_draw(a);
    password_draw(b);
    assert_string_not_equal(a, b);
    assert_ok(password_check_rules(text_of(a), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(right_password_fits_and_others_do_not),
        TEST_CASE(same_password_has_another_hash_each_time),
        TEST_CASE(another_cost_is_hashed_anew_at_sign_in),
        TEST_CASE(new_password_is_hashed_only_behind_the_right_one),
        TEST_CASE(passwords_are_wiped_by_the_work),
        TEST_CASE(nobodys_hash_costs_the_same),
        TEST_CASE(default_cost_is_64_mib),
        TEST_CASE(rules_are_a_length_and_nothing_else),
        TEST_CASE(drawn_passwords_differ_and_keep_the_rules),
    };
    return RUN_TESTS("account_password", tests);
}
