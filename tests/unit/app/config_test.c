#include "app/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/writer.h"
#include "support/test.h"

/* Each test runs in a new, empty folder, so that no stoa.conf or .env of ours is seen. */
static char folder[64];

static void enter_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/stoa-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
}

static void leave_folder(void)
{
    (void)unlink("stoa.conf");
    (void)unlink(".env");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void write_file(const char *name, const char *content)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    (void)fputs(content, file);
    (void)fclose(file);
}

static void defaults_are_good(void **state)
{
    (void)state;
    struct config config;
    struct writer problems = writer_growing(4096);

    enter_folder();
    assert_ok(config_load(&config, NULL, &problems));
    assert_int_equal(net_port(&config.http_listen.address), 8080);
    assert_false(config.https_listen.is_on);
    assert_int_equal(config.hls_part_ms, 200);
    assert_int_equal(config.admin_key.len, 0);
    writer_deinit(&problems);
    leave_folder();
}

static void environment_wins_over_dotenv_over_file(void **state)
{
    (void)state;
    struct config config;
    struct writer problems = writer_growing(4096);

    enter_folder();
    write_file("stoa.conf", "[hls]\npart_ms = 300\nsegment_ms = 3000\nwindow_ms = 20000\n");
    write_file(".env", "STOA_HLS_SEGMENT_MS='4000'\nSTOA_HLS_WINDOW_MS=24000\nOTHER=1\n");
    assert_int_equal(setenv("STOA_HLS_WINDOW_MS", "25000", 1), 0);
    assert_ok(config_load(&config, NULL, &problems));
    assert_int_equal(unsetenv("STOA_HLS_WINDOW_MS"), 0);
    assert_int_equal(config.hls_part_ms, 300);
    assert_int_equal(config.hls_segment_ms, 4000);
    assert_int_equal(config.hls_window_ms, 25000);
    writer_deinit(&problems);
    leave_folder();
}

static void all_problems_are_told_at_once_with_their_lines(void **state)
{
    (void)state;
    struct config config;
    struct writer problems = writer_growing(8192);

    enter_folder();
    write_file("stoa.conf", "[http]\nlisten = nowhere\n\n[hls]\npart_ms = 9\nparts = 5\n"
                            "[public]\nurl = ftp://x\n[admin]\nkey = short\n");
    assert_err(config_load(&config, NULL, &problems), ERR_INVALID);
    struct text told = writer_as_text(&problems);
    assert_true(text_contains(told, TEXT("stoa.conf:2: http.listen")));
    assert_true(text_contains(told, TEXT("stoa.conf:5: hls.part_ms")));
    assert_true(text_contains(told, TEXT("stoa.conf:6: there is no setting hls.parts")));
    assert_true(text_contains(told, TEXT("stoa.conf:8: public.url")));
    assert_true(text_contains(told, TEXT("admin.key must have")));
    assert_false(text_contains(told, TEXT("short"))); /* a secret is not repeated */
    writer_deinit(&problems);
    leave_folder();
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    struct config config;
    struct writer problems = writer_growing(8192);

    enter_folder();
    write_file("stoa.conf", "[https]\nlisten = 0.0.0.0:443\n[hls]\nwindow_ms = 6000\n");
    assert_err(config_load(&config, NULL, &problems), ERR_INVALID);
    assert_true(text_contains(writer_as_text(&problems), TEXT("tls.cert")));
    assert_true(text_contains(writer_as_text(&problems), TEXT("five times")));
    writer_deinit(&problems);
    leave_folder();
}

static void printed_configuration_is_read_back_the_same(void **state)
{
    (void)state;
    struct config config, again;
    struct writer problems = writer_growing(8192);
    struct writer printed = writer_growing(1 << 16);

    enter_folder();
    write_file("stoa.conf", "[rtc]\npublic_ip = 192.0.2.1, 2001:db8::1\n[rtmp]\nlisten = off\n"
                            "[log]\nlevel = debug\nformat = json\n");
    assert_int_equal(setenv("STOA_ADMIN_KEY", "a-secret-of-the-admin", 1), 0);
    assert_ok(config_load(&config, NULL, &problems));
    config_print(&config, &printed);
    assert_int_equal(unsetenv("STOA_ADMIN_KEY"), 0);
    assert_false(text_contains(writer_as_text(&printed), TEXT("a-secret-of-the-admin")));
    writer_char(&printed, '\0');
    write_file("stoa.conf", (const char *)printed.data);
    assert_ok(config_load(&again, NULL, &problems));
    assert_int_equal(again.rtc_public_ip_count, 2);
    assert_false(again.rtmp_listen.is_on);
    assert_int_equal(again.log_level, LOG_DEBUG);
    assert_true(again.is_log_json);
    writer_deinit(&printed);
    writer_deinit(&problems);
    leave_folder();
}

static void keys_of_tokens_are_checked_with_their_algorithm(void **state)
{
    (void)state;
    static const struct {
        const char *ini;
        const char *told; /* "": it is good */
    } cases[] = {
        {"[auth]\njwt_algorithm = none\n", "must be HS256, RS256 or ES256"},
        {"[auth]\njwt_algorithm = HS256\n", "needs auth.jwt_key or auth.jwt_key_files"},
        {"[auth]\njwt_key = 0123456789abcdef0123456789abcdef\n", "need auth.jwt_algorithm"},
        {"[auth]\nsession_idle_s = 20\nsession_life_s = 10\n", "auth.session_idle_s must not"},
        {"[auth]\njwt_algorithm = HS256\njwt_key = 0123456789abcdef0123456789abcdef\n", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config config;
        struct writer problems = writer_growing(4096);

        enter_folder();
        write_file("stoa.conf", cases[i].ini);
        assert_err(config_load(&config, NULL, &problems), cases[i].told[0] ? ERR_INVALID : OK);
        assert_true(text_contains(writer_as_text(&problems), text_of(cases[i].told)));
        assert_false(text_contains(writer_as_text(&problems), TEXT("0123456789abcdef")));
        writer_deinit(&problems);
        leave_folder();
    }
}

static void database_is_a_file_or_a_server(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_good;
        bool is_server;
        const char *name; /* as it is shown */
    } cases[] = {
        {"", true, false, ""},
        {"sqlite:/var/lib/stoa/x.db", true, false, "sqlite:/var/lib/stoa/x.db"},
        {"postgres://shop:hunter2@db.example:5432/stoa?sslmode=require&password=hunter2", true,
         true, "postgres://db.example:5432/stoa"},
        {"postgresql://shop:hunter2@x@db.example/stoa", true, true, "postgres://db.example/stoa"},
        {"postgres:///stoa", true, true, "postgres:///stoa"},
        {"sqlite:", false, false, ""},
        {"mysql://shop:hunter2@db.example/stoa", false, false, ""},
        {"/var/lib/hunter2", false, false, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config config;
        struct writer problems = writer_growing(4096);
        struct writer name = writer_growing(4096);
        struct writer printed = writer_growing(1 << 16);

        enter_folder();
        assert_int_equal(setenv("STOA_DATABASE_URL", cases[i].url, 1), 0);
        assert_err(config_load(&config, NULL, &problems), cases[i].is_good ? OK : ERR_INVALID);
        assert_int_equal(unsetenv("STOA_DATABASE_URL"), 0);
        assert_int_equal(config_database_is_server(&config), cases[i].is_server);
        config_database_name(&config, &name);
        assert_true(text_equal(writer_as_text(&name), text_of(cases[i].name)));
        config_print(&config, &printed);
        assert_false(text_contains(writer_as_text(&printed), TEXT("hunter2")));
        assert_false(text_contains(writer_as_text(&problems), TEXT("hunter2")));
        writer_deinit(&printed);
        writer_deinit(&name);
        writer_deinit(&problems);
        leave_folder();
    }
}

static void name_of_the_database_in_other_programs_is_taken_but_ours_wins(void **state)
{
    (void)state;
    struct config config;
    struct writer problems = writer_growing(4096);
    char url[2 * CONFIG_TEXT_MAX];

    enter_folder();
    assert_ok(config_load(&config, NULL, &problems));
    config_database_url(&config, url, sizeof(url));
    assert_string_equal(url, "sqlite:./data/stoa.db");
    write_file(".env", "STOA_DATABASE_URL=sqlite:b.db\nDATABASE_URL=sqlite:c.db\n");
    assert_ok(config_load(&config, NULL, &problems));
    assert_string_equal(config.database_url, "sqlite:b.db");
    assert_int_equal(setenv("DATABASE_URL", "sqlite:d.db", 1), 0);
    assert_ok(config_load(&config, NULL, &problems));
    assert_string_equal(config.database_url, "sqlite:d.db");
    assert_int_equal(setenv("STOA_DATABASE_URL", "sqlite:e.db", 1), 0);
    assert_ok(config_load(&config, NULL, &problems));
    assert_string_equal(config.database_url, "sqlite:e.db");
    assert_int_equal(unsetenv("STOA_DATABASE_URL"), 0);
    assert_int_equal(unsetenv("DATABASE_URL"), 0);
    writer_deinit(&problems);
    leave_folder();
}

static void missing_file_that_was_asked_for_is_told(void **state)
{
    (void)state;
    struct config config;
    struct writer problems = writer_growing(4096);

    enter_folder();
    assert_err(config_load(&config, "no-such.conf", &problems), ERR_INVALID);
    assert_true(text_contains(writer_as_text(&problems), TEXT("no-such.conf: cannot be read")));
    writer_deinit(&problems);
    leave_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(defaults_are_good),
        TEST_CASE(environment_wins_over_dotenv_over_file),
        TEST_CASE(all_problems_are_told_at_once_with_their_lines),
        TEST_CASE(settings_that_contradict_each_other_are_refused),
        TEST_CASE(printed_configuration_is_read_back_the_same),
        TEST_CASE(keys_of_tokens_are_checked_with_their_algorithm),
        TEST_CASE(database_is_a_file_or_a_server),
        TEST_CASE(name_of_the_database_in_other_programs_is_taken_but_ours_wins),
        TEST_CASE(missing_file_that_was_asked_for_is_told),
    };
    return RUN_TESTS("app_config", tests);
}
