#include "support/rtmp_recorder.h"

#include "base/crypto.h"
#include "media/sample.h"

enum { EVENTS_LEN_MAX = 8 << 20 };

static void on_publish(void *ctx, struct text app, struct text key)
{
    struct rtmp_recorder *recorder = ctx;

    recorder->publish_count++;
    writer_printf(&recorder->events, "publish app=%.*s key=%.*s\n", TEXT_ARG(app), TEXT_ARG(key));
    if (recorder->answer == RTMP_RECORDER_ACCEPTS)
        rtmp_session_accept(recorder->session);
    else if (recorder->answer == RTMP_RECORDER_REJECTS)
        rtmp_session_reject(recorder->session, RTMP_REJECT_BAD_NAME,
                            TEXT("This stream key is not known."));
}

static const char *kind_name(enum media_kind kind)
{
    return kind == MEDIA_VIDEO ? "video" : "audio";
}

static void on_format(void *ctx, enum media_kind kind, struct format *format)
{
    struct rtmp_recorder *recorder = ctx;

    recorder->format_count++;
    writer_printf(&recorder->events, "format %s %s config=", kind_name(kind),
                  codec_name(format->codec));
    if (format->config)
        crypto_hex(&recorder->events, format->config->data, format->config->len);
    writer_char(&recorder->events, '\n');
    format_unref(format);
}

static void on_sample(void *ctx, struct sample *sample)
{
    struct rtmp_recorder *recorder = ctx;
    uint8_t digest[CRYPTO_SHA1_LEN];

    recorder->sample_count++;
    crypto_sha1(sample->payload.data, sample->payload.len, digest);
    writer_printf(&recorder->events,
                  "sample %s dts=%lld pts=%lld %s len=%zu sha=", kind_name(sample->kind),
                  (long long)sample->dts_us, (long long)sample->pts_us,
                  sample->is_keyframe ? "key" : "delta", sample->payload.len);
    crypto_hex(&recorder->events, digest, 4);
    writer_char(&recorder->events, '\n');
    slice_unref(&recorder->last_payload);
    recorder->last_payload = slice_ref(sample->payload);
    sample_unref(sample);
}

static void on_metadata(void *ctx, const struct rtmp_metadata *metadata)
{
    struct rtmp_recorder *recorder = ctx;

    writer_printf(&recorder->events,
                  "metadata %ux%u fps=%.3f video=%llu audio=%llu encoder=", metadata->width,
                  metadata->height, metadata->frames_per_s,
                  (unsigned long long)metadata->video_rate_bps,
                  (unsigned long long)metadata->audio_rate_bps);
    writer_text(&recorder->events, metadata->encoder);
    writer_char(&recorder->events, '\n');
}

static void on_unsupported(void *ctx, struct text sentence)
{
    struct rtmp_recorder *recorder = ctx;

    recorder->unsupported_count++;
    writer_printf(&recorder->events, "unsupported %.*s\n", TEXT_ARG(sentence));
}

static void on_end(void *ctx, enum rtmp_end reason)
{
    struct rtmp_recorder *recorder = ctx;

    recorder->end_count++;
    writer_printf(&recorder->events, "end %d\n", (int)reason);
}

void rtmp_recorder_init(struct rtmp_recorder *recorder, enum rtmp_recorder_answer answer,
                        const struct rtmp_config *config, int64_t now_us)
{
    static const struct rtmp_handler handler = {.on_publish = on_publish,
                                                .on_format = on_format,
                                                .on_sample = on_sample,
                                                .on_metadata = on_metadata,
                                                .on_unsupported = on_unsupported,
                                                .on_end = on_end};

    *recorder = (struct rtmp_recorder){.answer = answer};
    recorder->events = writer_growing(EVENTS_LEN_MAX);
    recorder->session = rtmp_session_create(config, &handler, recorder, now_us);
}

void rtmp_recorder_deinit(struct rtmp_recorder *recorder)
{
    rtmp_session_destroy(recorder->session);
    slice_unref(&recorder->last_payload);
    writer_deinit(&recorder->events);
}
