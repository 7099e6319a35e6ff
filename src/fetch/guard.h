/*
 * guard - which URLs and addresses requests may go to. Private to fetch/.
 *
 * The grammar of URLs is narrower than libcurl's on purpose: what passes means the same to both
 * (tests/fuzz/fetch/guard_fuzz.c compares them).
 */
#ifndef FETCH_GUARD_H
#define FETCH_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "net/net.h"

enum { GUARD_NETWORKS_MAX = 64, GUARD_HOST_LEN_MAX = 253 };

struct guard_network {
    struct net_address address;
    unsigned prefix_len;
};

struct guard {
    struct guard_network allowed[GUARD_NETWORKS_MAX];
    size_t allowed_count;
};

/* Reads the list of networks. ERR_INVALID, ERR_LIMIT. */
MUST_USE enum err guard_init(struct guard *guard, struct text allow_private, struct diag *diag);

struct guard_url {
    bool is_https;
    struct text host; /* without brackets */
    uint16_t port;
    bool is_address;
    struct net_address address; /* of a host that is one */
};

/* ERR_INVALID: not a URL that we use; ERR_DENIED: the port. The sentence fits after "url". */
MUST_USE enum err guard_parse_url(struct text url, struct guard_url *ret_url, struct diag *diag);

/* The same host, scheme and port: who may see the headers that were meant for the other. */
bool guard_same_origin(const struct guard_url *a, const struct guard_url *b);

/* ERR_DENIED: no request may be sent to this address. The sentence fits after the host's name and
 * does not tell the address. */
MUST_USE enum err guard_check_address(const struct guard *guard, const struct net_address *address,
                                      struct diag *diag);

/* Both, as far as the text tells: an address in it is checked, and the name localhost. */
MUST_USE enum err guard_check_url(const struct guard *guard, struct text url,
                                  struct guard_url *ret_url, struct diag *diag);

#endif
