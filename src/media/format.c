#include "media/format.h"

#include "base/mem.h"

static const struct {
    const char *name;
    enum media_kind kind;
} rows[] = {[CODEC_NONE] = {"none", MEDIA_VIDEO},
#define CODEC_ROW(code, name, kind) [code] = {name, kind},
            CODEC_TABLE(CODEC_ROW)
#undef CODEC_ROW
};

const char *codec_name(enum codec codec)
{
    return rows[codec].name;
}

enum media_kind codec_kind(enum codec codec)
{
    return rows[codec].kind;
}

struct format *format_create(enum codec codec, struct buf *config)
{
    struct format *format = mem_zalloc(sizeof(*format));

    atomic_init(&format->refs, 1);
    format->codec = codec;
    format->config = config;
    return format;
}

struct format *format_ref(const struct format *format)
{
    struct format *shared = (struct format *)(uintptr_t)format;

    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

struct format *format_unref(struct format *format)
{
    if (format && atomic_fetch_sub_explicit(&format->refs, 1, memory_order_acq_rel) == 1) {
        buf_unref(format->config);
        mem_free(format);
    }
    return NULL;
}

static bool config_equal(const struct buf *a, const struct buf *b)
{
    if (!a || !b)
        return a == b;
    return text_equal(buf_text(a), buf_text(b));
}

bool format_equal(const struct format *a, const struct format *b)
{
    if (!a || !b)
        return a == b;
    return a->codec == b->codec && a->width == b->width && a->height == b->height &&
           a->sample_rate == b->sample_rate && a->channels == b->channels &&
           config_equal(a->config, b->config);
}
