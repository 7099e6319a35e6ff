/*
 * Arrivals as (step of the sequence u8, step of time u16 ticks): each feedback that is written is
 * read back, covers a run of sequence numbers, and tells each arrival exactly.
 */
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "webrtc/rtcp.h"
#include "webrtc/twcc.h"

static int64_t arrivals[65536]; /* in ticks, plus 1, of the newest cycle */

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_feedbacks(struct twcc *twcc)
{
    while (twcc->is_pending) {
        uint8_t bytes[1400];
        struct writer w = writer_fixed(bytes, sizeof(bytes));
        struct rtcp_packet packet;
        struct rtcp_feedback feedback;
        struct twcc_report report;

        twcc_write(twcc, &w, 1, 2);
        check(!w.failed && w.len % 4 == 0 && w.len < 1200);
        struct reader r = reader_of(bytes, w.len);

        check(rtcp_next(&r, &packet) && r.left == 0);
        check(rtcp_read_feedback(&packet, &feedback) == OK);
        check(twcc_read(&feedback, &report) == OK);
        check(report.count > 0);
        for (size_t i = 0; i < report.count; i++) {
            int64_t arrival = arrivals[(uint16_t)(report.base_seq + i)];

            if (report.statuses[i].is_received)
                check(report.statuses[i].ticks == arrival - 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct twcc twcc;
    struct reader r = reader_of(data, size);
    int64_t ticks = 1000;
    uint16_t seq = 65000;

    memset(&twcc, 0, sizeof(twcc));
    memset(arrivals, 0, sizeof(arrivals));
    /* Fewer than the numbers that exist, so that each means one packet. */
    for (unsigned i = 0; r.left >= 3 && i < 400; i++) {
        uint8_t how = reader_u8(&r);
        int16_t step = (int16_t)(int8_t)how;

        ticks += reader_u16(&r);
        seq = (uint16_t)(seq + step);
        if (!arrivals[seq]) {
            arrivals[seq] = ticks + 1;
            twcc_add(&twcc, seq, ticks * TWCC_TICK_US);
        }
        if (how % 16 == 7)
            check_feedbacks(&twcc);
    }
    check_feedbacks(&twcc);
    return 0;
}
