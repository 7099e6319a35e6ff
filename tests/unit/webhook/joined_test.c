/*
 * The hub and fetch/ together, as the app joins them, against targets that behave badly.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fetch/fetch.h"
#include "loop/loop.h"
#include "store/store.h"
#include "support/test.h"
#include "support/web_server.h"
#include "webhook/webhook.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

struct app {
    struct loop *loop;
    struct fetch *fetch;
    struct webhook_hub *hub;
    struct loop_timer patience;
    char last_error[ROW_TEXT_LEN_MAX + 1];
    size_t answers;
};

struct request {
    struct app *app;
    uint64_t send_id;
};

static void on_done(void *context, const struct fetch_answer *answer)
{
    struct request *request = context;
    struct app *app = request->app;
    const struct webhook_answer result = {
        .http_status = answer->result == OK ? answer->status : 0,
        .error = answer->error,
        .duration_us = answer->duration_us,
        .retry_after_s = answer->retry_after_s,
        .body = answer->body,
    };

    if (answer->result != ERR_CLOSED) {
        (void)snprintf(app->last_error, sizeof(app->last_error), "%s", answer->error);
        webhook_on_sent(app->hub, request->send_id, &result, loop_now_us(app->loop));
        app->answers++;
        loop_stop(app->loop);
    }
    mem_free(request);
}

static void on_send(void *context, const struct webhook_send *send)
{
    struct app *app = context;
    struct request *request = mem_zalloc(sizeof(*request));
    const struct fetch_header headers[] = {
        {"content-type", TEXT("application/json")},
        {"webhook-id", text_of(send->webhook_id)},
        {"webhook-timestamp", text_of(send->webhook_timestamp)},
        {"webhook-signature", text_of(send->webhook_signature)},
    };

    *request = (struct request){app, send->id};
    (void)fetch_start(app->fetch,
                      &(struct fetch_request){.method = "POST",
                                              .url = text_of(send->url),
                                              .headers = headers,
                                              .header_count = 4,
                                              .body = send->body,
                                              .timeout_us = S(1),
                                              .answer_max = WEBHOOK_RESPONSE_KEPT,
                                              .may_cut_answer = true},
                      on_done, request);
}

static void on_store(void *context, struct store_batch *batch, uint64_t mark)
{
    (void)context;
    (void)mark;
    store_batch_destroy(batch);
}

static enum err on_check_url(void *context, struct text url, struct diag *diag)
{
    struct app *app = context;

    return fetch_check_url(app->fetch, url, diag);
}

static void on_patience_end(struct loop_timer *timer)
{
    (void)timer;
    fail_msg("no answer within 30 s");
}

static void app_open(struct app *app, const char *allowed)
{
    const struct webhook_limits limits = webhook_limits_default();
    const struct webhook_handler handler = {app, on_store, on_send, on_check_url};
    struct diag diag = {0};

    *app = (struct app){0};
    assert_ok(loop_create("test", &app->loop));
    assert_ok(fetch_create(app->loop, &(struct fetch_config){.allow_private = text_of(allowed)},
                           &diag, &app->fetch));
    app->hub = webhook_hub_create(&limits, &handler);
    webhook_set_wall_offset(app->hub, clock_wall_us() - clock_mono_us());
}

static void app_close(struct app *app)
{
    fetch_destroy(app->fetch);
    webhook_hub_destroy(app->hub);
    loop_destroy(app->loop);
}

/* Sends one event to this URL; what came of it is in last_error. */
static struct webhook_numbers tell(struct app *app, const char *url)
{
    const struct text all = TEXT("*");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};
    const struct webhook_input input = {
        .account_id = "", .url = text_of(url), .events = &all, .event_count = 1, .is_active = true};
    const struct webhook_event event = {
        .kind = WEBHOOK_RELAY_ACTIVE, .channel_id = 7, .channel_json = TEXT("{\"id\":7}")};
    struct store_batch *batch = store_batch_create();

    if (webhook_create(app->hub, &input, S(1), &row, &diag) != OK)
        fail_msg("%s", diag.message);
    char id[ROW_UUID_LEN + 1];
    memcpy(id, row->id, sizeof(id));
    webhook_on_stored(app->hub, 1, OK, S(1)); /* the first mark of each hub */
    uint64_t mark = webhook_append(app->hub, &event, batch, loop_now_us(app->loop));
    store_batch_destroy(batch);
    webhook_on_stored(app->hub, mark, OK, loop_now_us(app->loop));
    loop_timer_set(app->loop, &app->patience, loop_now_us(app->loop) + S(30), on_patience_end);
    loop_run(app->loop);
    loop_timer_cancel(&app->patience);
    assert_int_equal(app->answers, 1);
    return webhook_endpoint_numbers(app->hub, text_of(id));
}

static void good_target_takes_a_signed_message(void **state)
{
    (void)state;
    static struct web_server server;
    struct app app;
    char url[128];

    web_server_start(&server, NULL);
    app_open(&app, "127.0.0.1");
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/ok", server.port);
    assert_int_equal(tell(&app, url).pending, 0);
    app_close(&app);
    web_server_stop(&server);

    struct text seen = text_of(server.last);
    assert_true(text_starts_with(seen, TEXT("POST /ok HTTP/1.1\r\n")));
    assert_true(text_contains(seen, TEXT("\r\ncontent-type: application/json\r\n")));
    assert_true(text_contains(seen, TEXT("\r\nwebhook-id: ")));
    assert_true(text_contains(seen, TEXT("\r\nwebhook-timestamp: ")));
    assert_true(text_contains(seen, TEXT("\r\nwebhook-signature: v1,")));
    assert_true(text_contains(seen, TEXT("\r\n\r\n{\"type\":\"relay.active\",")));
}

static void bad_targets_are_tried_again(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *error; /* of fetch; "": an answer came */
    } cases[] = {
        {"/slow", "did not answer within 1 s"},
        {"/close", "closed the connection without an answer"},
        {"/status/500", ""},
        {"/redirect/307?http://169.254.169.254/latest/meta-data", ""},
        {"/redirect/302?/ok", ""},
    };
    static struct web_server server;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct app app;
        char url[128];

        web_server_start(&server, NULL);
        app_open(&app, "127.0.0.1");
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server.port, cases[i].path);
        struct webhook_numbers numbers = tell(&app, url);
        assert_int_equal(numbers.pending, 1);
        assert_true(numbers.failing_since_us > 0);
        if (!text_contains(text_of(app.last_error), text_of(cases[i].error)))
            fail_msg("%s: %s", cases[i].path, app.last_error);
        app_close(&app);
        web_server_stop(&server);
        assert_int_equal(server.requests, 1); /* no redirect was followed */
    }
}

static void dead_target_is_tried_again(void **state)
{
    (void)state;
    static struct web_server server;
    struct app app;
    char url[128];

    web_server_start(&server, NULL);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/ok", server.port);
    web_server_stop(&server);
    app_open(&app, "127.0.0.1");
    assert_int_equal(tell(&app, url).pending, 1);
    assert_string_equal(app.last_error, "127.0.0.1 refused the connection.");
    app_close(&app);
}

static void huge_answer_of_success_is_success(void **state)
{
    (void)state;
    static struct web_server server;
    struct app app;
    char url[128];

    web_server_start(&server, NULL);
    app_open(&app, "127.0.0.1");
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/huge", server.port);
    assert_int_equal(tell(&app, url).pending, 0);
    app_close(&app);
    web_server_stop(&server);
}

static void private_url_is_refused_when_it_is_said(void **state)
{
    (void)state;
    struct app app;
    const struct text all = TEXT("*");
    const struct webhook_endpoint_row *row;
    struct diag diag = {0};
    const struct webhook_input input = {.account_id = "",
                                        .url = TEXT("http://localhost:8080/hook"),
                                        .events = &all,
                                        .event_count = 1,
                                        .is_active = true};

    app_open(&app, "");
    assert_err(webhook_create(app.hub, &input, S(1), &row, &diag), ERR_INVALID);
    assert_true(text_starts_with(text_of(diag.message), TEXT("url leads to a loopback address")));
    app_close(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(good_target_takes_a_signed_message),
        TEST_CASE(bad_targets_are_tried_again),
        TEST_CASE(dead_target_is_tried_again),
        TEST_CASE(huge_answer_of_success_is_success),
        TEST_CASE(private_url_is_refused_when_it_is_said),
    };
    return RUN_TESTS("webhook_joined", tests);
}
