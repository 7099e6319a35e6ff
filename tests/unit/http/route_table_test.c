#include "http/route_table.h"

#include "support/test.h"

static void handler(struct http_request *req)
{
    (void)req;
}

#define ROUTE(set, text)                                                                           \
    {                                                                                              \
        .methods = (set), .pattern = (text), .handler = handler                                    \
    }

static const struct http_route routes[] = {
    ROUTE(HTTP_GET, "/hls/{channel}/index.m3u8"),
    ROUTE(HTTP_GET, "/hls/{channel}/{file}"),
    ROUTE(HTTP_POST, "/whip/{channel}"),
    {.methods = HTTP_DELETE | HTTP_PATCH,
     .pattern = "/whip/{channel}/{session}",
     .handler = handler,
     .flags = HTTP_ROUTE_CORS,
     .accept_post = "application/sdp"},
    ROUTE(HTTP_GET, "/"),
    ROUTE(HTTP_GET | HTTP_POST, "/trpc/{rest...}"),
    ROUTE(HTTP_GET, "/dir/"),
};

static struct http_route_table *create(void)
{
    struct http_route_table *table = NULL;
    struct diag diag = {0};

    assert_ok(http_route_table_create(routes, sizeof(routes) / sizeof(routes[0]), &diag, &table));
    return table;
}

static void paths_find_their_rows(void **state)
{
    (void)state;
    static const struct {
        unsigned method;
        const char *path;
        int row; /* -1: none */
        const char *param0;
        const char *param1;
    } cases[] = {
        {HTTP_GET, "/hls/7/index.m3u8", 0, "7", NULL},
        {HTTP_HEAD, "/hls/7/index.m3u8", 0, "7", NULL},
        {HTTP_GET, "/hls/7/part-1.m4s", 1, "7", "part-1.m4s"},
        {HTTP_GET, "/hls/7/", -1, NULL, NULL},
        {HTTP_GET, "/hls/7", -1, NULL, NULL},
        {HTTP_GET, "/hls//a", -1, NULL, NULL},
        {HTTP_GET, "/hls/7/a/b", -1, NULL, NULL},
        {HTTP_POST, "/whip/c", 2, "c", NULL},
        {HTTP_PATCH, "/whip/c/s", 3, "c", "s"},
        {HTTP_GET, "/", 4, NULL, NULL},
        {HTTP_GET, "//", -1, NULL, NULL},
        {HTTP_POST, "/trpc/a.b,c.d", 5, "a.b,c.d", NULL},
        {HTTP_GET, "/trpc/a/b/c", 5, "a/b/c", NULL},
        {HTTP_GET, "/trpc/", 5, "", NULL},
        {HTTP_GET, "/trpc", -1, NULL, NULL},
        {HTTP_GET, "/dir/", 6, NULL, NULL},
        {HTTP_GET, "/dir", -1, NULL, NULL},
        {HTTP_GET, "*", -1, NULL, NULL},
    };
    struct http_route_table *table = create();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text params[HTTP_PARAMS_MAX] = {0};
        unsigned allowed;
        const struct http_route *route =
            http_route_find(table, cases[i].method, text_of(cases[i].path), params, &allowed);

        if (route != (cases[i].row < 0 ? NULL : &routes[cases[i].row]))
            fail_msg("%s", cases[i].path);
        if (cases[i].param0)
            assert_text(params[0], cases[i].param0);
        if (cases[i].param1)
            assert_text(params[1], cases[i].param1);
    }
    http_route_table_destroy(table);
}

static void a_wrong_method_learns_the_right_ones(void **state)
{
    (void)state;
    struct http_route_table *table = create();
    struct text params[HTTP_PARAMS_MAX];
    unsigned allowed = 99;

    assert_null(http_route_find(table, HTTP_PUT, TEXT("/hls/7/index.m3u8"), params, &allowed));
    assert_int_equal(allowed, HTTP_GET | HTTP_HEAD);
    assert_null(http_route_find(table, HTTP_PUT, TEXT("/none"), params, &allowed));
    assert_int_equal(allowed, 0);
    http_route_table_destroy(table);
}

static void options_are_gathered_from_all_rows(void **state)
{
    (void)state;
    struct http_route_table *table = create();
    struct http_route_options options = http_route_options(table, TEXT("/whip/c/s"));

    assert_int_equal(options.methods, HTTP_DELETE | HTTP_PATCH);
    assert_int_equal(options.cors_methods, HTTP_DELETE | HTTP_PATCH);
    assert_string_equal(options.accept_post, "application/sdp");
    assert_int_equal(http_route_options(table, TEXT("/x")).methods, 0);
    http_route_table_destroy(table);
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a",
        "/a//b",
        "/{rest...}/a",
        "/{",
        "/{}",
        "/{a}/{b}/{c}/{d}/{e}",
        "/{a",
        "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_route route = ROUTE(HTTP_GET, bad[i]);
        struct http_route_table *table = NULL;
        struct diag diag = {0};

        if (http_route_table_create(&route, 1, &diag, &table) != ERR_INVALID)
            fail_msg("%s", bad[i]);
        assert_true(diag.message[0]);
    }
}

static void rows_that_can_never_be_reached_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        const char *second;
        bool is_hidden;
    } cases[] = {
        {"/a/{id}", "/a/b", true},     {"/a/b", "/a/{id}", false},
        {"/a/{id}", "/a/", false},     {"/a/{id}/c", "/a/b/d", false},
        {"/{rest...}", "/a/b", true},  {"/a/{rest...}", "/b", false},
        {"/a/{rest...}", "/a", false}, {"/a/{x}/{rest...}", "/a/{y}/z", true},
        {"/{a}", "/{b}", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_route two[] = {ROUTE(HTTP_GET, cases[i].first),
                                   ROUTE(HTTP_GET, cases[i].second)};
        struct http_route_table *table = NULL;
        struct diag diag = {0};
        enum err err = http_route_table_create(two, 2, &diag, &table);

        if ((err == ERR_INVALID) != cases[i].is_hidden)
            fail_msg("%s, %s", cases[i].first, cases[i].second);
        if (!err)
            http_route_table_destroy(table);
    }
}

static void another_method_does_not_hide_a_row(void **state)
{
    (void)state;
    struct http_route two[] = {ROUTE(HTTP_GET, "/a/{id}"), ROUTE(HTTP_POST, "/a/b")};
    struct http_route_table *table = NULL;
    struct diag diag = {0};

    assert_ok(http_route_table_create(two, 2, &diag, &table));
    http_route_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(paths_find_their_rows),
        TEST_CASE(a_wrong_method_learns_the_right_ones),
        TEST_CASE(options_are_gathered_from_all_rows),
        TEST_CASE(bad_patterns_are_refused_with_a_reason),
        TEST_CASE(rows_that_can_never_be_reached_are_refused),
        TEST_CASE(another_method_does_not_hide_a_row),
    };

    return RUN_TESTS("http_route_table", tests);
}
