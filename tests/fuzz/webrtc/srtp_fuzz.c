/* The first byte chooses profile and kind; the rest is a packet. What opens (the seeds do) must
 * seal to the same bytes again; what does not open must not spoil the context. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "webrtc/srtp.h"

enum { PACKET_CAP = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct srtp_key cm_key = {
    .key = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde,
            0x41, 0x39},
    .salt = {0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6},
};
static const struct srtp_key gcm_key = {
    .key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .salt = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t packet[PACKET_CAP];
    size_t len;

    if (size < 1 || size > PACKET_CAP - SRTP_OVERHEAD)
        return 0;
    enum srtp_profile profile = data[0] & 2 ? SRTP_PROFILE_GCM : SRTP_PROFILE_CM_SHA1_80;
    bool is_rtcp = (data[0] & 1) != 0;
    const struct srtp_key *key = data[0] & 2 ? &gcm_key : &cm_key;
    struct srtp_context *open = srtp_context_create(profile, SRTP_OPEN, key);
    struct srtp_context *seal = srtp_context_create(profile, SRTP_SEAL, key);

    data++;
    size--;
    memcpy(packet, data, size);
    enum err err = (is_rtcp ? srtp_open_rtcp : srtp_open_rtp)(open, packet, size, &len);
    if (err == OK) {
        size_t sealed_len;

        if (len >= size)
            abort();
        err = (is_rtcp ? srtp_seal_rtcp : srtp_seal_rtp)(seal, packet, len, sizeof(packet),
                                                         &sealed_len);
        if (err != OK || sealed_len != size)
            abort();
        if (!is_rtcp && memcmp(packet, data, size) != 0)
            abort();
    }
    srtp_context_destroy(open);
    srtp_context_destroy(seal);
    return 0;
}
