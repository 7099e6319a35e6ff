#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/writer.h"
#include "net/net.h"

enum err net_parse_ip(struct text text, uint16_t port, struct net_address *ret_address)
{
    char string[INET6_ADDRSTRLEN];
    struct net_address address = {0};

    if (text.len == 0 || text.len >= sizeof(string))
        return ERR_INVALID;
    memcpy(string, text.ptr, text.len);
    string[text.len] = '\0';
    if (inet_pton(AF_INET, string, &address.v4.sin_addr) == 1)
        address.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, string, &address.v6.sin6_addr) == 1)
        address.any.sa_family = AF_INET6;
    else
        return ERR_INVALID;
    net_set_port(&address, port);
    *ret_address = address;
    return OK;
}

enum err net_parse(struct text text, struct net_address *ret_address)
{
    size_t colon = text.len;
    uint64_t port;

    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !text_parse_u64(text_sub(text, colon, text.len), UINT16_MAX, &port))
        return ERR_INVALID;

    struct text host = text_sub(text, 0, colon - 1);
    if (host.len == 0)
        host = TEXT("0.0.0.0");
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = text_sub(host, 1, host.len - 2);
    else if (text_contains(host, TEXT(":")))
        return ERR_INVALID; /* an IPv6 address needs its brackets before a port */
    return net_parse_ip(host, (uint16_t)port, ret_address);
}

static bool is_v6(const struct net_address *address)
{
    return address->any.sa_family == AF_INET6;
}

uint16_t net_port(const struct net_address *address)
{
    return ntohs(is_v6(address) ? address->v6.sin6_port : address->v4.sin_port);
}

void net_set_port(struct net_address *address, uint16_t port)
{
    if (is_v6(address))
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

socklen_t net_address_len(const struct net_address *address)
{
    return is_v6(address) ? sizeof(address->v6) : sizeof(address->v4);
}

bool net_equal_ip(const struct net_address *a, const struct net_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (is_v6(a))
        return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
    return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

bool net_equal(const struct net_address *a, const struct net_address *b)
{
    return net_equal_ip(a, b) && net_port(a) == net_port(b);
}

static uint64_t hash(const struct net_address *address, uint16_t port)
{
    uint8_t bytes[sizeof(struct in6_addr) + 2] = {0};

    if (is_v6(address))
        memcpy(bytes, &address->v6.sin6_addr, sizeof(struct in6_addr));
    else
        memcpy(bytes, &address->v4.sin_addr, sizeof(struct in_addr));
    memcpy(bytes + sizeof(struct in6_addr), &port, sizeof(port));
    return crypto_siphash(bytes, sizeof(bytes));
}

uint64_t net_hash(const struct net_address *address)
{
    return hash(address, net_port(address));
}

uint64_t net_hash_ip(const struct net_address *address)
{
    return hash(address, 0);
}

struct text net_subscriber_key(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET)
        return (struct text){(const char *)&address->v4.sin_addr, 4};
    return (struct text){(const char *)&address->v6.sin6_addr, 8};
}

bool net_is_loopback(const struct net_address *address)
{
    if (is_v6(address))
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
}

bool net_is_any(const struct net_address *address)
{
    if (is_v6(address))
        return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

void net_write_ip(struct writer *w, const struct net_address *address)
{
    char string[INET6_ADDRSTRLEN] = "";
    const void *ip =
        is_v6(address) ? (const void *)&address->v6.sin6_addr : (const void *)&address->v4.sin_addr;

    (void)inet_ntop(address->any.sa_family, ip, string, sizeof(string));
    writer_str(w, string);
}

void net_write(struct writer *w, const struct net_address *address)
{
    if (is_v6(address))
        writer_char(w, '[');
    net_write_ip(w, address);
    if (is_v6(address))
        writer_char(w, ']');
    writer_char(w, ':');
    writer_dec(w, net_port(address));
}

static size_t collect(const struct ifaddrs *all, bool is_loopback_turn, struct net_address *to,
                      size_t count, size_t cap)
{
    for (const struct ifaddrs *item = all; item && count < cap; item = item->ifa_next) {
        struct net_address address = {0};

        if (!item->ifa_addr || !(item->ifa_flags & IFF_UP))
            continue;
        if (item->ifa_addr->sa_family == AF_INET)
            memcpy(&address.v4, item->ifa_addr, sizeof(address.v4));
        else if (item->ifa_addr->sa_family == AF_INET6)
            memcpy(&address.v6, item->ifa_addr, sizeof(address.v6));
        else
            continue;
        if (is_v6(&address) && IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr))
            continue; /* a link-local address needs a scope that a remote peer does not know */
        if (net_is_loopback(&address) == is_loopback_turn)
            to[count++] = address;
    }
    return count;
}

size_t net_local_addresses(struct net_address *to, size_t cap)
{
    struct ifaddrs *all = NULL;

    if (getifaddrs(&all) != 0)
        return 0;
    size_t count = collect(all, false, to, 0, cap);
    count = collect(all, true, to, count, cap);
    freeifaddrs(all);
    return count;
}
