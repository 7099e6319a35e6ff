/* RTP packets: what parses is written back to the same fields and the same length. */
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "webrtc/rtp.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[2048];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    struct rtp_packet packet, back;
    struct rtp_extension extension;

    if (size > sizeof(bytes) || rtp_parse(data, size, &packet) != OK)
        return 0;

    struct reader r = reader_of(packet.extensions, packet.extensions_len);
    size_t total = 0;

    while (rtp_next_extension(&r, packet.extension_profile, &extension))
        total += extension.len + 1;
    check(total <= packet.extensions_len);

    /* An extension header with profile 0 cannot be told from none by the writer. */
    if (packet.extension_profile == 0 && (data[0] & 0x10))
        return 0;
    rtp_write(&w, &packet);
    check(!w.failed && w.len == size);
    check(rtp_parse(bytes, w.len, &back) == OK);
    check(memcmp(data, bytes, size - packet.padding_len) == 0);
    check(back.payload_len == packet.payload_len && back.padding_len == packet.padding_len);
    return 0;
}
