#include "base/writer.h"
#include "net/net.h"
#include "support/test.h"

static void addresses_are_parsed_and_written_back(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"127.0.0.1:8080", "127.0.0.1:8080"},
                                          {":1935", "0.0.0.0:1935"},
                                          {"[::1]:443", "[::1]:443"},
                                          {"[2001:db8::1]:0", "[2001:db8::1]:0"}};
    static const char *const bad[] = {
        "",       "8080",          "localhost:80", "1.2.3.4:",  "1.2.3:80",
        "::1:80", "1.2.3.4:65536", "1.2.3.4:-1",   "[1.2.3.4]", "[::1]:8x"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct net_address address;
        char memory[80];
        struct writer w = writer_fixed(memory, sizeof(memory));

        assert_ok(net_parse(text_of(good[i][0]), &address));
        net_write(&w, &address);
        assert_text(writer_as_text(&w), good[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct net_address address;
        assert_err(net_parse(text_of(bad[i]), &address), ERR_INVALID);
    }
}

static void equality_sees_ip_and_port(void **state)
{
    (void)state;
    struct net_address a, b, c;

    assert_ok(net_parse(TEXT("127.0.0.1:1"), &a));
    assert_ok(net_parse(TEXT("127.0.0.1:2"), &b));
    assert_ok(net_parse(TEXT("[::1]:1"), &c));
    assert_false(net_equal(&a, &b));
    assert_true(net_equal_ip(&a, &b));
    assert_false(net_equal_ip(&a, &c));
    assert_true(net_hash_ip(&a) == net_hash_ip(&b));
    assert_true(net_hash(&a) != net_hash(&b));
    assert_true(net_is_loopback(&a) && net_is_loopback(&c));
}

static void a_subscriber_has_an_address_or_a_64(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        {"192.0.2.1:1", "192.0.2.1:2", true},
        {"192.0.2.1:1", "192.0.2.2:1", false},
        {"[2001:db8:1:2::3]:1", "[2001:db8:1:2:ffff::4]:2", true},
        {"[2001:db8:1:2::3]:1", "[2001:db8:1:3::3]:1", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_address a, b;

        assert_ok(net_parse(text_of(cases[i].a), &a));
        assert_ok(net_parse(text_of(cases[i].b), &b));
        assert_int_equal(text_equal(net_subscriber_key(&a), net_subscriber_key(&b)),
                         cases[i].is_same);
    }
}

static void this_machine_has_addresses_loopback_last(void **state)
{
    (void)state;
    struct net_address addresses[16];
    size_t count = net_local_addresses(addresses, 16);

    assert_true(count > 0);
    for (size_t i = 0; i + 1 < count; i++)
        assert_true(!net_is_loopback(&addresses[i]) || net_is_loopback(&addresses[i + 1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(addresses_are_parsed_and_written_back),
        TEST_CASE(equality_sees_ip_and_port),
        TEST_CASE(a_subscriber_has_an_address_or_a_64),
        TEST_CASE(this_machine_has_addresses_loopback_last),
    };
    return RUN_TESTS("net_address", tests);
}
