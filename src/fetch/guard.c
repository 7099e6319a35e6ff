#include "fetch/guard.h"

#include <string.h>

#include "fetch/fetch.h"

/* ---- the list of networks that are allowed ---- */

static const uint8_t *bytes_of(const struct net_address *address)
{
    return address->any.sa_family == AF_INET6 ? (const uint8_t *)&address->v6.sin6_addr
                                              : (const uint8_t *)&address->v4.sin_addr;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned prefix_len)
{
    unsigned whole = prefix_len / 8, rest = prefix_len % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool parse_network(struct text text, struct guard_network *ret_network)
{
    struct guard_network network = {0};
    size_t slash = text_index_of(text, '/');
    uint64_t prefix_len;

    if (net_parse_ip(text_sub(text, 0, slash), 0, &network.address) != OK)
        return false;
    unsigned longest = network.address.any.sa_family == AF_INET6 ? 128 : 32;
    if (slash == text.len)
        prefix_len = longest;
    else if (!text_parse_u64(text_sub(text, slash + 1, text.len), longest, &prefix_len))
        return false;
    network.prefix_len = (unsigned)prefix_len;
    *ret_network = network;
    return true;
}

enum err guard_init(struct guard *guard, struct text allow_private, struct diag *diag)
{
    *guard = (struct guard){0};
    while (allow_private.len) {
        size_t end = 0;

        while (end < allow_private.len && !strchr(", \t", allow_private.ptr[end]))
            end++;
        struct text item = text_sub(allow_private, 0, end);
        allow_private = text_sub(allow_private, end + 1, allow_private.len);
        if (item.len == 0)
            continue;
        if (guard->allowed_count == GUARD_NETWORKS_MAX) {
            diag_set(diag, "no more than %d networks can be listed", GUARD_NETWORKS_MAX);
            return ERR_LIMIT;
        }
        if (!parse_network(item, &guard->allowed[guard->allowed_count])) {
            diag_set(diag, "\"%.*s\" is not a network: write it as 10.0.0.0/8 or fd00::/8",
                     TEXT_ARG(text_sub(item, 0, 60)));
            return ERR_INVALID;
        }
        guard->allowed_count++;
    }
    return OK;
}

static bool is_allowed(const struct guard *guard, sa_family_t family, const uint8_t *bytes)
{
    for (size_t i = 0; i < guard->allowed_count; i++) {
        const struct guard_network *network = &guard->allowed[i];

        if (network->address.any.sa_family == family &&
            same_prefix(bytes, bytes_of(&network->address), network->prefix_len))
            return true;
    }
    return false;
}

/* ---- addresses ---- */

/* IANA's registry of special-purpose IPv4 addresses (RFC 6890 and what updates it), multicast and
 * the reserved rest. */
static const struct {
    uint8_t network[4];
    unsigned prefix_len;
    const char *kind;
} special_v4[] = {
    {{0, 0, 0, 0}, 8, "an unspecified"},
    {{10, 0, 0, 0}, 8, "a private"},
    {{100, 64, 0, 0}, 10, "a shared (carrier's NAT)"},
    {{127, 0, 0, 0}, 8, "a loopback"},
    {{169, 254, 0, 0}, 16, "a link-local"},
    {{172, 16, 0, 0}, 12, "a private"},
    {{192, 0, 0, 0}, 24, "a reserved"},
    {{192, 0, 2, 0}, 24, "a reserved"},
    {{192, 88, 99, 0}, 24, "a reserved"},
    {{192, 168, 0, 0}, 16, "a private"},
    {{198, 18, 0, 0}, 15, "a reserved"},
    {{198, 51, 100, 0}, 24, "a reserved"},
    {{203, 0, 113, 0}, 24, "a reserved"},
    {{224, 0, 0, 0}, 4, "a multicast"},
    {{240, 0, 0, 0}, 4, "a reserved"},
};

enum { NO_V4 = -1 };

/* The same for IPv6; the first that fits counts. Where an IPv4 address is inside, that one is
 * looked at: a gateway would carry the request to it. What none fits and is not 2000::/3 is not
 * given out to anybody. */
static const struct {
    uint8_t network[16];
    unsigned prefix_len;
    int v4_at; /* where the IPv4 address begins */
    uint8_t v4_mask;
    const char *kind;
} special_v6[] = {
    {{0}, 128, NO_V4, 0, "an unspecified"},
    {{[15] = 1}, 128, NO_V4, 0, "a loopback"},
    {{[10] = 0xff, 0xff}, 96, 12, 0, NULL},      /* mapped, RFC 4291 section 2.5.5.2 */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12, 0, NULL}, /* NAT64, RFC 6052 */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, NO_V4, 0, "a private (local NAT64)"}, /* RFC 8215 */
    {{0x20, 0x01, 0x00, 0x00}, 32, 12, 0xff, NULL},         /* Teredo, RFC 4380: inverted */
    {{0x20, 0x01, 0x00, 0x00}, 23, NO_V4, 0, "a reserved"}, /* IETF's own, RFC 2928 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, NO_V4, 0, "a reserved"}, /* for documents */
    {{0x20, 0x02}, 16, 2, 0, NULL},                         /* 6to4, RFC 3056 */
    {{0x3f, 0xff}, 20, NO_V4, 0, "a reserved"},             /* for documents */
    {{0xfc}, 7, NO_V4, 0, "a private (unique local)"},
    {{0xfe, 0x80}, 10, NO_V4, 0, "a link-local"},
    {{0xfe, 0xc0}, 10, NO_V4, 0, "a private (site-local)"},
    {{0xff}, 8, NO_V4, 0, "a multicast"},
};

/* NULL: public, or allowed. */
static const char *judge_v4(const struct guard *guard, const uint8_t bytes[4])
{
    if (is_allowed(guard, AF_INET, bytes))
        return NULL;
    for (size_t i = 0; i < sizeof(special_v4) / sizeof(special_v4[0]); i++)
        if (same_prefix(bytes, special_v4[i].network, special_v4[i].prefix_len))
            return special_v4[i].kind;
    return NULL;
}

/* An IPv4 address in the interface's half: ISATAP, RFC 5214 section 6.1. */
static bool is_isatap(const uint8_t bytes[16])
{
    return (bytes[8] & 0xfd) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

static const char *judge_v6(const struct guard *guard, const uint8_t bytes[16])
{
    if (is_allowed(guard, AF_INET6, bytes))
        return NULL;
    for (size_t i = 0; i < sizeof(special_v6) / sizeof(special_v6[0]); i++) {
        uint8_t v4[4];

        if (!same_prefix(bytes, special_v6[i].network, special_v6[i].prefix_len))
            continue;
        if (special_v6[i].v4_at == NO_V4)
            return special_v6[i].kind;
        for (int k = 0; k < 4; k++)
            v4[k] = bytes[special_v6[i].v4_at + k] ^ special_v6[i].v4_mask;
        return judge_v4(guard, v4);
    }
    if (bytes[0] >> 5 != 1)
        return "a reserved";
    return is_isatap(bytes) ? judge_v4(guard, bytes + 12) : NULL;
}

enum err guard_check_address(const struct guard *guard, const struct net_address *address,
                             struct diag *diag)
{
    const char *kind = "an unknown kind of";

    if (address->any.sa_family == AF_INET)
        kind = judge_v4(guard, bytes_of(address));
    else if (address->any.sa_family == AF_INET6)
        kind = judge_v6(guard, bytes_of(address));
    if (!kind)
        return OK;
    diag_set(diag,
             "leads to %s address; requests go to public addresses only (an operator allows others "
             "with fetch.allow_private)",
             kind);
    return ERR_DENIED;
}

/* ---- URLs ---- */

/* Ports above 1023 where something else than HTTP listens, and what it is told could harm. The
 * first part is the list that browsers keep (WHATWG fetch, "bad port"). */
static const uint16_t bad_ports[] = {
    1719, 1720, 1723, 2049,  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,  6668,
    6669, 6679, 6697, 10080, 1433, 1521, 2375, 2379, 3306, 5432, 6379, 9042, 9200, 11211, 27017,
};

static bool is_sane_port(uint64_t port)
{
    if (port < 1024)
        return port == 80 || port == 443;
    for (size_t i = 0; i < sizeof(bad_ports) / sizeof(bad_ports[0]); i++)
        if (bad_ports[i] == port)
            return false;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_label(struct text label)
{
    if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_letter(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-' &&
            label.ptr[i] != '_')
            return false;
    return true;
}

/* Many ways of writing an IPv4 address end so ("127.1", "0x7f000001", "2130706433"): we take only
 * the one with four decimal numbers. */
static bool looks_like_number(struct text label)
{
    size_t digits = 0;
    uint64_t value;

    if (text_starts_with_nocase(label, TEXT("0x")))
        return label.len == 2 ||
               text_parse_hex_u64(text_sub(label, 2, label.len), UINT64_MAX, &value);
    while (digits < label.len && is_digit(label.ptr[digits]))
        digits++;
    return digits == label.len;
}

static bool is_host_name(struct text host)
{
    struct text rest = host;
    struct text label = {0};

    if (host.len == 0 || host.len > GUARD_HOST_LEN_MAX || host.ptr[host.len - 1] == '.')
        return false;
    while (rest.len) {
        label = text_cut(&rest, '.');
        if (!is_label(label))
            return false;
    }
    return !looks_like_number(label);
}

static enum err parse_host(struct text host, bool has_brackets, struct guard_url *url,
                           struct diag *diag)
{
    url->host = host;
    if (net_parse_ip(host, url->port, &url->address) == OK &&
        (url->address.any.sa_family == AF_INET6) == has_brackets) {
        url->is_address = true;
        return OK;
    }
    if (!has_brackets && is_host_name(host))
        return OK;
    diag_set(diag, "has a host that cannot be used: write a name as in shop.example, or a plain "
                   "IP address (international names as xn--...)");
    return ERR_INVALID;
}

static enum err parse_port(struct text text, struct guard_url *url, struct diag *diag)
{
    uint64_t port;

    if (!text_parse_u64(text, UINT16_MAX, &port) || text.len > 5 || port == 0) {
        diag_set(diag, "has a port that is not a number from 1 to 65535");
        return ERR_INVALID;
    }
    url->port = (uint16_t)port;
    return OK;
}

static enum err parse_authority(struct text authority, struct guard_url *url, struct diag *diag)
{
    bool has_brackets = authority.len && authority.ptr[0] == '[';
    size_t host_end = text_index_of(authority, has_brackets ? ']' : ':');
    struct text host = text_sub(authority, has_brackets, host_end - has_brackets);
    struct text rest = text_sub(authority, host_end + has_brackets, authority.len);

    url->port = url->is_https ? 443 : 80;
    if ((has_brackets && host_end == authority.len) || (rest.len && rest.ptr[0] != ':')) {
        diag_set(diag, "has something after its host that is not a port");
        return ERR_INVALID;
    }
    if (rest.len) {
        enum err err = parse_port(text_sub(rest, 1, rest.len), url, diag);
        if (err != OK)
            return err;
    }
    return parse_host(host, has_brackets, url, diag);
}

/* RFC 3986 section 2: everything else has to be written as %XX. */
static bool is_url_char(char c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr("-._~:/?[]@!$&'()*+,;=%", c));
}

static enum err check_chars(struct text url, struct diag *diag)
{
    if (url.len == 0 || url.len > FETCH_URL_LEN_MAX) {
        diag_set(diag, "must have 1 to %d characters", FETCH_URL_LEN_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < url.len; i++) {
        if (is_url_char(url.ptr[i]))
            continue;
        if (url.ptr[i] == '#')
            diag_set(diag, "must not have a fragment (#...): it is never sent");
        else
            diag_set(diag, "has a character at place %zu that must be written as %%XX", i + 1);
        return ERR_INVALID;
    }
    return OK;
}

enum err guard_parse_url(struct text url, struct guard_url *ret_url, struct diag *diag)
{
    struct guard_url parsed = {0};
    enum err err = check_chars(url, diag);

    if (err != OK)
        return err;
    parsed.is_https = text_starts_with_nocase(url, TEXT("https://"));
    if (!parsed.is_https && !text_starts_with_nocase(url, TEXT("http://"))) {
        diag_set(diag, "must begin with https:// or http://");
        return ERR_INVALID;
    }

    struct text rest = text_sub(url, parsed.is_https ? 8 : 7, url.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    struct text authority = text_sub(rest, 0, end);
    if (text_index_of(authority, '@') < authority.len) {
        diag_set(diag, "must not carry a user name or password");
        return ERR_INVALID;
    }
    err = parse_authority(authority, &parsed, diag);
    if (err != OK)
        return err;
    if (!is_sane_port(parsed.port)) {
        diag_set(diag, "has port %d, where no web server should be: use 443, 80 or one above 1023",
                 parsed.port);
        return ERR_DENIED;
    }
    *ret_url = parsed;
    return OK;
}

bool guard_same_origin(const struct guard_url *a, const struct guard_url *b)
{
    return a->is_https == b->is_https && a->port == b->port && text_equal_nocase(a->host, b->host);
}

static bool is_localhost(struct text host)
{
    const struct text suffix = TEXT(".localhost");

    return text_equal_nocase(host, TEXT("localhost")) ||
           (host.len > suffix.len &&
            text_equal_nocase(text_sub(host, host.len - suffix.len, suffix.len), suffix));
}

enum err guard_check_url(const struct guard *guard, struct text url, struct guard_url *ret_url,
                         struct diag *diag)
{
    struct guard_url parsed;
    enum err err = guard_parse_url(url, &parsed, diag);

    if (err != OK)
        return err;
    if (is_localhost(parsed.host)) { /* RFC 6761 section 6.3: nothing but loopback */
        struct net_address loopback = {
            .v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
        err = guard_check_address(guard, &loopback, diag);
    } else if (parsed.is_address) {
        err = guard_check_address(guard, &parsed.address, diag);
    }
    if (err == OK)
        *ret_url = parsed;
    return err;
}
