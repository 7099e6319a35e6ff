#include "webrtc/twcc.h"

#include <string.h>

#include "base/writer.h"
#include "webrtc/rtcp.h"
#include "webrtc/rtp.h"

enum symbol { SYMBOL_MISSING, SYMBOL_SMALL, SYMBOL_LARGE, SYMBOL_RESERVED };

enum {
    RUN_LEN_MAX = 0x1fff,
    ONE_BIT_COUNT = 14,
    TWO_BIT_COUNT = 7,
    VECTOR = 0x8000,
    VECTOR_TWO_BITS = 0x4000,
};

static int64_t *arrival_of(struct twcc *twcc, int64_t seq)
{
    return &twcc->arrivals[(uint64_t)seq % TWCC_WINDOW];
}

static void restart(struct twcc *twcc, int64_t seq)
{
    memset(twcc->arrivals, 0, sizeof(twcc->arrivals));
    twcc->has_packets = true;
    twcc->begin_seq = seq;
    twcc->highest_seq = seq;
    twcc->is_pending = true;
}

static void advance(struct twcc *twcc, int64_t seq)
{
    for (int64_t missing = twcc->highest_seq + 1; missing < seq; missing++)
        *arrival_of(twcc, missing) = 0;
    if (!twcc->is_pending)
        twcc->begin_seq = twcc->highest_seq + 1;
    twcc->highest_seq = seq;
    if (twcc->begin_seq <= seq - TWCC_WINDOW)
        twcc->begin_seq = seq - TWCC_WINDOW + 1;
    twcc->is_pending = true;
}

void twcc_add(struct twcc *twcc, uint16_t seq, int64_t now_us)
{
    int64_t extended = rtp_extend_seq(twcc->highest_seq, seq);

    if (!twcc->has_packets || extended - twcc->highest_seq >= TWCC_WINDOW) {
        restart(twcc, twcc->has_packets ? extended : seq);
        extended = twcc->highest_seq;
    } else if (extended > twcc->highest_seq) {
        advance(twcc, extended);
    } else if (extended <= twcc->highest_seq - TWCC_WINDOW || *arrival_of(twcc, extended)) {
        return;
    } else if (!twcc->is_pending || extended < twcc->begin_seq) {
        twcc->begin_seq = extended;
        twcc->is_pending = true;
    }
    *arrival_of(twcc, extended) = now_us / TWCC_TICK_US + 1;
}

/* The packets of one feedback, as symbols and deltas. */
struct plan {
    int64_t reference; /* ticks, a multiple of 64 ms */
    size_t count;
    uint8_t symbols[TWCC_REPORT_MAX];
    int16_t deltas[TWCC_REPORT_MAX];
};

static int64_t round_to_reference(int64_t ticks)
{
    return ticks / TWCC_TICKS_PER_REFERENCE * TWCC_TICKS_PER_REFERENCE;
}

/* Takes packets from begin_seq on, up to one whose delta does not fit: it starts the next one. */
static void make_plan(struct twcc *twcc, struct plan *plan)
{
    int64_t previous = 0;
    bool has_reference = false;

    plan->count = 0;
    plan->reference = round_to_reference(*arrival_of(twcc, twcc->highest_seq) - 1);
    for (int64_t seq = twcc->begin_seq; seq <= twcc->highest_seq && plan->count < TWCC_REPORT_MAX;
         seq++) {
        int64_t ticks = *arrival_of(twcc, seq) - 1;
        uint8_t symbol = SYMBOL_MISSING;

        if (ticks >= 0) {
            if (!has_reference) {
                plan->reference = round_to_reference(ticks);
                previous = plan->reference;
                has_reference = true;
            }
            int64_t delta = ticks - previous;

            if (delta < INT16_MIN || delta > INT16_MAX)
                break;
            symbol = delta >= 0 && delta <= UINT8_MAX ? SYMBOL_SMALL : SYMBOL_LARGE;
            plan->deltas[plan->count] = (int16_t)delta;
            previous = ticks;
        }
        plan->symbols[plan->count++] = symbol;
    }
}

static size_t run_len(const struct plan *plan, size_t from)
{
    size_t to = from;

    while (to < plan->count && plan->symbols[to] == plan->symbols[from])
        to++;
    return to - from;
}

static size_t count_without_large(const struct plan *plan, size_t from)
{
    size_t to = from;

    while (to < plan->count && to - from < ONE_BIT_COUNT && plan->symbols[to] != SYMBOL_LARGE)
        to++;
    return to - from;
}

/* Writes one chunk and returns how many packets it tells of. Draft section 3.1.3 and 3.1.4. */
static size_t write_chunk(const struct plan *plan, size_t from, struct writer *w)
{
    size_t left = plan->count - from;
    size_t run = run_len(plan, from);
    size_t one_bit = count_without_large(plan, from);
    uint16_t chunk = VECTOR;

    if (run == left || run >= ONE_BIT_COUNT || (run >= TWO_BIT_COUNT && one_bit < ONE_BIT_COUNT)) {
        writer_u16(w, (uint16_t)((unsigned)plan->symbols[from] << 13 | run));
        return run;
    }
    if (one_bit == ONE_BIT_COUNT || one_bit == left) {
        for (size_t i = 0; i < one_bit; i++)
            chunk = (uint16_t)(chunk | plan->symbols[from + i] << (ONE_BIT_COUNT - 1 - i));
        writer_u16(w, chunk);
        return one_bit;
    }
    size_t two_bit = left < TWO_BIT_COUNT ? left : TWO_BIT_COUNT;

    chunk |= VECTOR_TWO_BITS;
    for (size_t i = 0; i < two_bit; i++)
        chunk = (uint16_t)(chunk | plan->symbols[from + i] << 2U * (TWO_BIT_COUNT - 1U - i));
    writer_u16(w, chunk);
    return two_bit;
}

void twcc_write(struct twcc *twcc, struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
    struct plan plan = {0};
    size_t begin = rtcp_begin(w, RTCP_RTPFB_TWCC, RTCP_RTPFB);

    make_plan(twcc, &plan);
    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
    writer_u16(w, (uint16_t)twcc->begin_seq);
    writer_u16(w, (uint16_t)plan.count);
    writer_u24(w, (uint32_t)(plan.reference / TWCC_TICKS_PER_REFERENCE) & 0xffffff);
    writer_u8(w, twcc->feedback_number++);
    for (size_t i = 0; i < plan.count;)
        i += write_chunk(&plan, i, w);
    for (size_t i = 0; i < plan.count; i++) {
        if (plan.symbols[i] == SYMBOL_SMALL)
            writer_u8(w, (uint8_t)plan.deltas[i]);
        else if (plan.symbols[i] == SYMBOL_LARGE)
            writer_u16(w, (uint16_t)plan.deltas[i]);
    }
    writer_zeroes(w, (4 - (w->len - begin) % 4) % 4);
    rtcp_end(w, begin);

    twcc->begin_seq += (int64_t)plan.count;
    twcc->is_pending = twcc->begin_seq <= twcc->highest_seq;
}

/* Reads the chunks into `symbols`; the last one may tell of more than `count` packets. */
static void read_chunks(struct reader *r, uint8_t *symbols, size_t count)
{
    for (size_t at = 0; at < count && !r->failed;) {
        uint16_t chunk = reader_u16(r);
        unsigned bits = chunk & VECTOR_TWO_BITS ? 2U : 1U;
        size_t told = chunk & RUN_LEN_MAX;

        if (chunk & VECTOR)
            told = bits == 2 ? TWO_BIT_COUNT : ONE_BIT_COUNT;
        if (told == 0)
            reader_fail(r); /* would never end */
        for (size_t i = 0; i < told && at < count; i++, at++) {
            if (chunk & VECTOR)
                symbols[at] =
                    (uint8_t)((unsigned)chunk >> (ONE_BIT_COUNT - bits * (i + 1)) & (bits * 2 - 1));
            else
                symbols[at] = chunk >> 13 & 3;
        }
    }
}

enum err twcc_read(const struct rtcp_feedback *feedback, struct twcc_report *ret_report)
{
    struct reader r = feedback->fci;
    uint8_t symbols[TWCC_REPORT_MAX] = {0};

    ret_report->base_seq = reader_u16(&r);
    ret_report->count = reader_u16(&r);
    int64_t ticks = (int64_t)reader_u24(&r) * TWCC_TICKS_PER_REFERENCE;
    ret_report->feedback_number = reader_u8(&r);
    if (r.failed)
        return ERR_MALFORMED;
    if (ret_report->count > TWCC_REPORT_MAX)
        return ERR_LIMIT;

    read_chunks(&r, symbols, ret_report->count);
    for (size_t i = 0; i < ret_report->count; i++) {
        if (symbols[i] == SYMBOL_RESERVED)
            reader_fail(&r);
        if (symbols[i] == SYMBOL_SMALL)
            ticks += reader_u8(&r);
        else if (symbols[i] == SYMBOL_LARGE)
            ticks += (int16_t)reader_u16(&r);
        ret_report->statuses[i] = (struct twcc_status){symbols[i] != SYMBOL_MISSING, ticks};
    }
    return r.failed ? ERR_MALFORMED : OK;
}
