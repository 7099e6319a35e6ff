#include "record/playlist.h"

#include "base/clock.h"
#include "base/writer.h"

#define FIRST_LINES "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:"
#define INDEPENDENT "#EXT-X-INDEPENDENT-SEGMENTS\n"
#define END_LINE    "#EXT-X-ENDLIST\n"

static const int64_t DURATION_MAX_US = INT64_C(100000) * US_PER_S;

void playlist_write_header(struct writer *w, const struct playlist_header *header)
{
    writer_str(w, FIRST_LINES);
    writer_str(w, header->is_ended ? "VOD" : "EVENT");
    writer_str(w, "\n#EXT-X-TARGETDURATION:");
    writer_dec(w, header->target_s);
    writer_str(w, "\n#EXT-X-MEDIA-SEQUENCE:0\n");
    if (header->is_independent)
        writer_str(w, INDEPENDENT);
}

static void write_range(struct writer *w, uint64_t len, uint64_t offset)
{
    writer_dec(w, len);
    writer_char(w, '@');
    writer_dec(w, offset);
}

void playlist_write_entry(struct writer *w, const struct playlist_entry *entry)
{
    if (entry->has_discontinuity)
        writer_str(w, "#EXT-X-DISCONTINUITY\n");
    if (entry->map_len) {
        writer_str(w, "#EXT-X-MAP:URI=\"");
        writer_dec(w, entry->file);
        writer_str(w, ".mp4\",BYTERANGE=\"");
        write_range(w, entry->map_len, 0);
        writer_str(w, "\"\n");
    }
    if (entry->date_us) {
        writer_str(w, "#EXT-X-PROGRAM-DATE-TIME:");
        clock_write_iso8601(w, entry->date_us);
        writer_char(w, '\n');
    }
    writer_str(w, "#EXTINF:");
    writer_seconds(w, entry->duration_us, 5);
    writer_str(w, ",\n#EXT-X-BYTERANGE:");
    write_range(w, entry->len, entry->offset);
    writer_char(w, '\n');
    writer_dec(w, entry->file);
    writer_str(w, ".mp4\n");
}

void playlist_write_end(struct writer *w)
{
    writer_str(w, END_LINE);
}

uint32_t playlist_target_s(int64_t duration_us)
{
    int64_t seconds = (duration_us + US_PER_S / 2) / US_PER_S;

    if (seconds < 1)
        return 1;
    return seconds < PLAYLIST_TARGET_S_MAX ? (uint32_t)seconds : PLAYLIST_TARGET_S_MAX;
}

/* ---- reading ---- */

/* Cuts the prefix off; false when the text does not begin with it. */
static bool skip(struct text *rest, struct text prefix)
{
    if (!text_starts_with(*rest, prefix))
        return false;
    *rest = text_sub(*rest, prefix.len, rest->len);
    return true;
}

/* Cuts a line off, without its end; false when there is no whole one. */
static bool cut_line(struct text *rest, struct text *ret_line)
{
    size_t end = text_index_of(*rest, '\n');

    if (end == rest->len)
        return false;
    *ret_line = text_sub(*rest, 0, end);
    *rest = text_sub(*rest, end + 1, rest->len);
    return true;
}

bool playlist_read_header(struct text *rest, struct playlist_header *ret_header)
{
    struct playlist_header header = {0};
    struct text left = *rest;
    struct text line;
    uint64_t target_s;

    if (!skip(&left, TEXT(FIRST_LINES)) || !cut_line(&left, &line))
        return false;
    header.is_ended = text_equal(line, TEXT("VOD"));
    if (!header.is_ended && !text_equal(line, TEXT("EVENT")))
        return false;
    if (!skip(&left, TEXT("#EXT-X-TARGETDURATION:")) || !cut_line(&left, &line) ||
        !text_parse_u64(line, PLAYLIST_TARGET_S_MAX, &target_s) ||
        !skip(&left, TEXT("#EXT-X-MEDIA-SEQUENCE:0\n")))
        return false;
    header.target_s = (uint32_t)target_s;
    header.is_independent = skip(&left, TEXT(INDEPENDENT));
    *ret_header = header;
    *rest = left;
    return true;
}

/* "150200@1203" */
static bool read_range(struct text text, uint64_t *ret_len, uint64_t *ret_offset)
{
    struct text len = text_cut(&text, '@');

    return text_parse_u64(len, INT64_MAX, ret_len) && text_parse_u64(text, INT64_MAX, ret_offset);
}

/* "3.mp4" */
static bool read_file(struct text text, uint32_t *ret_file)
{
    uint64_t number;

    if (!text_ends_with(text, TEXT(".mp4")) ||
        !text_parse_u64(text_sub(text, 0, text.len - 4), RECORD_FILES_MAX, &number) || number == 0)
        return false;
    *ret_file = (uint32_t)number;
    return true;
}

/* "2.00000," */
static bool read_duration(struct text text, int64_t *ret_us)
{
    struct text whole = text_cut(&text, '.');
    struct text fraction = text_cut(&text, ',');
    uint64_t seconds;
    uint64_t hundred_thousandths;

    if (text.len || fraction.len != 5 || !text_parse_u64(fraction, 99999, &hundred_thousandths) ||
        !text_parse_u64(whole, (uint64_t)(DURATION_MAX_US / US_PER_S), &seconds))
        return false;
    *ret_us = (int64_t)(seconds * 1000000 + hundred_thousandths * 10);
    return true;
}

/* URI="3.mp4",BYTERANGE="1203@0" */
static bool read_map(struct text line, uint32_t *ret_file, uint32_t *ret_len)
{
    uint64_t len;
    uint64_t offset;

    if (!skip(&line, TEXT("URI=\"")) || !read_file(text_cut(&line, '"'), ret_file) ||
        !skip(&line, TEXT(",BYTERANGE=\"")) || !read_range(text_cut(&line, '"'), &len, &offset))
        return false;
    *ret_len = (uint32_t)len;
    return line.len == 0 && offset == 0 && len > 0 && len <= UINT32_MAX;
}

bool playlist_read_entry(struct text *rest, struct playlist_entry *ret_entry, struct text *ret_text)
{
    struct playlist_entry entry = {0};
    struct text left = *rest;
    struct text line;
    uint32_t map_file = 0;

    entry.has_discontinuity = skip(&left, TEXT("#EXT-X-DISCONTINUITY\n"));
    if (skip(&left, TEXT("#EXT-X-MAP:")) &&
        (!cut_line(&left, &line) || !read_map(line, &map_file, &entry.map_len)))
        return false;
    if (skip(&left, TEXT("#EXT-X-PROGRAM-DATE-TIME:")) && !cut_line(&left, &line))
        return false;
    if (!skip(&left, TEXT("#EXTINF:")) || !cut_line(&left, &line) ||
        !read_duration(line, &entry.duration_us))
        return false;
    if (!skip(&left, TEXT("#EXT-X-BYTERANGE:")) || !cut_line(&left, &line) ||
        !read_range(line, &entry.len, &entry.offset))
        return false;
    if (!cut_line(&left, &line) || !read_file(line, &entry.file) ||
        (map_file && map_file != entry.file))
        return false;
    *ret_entry = entry;
    *ret_text = text_sub(*rest, 0, rest->len - left.len);
    *rest = left;
    return true;
}

bool playlist_is_end(struct text rest)
{
    return text_equal(rest, TEXT(END_LINE));
}

size_t playlist_unfinished_len(struct text tail, bool *ret_is_ended)
{
    size_t end = tail.len;

    *ret_is_ended = text_ends_with(tail, TEXT(END_LINE));
    if (*ret_is_ended)
        return 0;
    /* An entry ends with the line that names the file, the only one without a '#'. */
    while (end > 0) {
        size_t start = end - 1;

        while (start > 0 && tail.ptr[start - 1] != '\n')
            start--;
        if (tail.ptr[end - 1] == '\n' && tail.ptr[start] != '#' && start > 0)
            return tail.len - end;
        end = start;
    }
    return tail.len;
}
