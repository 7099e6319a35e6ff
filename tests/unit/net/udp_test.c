#include <string.h>

#include "base/mem.h"
#include "net/net.h"
#include "support/test.h"

struct counted {
    struct loop *loop;
    size_t datagrams;
    size_t bytes;
    size_t wanted_bytes;
    int64_t last_arrived_us;
};

static void on_datagram(void *ctx, uint8_t *bytes, size_t len, const struct net_address *from,
                        int64_t arrived_us)
{
    struct counted *counted = ctx;

    (void)from;
    assert_true(arrived_us <= loop_now_us(counted->loop));
    counted->last_arrived_us = arrived_us;
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

/* What waited for its reader is told apart by when it came, not by when it was read. */
static void clocked_socket_is_read_on_request_and_knows_the_times(void **state)
{
    (void)state;
    static const struct udp_handler handler = {.on_datagram = on_datagram};
    struct counted counted = {0};
    struct net_address any;
    struct udp_socket *to, *from;
    struct diag diag = {0};
    const uint8_t byte = 0;

    assert_ok(loop_create("test", &counted.loop));
    assert_ok(net_parse(TEXT("127.0.0.1:0"), &any));
    assert_ok(udp_open(counted.loop, &any, &handler, &counted, &diag, &to));
    assert_ok(udp_open(counted.loop, &any, &handler, &counted, &diag, &from));
    assert_true(udp_capacity(to) > 50);
    struct net_address address = udp_address(to);

    assert_ok(udp_set_clocked(to, true));
    /* The system begins to stamp a while after the first socket asked for it. */
    int64_t late_us = INT64_MAX;
    size_t tries = 0;
    for (; tries < 100 && late_us > 10000; tries++) {
        udp_send(from, &address, &byte, 1);
        int64_t sent_us = loop_now_us(counted.loop);
        while (loop_now_us(counted.loop) < sent_us + 30000)
            ;
        counted.bytes = 0;
        assert_int_equal(udp_read(to), 1);
        late_us = counted.last_arrived_us - sent_us;
    }
    assert_int_equal(counted.datagrams, tries);
    assert_true(late_us <= 10000); /* it was read after 30 ms */
    assert_int_equal(udp_read(to), 0);

    udp_send(from, &address, &byte, 1); /* nobody reads it before the socket is given back */
    counted.bytes = 0;
    counted.wanted_bytes = 1;
    assert_ok(udp_set_clocked(to, false));
    assert_ok(udp_set_clocked(to, false));
    loop_run(counted.loop);
    assert_int_equal(counted.datagrams, tries + 1);
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
        TEST_CASE(clocked_socket_is_read_on_request_and_knows_the_times),
        TEST_CASE(busy_port_is_a_conflict_with_a_sentence),
    };
    return RUN_TESTS("net_udp", tests);
}
