/*
 * interleave - makes pictures wait for the sound of the same time, when that comes later.
 *
 * Sound that goes through the worker comes out 40 to 100 ms after the pictures that belong to it:
 * an encoder of AAC looks ahead. A part of HLS that is closed meanwhile has more picture than
 * sound, and the last, short part of a segment no sound of its own time at all. Players can show
 * only what they have both of: to them such a part is shorter than the list says.
 *
 *     pictures --interleave_put()--> [waiting] --interleave_take()--> program
 *     sound ------interleave_note_sound()--^
 *
 * A picture waits until the sound has come as far as it begins, for INTERLEAVE_WAIT_MAX_US at most,
 * and not at all while no sound comes: a muted microphone or a dead worker never holds the picture.
 * Pictures keep their order and their times. Sans-I/O; the owner calls take() after each put() and
 * each sound, which is clock enough.
 */
#ifndef LIVE_INTERLEAVE_H
#define LIVE_INTERLEAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/vec.h"
#include "media/sample.h"

#define INTERLEAVE_WAIT_MAX_US (250 * US_PER_MS)

enum { INTERLEAVE_COUNT_MAX = 64 };

struct interleave_picture {
    struct format *format; /* of this picture and those after it; NULL: as before */
    struct sample *sample;
    int64_t came_at_us;
};

/* Zeroed is empty. */
struct interleave {
    VEC(struct interleave_picture) pictures;
    struct format *next_format; /* of the next picture that is put */
    bool has_sound;
    int64_t sound_end_us;     /* how far it has come */
    int64_t sound_came_at_us; /* the last time */
};

/* Drops what waits. */
void interleave_deinit(struct interleave *interleave);

/* Takes the reference. */
void interleave_put(struct interleave *interleave, struct sample *picture, int64_t now_us);

/* The pictures put from now on have this format; takes the reference. */
void interleave_put_format(struct interleave *interleave, struct format *format);

void interleave_note_sound(struct interleave *interleave, const struct sample *sound,
                           int64_t now_us);

/* The next picture that has waited enough; false: none. The caller owns its references. */
bool interleave_take(struct interleave *interleave, int64_t now_us,
                     struct interleave_picture *ret_picture);

/* The next picture, whatever it waits for: no more sound will come. */
bool interleave_take_anyway(struct interleave *interleave, struct interleave_picture *ret_picture);

#endif
