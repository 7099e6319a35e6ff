#include "live/interleave.h"

void interleave_deinit(struct interleave *interleave)
{
    struct interleave_picture picture;

    while (interleave_take_anyway(interleave, &picture)) {
        format_unref(picture.format);
        sample_unref(picture.sample);
    }
    vec_deinit(&interleave->pictures);
    interleave->next_format = format_unref(interleave->next_format);
    interleave->has_sound = false;
}

void interleave_put(struct interleave *interleave, struct sample *picture, int64_t now_us)
{
    struct interleave_picture item = {interleave->next_format, picture, now_us};

    interleave->next_format = NULL;
    /* take() after each put() leaves room: it lets the oldest go when there is none. */
    if (!vec_push(&interleave->pictures, item, INTERLEAVE_COUNT_MAX)) {
        format_unref(item.format);
        sample_unref(picture);
    }
}

void interleave_put_format(struct interleave *interleave, struct format *format)
{
    format_unref(interleave->next_format);
    interleave->next_format = format;
}

void interleave_note_sound(struct interleave *interleave, const struct sample *sound,
                           int64_t now_us)
{
    interleave->has_sound = true;
    interleave->sound_end_us = sound->dts_us + sound->duration_us;
    interleave->sound_came_at_us = now_us;
}

static bool has_waited_enough(const struct interleave *interleave, int64_t now_us)
{
    const struct interleave_picture *first = &interleave->pictures.items[0];

    return !interleave->has_sound || interleave->sound_end_us >= first->sample->dts_us ||
           now_us - interleave->sound_came_at_us > INTERLEAVE_WAIT_MAX_US ||
           now_us - first->came_at_us > INTERLEAVE_WAIT_MAX_US ||
           interleave->pictures.count == INTERLEAVE_COUNT_MAX;
}

bool interleave_take(struct interleave *interleave, int64_t now_us,
                     struct interleave_picture *ret_picture)
{
    if (interleave->pictures.count == 0 || !has_waited_enough(interleave, now_us))
        return false;
    return interleave_take_anyway(interleave, ret_picture);
}

bool interleave_take_anyway(struct interleave *interleave, struct interleave_picture *ret_picture)
{
    if (interleave->pictures.count == 0)
        return false;
    *ret_picture = interleave->pictures.items[0];
    vec_remove(&interleave->pictures, 0);
    return true;
}
