#include "edge/pages.h"

#include "base/writer.h"
#include "support/test.h"

static char memory[1024];

static struct text policy(const char *path, const char *public_url)
{
    struct writer w = writer_fixed(memory, sizeof(memory));

    pages_write_policy(&w, text_of(path), text_of(public_url));
    assert_false(w.failed);
    return writer_as_text(&w);
}

#define assert_has(text, needle) assert_true(text_contains((text), TEXT(needle)))

static void only_what_is_below_embed_may_be_framed(void **state)
{
    (void)state;
    assert_has(policy("/embed/index.html", ""), "; frame-ancestors *;");
    assert_has(policy("/index.html", ""), "; frame-ancestors 'none';");
    assert_has(policy("/embedded.html", ""), "; frame-ancestors 'none';");
    assert_has(policy("/assets/embed/x.js", ""), "; frame-ancestors 'none';");
}

static void pages_load_from_their_own_origin(void **state)
{
    (void)state;
    struct text text = policy("/index.html", "");

    assert_has(text, "; connect-src 'self';");
    assert_has(text, "; media-src 'self' blob:;");
    assert_has(text, "script-src 'self';");
}

static void public_origin_may_be_asked_and_played(void **state)
{
    (void)state;
    struct text text = policy("/index.html", "https://live.example.org:8443/below");

    assert_has(text, "; connect-src 'self' https://live.example.org:8443 "
                     "wss://live.example.org:8443;");
    assert_has(text, "; media-src 'self' blob: https://live.example.org:8443;");
    assert_has(text, "script-src 'self';");
    assert_has(policy("/embed/index.html", "http://[2001:db8::1]"),
               "; connect-src 'self' http://[2001:db8::1] ws://[2001:db8::1];");
}

static void other_servers_may_be_played_from(void **state)
{
    (void)state;
    struct text text = policy("/index.html", " https://a.example  * https://b.example/x ");

    assert_has(text, "; media-src 'self' blob: https://a.example https://b.example;");
    assert_has(text, "; connect-src 'self' https://a.example wss://a.example https://b.example "
                     "wss://b.example;");
}

static void url_that_would_change_the_policy_is_left_out(void **state)
{
    (void)state;
    static const char *const urls[] = {"https://a.example;script-src *",
                                       "https://*.example",
                                       "https://u:p@a.example",
                                       "ftp://a.example",
                                       "https://",
                                       "a.example"};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        assert_text(policy("/index.html", urls[i]),
                    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                    "img-src 'self' data: blob:; worker-src 'self' blob:; media-src 'self' blob:; "
                    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
                    "form-action 'self'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(only_what_is_below_embed_may_be_framed),
        TEST_CASE(pages_load_from_their_own_origin),
        TEST_CASE(public_origin_may_be_asked_and_played),
        TEST_CASE(other_servers_may_be_played_from),
        TEST_CASE(url_that_would_change_the_policy_is_left_out),
    };
    return RUN_TESTS("edge_pages", tests);
}
