/*
 * hls_check - watches the snapshots of a packager as a strict player would, and says what breaks
 * the specification. Used by the unit tests and by the fuzzer; so it returns a complaint instead
 * of failing a test.
 */
#ifndef TESTS_SUPPORT_HLS_CHECK_H
#define TESTS_SUPPORT_HLS_CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "hls/hls.h"
#include "support/mp4_read.h"

struct hls_check {
    uint64_t first_msn;
    uint64_t discontinuity_sequence;
    double part_target; /* must stay */
    double target_duration;
    char hint[96];     /* announced last */
    uint64_t next_msn; /* of the next part to be seen */
    uint64_t next_part;
    uint64_t clock;  /* 90 kHz: where the next video must begin; 0: anywhere */
    uint64_t unseen; /* 90 kHz: how long the parts without video since then last */
    unsigned unseen_parts;
    uint64_t audio_end;        /* where the audio should go on; 0: anywhere */
    uint64_t audio_end_before; /* the last discontinuity; 0: none, or it has gone on since */
    int64_t audio_leap;        /* over the last discontinuity */
    char date[40];
    double part_shortest; /* that was not the last of a segment */
    double part_longest;
    uint64_t part_count;
    uint64_t video_samples;
    uint64_t audio_samples;
    uint64_t audio_holes;
    uint64_t missed_hints; /* the next part was not the hinted one */
    struct mp4_read_part part;
};

static inline double hls_check_number(struct text line, const char *key)
{
    char text[40] = {0};
    size_t key_len = strlen(key);

    for (size_t i = 0; i + key_len <= line.len; i++) {
        if (memcmp(line.ptr + i, key, key_len) == 0) {
            struct text value = text_sub(line, i + key_len, sizeof(text) - 1);
            memcpy(text, value.ptr, value.len);
            return strtod(text, NULL);
        }
    }
    return -1;
}

/* What stands in quotes behind URI=. */
static inline struct text hls_check_uri(struct text line)
{
    (void)text_cut(&line, '"');
    return text_cut(&line, '"');
}

/* Takes a part that is seen for the first time. */
static inline const char *hls_check_media(struct hls_check *check, const struct buf *body,
                                          double duration)
{
    uint64_t ticks = (uint64_t)llround(duration * 90000);
    bool has_video = false;

    if (!mp4_read_part(body->data, body->len, &check->part))
        return "the part cannot be read";
    for (size_t i = 0; i < check->part.track_count; i++) {
        const struct mp4_read_track *track = &check->part.tracks[i];

        if (track->id == 1) {
            if (check->clock && track->decode_time != check->clock)
                return "the decode time of the video does not continue";
            if (llabs((long long)(track->duration - check->unseen - ticks)) >
                1 + check->unseen_parts)
                return "the video does not last until the end of the part";
            check->clock = track->decode_time + track->duration;
            check->unseen = 0;
            check->unseen_parts = 0;
            has_video = true;
            check->video_samples += track->count;
        } else {
            if (check->audio_end && track->decode_time < check->audio_end)
                return "the audio overlaps";
            check->audio_holes += check->audio_end && track->decode_time > check->audio_end;
            if (check->audio_end_before)
                check->audio_leap = (int64_t)(track->decode_time - check->audio_end_before);
            check->audio_end_before = 0;
            check->audio_end = track->decode_time + track->duration;
            check->audio_samples += track->count;
        }
    }
    if (!has_video) {
        check->unseen += ticks;
        check->unseen_parts++;
    }
    check->part_count++;
    return NULL;
}

struct hls_check_segment {
    double sum; /* of its parts */
    double shortest;
    double last;
    size_t parts;
    bool has_discontinuity;
    bool is_first_independent;
};

static inline const char *hls_check_part(struct hls_check *check,
                                         const struct hls_snapshot *snapshot, struct text line,
                                         uint64_t msn, struct hls_check_segment *segment)
{
    double duration = hls_check_number(line, "DURATION=");
    struct hls_file file;
    char name[96];

    (void)snprintf(name, sizeof(name), "%.*s-%llu.%zu.m4s", (int)snapshot->epoch_len,
                   snapshot->epoch, (unsigned long long)msn, segment->parts);
    if (!text_equal(hls_check_uri(line), text_of(name)))
        return "a part has the wrong name";
    if (duration > check->part_target + 1e-9)
        return "a part is longer than PART-TARGET";
    if (segment->parts > 0 && segment->last < 0.85 * check->part_target - 1e-5)
        return "a part is shorter than 85 % of PART-TARGET";
    if (hls_snapshot_find(snapshot, text_of(name), &file) != HLS_READY || file.kind != HLS_PART)
        return "a listed part cannot be fetched";
    if (segment->parts == 0)
        segment->is_first_independent = text_contains(line, TEXT("INDEPENDENT=YES"));
    if (msn > check->next_msn || (msn == check->next_msn && segment->parts >= check->next_part)) {
        if (segment->parts == 0 && segment->has_discontinuity) {
            check->audio_end_before = check->audio_end;
            check->clock = check->audio_end = check->unseen = check->unseen_parts = 0;
        }
        const char *complaint = hls_check_media(check, file.bodies[0], duration);
        if (complaint)
            return complaint;
        if (check->hint[0] && (msn != check->next_msn || segment->parts != check->next_part ||
                               !text_equal(text_of(check->hint), text_of(name))))
            check->missed_hints += check->part_count > 1;
        check->hint[0] = 0; /* only the first new part was hinted */
        check->next_msn = msn;
        check->next_part = segment->parts + 1;
    }
    if (segment->parts > 0 && (segment->shortest == 0 || segment->last < segment->shortest))
        segment->shortest = segment->last;
    if (duration > check->part_longest)
        check->part_longest = duration;
    segment->last = duration;
    segment->sum += duration;
    segment->parts++;
    return NULL;
}

static inline const char *hls_check_header(struct hls_check *check, struct text line)
{
    if (text_starts_with(line, TEXT("#EXT-X-TARGETDURATION:"))) {
        double target = hls_check_number(line, "DURATION:");
        if (target < check->target_duration)
            return "TARGETDURATION falls";
        check->target_duration = target;
    } else if (text_starts_with(line, TEXT("#EXT-X-PART-INF:"))) {
        double target = hls_check_number(line, "PART-TARGET=");
        if (check->part_target != 0 && target != check->part_target)
            return "PART-TARGET changes";
        check->part_target = target;
    } else if (text_starts_with(line, TEXT("#EXT-X-DISCONTINUITY-SEQUENCE:"))) {
        uint64_t sequence = (uint64_t)hls_check_number(line, "SEQUENCE:");
        if (sequence < check->discontinuity_sequence)
            return "DISCONTINUITY-SEQUENCE falls";
        check->discontinuity_sequence = sequence;
    } else if (text_starts_with(line, TEXT("#EXT-X-MEDIA-SEQUENCE:"))) {
        uint64_t msn = (uint64_t)hls_check_number(line, "SEQUENCE:");
        if (msn < check->first_msn)
            return "MEDIA-SEQUENCE falls";
        check->first_msn = msn;
    }
    return NULL;
}

/* NULL, or what is wrong with the snapshot. */
static inline const char *hls_check_snapshot(struct hls_check *check,
                                             const struct hls_snapshot *snapshot)
{
    struct text rest = buf_text(snapshot->playlist);
    struct hls_check_segment segment = {0};
    struct hls_file file;
    uint64_t msn = 0;
    bool has_map = false;
    bool is_gap = false;
    double extinf = 0;
    char hint[96] = {0};

    if (!text_starts_with(rest, TEXT("#EXTM3U\n")) || !text_ends_with(rest, TEXT("\n")))
        return "no playlist";
    while (rest.len) {
        struct text line = text_cut(&rest, '\n');
        const char *complaint = hls_check_header(check, line);

        if (!complaint && text_starts_with(line, TEXT("#EXT-X-MEDIA-SEQUENCE:")))
            msn = check->first_msn;
        if (text_equal(line, TEXT("#EXT-X-DISCONTINUITY")))
            segment.has_discontinuity = true;
        if (text_starts_with(line, TEXT("#EXT-X-MAP:"))) {
            has_map = true;
            if (hls_snapshot_find(snapshot, hls_check_uri(line), &file) != HLS_READY ||
                file.kind != HLS_INIT)
                complaint = "the init segment cannot be fetched";
        }
        if (text_starts_with(line, TEXT("#EXT-X-PROGRAM-DATE-TIME:")) && msn >= check->next_msn) {
            char date[40] = {0};
            memcpy(date, line.ptr + 25, line.len - 25 < 39 ? line.len - 25 : 39);
            if (segment.parts == 0 && msn > check->first_msn && strcmp(date, check->date) < 0)
                complaint = "the dates go back";
            memcpy(check->date, date, sizeof(date));
        }
        if (text_equal(line, TEXT("#EXT-X-GAP")))
            is_gap = true;
        if (!complaint && text_starts_with(line, TEXT("#EXT-X-PART:")) &&
            !text_contains(line, TEXT("GAP=YES")))
            complaint = hls_check_part(check, snapshot, line, msn, &segment);
        if (text_starts_with(line, TEXT("#EXT-X-PRELOAD-HINT:TYPE=PART"))) {
            struct text uri = hls_check_uri(line);
            memcpy(hint, uri.ptr, uri.len < 95 ? uri.len : 95);
            if (hls_snapshot_find(snapshot, uri, &file) != HLS_WAIT)
                complaint = "the hinted part is not waited for";
        }
        if (text_starts_with(line, TEXT("#EXTINF:"))) {
            extinf = hls_check_number(line, "EXTINF:");
            if (floor(extinf + 0.5) > check->target_duration)
                complaint = "a segment is longer than TARGETDURATION";
            if (segment.parts && fabs(segment.sum - extinf) > 1e-5 * (double)(segment.parts + 1))
                complaint = "a segment is not as long as its parts";
        }
        if (complaint)
            return complaint;
        if (line.len && line.ptr[0] != '#') {
            if (!has_map)
                return "no EXT-X-MAP";
            bool is_found = hls_snapshot_find(snapshot, line, &file) == HLS_READY;
            if (is_gap ? is_found || msn != 0 : !is_found || file.kind != HLS_SEGMENT)
                return "a listed segment cannot be fetched, or a gap can";
            is_gap = false;
            if (segment.shortest > 0 &&
                (check->part_shortest == 0 || segment.shortest < check->part_shortest))
                check->part_shortest = segment.shortest;
            segment = (struct hls_check_segment){0};
            msn++;
        }
    }
    if (snapshot->is_ended != (hint[0] == 0))
        return "a hint beside ENDLIST, or none without";
    memcpy(check->hint, hint, sizeof(hint));
    char expected[96];
    (void)snprintf(expected, sizeof(expected), "%.*s-%llu.%zu.m4s", (int)snapshot->epoch_len,
                   snapshot->epoch, (unsigned long long)snapshot->running_msn,
                   snapshot->running_count);
    if (hint[0] && strcmp(hint, expected) != 0)
        return "the hint is not the next part";
    if (hint[0]) {
        check->next_msn = snapshot->running_msn;
        check->next_part = snapshot->running_count;
    }
    return NULL;
}

#endif
