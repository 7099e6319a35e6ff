#include "fetch/guard.h"

#include "fetch/fetch.h"
#include "support/test.h"

static struct guard guard_of(const char *allowed)
{
    struct guard guard;
    struct diag diag = {0};

    assert_ok(guard_init(&guard, text_of(allowed), &diag));
    return guard;
}

static enum err judge(const char *allowed, const char *ip, struct diag *diag)
{
    struct guard guard = guard_of(allowed);
    struct net_address address;

    *diag = (struct diag){0};
    assert_ok(net_parse_ip(text_of(ip), 443, &address));
    return guard_check_address(&guard, &address, diag);
}

/* ---- addresses ---- */

static void addresses_that_are_not_public_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *ip;
        const char *kind;
    } cases[] = {
        {"0.0.0.0", "unspecified"},
        {"0.1.2.3", "unspecified"},
        {"10.0.0.1", "private"},
        {"10.255.255.255", "private"},
        {"100.64.0.1", "shared"},
        {"100.127.255.254", "shared"},
        {"127.0.0.1", "loopback"},
        {"127.255.0.1", "loopback"},
        {"169.254.169.254", "link-local"},
        {"172.16.0.1", "private"},
        {"172.31.255.255", "private"},
        {"192.0.0.8", "reserved"},
        {"192.0.2.1", "reserved"},
        {"192.168.1.1", "private"},
        {"198.18.0.1", "reserved"},
        {"198.19.255.255", "reserved"},
        {"198.51.100.7", "reserved"},
        {"203.0.113.9", "reserved"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.250", "multicast"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.255", "reserved"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::7f00:1", "reserved"},         /* IPv4-compatible */
        {"::ffff:127.0.0.1", "loopback"}, /* mapped */
        {"::ffff:10.1.2.3", "private"},
        {"64:ff9b::10.1.2.3", "private"}, /* NAT64 */
        {"64:ff9b::7f00:1", "loopback"},
        {"64:ff9b:1::1", "private"},
        {"100::1", "reserved"},                  /* discard */
        {"2001:0:1:2:3:4:f5ff:fffe", "private"}, /* Teredo: 10.0.0.1 inverted */
        {"2001:10::1", "reserved"},
        {"2001:db8::1", "reserved"},
        {"2002:a00:1::1", "private"}, /* 6to4 of 10.0.0.1 */
        {"2002:7f00:1::1", "loopback"},
        {"2a00:1450::5efe:10.0.0.1", "private"}, /* ISATAP */
        {"2a00:1450::200:5efe:192.168.0.1", "private"},
        {"3fff::1", "reserved"},
        {"fc00::1", "unique local"},
        {"fd12:3456::1", "unique local"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "site-local"},
        {"ff02::1", "multicast"},
        {"4000::1", "reserved"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct diag diag;

        if (judge("", cases[i].ip, &diag) != ERR_DENIED)
            fail_msg("%s was let through", cases[i].ip);
        if (!text_contains(text_of(diag.message), text_of(cases[i].kind)))
            fail_msg("%s: %s", cases[i].ip, diag.message);
    }
}

static void public_addresses_are_let_through(void **state)
{
    (void)state;
    static const char *const ips[] = {
        "1.1.1.1",         "9.255.255.255",        "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",          "126.1.1.1",
        "128.0.0.1",       "169.253.0.1",          "169.255.0.1",
        "172.15.0.1",      "172.32.0.1",           "192.0.1.1",
        "192.167.1.1",     "192.169.1.1",          "198.17.0.1",
        "198.20.0.1",      "223.255.255.255",      "2a00:1450:4001::1",
        "2606:4700::1111", "::ffff:1.1.1.1",       "64:ff9b::1.1.1.1",
        "2002:101:101::1", "2001:4860:4860::8888", "2a00:1450::5efe:1.1.1.1",
    };

    for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
        struct diag diag;

        if (judge("", ips[i], &diag) != OK)
            fail_msg("%s %s", ips[i], diag.message);
    }
}

static void listed_networks_are_allowed_and_their_neighbours_are_not(void **state)
{
    (void)state;
    const char *list = "127.0.0.0/8, 10.1.2.0/23 fd00:1::/32,192.168.7.9";
    struct diag diag;

    assert_ok(judge(list, "127.0.0.1", &diag));
    assert_ok(judge(list, "10.1.2.0", &diag));
    assert_ok(judge(list, "10.1.3.255", &diag));
    assert_err(judge(list, "10.1.4.0", &diag), ERR_DENIED);
    assert_err(judge(list, "10.1.1.255", &diag), ERR_DENIED);
    assert_ok(judge(list, "192.168.7.9", &diag));
    assert_err(judge(list, "192.168.7.8", &diag), ERR_DENIED);
    assert_ok(judge(list, "fd00:1:ffff::1", &diag));
    assert_err(judge(list, "fd00:2::1", &diag), ERR_DENIED);
    assert_ok(judge(list, "::ffff:127.0.0.1", &diag)); /* what is inside counts */
    assert_err(judge(list, "::1", &diag), ERR_DENIED);
    assert_ok(judge("::/0, 0.0.0.0/0", "::1", &diag));
    assert_ok(judge("::/0, 0.0.0.0/0", "10.0.0.1", &diag));
}

static void list_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {"10.0.0.0/33", "10.0.0.0/", "10.0/8",     "fd00::/129",
                                        "localhost",   "/8",        "10.0.0.0/-1"};
    char many[1000] = "";

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct guard guard;
        struct diag diag = {0};

        assert_err(guard_init(&guard, text_of(lists[i]), &diag), ERR_INVALID);
        assert_true(text_contains(text_of(diag.message), text_of(lists[i])));
    }
    for (int i = 0; i <= GUARD_NETWORKS_MAX; i++)
        memcpy(many + 8L * i, "1.1.1.1 ", 8);
    struct guard guard;
    struct diag diag = {0};
    assert_err(guard_init(&guard, text_of(many), &diag), ERR_LIMIT);
}

/* ---- URLs ---- */

static void url_is_taken_apart(void **state)
{
    (void)state;
    struct guard_url url;
    struct diag diag = {0};

    assert_ok(guard_parse_url(TEXT("https://Shop.example/hook?a=b@c"), &url, &diag));
    assert_true(url.is_https);
    assert_text(url.host, "Shop.example");
    assert_int_equal(url.port, 443);
    assert_false(url.is_address);

    assert_ok(guard_parse_url(TEXT("HTTP://1.2.3.4:8080"), &url, &diag));
    assert_false(url.is_https);
    assert_true(url.is_address);
    assert_int_equal(url.port, 8080);

    assert_ok(guard_parse_url(TEXT("http://[2a00::1]:8123/"), &url, &diag));
    assert_text(url.host, "2a00::1");
    assert_int_equal(url.port, 8123);
    assert_ok(guard_parse_url(TEXT("https://a_b.xn--bcher-kva.example?x"), &url, &diag));
}

static void url_with_tricks_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum err err;
        const char *why;
    } cases[] = {
        {"", ERR_INVALID, "1 to 2047"},
        {"ftp://shop.example/", ERR_INVALID, "https://"},
        {"file:///etc/passwd", ERR_INVALID, "https://"},
        {"gopher://shop.example", ERR_INVALID, "https://"},
        {"https:/shop.example", ERR_INVALID, "https://"},
        {"//shop.example", ERR_INVALID, "https://"},
        {"shop.example", ERR_INVALID, "https://"},
        {"https://", ERR_INVALID, "host"},
        {"https:///path", ERR_INVALID, "host"},
        {"https://user@shop.example/", ERR_INVALID, "user name"},
        {"https://user:pass@shop.example/", ERR_INVALID, "user name"},
        {"https://shop.example:@127.0.0.1/", ERR_INVALID, "user name"},
        {"https://shop.example/#part", ERR_INVALID, "fragment"},
        {"https://shop.example/a b", ERR_INVALID, "place 23"},
        {"https://shop.example/\r\nX: y", ERR_INVALID, "place 22"},
        {"https://shop.example\\@127.0.0.1/", ERR_INVALID, "place 21"},
        {"https://sh\xc3\xb6p.example/", ERR_INVALID, "place 11"},
        {"https://shop.example./", ERR_INVALID, "host"},
        {"https://shop..example/", ERR_INVALID, "host"},
        {"https://-shop.example/", ERR_INVALID, "host"},
        {"https://127.1/", ERR_INVALID, "host"},
        {"https://2130706433/", ERR_INVALID, "host"},
        {"https://0x7f000001/", ERR_INVALID, "host"},
        {"https://0x7f.1/", ERR_INVALID, "host"},
        {"https://0177.0.0.1/", ERR_INVALID, "host"},
        {"https://1.2.3.4.5/", ERR_INVALID, "host"},
        {"https://shop.example.7/", ERR_INVALID, "host"},
        {"https://%6cocalhost/", ERR_INVALID, "host"},
        {"https://[127.0.0.1]/", ERR_INVALID, "host"},
        {"https://[::1", ERR_INVALID, "not a port"},
        {"https://[::1]x/", ERR_INVALID, "not a port"},
        {"https://[fe80::1%25eth0]/", ERR_INVALID, "host"},
        {"https://[]/", ERR_INVALID, "host"},
        {"https://::1/", ERR_INVALID, "port"},
        {"https://shop.example:/", ERR_INVALID, "port"},
        {"https://shop.example:0/", ERR_INVALID, "port"},
        {"https://shop.example:65536/", ERR_INVALID, "port"},
        {"https://[2a00::1]:81234/", ERR_INVALID, "port"},
        {"https://shop.example:000443/", ERR_INVALID, "port"},
        {"https://shop.example:443:80/", ERR_INVALID, "port"},
        {"https://shop.example:22/", ERR_DENIED, "port 22"},
        {"https://shop.example:25/", ERR_DENIED, "port 25"},
        {"https://shop.example:6379/", ERR_DENIED, "port 6379"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guard_url url;
        struct diag diag = {0};
        enum err err = guard_parse_url(text_of(cases[i].url), &url, &diag);

        if (err != cases[i].err || !text_contains(text_of(diag.message), text_of(cases[i].why)))
            fail_msg("\"%s\": %s: %s", cases[i].url, err_name(err), diag.message);
    }
}

static void url_may_have_2047_characters(void **state)
{
    (void)state;
    char url[FETCH_URL_LEN_MAX + 1];
    struct guard_url parsed;
    struct diag diag = {0};

    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a/", 10);
    assert_ok(guard_parse_url((struct text){url, FETCH_URL_LEN_MAX}, &parsed, &diag));
    assert_err(guard_parse_url((struct text){url, sizeof(url)}, &parsed, &diag), ERR_INVALID);
}

static void address_in_the_url_is_checked_at_once(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "http://127.0.0.1:8080/",
        "https://localhost/",
        "https://LOCALHOST:8443/",
        "http://shop.localhost/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
    };
    struct guard strict = guard_of("");
    struct guard open = guard_of("0.0.0.0/0 ::/0");

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct guard_url url;
        struct diag diag = {0};

        assert_err(guard_check_url(&strict, text_of(urls[i]), &url, &diag), ERR_DENIED);
        assert_true(text_contains(text_of(diag.message), TEXT("fetch.allow_private")));
        assert_ok(guard_check_url(&open, text_of(urls[i]), &url, &diag));
    }
}

static void origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool is_same;
    } cases[] = {
        {"https://a.example/x", "https://A.example:443/y", true},
        {"https://a.example/x", "https://b.example/x", false},
        {"https://a.example/x", "http://a.example/x", false},
        {"https://a.example/x", "https://a.example:8443/x", false},
        {"https://a.example/x", "http://a.example:443/x", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guard_url a, b;
        struct diag diag = {0};

        assert_ok(guard_parse_url(text_of(cases[i].a), &a, &diag));
        assert_ok(guard_parse_url(text_of(cases[i].b), &b, &diag));
        assert_int_equal(guard_same_origin(&a, &b), cases[i].is_same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(addresses_that_are_not_public_are_refused),
        TEST_CASE(public_addresses_are_let_through),
        TEST_CASE(listed_networks_are_allowed_and_their_neighbours_are_not),
        TEST_CASE(list_that_is_none_is_refused),
        TEST_CASE(url_is_taken_apart),
        TEST_CASE(url_with_tricks_is_refused_with_a_reason),
        TEST_CASE(url_may_have_2047_characters),
        TEST_CASE(address_in_the_url_is_checked_at_once),
        TEST_CASE(origin_is_scheme_host_and_port),
    };
    return RUN_TESTS("fetch_guard", tests);
}
