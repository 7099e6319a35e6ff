/*
 * rtmp_recorder - the owner of an RTMP session in tests: writes each event as a line of text, so
 * that two runs can be compared, and answers on_publish as it is told.
 *
 *     publish app=live key=secret
 *     format video h264 config=014d401f...
 *     sample video dts=40000 pts=80000 key len=1234 sha=5f3c21aa
 *     metadata 1280x720 fps=30.000 video=2500000 audio=128000 encoder=obs-output module
 *     unsupported Audio codec MP3 ...
 *     end 1
 */
#ifndef TESTS_SUPPORT_RTMP_RECORDER_H
#define TESTS_SUPPORT_RTMP_RECORDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/writer.h"
#include "rtmp/rtmp.h"

enum rtmp_recorder_answer {
    RTMP_RECORDER_ACCEPTS = 1,
    RTMP_RECORDER_REJECTS,
    RTMP_RECORDER_WAITS /* the test answers */
};

struct rtmp_recorder {
    struct rtmp_session *session;
    enum rtmp_recorder_answer answer;
    struct writer events;
    struct slice last_payload; /* of the newest sample; with a reference */
    unsigned publish_count, format_count, sample_count, end_count, unsupported_count;
};

/* Creates the session too. */
void rtmp_recorder_init(struct rtmp_recorder *recorder, enum rtmp_recorder_answer answer,
                        const struct rtmp_config *config, int64_t now_us);
void rtmp_recorder_deinit(struct rtmp_recorder *recorder);

#endif
