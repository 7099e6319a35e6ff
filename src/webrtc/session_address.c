#include "webrtc/webrtc.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t ipv4_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool webrtc_address_is_ipv4(const struct webrtc_address *address)
{
    return memcmp(address->ip, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

bool webrtc_address_parse(struct text ip, uint16_t port, uint32_t socket,
                          struct webrtc_address *ret_address)
{
    struct webrtc_address address = {.port = port, .socket = socket};
    char string[WEBRTC_IP_TEXT_CAP];

    if (ip.len == 0 || ip.len >= sizeof(string))
        return false;
    memcpy(string, ip.ptr, ip.len);
    string[ip.len] = '\0';
    if (inet_pton(AF_INET, string, address.ip + 12) == 1)
        memcpy(address.ip, ipv4_prefix, sizeof(ipv4_prefix));
    else if (inet_pton(AF_INET6, string, address.ip) != 1)
        return false;
    *ret_address = address;
    return true;
}

void webrtc_address_ip_text(const struct webrtc_address *address, char ret_ip[WEBRTC_IP_TEXT_CAP])
{
    bool is_ipv4 = webrtc_address_is_ipv4(address);

    ret_ip[0] = '\0';
    (void)inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address->ip + (is_ipv4 ? 12 : 0), ret_ip,
                    WEBRTC_IP_TEXT_CAP); /* fails only when the room is too small */
}
