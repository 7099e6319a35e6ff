#include "http/h1_parser.h"

#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "support/test.h"

static const struct h1_limits limits = {8192, 16384};

struct parsed {
    enum err err;
    int status;
    struct h1_head head;
    struct http_field fields[HTTP_FIELDS_MAX];
};

static void parse(struct text bytes, struct parsed *parsed)
{
    struct h1_scan scan = {0};

    parsed->status = 0;
    parsed->head.fields = parsed->fields;
    parsed->err = h1_head_parse(bytes, &limits, &scan, &parsed->head, &parsed->status);
}

/* The same input, `step` bytes more at each call, as it would grow in a buffer. */
static void parse_split(struct text bytes, size_t step, struct parsed *parsed)
{
    struct h1_scan scan = {0};

    for (size_t len = step;; len += step) {
        struct text so_far = text_sub(bytes, 0, len);

        parsed->status = 0;
        parsed->head.fields = parsed->fields;
        parsed->err = h1_head_parse(so_far, &limits, &scan, &parsed->head, &parsed->status);
        if (parsed->err != ERR_AGAIN || len >= bytes.len)
            return;
    }
}

static void request_line_and_fields_are_taken_apart(void **state)
{
    (void)state;
    struct parsed p;

    parse(TEXT("POST /a?b=c HTTP/1.1\r\nHost: x.example:80\r\nContent-Length: 12\r\n"
               "X-Empty:\r\nX-Spaced: \t a b \t\r\nExpect: 100-continue\r\n\r\nrest"),
          &p);
    assert_ok(p.err);
    assert_int_equal(p.head.method, HTTP_POST);
    assert_int_equal(p.head.version, HTTP_1_1);
    assert_text(p.head.target, "/a?b=c");
    assert_text(p.head.host, "x.example:80");
    assert_int_equal(p.head.fields_count, 5);
    assert_text(p.fields[2].name, "X-Empty");
    assert_text(p.fields[2].value, "");
    assert_text(p.fields[3].value, "a b");
    assert_int_equal(p.head.content_len, 12);
    assert_true(p.head.has_content_len);
    assert_true(p.head.expects_continue);
    assert_true(p.head.keeps_alive);
    assert_false(p.head.is_chunked);
}

static void keep_alive_follows_version_and_connection(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        bool keeps_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct parsed p;

        parse(text_of(cases[i].request), &p);
        assert_ok(p.err);
        assert_int_equal(p.head.keeps_alive, cases[i].keeps_alive);
    }
}

static void one_empty_line_before_the_request_is_ignored(void **state)
{
    (void)state;
    struct parsed p;

    parse(TEXT("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), &p);
    assert_ok(p.err);
    assert_int_equal(p.head.len, 29);
    parse(TEXT("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), &p);
    assert_err(p.err, ERR_MALFORMED);
}

/* Each is refused, at any split, with the same status. */
static const struct {
    const char *request;
    int status;
} refused[] = {
    /* request line */
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"GET /\r\nHost: a\r\n\r\n", 400},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/11\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"GET / HTTP/0.9\r\n\r\n", 505},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"\x16\x03\x01\x02", 400},
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    /* line ends */
    {"GET / HTTP/1.1\nHost: a\n\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400},
    /* fields */
    {"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nX\x80: b\r\n\r\n", 400},
    /* host */
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
    /* framing: request smuggling */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417},
};

static void what_two_parsers_could_read_differently_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct parsed p;

        parse(text_of(refused[i].request), &p);
        if (p.err == OK || p.err == ERR_AGAIN || p.status != refused[i].status)
            fail_msg("%s: %s %d", refused[i].request, err_name(p.err), p.status);
        for (size_t step = 1; step < 5; step++) {
            struct parsed split;

            parse_split(text_of(refused[i].request), step, &split);
            assert_int_equal(split.err, p.err);
            assert_int_equal(split.status, p.status);
        }
    }
}

static void nul_in_a_value_is_refused(void **state)
{
    (void)state;
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    struct parsed p;

    parse((struct text){bytes, sizeof(bytes) - 1}, &p);
    assert_err(p.err, ERR_MALFORMED);
}

static void each_truncation_waits_for_more(void **state)
{
    (void)state;
    struct text whole = TEXT("\r\nGET /path HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n");

    for (size_t len = 0; len < whole.len; len++) {
        struct parsed p;

        parse(text_sub(whole, 0, len), &p);
        assert_err(p.err, ERR_AGAIN);
    }
}

static void any_split_gives_the_same_head(void **state)
{
    (void)state;
    struct text whole = TEXT("PATCH /a/b HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n"
                             "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");

    for (size_t step = 1; step < whole.len; step++) {
        struct parsed p;

        parse_split(whole, step, &p);
        assert_ok(p.err);
        assert_int_equal(p.head.method, HTTP_PATCH);
        assert_int_equal(p.head.fields_count, 3);
        assert_true(p.head.is_chunked);
        assert_int_equal(p.head.len, whole.len - strlen("5\r\nhello\r\n0\r\n\r\n"));
    }
}

static struct text repeat(struct writer *w, const char *before, char c, size_t count,
                          const char *after)
{
    *w = writer_growing(1 << 20);
    writer_str(w, before);
    for (size_t i = 0; i < count; i++)
        writer_char(w, c);
    writer_str(w, after);
    return writer_as_text(w);
}

static void limits_have_their_own_statuses(void **state)
{
    (void)state;
    struct writer w;
    struct parsed p;

    parse(repeat(&w, "GET /", 'a', 8192 - 16, " HTTP/1.1\r\nHost: a\r\n\r\n"), &p);
    assert_ok(p.err);
    writer_deinit(&w);
    parse(repeat(&w, "GET /", 'a', 8192 - 15, " HTTP/1.1\r\nHost: a\r\n\r\n"), &p);
    assert_int_equal(p.status, 414);
    writer_deinit(&w);
    parse(repeat(&w, "GET /", 'a', 9000, ""), &p); /* no line end at all */
    assert_int_equal(p.status, 414);
    writer_deinit(&w);
    parse(repeat(&w, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 'a', 16384, "\r\n\r\n"), &p);
    assert_int_equal(p.status, 431);
    writer_deinit(&w);
    parse(repeat(&w, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 'a', 20000, ""), &p);
    assert_int_equal(p.status, 431);
    writer_deinit(&w);
}

static void the_hundredth_field_is_the_last(void **state)
{
    (void)state;
    for (size_t count = HTTP_FIELDS_MAX - 1; count <= HTTP_FIELDS_MAX; count++) {
        struct writer w = writer_growing(1 << 16);
        struct parsed p;

        writer_str(&w, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (size_t i = 0; i < count; i++)
            writer_str(&w, "X: y\r\n");
        writer_str(&w, "\r\n");
        parse(writer_as_text(&w), &p);
        assert_int_equal(p.err, count == HTTP_FIELDS_MAX ? ERR_LIMIT : OK);
        if (p.err)
            assert_int_equal(p.status, 431);
        writer_deinit(&w);
    }
}

static void an_unknown_method_is_parsed_and_left_to_the_server(void **state)
{
    (void)state;
    struct parsed p;

    parse(TEXT("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"), &p);
    assert_ok(p.err);
    assert_int_equal(p.head.method, 0);
}

/* ---- bodies ---- */

struct body_result {
    enum err err;
    bool is_done;
    size_t left; /* input not consumed */
    char data[256];
    size_t len;
};

static void read_body(struct h1_body body, struct text input, size_t step, struct body_result *r)
{
    *r = (struct body_result){0};
    for (size_t at = 0; at < input.len && body.state != H1_BODY_DONE && !r->err; at += step) {
        struct text piece = text_sub(input, at, step);

        while (piece.len && body.state != H1_BODY_DONE && !r->err) {
            struct text data;

            r->err = h1_body_read(&body, &piece, &data);
            if (!r->err && data.len) {
                memcpy(r->data + r->len, data.ptr, data.len);
                r->len += data.len;
            }
        }
        r->left = input.len - at - step + piece.len;
    }
    r->is_done = body.state == H1_BODY_DONE;
}

static const struct h1_body chunked = {.state = H1_BODY_SIZE};

static void chunks_are_joined_at_any_split(void **state)
{
    (void)state;
    struct text input = TEXT("5\r\nhello\r\n00006;name=\"v\"\r\n world\r\nA\r\n0123456789\r\n"
                             "0\r\nTrailer: x\r\nOther:\r\n\r\nGET");

    for (size_t step = 1; step <= input.len; step++) {
        struct body_result r;

        read_body(chunked, input, step, &r);
        assert_ok(r.err);
        assert_true(r.is_done);
        assert_text(((struct text){r.data, r.len}), "hello world0123456789");
    }
    struct body_result r;
    read_body(chunked, input, input.len, &r);
    assert_int_equal(r.left, 3);
}

static void broken_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "0x5\r\n",
        " 5\r\n",
        "5 \r\n",
        "5\nhello",
        "5\r\nhelloX",
        "5\r\nhello\n",
        "5;\x01\r\n",
        "1000000000000000\r\n",
        "0\r\n bad trailer\r\n\r\n",
        "0\r\nTrailer: x\n\r\n",
        "0\r\n\rX",
    };

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        for (size_t step = 1; step < 3; step++) {
            struct body_result r;

            read_body(chunked, text_of(broken[i]), step, &r);
            if (r.err != ERR_MALFORMED)
                fail_msg("%s: %s", broken[i], err_name(r.err));
        }
}

static void endless_extensions_and_trailers_are_refused(void **state)
{
    (void)state;
    static const char *const starts[] = {"5;", "0\r\nX: "};

    for (size_t i = 0; i < 2; i++) {
        struct writer w;
        struct body_result r;

        read_body(chunked, repeat(&w, starts[i], 'a', 5000, ""), 100, &r);
        assert_err(r.err, ERR_MALFORMED);
        writer_deinit(&w);
    }
}

static void a_fixed_body_ends_where_it_was_announced(void **state)
{
    (void)state;
    struct h1_head head = {.has_content_len = true, .content_len = 5};
    struct body_result r;

    read_body(h1_body_of(&head), TEXT("helloGET"), 8, &r);
    assert_true(r.is_done);
    assert_int_equal(r.left, 3);
    assert_text(((struct text){r.data, r.len}), "hello");
    assert_int_equal(h1_body_of(&(struct h1_head){0}).state, H1_BODY_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(request_line_and_fields_are_taken_apart),
        TEST_CASE(keep_alive_follows_version_and_connection),
        TEST_CASE(one_empty_line_before_the_request_is_ignored),
        TEST_CASE(what_two_parsers_could_read_differently_is_refused),
        TEST_CASE(nul_in_a_value_is_refused),
        TEST_CASE(each_truncation_waits_for_more),
        TEST_CASE(any_split_gives_the_same_head),
        TEST_CASE(limits_have_their_own_statuses),
        TEST_CASE(the_hundredth_field_is_the_last),
        TEST_CASE(an_unknown_method_is_parsed_and_left_to_the_server),
        TEST_CASE(chunks_are_joined_at_any_split),
        TEST_CASE(broken_chunks_are_refused),
        TEST_CASE(endless_extensions_and_trailers_are_refused),
        TEST_CASE(a_fixed_body_ends_where_it_was_announced),
    };

    return RUN_TESTS("http_h1_parser", tests);
}
