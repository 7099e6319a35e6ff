/*
 * nal - the NAL units of an H.264 or H.265 access unit as RTMP carries it: each behind its length
 * (ISO 14496-15), in 1, 2 or 4 bytes as the decoder configuration says.
 */
#ifndef RTMP_NAL_H
#define RTMP_NAL_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "media/format.h"

/* The size of the length fields, 1 to 4, as an avcC or hvcC says it. 0: the configuration is too
 * short or nonsense. */
unsigned nal_length_size(enum codec codec, const uint8_t *config, size_t len);

/* Sets the size in a configuration to 4. Its length must be one that nal_length_size() took. */
void nal_set_length_size_4(enum codec codec, uint8_t *config);

/* Checks that the unit lengths add up, and cuts off the delimiters and parameter sets in front.
 * *slice is narrowed, and empty when nothing else was in it.
 * With a size other than 4, *slice is replaced by one with 4-byte lengths in a new buf.
 * ERR_MALFORMED: the lengths do not add up, or a unit is empty; *slice is unchanged. */
MUST_USE enum err nal_normalize(enum codec codec, unsigned length_size, struct slice *slice);

#endif
