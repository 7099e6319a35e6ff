#include "live/webrtc_tick.h"

/* Of the receive buffer; the rest is for bursts, and for when we are late. */
enum { FULL_SHARE = 4 };

/* So long that no more than that share of the buffer fills at the rate of now. */
static int64_t fitting_us(const struct webrtc_census *census)
{
    int64_t tick_us = WEBRTC_TICK_MEDIA_US;
    int64_t room = (int64_t)census->capacity / FULL_SHARE * census->span_us;

    while (tick_us > WEBRTC_TICK_SHORT_US && (int64_t)census->found * tick_us > room)
        tick_us /= 2;
    return tick_us;
}

int64_t webrtc_tick_next_us(const struct webrtc_census *census)
{
    if (census->connecting)
        return WEBRTC_TICK_SHORT_US;
    int64_t tick_us = fitting_us(census);

    return census->repairing && tick_us > WEBRTC_TICK_REPAIR_US ? WEBRTC_TICK_REPAIR_US : tick_us;
}
