/* RTCP compounds: the walk ends, never leaves the bytes, and each reader takes any body. */
#include <stdlib.h>

#include "base/writer.h"
#include "webrtc/rtcp.h"
#include "webrtc/twcc.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* What a peer can write has 18 significant bits, so it comes back as it was. */
static void check_remb(uint64_t bitrate)
{
    uint8_t bytes[64];
    struct writer w = writer_fixed(bytes, sizeof(bytes));
    const uint32_t ssrc = 3;
    struct rtcp_packet packet;
    struct rtcp_feedback feedback;
    uint64_t back;

    rtcp_write_remb(&w, 1, bitrate, &ssrc, 1);
    struct reader r = reader_of(bytes, w.len);

    check(!w.failed && rtcp_next(&r, &packet) && rtcp_read_feedback(&packet, &feedback) == OK);
    check(rtcp_read_remb(&feedback, &back) == OK && back == bitrate);
}

static void read_feedback(const struct rtcp_packet *packet)
{
    struct rtcp_feedback feedback;
    struct twcc_report report;
    uint16_t seqs[17];
    uint64_t bitrate;
    size_t count, entries = 0;

    if (rtcp_read_feedback(packet, &feedback) != OK)
        return;
    if (rtcp_read_remb(&feedback, &bitrate) == OK)
        check_remb(bitrate);
    if (twcc_read(&feedback, &report) == OK)
        check(report.count <= TWCC_REPORT_MAX);

    struct reader fci = feedback.fci;

    while (rtcp_next_nack(&fci, seqs, &count)) {
        uint8_t bytes[64];
        struct writer w = writer_fixed(bytes, sizeof(bytes));

        entries++;
        check(count >= 1 && count <= 17);
        rtcp_write_nack(&w, 1, 2, seqs, count); /* one entry goes back into one */
        check(!w.failed && w.len == 16);
    }
    check(entries == feedback.fci.left / 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(data, size);
    struct rtcp_packet packet;
    size_t total = 0;

    while (rtcp_next(&r, &packet)) {
        struct rtcp_sender_report report;
        struct rtcp_report_block block;
        struct rtcp_dlrr dlrr;

        total += 4 + packet.body.left;
        (void)rtcp_find_dlrr(&packet, 1, &dlrr); /* any answer is right */
        read_feedback(&packet);
        if (rtcp_read_sender_report(&packet, &report) != OK)
            continue;
        while (rtcp_next_report_block(&packet.body, &block))
            check(block.cumulative_lost >= -0x800000 && block.cumulative_lost <= 0x7fffff);
    }
    check(total <= size);
    return 0;
}
