#include <string.h>

#include "base/mem.h"
#include "net/net.h"
#include "support/test.h"

struct counted {
    struct loop *loop;
    size_t datagrams;
    size_t bytes;
    size_t wanted_bytes;
};

static void on_datagram(void *ctx, uint8_t *bytes, size_t len, const struct net_address *from)
{
    struct counted *counted = ctx;

    (void)from;
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], (uint8_t)(counted->bytes + i));
    counted->datagrams++;
    counted->bytes += len;
    if (counted->bytes == counted->wanted_bytes)
        loop_stop(counted->loop);
}

static void segments_arrive_as_datagrams_of_their_length(void **state)
{
    (void)state;
    static const struct udp_handler handler = {.on_datagram = on_datagram};
    struct counted counted = {.wanted_bytes = 100050};
    struct net_address any;
    struct udp_socket *to, *from;
    struct diag diag = {0};

    assert_ok(loop_create("test", &counted.loop));
    assert_ok(net_parse(TEXT("127.0.0.1:0"), &any));
    assert_ok(udp_open(counted.loop, &any, &handler, &counted, &diag, &to));
    assert_ok(udp_open(counted.loop, &any, &handler, &counted, &diag, &from));
    struct net_address address = udp_address(to);
    uint8_t *bytes = mem_alloc(counted.wanted_bytes);
    for (size_t i = 0; i < counted.wanted_bytes; i++)
        bytes[i] = (uint8_t)i;

    udp_send_segments(from, &address, bytes, counted.wanted_bytes, 1000);
    loop_run(counted.loop);
    assert_int_equal(counted.datagrams, 101);
    assert_int_equal(udp_get_stats(from).sent, 101);
    mem_free(bytes);
    udp_close(to);
    udp_close(from);
    loop_destroy(counted.loop);
}

static void busy_port_is_a_conflict_with_a_sentence(void **state)
{
    (void)state;
    static const struct udp_handler handler = {.on_datagram = on_datagram};
    struct loop *loop;
    struct net_address any;
    struct udp_socket *socket, *second;
    struct diag diag = {0};

    assert_ok(loop_create("test", &loop));
    assert_ok(net_parse(TEXT("127.0.0.1:0"), &any));
    assert_ok(udp_open(loop, &any, &handler, NULL, &diag, &socket));
    struct net_address address = udp_address(socket);
    assert_false(udp_port_is_free(&address));
    assert_err(udp_open(loop, &address, &handler, NULL, &diag, &second), ERR_CONFLICT);
    assert_true(text_contains(text_of(diag.message), TEXT("rtc.listen")));
    udp_close(socket);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(segments_arrive_as_datagrams_of_their_length),
        TEST_CASE(busy_port_is_a_conflict_with_a_sentence),
    };
    return RUN_TESTS("net_udp", tests);
}
