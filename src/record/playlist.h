/*
 * playlist - the text of a recording's index.m3u8: written line by line, and read back by the
 * repair. Private to record/. Sans-I/O.
 *
 *     #EXTM3U                                   header: rewritten when it must change
 *     #EXT-X-VERSION:7
 *     #EXT-X-PLAYLIST-TYPE:EVENT                VOD at the end
 *     #EXT-X-TARGETDURATION:2
 *     #EXT-X-MEDIA-SEQUENCE:0
 *     #EXT-X-INDEPENDENT-SEGMENTS               while each segment begins with a key frame
 *     #EXT-X-MAP:URI="1.mp4",BYTERANGE="1203@0"  entries: only ever appended
 *     #EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:40:00.123Z
 *     #EXTINF:2.00000,
 *     #EXT-X-BYTERANGE:150200@1203
 *     1.mp4
 *     #EXT-X-ENDLIST
 *
 * Spec      RFC 8216 section 4.3.
 */
#ifndef RECORD_PLAYLIST_H
#define RECORD_PLAYLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct writer;

enum {
    RECORD_FILES_MAX = 9999,       /* n.mp4 of one recording */
    PLAYLIST_HEADER_LEN_MAX = 256, /* longer ones are not ours */
    PLAYLIST_ENTRY_LEN_MAX = 320,  /* of one segment with all its tags */
    PLAYLIST_LEN_MAX = 64 << 20,   /* a week of segments of two seconds has 20 MB */
    PLAYLIST_TARGET_S_MAX = 100000,
};

struct playlist_header {
    uint32_t target_s;
    bool is_independent;
    bool is_ended;
};

/* One segment. */
struct playlist_entry {
    bool has_discontinuity; /* before it */
    uint32_t map_len;       /* bytes of the init at the beginning of the file; 0: no EXT-X-MAP */
    uint32_t file;          /* 1..RECORD_FILES_MAX */
    uint64_t offset;
    uint64_t len;
    int64_t duration_us;
    int64_t date_us; /* 0: no EXT-X-PROGRAM-DATE-TIME */
};

void playlist_write_header(struct writer *w, const struct playlist_header *header);
void playlist_write_entry(struct writer *w, const struct playlist_entry *entry);
void playlist_write_end(struct writer *w);

/* The least target duration that a segment of this length may have (section 4.3.3.1). */
uint32_t playlist_target_s(int64_t duration_us);

/* Cuts the header off *rest; false when the text does not begin with one of ours. is_ended is what
 * stands in the header, the end itself stands behind the entries. */
bool playlist_read_header(struct text *rest, struct playlist_header *ret_header);

/* Cuts the next whole entry off *rest, with its text. False: there is none; *rest is then what is
 * left: nothing, the end, or what a crash left behind. The date is not read (0). */
bool playlist_read_entry(struct text *rest, struct playlist_entry *ret_entry,
                         struct text *ret_text);

/* True when the text is the end and nothing else. */
bool playlist_is_end(struct text rest);

/* How much of a list, of which this is the end, may be shown: up to the last whole entry. The
 * number of bytes to leave away, which is tail.len when there is no whole line. */
size_t playlist_unfinished_len(struct text tail, bool *ret_is_ended);

#endif
