/*
 * session_fixture - one session with a recorder behind it and a client in front of it.
 */
#ifndef TESTS_UNIT_RTMP_SESSION_FIXTURE_H
#define TESTS_UNIT_RTMP_SESSION_FIXTURE_H

#include "base/clock.h"
#include "rtmp/amf0.h"
#include "rtmp/chunk.h"
#include "rtmp/rtmp.h"
#include "support/rtmp_client.h"
#include "support/rtmp_recorder.h"
#include "support/test.h"
#include <string.h>

static const struct rtmp_config config = {.seed = {4, 2}};

/* A client, a session, and what the session said. */
struct fixture {
    struct rtmp_client client;
    struct rtmp_recorder recorder;
    int64_t now_us;
};

static inline struct fixture *begin_with(const struct rtmp_config *with,
                                         enum rtmp_recorder_answer answer)
{
    static struct fixture f;

    f = (struct fixture){.client = rtmp_client_new(), .now_us = 1000};
    rtmp_recorder_init(&f.recorder, answer, with, f.now_us);
    return &f;
}

static inline struct fixture *begin(enum rtmp_recorder_answer answer)
{
    return begin_with(&config, answer);
}

static inline void end(struct fixture *f)
{
    rtmp_recorder_deinit(&f->recorder);
    rtmp_client_free(&f->client);
}

/* Sends what the client has written. */
static inline enum err deliver(struct fixture *f)
{
    enum err err =
        rtmp_session_receive(f->recorder.session, f->client.out.data, f->client.out.len, f->now_us);

    writer_clear(&f->client.out);
    return err;
}

static inline struct text output(const struct fixture *f)
{
    return writer_as_text(rtmp_session_output(f->recorder.session));
}

static inline void clear_output(struct fixture *f)
{
    writer_clear(rtmp_session_output(f->recorder.session));
}

static inline void assert_events(struct fixture *f, const char *wanted)
{
    assert_text(writer_as_text(&f->recorder.events), wanted);
}

static inline void clear_events(struct fixture *f)
{
    writer_clear(&f->recorder.events);
}

static inline struct fixture *begin_publishing(void)
{
    struct fixture *f = begin(RTMP_RECORDER_ACCEPTS);

    rtmp_client_start(&f->client, "live", "key");
    assert_ok(deliver(f));
    clear_events(f);
    clear_output(f);
    return f;
}

#endif
