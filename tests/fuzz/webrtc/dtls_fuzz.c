/* Garbage instead of a handshake: each datagram (2 bytes of length, then its bytes) is either taken
 * or ends the session; what is sent back stays bounded. */
#include <stdint.h>
#include <stdlib.h>

#include "base/reader.h"
#include "webrtc/dtls.h"
#include "webrtc/sdp.h"

enum { SENT_MAX = 64 * 1024, DATAGRAMS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_sent(void *ctx, const uint8_t *bytes, size_t len)
{
    size_t *sent = ctx;

    (void)bytes;
    if (len > DTLS_MTU)
        abort();
    *sent += len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dtls_identity *identity;
    static const struct sdp_fingerprint fingerprint = {.hash = SDP_SHA256, .len = 32};
    struct reader r = reader_of(data, size);
    struct dtls *dtls;
    size_t sent = 0;

    if (!identity && dtls_identity_create(&identity) != OK)
        abort();
    if (dtls_create(identity, &fingerprint, 1, count_sent, &sent, &dtls) != OK)
        abort();
    for (int i = 0; i < DATAGRAMS_MAX && r.left > 2; i++) {
        size_t len = reader_u16(&r);
        struct reader datagram = reader_sub(&r, len < r.left ? len : r.left);

        /* The fingerprint is of no certificate, so nobody ever gets in. */
        if (dtls_receive(dtls, datagram.ptr, datagram.left, i) == DTLS_CONNECTED)
            abort();
    }
    if (sent > SENT_MAX)
        abort();
    dtls_destroy(dtls);
    return 0;
}
