/*
 * Requests of the real libcurl on a real loop to a server in another thread.
 */
#include "fetch/fetch.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "net/net.h"
#include "support/certificate.h"
#include "support/test.h"
#include "support/web_server.h"

enum { BODY_MAX = 100000, ANSWERS_MAX = 8 };

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

struct client {
    struct loop *loop;
    struct fetch *fetch;
    struct loop_timer patience; /* ends a test that waits for ever */
    size_t wanted;
    size_t count;
    struct fetch_answer answers[ANSWERS_MAX];
    char body[BODY_MAX];
    size_t body_len;
};

static void on_patience_end(struct loop_timer *timer)
{
    (void)timer;
    fail_msg("no answer within 30 s");
}

static void client_open(struct client *client, const struct fetch_config *config)
{
    struct diag diag = {0};

    *client = (struct client){0};
    assert_ok(loop_create("test", &client->loop));
    if (fetch_create(client->loop, config, &diag, &client->fetch) != OK)
        fail_msg("%s", diag.message);
}

/* A client that may reach this machine. */
static void client_open_local(struct client *client)
{
    client_open(client, &(struct fetch_config){.allow_private = TEXT("127.0.0.0/8")});
}

static void client_close(struct client *client)
{
    fetch_destroy(client->fetch);
    loop_destroy(client->loop);
}

static void on_done(void *context, const struct fetch_answer *answer)
{
    struct client *client = context;

    assert_true(client->count < ANSWERS_MAX);
    client->answers[client->count++] = *answer;
    client->body_len = answer->body.len < BODY_MAX ? answer->body.len : BODY_MAX;
    if (client->body_len)
        memcpy(client->body, answer->body.ptr, client->body_len);
    if (client->count == client->wanted)
        loop_stop(client->loop);
}

static uint64_t start(struct client *client, const struct fetch_request *request)
{
    struct diag diag = {0};
    uint64_t id = 0;

    if (fetch_start(client->fetch, request, on_done, client, &id, &diag) != OK)
        fail_msg("%s", diag.message);
    return id;
}

static void wait_for(struct client *client, size_t count)
{
    client->wanted = count;
    if (client->count >= count)
        return;
    loop_timer_set(client->loop, &client->patience, loop_now_us(client->loop) + S(30),
                   on_patience_end);
    loop_run(client->loop);
    loop_timer_cancel(&client->patience);
}

static const char *url_of(char to[256], const struct web_server *server, const char *rest)
{
    (void)snprintf(to, 256, "%s://127.0.0.1:%d%s", server->tls ? "https" : "http", server->port,
                   rest);
    return to;
}

/* One GET; the answer is in client->answers[0]. */
static const struct fetch_answer *get(struct client *client, const char *url)
{
    const struct fetch_request request = {
        .method = "GET", .url = text_of(url), .answer_max = 1000, .timeout_us = S(20)};

    client->count = 0;
    (void)start(client, &request);
    wait_for(client, 1);
    return &client->answers[0];
}

static void assert_sentence(const struct fetch_answer *answer, enum err err, const char *part)
{
    if (answer->result != err || !text_contains(text_of(answer->error), text_of(part)))
        fail_msg("%s: \"%s\", not %s: \"%s\"", err_name(answer->result), answer->error,
                 err_name(err), part);
}

/* ---- what works ---- */

static void post_carries_headers_and_body(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];
    struct buf *body = buf_from_text(TEXT("{\"a\":1}"));
    const struct fetch_header headers[] = {{"content-type", TEXT("application/json")},
                                           {"webhook-id", TEXT("m1")},
                                           {"empty", TEXT("")}};

    web_server_start(&server, NULL);
    client_open_local(&client);
    const struct fetch_request request = {.method = "POST",
                                          .url = text_of(url_of(url, &server, "/ok")),
                                          .headers = headers,
                                          .header_count = 3,
                                          .body = body,
                                          .answer_max = 1000};
    uint64_t id = start(&client, &request);
    (void)buf_unref(body); /* fetch has its own */
    assert_int_equal(client.count, 0);
    assert_int_equal(fetch_count(client.fetch), 1);
    wait_for(&client, 1);
    assert_int_equal(fetch_count(client.fetch), 0);

    assert_ok(client.answers[0].result);
    assert_string_equal(client.answers[0].error, "");
    assert_int_equal(client.answers[0].id, id);
    assert_int_equal(client.answers[0].status, 200);
    assert_false(client.answers[0].is_cut);
    assert_text(((struct text){client.body, client.body_len}), "hello");
    assert_true(client.answers[0].duration_us > 0);

    client_close(&client);
    web_server_stop(&server);
    struct text seen = text_of(server.last);
    assert_true(text_starts_with(seen, TEXT("POST /ok HTTP/1.1\r\n")));
    assert_true(text_contains(seen, TEXT("\r\ncontent-type: application/json\r\n")));
    assert_true(text_contains(seen, TEXT("\r\nwebhook-id: m1\r\n")));
    assert_true(text_contains(seen, TEXT("\r\nempty:")));
    assert_true(text_contains(seen, TEXT("\r\nUser-Agent: Stoa/" STOA_VERSION "\r\n")));
    assert_true(text_ends_with(seen, TEXT("\r\n\r\n{\"a\":1}")));
    assert_false(text_contains(seen, TEXT("xpect:")));
}

static void body_without_a_type_is_not_called_a_form(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];
    struct buf *body = buf_from_text(TEXT("x"));

    web_server_start(&server, NULL);
    client_open_local(&client);
    (void)start(&client, &(struct fetch_request){.method = "PUT",
                                                 .url = text_of(url_of(url, &server, "/ok")),
                                                 .body = body,
                                                 .answer_max = 10});
    wait_for(&client, 1);
    assert_int_equal(client.answers[0].status, 200);
    (void)buf_unref(body);
    client_close(&client);
    web_server_stop(&server);
    assert_true(text_starts_with(text_of(server.last), TEXT("PUT /ok ")));
    assert_false(text_contains(text_of(server.last), TEXT("ontent-Type")));
}

static void any_status_is_an_answer(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    const struct fetch_answer *answer = get(&client, url_of(url, &server, "/status/503"));
    assert_ok(answer->result);
    assert_int_equal(answer->status, 503);
    assert_int_equal(answer->retry_after_s, 7);
    assert_int_equal(get(&client, url_of(url, &server, "/status/404"))->status, 404);
    client_close(&client);
    web_server_stop(&server);
}

static void environment_sets_no_proxy(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    web_server_start(&server, NULL);
    client_open_local(&client);
    assert_int_equal(get(&client, url_of(url, &server, "/ok"))->status, 200);
    client_close(&client);
    web_server_stop(&server);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("ALL_PROXY"), 0);
}

/* ---- what fails, in words ---- */

static void dead_target_refuses(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    (void)url_of(url, &server, "/ok");
    web_server_stop(&server); /* nobody listens there now */
    client_open_local(&client);
    const struct fetch_answer *answer = get(&client, url);
    assert_sentence(answer, ERR_IO, "127.0.0.1 refused the connection.");
    assert_int_equal(answer->status, 0);
    client_close(&client);
}

static void slow_target_is_left_after_its_time(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    (void)start(&client, &(struct fetch_request){.method = "GET",
                                                 .url = text_of(url_of(url, &server, "/slow")),
                                                 .timeout_us = S(1),
                                                 .answer_max = 10});
    wait_for(&client, 1);
    assert_sentence(&client.answers[0], ERR_TIMEOUT, "127.0.0.1 did not answer within 1 s.");
    assert_true(client.answers[0].duration_us >= S(1));
    client_close(&client);
    web_server_stop(&server);
}

static void broken_targets_are_told_apart(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    assert_sentence(get(&client, url_of(url, &server, "/close")), ERR_IO,
                    "closed the connection without an answer");
    assert_sentence(get(&client, url_of(url, &server, "/short")), ERR_IO,
                    "before the end of its answer");
    assert_sentence(get(&client, url_of(url, &server, "/noise")), ERR_MALFORMED, "not speak HTTP");
    client_close(&client);
    web_server_stop(&server);
}

static void unknown_name_is_told(void **state)
{
    (void)state;
    struct client client;

    client_open(&client, &(struct fetch_config){0});
    /* RFC 6761: nobody ever gets this name. Where DNS is away it is not found either. */
    const struct fetch_answer *answer = get(&client, "http://shop.invalid/");
    if (answer->result == ERR_IO)
        assert_sentence(answer, ERR_IO, "shop.invalid is a name that DNS does not know.");
    else
        assert_sentence(answer, ERR_TIMEOUT, "shop.invalid could not be found in DNS");
    client_close(&client);
}

static void huge_answer_is_cut_or_refused(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    assert_sentence(get(&client, url_of(url, &server, "/huge")), ERR_LIMIT,
                    "The answer of 127.0.0.1 is longer than 1000 bytes.");

    client.count = 0;
    (void)start(&client, &(struct fetch_request){.method = "GET",
                                                 .url = text_of(url_of(url, &server, "/huge")),
                                                 .answer_max = 500,
                                                 .may_cut_answer = true});
    wait_for(&client, 1);
    assert_ok(client.answers[0].result);
    assert_int_equal(client.answers[0].status, 200);
    assert_true(client.answers[0].is_cut);
    assert_int_equal(client.body_len, 500);
    client_close(&client);
    web_server_stop(&server);
}

/* ---- TLS ---- */

static void unknown_certificate_is_refused_and_a_listed_one_is_taken(void **state)
{
    (void)state;
    static struct web_server server;
    struct test_certificate certificate;
    struct client client;
    char url[256];

    test_certificate_create(&certificate);
    web_server_start(&server, &certificate);
    client_open_local(&client);
    assert_sentence(get(&client, url_of(url, &server, "/ok")), ERR_IO,
                    "The certificate of 127.0.0.1 is not trusted: self-signed");
    client_close(&client);

    client_open(&client, &(struct fetch_config){.allow_private = TEXT("127.0.0.0/8 ::1"),
                                                .extra_ca_file = certificate.cert_path});
    assert_sentence(get(&client, url), ERR_IO,
                    "The certificate of 127.0.0.1 is made out for another name.");
    (void)snprintf(url, sizeof(url), "https://localhost:%d/ok", server.port);
    assert_int_equal(get(&client, url)->status, 200);
    assert_int_equal(get(&client, url)->status, 200); /* with what libcurl kept of the first */
    client_close(&client);

    web_server_stop(&server);
    test_certificate_remove(&certificate);
}

static void plain_server_behind_https_fails_in_the_handshake(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/noise", server.port);
    (void)start(&client,
                &(struct fetch_request){
                    .method = "GET", .url = text_of(url), .timeout_us = S(1), .answer_max = 10});
    wait_for(&client, 1); /* the server waits for the end of a request line */
    assert_sentence(&client.answers[0], ERR_TIMEOUT, "finish the TLS handshake within 1 s.");
    client_close(&client);
    web_server_stop(&server);
}

static void file_without_certificates_is_refused(void **state)
{
    (void)state;
    struct loop *loop;
    struct fetch *fetch;
    struct diag diag = {0};

    assert_ok(loop_create("test", &loop));
    assert_err(fetch_create(loop, &(struct fetch_config){.extra_ca_file = "/nonexistent.pem"},
                            &diag, &fetch),
               ERR_IO);
    assert_true(text_contains(text_of(diag.message), TEXT("/nonexistent.pem")));
    assert_err(
        fetch_create(loop, &(struct fetch_config){.extra_ca_file = "/etc/hosts"}, &diag, &fetch),
        ERR_IO);
    assert_true(text_contains(text_of(diag.message), TEXT("no certificate")));
    assert_err(
        fetch_create(loop, &(struct fetch_config){.allow_private = TEXT("all")}, &diag, &fetch),
        ERR_INVALID);
    loop_destroy(loop);
}

/* ---- the guard ---- */

static void this_machine_is_refused_unless_it_is_allowed(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];
    uint64_t id;
    struct diag diag = {0};

    web_server_start(&server, NULL);
    client_open(&client, &(struct fetch_config){0});
    struct fetch_request request = {
        .method = "GET", .url = text_of(url_of(url, &server, "/ok")), .answer_max = 10};
    assert_err(fetch_start(client.fetch, &request, on_done, &client, &id, &diag), ERR_DENIED);
    assert_true(text_contains(text_of(diag.message), TEXT("loopback")));
    (void)snprintf(url, sizeof(url), "http://localhost:%d/ok", server.port);
    request.url = text_of(url);
    assert_err(fetch_start(client.fetch, &request, on_done, &client, &id, &diag), ERR_DENIED);
    assert_err(fetch_check_url(client.fetch, request.url, &diag), ERR_DENIED);
    assert_int_equal(fetch_count(client.fetch), 0);
    client_close(&client);

    client_open_local(&client);
    assert_int_equal(get(&client, url)->status, 200);
    client_close(&client);
    web_server_stop(&server);
    assert_int_equal(server.requests, 1);
}

/* True when the name leads to addresses, and none of them is one that may be connected to. */
static bool leads_to_this_machine(const char *name)
{
    struct addrinfo *all = NULL;
    bool is_local = false;

    if (getaddrinfo(name, NULL, &(struct addrinfo){.ai_socktype = SOCK_STREAM}, &all) != 0)
        return false;
    for (const struct addrinfo *item = all; item; item = item->ai_next) {
        struct net_address address = {0};

        if (item->ai_addrlen > sizeof(address))
            continue;
        memcpy(&address, item->ai_addr, item->ai_addrlen);
        is_local = net_is_loopback(&address);
        if (!is_local)
            break;
    }
    freeaddrinfo(all);
    return is_local;
}

/* A name whose text is harmless. Only the check at the socket stands between it and the server. */
static void name_that_leads_to_this_machine_is_refused_when_it_connects(void **state)
{
    (void)state;
    char host[256] = "";
    const char *const names[] = {host, "ip6-localhost", "ip6-loopback", "localhost.localdomain"};
    const char *name = NULL;
    static struct web_server server;
    struct client client;
    char url[256];

    (void)gethostname(host, sizeof(host) - 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !name; i++)
        if (leads_to_this_machine(names[i]))
            name = names[i];
    if (!name) {
        print_message("no harmless name leads to this machine\n");
        skip();
    }
    web_server_start(&server, NULL);
    client_open(&client, &(struct fetch_config){0});
    (void)snprintf(url, sizeof(url), "http://%s:%d/ok", name, server.port);
    assert_sentence(get(&client, url), ERR_DENIED, "leads to a loopback address");
    client_close(&client);
    web_server_stop(&server);
    assert_int_equal(server.requests, 0);
}

static void address_that_is_not_allowed_is_passed_over(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    /* localhost is ::1 and 127.0.0.1 on most machines: only the second may be used. */
    web_server_start(&server, NULL);
    client_open(&client, &(struct fetch_config){.allow_private = TEXT("127.0.0.1")});
    (void)snprintf(url, sizeof(url), "http://localhost:%d/ok", server.port);
    assert_int_equal(get(&client, url)->status, 200);
    client_close(&client);
    web_server_stop(&server);
}

/* ---- redirects ---- */

static const struct fetch_answer *get_following(struct client *client, const char *url,
                                                uint32_t redirects_max)
{
    static const struct fetch_header header = {"authorization", TEXT_INIT("Bearer secret")};
    struct buf *body = buf_from_text(TEXT("body"));

    client->count = 0;
    (void)start(client, &(struct fetch_request){.method = "POST",
                                                .url = text_of(url),
                                                .headers = &header,
                                                .header_count = 1,
                                                .body = body,
                                                .answer_max = 100,
                                                .redirects_max = redirects_max});
    (void)buf_unref(body);
    wait_for(client, 1);
    return &client->answers[0];
}

static void redirect_is_an_answer_unless_it_is_to_be_followed(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    (void)url_of(url, &server, "/redirect/307?/ok");
    const struct fetch_answer *answer = get_following(&client, url, 0);
    assert_ok(answer->result);
    assert_int_equal(answer->status, 307);
    assert_int_equal(get_following(&client, url, 1)->status, 200);
    client_close(&client);
    web_server_stop(&server);
    /* The same origin and 307: everything goes along. */
    assert_true(text_starts_with(text_of(server.last), TEXT("POST /ok ")));
    assert_true(text_contains(text_of(server.last), TEXT("Bearer secret")));
    assert_true(text_ends_with(text_of(server.last), TEXT("body")));
    assert_int_equal(server.requests, 3);
}

static void redirect_after_a_post_is_a_get(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    assert_int_equal(get_following(&client, url_of(url, &server, "/redirect/302?/ok"), 1)->status,
                     200);
    client_close(&client);
    web_server_stop(&server);
    assert_true(text_starts_with(text_of(server.last), TEXT("GET /ok ")));
    assert_true(text_ends_with(text_of(server.last), TEXT("\r\n\r\n")));
}

static void headers_do_not_go_to_another_origin(void **state)
{
    (void)state;
    static struct web_server first, second;
    struct client client;
    char url[256], rest[128];

    web_server_start(&first, NULL);
    web_server_start(&second, NULL);
    client_open_local(&client);
    (void)snprintf(rest, sizeof(rest), "/redirect/307?http://127.0.0.1:%d/ok", second.port);
    assert_int_equal(get_following(&client, url_of(url, &first, rest), 1)->status, 200);
    client_close(&client);
    web_server_stop(&first);
    web_server_stop(&second);
    assert_true(text_contains(text_of(first.last), TEXT("Bearer secret")));
    assert_false(text_contains(text_of(second.last), TEXT("Bearer secret")));
    assert_false(text_contains(text_of(second.last), TEXT("ontent-Type")));
}

static void redirect_to_where_requests_may_not_go_is_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {"http://10.0.0.1/",  "http://169.254.169.254/latest",
                                          "http://[::1]/",     "file:///etc/passwd",
                                          "ftp://1.1.1.1/",    "http://a:b@1.1.1.1/",
                                          "http://1.1.1.1:25/"};
    static struct web_server server;
    struct client client;
    char url[256], rest[128];

    web_server_start(&server, NULL);
    client_open_local(&client);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        (void)snprintf(rest, sizeof(rest), "/redirect/302?%s", targets[i]);
        const struct fetch_answer *answer = get_following(&client, url_of(url, &server, rest), 5);
        if (answer->result != ERR_DENIED && answer->result != ERR_INVALID)
            fail_msg("%s: %s %d", targets[i], err_name(answer->result), answer->status);
        assert_true(text_starts_with(text_of(answer->error), TEXT("It redirects to a URL that ")));
    }
    client_close(&client);
    web_server_stop(&server);
}

static void redirects_end(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open_local(&client);
    (void)url_of(url, &server, "/redirect/302?/redirect/302?/redirect/302?/ok");
    assert_sentence(get_following(&client, url, 2), ERR_LIMIT, "more than 2 times");
    assert_int_equal(get_following(&client, url, 3)->status, 200);
    client_close(&client);
    web_server_stop(&server);
}

/* ---- queue, cancel, end ---- */

static void requests_wait_in_a_bounded_queue(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];
    uint64_t id;
    struct diag diag = {0};

    web_server_start(&server, NULL);
    client_open(&client, &(struct fetch_config){
                             .allow_private = TEXT("127.0.0.1"), .at_once_max = 1, .queue_max = 2});
    const struct fetch_request request = {
        .method = "GET", .url = text_of(url_of(url, &server, "/ok")), .answer_max = 10};
    uint64_t ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = start(&client, &request);
    assert_err(fetch_start(client.fetch, &request, on_done, &client, &id, &diag), ERR_LIMIT);
    wait_for(&client, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(client.answers[i].status, 200);
        assert_int_equal(client.answers[i].id, ids[i]);
    }
    client_close(&client);
    web_server_stop(&server);
}

static void cancelled_request_says_nothing_more(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open(&client,
                &(struct fetch_config){.allow_private = TEXT("127.0.0.1"), .at_once_max = 1});
    struct fetch_request request = {
        .method = "GET", .url = text_of(url_of(url, &server, "/slow")), .answer_max = 10};
    uint64_t running = start(&client, &request);
    uint64_t waiting = start(&client, &request);
    request.url = text_of(url_of(url, &server, "/ok"));
    uint64_t last = start(&client, &request);
    fetch_cancel(client.fetch, waiting);
    fetch_cancel(client.fetch, running);
    fetch_cancel(client.fetch, running); /* again: harmless */
    wait_for(&client, 1);
    assert_int_equal(client.answers[0].id, last);
    assert_int_equal(client.answers[0].status, 200);
    client_close(&client);
    assert_int_equal(client.count, 1);
    web_server_stop(&server);
}

static void end_of_the_server_is_told_to_all(void **state)
{
    (void)state;
    static struct web_server server;
    struct client client;
    char url[256];

    web_server_start(&server, NULL);
    client_open(&client,
                &(struct fetch_config){.allow_private = TEXT("127.0.0.1"), .at_once_max = 1});
    struct fetch_request request = {
        .method = "GET", .url = text_of(url_of(url, &server, "/slow")), .answer_max = 10};
    (void)start(&client, &request);
    (void)start(&client, &request);
    client_close(&client);
    assert_int_equal(client.count, 2);
    assert_err(client.answers[0].result, ERR_CLOSED);
    assert_err(client.answers[1].result, ERR_CLOSED);
    web_server_stop(&server);
}

static void bad_headers_and_methods_are_refused(void **state)
{
    (void)state;
    struct client client;
    uint64_t id;
    struct diag diag = {0};
    char longest[FETCH_HEADER_LEN_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    const struct fetch_header bad[] = {{"x", TEXT("a\r\nevil: 1")},
                                       {"x", TEXT("a\nb")},
                                       {"x", {"a\0b", 3}},
                                       {"x y", TEXT("a")},
                                       {"x:", TEXT("a")},
                                       {"", TEXT("a")},
                                       {"x", {longest, sizeof(longest)}}};

    client_open(&client, &(struct fetch_config){0});
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct fetch_request request = {.method = "GET",
                                              .url = TEXT("https://shop.example/"),
                                              .headers = &bad[i],
                                              .header_count = 1};
        assert_err(fetch_start(client.fetch, &request, on_done, &client, &id, &diag), ERR_INVALID);
    }
    const struct fetch_request request = {.method = "GET /x\r\n",
                                          .url = TEXT("https://shop.example/")};
    assert_err(fetch_start(client.fetch, &request, on_done, &client, &id, &diag), ERR_INVALID);
    assert_int_equal(fetch_count(client.fetch), 0);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(post_carries_headers_and_body),
        TEST_CASE(body_without_a_type_is_not_called_a_form),
        TEST_CASE(any_status_is_an_answer),
        TEST_CASE(environment_sets_no_proxy),
        TEST_CASE(dead_target_refuses),
        TEST_CASE(slow_target_is_left_after_its_time),
        TEST_CASE(broken_targets_are_told_apart),
        TEST_CASE(unknown_name_is_told),
        TEST_CASE(huge_answer_is_cut_or_refused),
        TEST_CASE(unknown_certificate_is_refused_and_a_listed_one_is_taken),
        TEST_CASE(plain_server_behind_https_fails_in_the_handshake),
        TEST_CASE(file_without_certificates_is_refused),
        TEST_CASE(this_machine_is_refused_unless_it_is_allowed),
        TEST_CASE(name_that_leads_to_this_machine_is_refused_when_it_connects),
        TEST_CASE(address_that_is_not_allowed_is_passed_over),
        TEST_CASE(redirect_is_an_answer_unless_it_is_to_be_followed),
        TEST_CASE(redirect_after_a_post_is_a_get),
        TEST_CASE(headers_do_not_go_to_another_origin),
        TEST_CASE(redirect_to_where_requests_may_not_go_is_refused),
        TEST_CASE(redirects_end),
        TEST_CASE(requests_wait_in_a_bounded_queue),
        TEST_CASE(cancelled_request_says_nothing_more),
        TEST_CASE(end_of_the_server_is_told_to_all),
        TEST_CASE(bad_headers_and_methods_are_refused),
    };
    return RUN_TESTS("fetch_fetch", tests);
}
