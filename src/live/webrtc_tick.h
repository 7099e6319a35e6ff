/*
 * webrtc_tick - how soon the WebRTC publishers are served again. Private to live/.
 *
 * Each wake-up costs more than what is done in it, so a line without faults is looked at as seldom
 * as the parts of HLS allow. What is worth looking sooner: somebody who connects (each message of a
 * handshake waits for us), packets that are missing (each is asked for again one tick later), and a
 * receive buffer that fills. See docs/decisions/0016-udp-on-a-clock.md.
 */
#ifndef LIVE_WEBRTC_TICK_H
#define LIVE_WEBRTC_TICK_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define WEBRTC_TICK_IDLE_US   (10 * US_PER_MS) /* nobody sends media: UDP is read as it comes */
#define WEBRTC_TICK_MEDIA_US  (40 * US_PER_MS)
#define WEBRTC_TICK_REPAIR_US (10 * US_PER_MS)
#define WEBRTC_TICK_SHORT_US  (5 * US_PER_MS)

/* What the tick that ends has seen. */
struct webrtc_census {
    size_t connecting; /* publishers */
    size_t connected;
    size_t repairing; /* of these: have missed packets lately */
    size_t found;     /* datagrams that had come */
    int64_t span_us;  /* in this time */
    size_t capacity;  /* datagrams that the receive buffer holds */
};

/* While some are connected. */
int64_t webrtc_tick_next_us(const struct webrtc_census *census);

#endif
