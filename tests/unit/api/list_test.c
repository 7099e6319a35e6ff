/*
 * Lists in pages: each row once and in order, also when rows come and go; cursors and limits that
 * are wrong are refused by name.
 */
#include <stdio.h>

#include "api_world.h"
#include "base/writer.h"

enum { ROWS = 7, LIST_MAX = 64 };

/* {w}: the webhook. */
static const struct paged {
    const char *path;
    const char *name; /* of the operation */
    const char *member;
    const char *id; /* of a row */
    int limit_max;
} lists[] = {
    {"/channels", "channel.list", "channels", "id", 1000},
    {"/accounts", "account.list", "accounts", "id", 1000},
    {"/webhooks", "webhook.list", "webhooks", "id", 1000},
    {"/webhooks/{w}/deliveries", "webhookDelivery.list", "deliveries", "id", STORE_PAGE_MAX},
    {"/channels/1/broadcasts", "broadcast.list", "broadcasts", "id", STORE_PAGE_MAX},
    {"/channels/1/recordings", "recording.list", "recordings", "broadcastId", STORE_PAGE_MAX},
    {"/channels/1/metrics", "metrics.list", "points", "at", STORE_POINTS_MAX},
    {"/audit", "audit.list", "entries", "id", STORE_PAGE_MAX},
};

enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

struct stage {
    struct api_world world;
    char webhook_id[WORLD_TEXT_MAX];
};

/* ---- what there is to list ---- */

static void add_broadcasts(struct api_world *world)
{
    struct store_batch *batch = store_batch_create();
    uint64_t broadcast_id = 0;

    for (int i = 0; i < ROWS; i++) {
        api_world_go_live(world, 1);
        broadcast_id = channel_find(world->dir, 1)->broadcast_id;
        assert_ok(channel_end(world->dir, 1, "ended by the seller", world->now_us, &world->diag));
        channel_on_media_stopped(world->dir, 1, broadcast_id, world->now_us);
        api_world_store(world);
        if (i % 3 != 1) /* not each is recorded */
            store_batch_set_recording(batch, broadcast_id, "/recordings/1/x/index.m3u8");
        world->now_us += 60 * US_PER_S;
    }
    for (int i = 0; i < ROWS; i++) {
        const struct stream_metric_row row = {.channel_id = 1,
                                              .broadcast_id = broadcast_id,
                                              .at_us = WORLD_WALL + i * 10 * US_PER_S,
                                              .resolution_s = 10};
        store_batch_put_stream_metric(batch, &row);
    }
    assert_ok(store_apply_batch(world->store, batch, &world->diag));
    store_batch_destroy(batch);
}

static void make_webhook(struct stage *stage)
{
    api_world_call(&stage->world, "POST /api/v1/webhooks", ADMIN_KEY,
                   "{\"url\":\"https://shop.example/\",\"events\":[\"recording.ready\"]}");
    api_world_expect(&stage->world, 201, NULL);
    api_world_take(&stage->world, "id", stage->webhook_id);
}

static void test_webhook(struct stage *stage)
{
    char line[WORLD_TEXT_MAX + 60];

    (void)snprintf(line, sizeof(line), "POST /api/v1/webhooks/%s/test", stage->webhook_id);
    api_world_call(&stage->world, line, ADMIN_KEY, NULL);
    api_world_expect(&stage->world, 200, NULL);
    stage->world.now_us += 1000;
}

static void add_account(struct stage *stage, int number)
{
    char email[40];

    (void)snprintf(email, sizeof(email), "person%d@shop.example", number);
    (void)api_world_account(&stage->world, email, "buyer");
    stage->world.now_us += number % 2; /* some in the same moment */
}

static void stage_init(struct stage *stage)
{
    struct api_world *world = &stage->world;

    api_world_init(world);
    for (int i = 0; i < ROWS; i++) {
        (void)api_world_channel(world, "Shoes");
        add_account(stage, i);
        make_webhook(stage);
    }
    for (int i = 0; i < ROWS; i++)
        test_webhook(stage);
    add_broadcasts(world);
    api_world_go_live(world, 3); /* the list of channels has two halves */
    api_world_go_live(world, 6);
}

/* ---- pages ---- */

struct rows {
    char ids[LIST_MAX][48];
    size_t count;
    char next[WORLD_TEXT_MAX]; /* "": there is no more */
};

static void ask(struct stage *stage, const struct paged *list, const char *query)
{
    struct text rest = text_of(list->path);
    char line[600];
    struct writer w = writer_fixed(line, sizeof(line) - 1);

    writer_str(&w, "GET /api/v1");
    writer_text(&w, text_cut(&rest, '{'));
    if (rest.len != 0) {
        writer_str(&w, stage->webhook_id);
        (void)text_cut(&rest, '}');
        writer_text(&w, rest);
    }
    writer_str(&w, query);
    assert_false(w.failed);
    line[w.len] = '\0';
    api_world_call(&stage->world, line, ADMIN_KEY, NULL);
}

/* Appends a page; returns its length. */
static size_t read_page(struct stage *stage, const struct paged *list, int limit, struct rows *rows)
{
    char query[500];
    size_t i, before = rows->count;
    json_t *row;

    (void)snprintf(query, sizeof(query), "?limit=%d%s%s", limit, *rows->next ? "&cursor=" : "",
                   rows->next);
    ask(stage, list, query);
    api_world_expect(&stage->world, 200, NULL);
    json_t *json = api_world_json(&stage->world);
    json_array_foreach(json_object_get(json, list->member), i, row)
    {
        json_t *id = json_object_get(row, list->id);
        char *to = rows->ids[rows->count++];

        assert_true(rows->count < LIST_MAX);
        if (json_is_integer(id))
            (void)snprintf(to, sizeof(rows->ids[0]), "%lld", (long long)json_integer_value(id));
        else
            (void)snprintf(to, sizeof(rows->ids[0]), "%s", json_string_value(id));
    }
    const char *next = json_string_value(json_object_get(json, "nextCursor"));
    assert_non_null(json_object_get(json, "nextCursor"));
    (void)snprintf(rows->next, sizeof(rows->next), "%s", next ? next : "");
    json_decref(json);
    return rows->count - before;
}

static size_t count_of(const struct rows *rows, const char *id)
{
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++)
        count += strcmp(rows->ids[i], id) == 0;
    return count;
}

static void pages_put_together_are_the_list(void **state)
{
    (void)state;
    static const int limits[] = {1, 2, 3, ROWS, LIST_MAX};
    static struct stage stage;

    stage_init(&stage);
    for (size_t i = 0; i < LISTS; i++) {
        struct rows whole = {0};

        (void)read_page(&stage, &lists[i], 1000, &whole);
        assert_string_equal(whole.next, "");
        assert_true(whole.count >= ROWS - 2);
        for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
            struct rows rows = {0};
            bool has_more = true;

            for (size_t pages = 0; has_more; pages++) {
                assert_true(pages <= LIST_MAX);
                assert_true(read_page(&stage, &lists[i], limits[k], &rows) <= (size_t)limits[k]);
                has_more = *rows.next != '\0';
            }
            assert_int_equal(rows.count, whole.count);
            for (size_t row = 0; row < rows.count; row++)
                assert_string_equal(rows.ids[row], whole.ids[row]);
        }
    }
    api_world_deinit(&stage.world);
}

/* ---- rows that come and go ---- */

static void remove_row(struct stage *stage, const struct paged *list, const char *id)
{
    char line[120];

    if (strcmp(list->name, "channel.list") == 0)
        (void)snprintf(line, sizeof(line), "DELETE /api/v1/channels/%s", id);
    else if (strcmp(list->name, "webhook.list") == 0)
        (void)snprintf(line, sizeof(line), "DELETE /api/v1/webhooks/%s", id);
    else
        return; /* nobody removes rows of the others */
    api_world_call(&stage->world, line, ADMIN_KEY, NULL);
    api_world_expect(&stage->world, 200, NULL);
}

static void add_row(struct stage *stage, const struct paged *list)
{
    char webhook_id[WORLD_TEXT_MAX];

    memcpy(webhook_id, stage->webhook_id, sizeof(webhook_id));
    if (strcmp(list->name, "channel.list") == 0)
        (void)api_world_channel(&stage->world, "New");
    else if (strcmp(list->name, "account.list") == 0)
        add_account(stage, ROWS);
    else if (strcmp(list->name, "webhook.list") == 0)
        make_webhook(stage);
    else if (strcmp(list->name, "webhookDelivery.list") == 0)
        test_webhook(stage);
    else
        api_world_call(&stage->world, "POST /api/v1/channels/2/end", ADMIN_KEY, NULL); /* audit */
    memcpy(stage->webhook_id, webhook_id, sizeof(webhook_id));
}

static void rows_that_come_and_go_move_no_others(void **state)
{
    (void)state;

    for (size_t i = 0; i < LISTS; i++) {
        static struct stage stage;
        struct rows whole = {0}, rows = {0};

        stage_init(&stage);
        api_world_call(&stage.world, "POST /api/v1/channels/3/end", ADMIN_KEY, NULL);
        api_world_call(&stage.world, "POST /api/v1/channels/6/end", ADMIN_KEY, NULL);
        for (uint64_t id = 3; id <= 6; id += 3)
            channel_on_media_stopped(stage.world.dir, id,
                                     channel_find(stage.world.dir, id)->broadcast_id,
                                     stage.world.now_us);
        api_world_store(&stage.world);
        (void)read_page(&stage, &lists[i], 1000, &whole);
        (void)read_page(&stage, &lists[i], 2, &rows);
        remove_row(&stage, &lists[i], rows.ids[1]); /* the one that the cursor names */
        remove_row(&stage, &lists[i], rows.ids[0]);
        add_row(&stage, &lists[i]);
        while (*rows.next != '\0')
            (void)read_page(&stage, &lists[i], 2, &rows);
        for (size_t row = 0; row < whole.count; row++)
            if (count_of(&rows, whole.ids[row]) != 1)
                fail_msg("%s: row %zu is there %zu times", lists[i].name, row,
                         count_of(&rows, whole.ids[row]));
        api_world_deinit(&stage.world);
    }
}

/* ---- what is refused ---- */

static void expect_field(const struct api_world *world, const char *what, const char *field)
{
    if (world->answer.status != 400)
        fail_msg("%s: %d %.*s", what, world->answer.status, TEXT_ARG(buf_text(world->answer.body)));
    api_world_expect_problem(world, 400, "invalid_input");
    json_t *json = api_world_json(world);
    const char *got = json_string_value(
        json_object_get(json_array_get(json_object_get(json, "errors"), 0), "field"));
    if (!got || strcmp(got, field) != 0)
        fail_msg("%s: %.*s", what, TEXT_ARG(buf_text(world->answer.body)));
    json_decref(json);
}

static void forge(const char *name, const char *place, char to[WORLD_TEXT_MAX])
{
    char plain[300];
    struct writer w = writer_fixed(to, WORLD_TEXT_MAX - 1);

    (void)snprintf(plain, sizeof(plain), "%s %s", name, place);
    crypto_base64url(&w, plain, strlen(plain));
    to[w.len] = '\0';
}

static void forged_cursors_are_refused(void **state)
{
    (void)state;
    static const char *const places[] = {
        "",
        "x",
        "1",
        "-1",
        "1 ",
        "1_",
        "_1",
        "1 x",
        "2 1",
        "9999999999999999999999_1",
        "1_' OR 1=1 --",
        "1 ' OR 1=1 --",
        "1_x; DROP TABLE accounts",
        "1_\xff\xfe",
        "\"; --",
        "1_1'/*",
        "1_%00",
        "0199a1b2",
        "' UNION SELECT * FROM accounts --",
    };
    static const char *const raw[] = {
        "",      "x", "====", "a b", "%00", "%27%20OR%201=1--", "null", "..%2f..%2fetc%2fpasswd",
        "%ff%fe"};
    static struct stage stage;
    char query[WORLD_TEXT_MAX + 40], cursor[WORLD_TEXT_MAX];

    stage_init(&stage);
    for (size_t i = 0; i < LISTS; i++) {
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            forge(lists[i].name, places[k], cursor);
            (void)snprintf(query, sizeof(query), "?cursor=%s", cursor);
            ask(&stage, &lists[i], query);
            expect_field(&stage.world, places[k], "cursor");
        }
        for (size_t k = 0; k < sizeof(raw) / sizeof(raw[0]); k++) {
            (void)snprintf(query, sizeof(query), "?cursor=%s", raw[k]);
            ask(&stage, &lists[i], query);
            expect_field(&stage.world, raw[k], "cursor");
        }
        (void)snprintf(query, sizeof(query), "?cursor=%0*d", 193, 0);
        ask(&stage, &lists[i], query);
        expect_field(&stage.world, "a long one", "cursor");
    }
    assert_int_equal(account_directory_count(stage.world.accounts), ROWS);
    api_world_deinit(&stage.world);
}

static void cursor_of_another_list_is_refused(void **state)
{
    (void)state;
    static struct stage stage;
    char query[WORLD_TEXT_MAX + 40];

    stage_init(&stage);
    for (size_t i = 0; i < LISTS; i++) {
        struct rows rows = {0};

        (void)read_page(&stage, &lists[i], 1, &rows);
        assert_true(*rows.next != '\0');
        (void)snprintf(query, sizeof(query), "?cursor=%s", rows.next);
        for (size_t k = 0; k < LISTS; k++) {
            ask(&stage, &lists[k], query);
            if (k == i)
                api_world_expect(&stage.world, 200, NULL);
            else
                expect_field(&stage.world, lists[k].name, "cursor");
        }
    }
    api_world_deinit(&stage.world);
}

static void limits_have_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "0", "-1", "", "ten", "1e3", "1.5", "0x10", "%201", "99999999999999999999", "1;2", "NaN"};
    static struct stage stage;
    char query[60];

    stage_init(&stage);
    for (size_t i = 0; i < LISTS; i++) {
        for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
            (void)snprintf(query, sizeof(query), "?limit=%s", bad[k]);
            ask(&stage, &lists[i], query);
            expect_field(&stage.world, bad[k], "limit");
        }
        for (int more = 0; more < 2; more++) {
            (void)snprintf(query, sizeof(query), "?limit=%d", lists[i].limit_max + more);
            ask(&stage, &lists[i], query);
            if (more)
                expect_field(&stage.world, query, "limit");
            else
                api_world_expect(&stage.world, 200, NULL);
        }
    }
    api_world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(pages_put_together_are_the_list),
        TEST_CASE(rows_that_come_and_go_move_no_others),
        TEST_CASE(forged_cursors_are_refused),
        TEST_CASE(cursor_of_another_list_is_refused),
        TEST_CASE(limits_have_bounds),
    };
    return RUN_TESTS("api_list", tests);
}
