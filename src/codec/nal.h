/*
 * nal - what H.264 and H.265 NAL units share below the syntax. Private to codec/.
 */
#ifndef CODEC_NAL_H
#define CODEC_NAL_H

#include "codec/codec.h"

/* Removes the emulation prevention bytes (H.264 section 7.4.1: 00 00 03 -> 00 00) while copying
 * at most `cap` bytes; returns how many were written. Enough for a header at the front. */
size_t nal_unescape(struct slice nal, uint8_t *to, size_t cap);

#endif
