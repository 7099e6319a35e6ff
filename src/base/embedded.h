/*
 * embedded - files that tools/embed.py builds into the program: migrations, web pages.
 */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

struct embedded_file {
    const char *name; /* relative path with '/', as the build named it */
    const uint8_t *data;
    size_t len;
};

#endif
