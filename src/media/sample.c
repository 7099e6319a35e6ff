#include "media/sample.h"

#include "base/mem.h"

struct sample *sample_create(enum media_kind kind, struct slice payload)
{
    struct sample *sample = mem_zalloc(sizeof(*sample));

    atomic_init(&sample->refs, 1);
    sample->kind = kind;
    sample->is_keyframe = kind == MEDIA_AUDIO;
    sample->payload = payload;
    return sample;
}

struct sample *sample_ref(const struct sample *sample)
{
    struct sample *shared = (struct sample *)(uintptr_t)sample;

    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

struct sample *sample_unref(struct sample *sample)
{
    if (sample && atomic_fetch_sub_explicit(&sample->refs, 1, memory_order_acq_rel) == 1) {
        slice_unref(&sample->payload);
        mem_free(sample);
    }
    return NULL;
}
