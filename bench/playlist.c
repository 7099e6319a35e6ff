#include "playlist.h"

#include <stdlib.h>
#include <string.h>

static double number(struct text text)
{
    char copy[32] = "";

    memcpy(copy, text.ptr, text.len < sizeof(copy) - 1 ? text.len : sizeof(copy) - 1);
    return strtod(copy, NULL);
}

/* The value of an attribute, without quotes; empty when it is not there. */
static struct text attribute(struct text list, struct text name)
{
    while (list.len) {
        struct text key = text_cut(&list, '=');
        struct text value;

        if (list.len && list.ptr[0] == '"') {
            (void)text_cut(&list, '"');
            value = text_cut(&list, '"');
            (void)text_cut(&list, ',');
        } else {
            value = text_cut(&list, ',');
        }
        if (text_equal(key, name))
            return value;
    }
    return (struct text){"", 0};
}

static bool take_tag(struct text *line, struct text tag)
{
    if (!text_starts_with(*line, tag))
        return false;
    *line = text_sub(*line, tag.len, line->len);
    return true;
}

/* Keeps the newest items when there are more than fit. */
static void add(struct playlist_item *items, uint32_t *count, struct playlist_item item)
{
    if (*count == PLAYLIST_ITEMS_MAX) {
        memmove(items, items + 1, (PLAYLIST_ITEMS_MAX - 1) * sizeof(*items));
        --*count;
    }
    items[(*count)++] = item;
}

static void read_line(struct playlist *p, struct text line)
{
    uint64_t value;

    if (take_tag(&line, TEXT("#EXT-X-PART:"))) {
        bool is_independent = attribute(line, TEXT("INDEPENDENT")).len == 3;
        add(p->parts, &p->part_count,
            (struct playlist_item){p->next_msn, p->next_part++, is_independent,
                                   attribute(line, TEXT("URI"))});
    } else if (take_tag(&line, TEXT("#EXT-X-MEDIA-SEQUENCE:"))) {
        if (text_parse_u64(line, INT64_MAX, &value))
            p->next_msn = value;
    } else if (take_tag(&line, TEXT("#EXT-X-SKIP:"))) {
        if (text_parse_u64(attribute(line, TEXT("SKIPPED-SEGMENTS")), INT32_MAX, &value))
            p->next_msn += value;
    } else if (take_tag(&line, TEXT("#EXT-X-TARGETDURATION:"))) {
        p->target_s = number(line);
    } else if (take_tag(&line, TEXT("#EXT-X-PART-INF:"))) {
        p->part_target_s = number(attribute(line, TEXT("PART-TARGET")));
    } else if (take_tag(&line, TEXT("#EXT-X-MAP:"))) {
        p->map_uri = attribute(line, TEXT("URI"));
    } else if (text_starts_with(line, TEXT("#EXT-X-ENDLIST"))) {
        p->has_ended = true;
    } else if (line.len && line.ptr[0] != '#') {
        add(p->segments, &p->segment_count, (struct playlist_item){p->next_msn++, 0, true, line});
        p->next_part = 0;
    }
}

enum err playlist_parse(struct text text, struct playlist *ret_playlist)
{
    /* Not the arrays: this runs ten thousand times a second. */
    ret_playlist->target_s = ret_playlist->part_target_s = 0;
    ret_playlist->next_msn = ret_playlist->next_part = 0;
    ret_playlist->map_uri = (struct text){"", 0};
    ret_playlist->has_ended = false;
    ret_playlist->segment_count = ret_playlist->part_count = 0;
    if (!text_starts_with(text, TEXT("#EXTM3U")))
        return ERR_MALFORMED;
    while (text.len)
        read_line(ret_playlist, text_trim(text_cut(&text, '\n')));
    return ret_playlist->target_s > 0 ? OK : ERR_MALFORMED;
}

struct text playlist_first_variant(struct text text)
{
    while (text.len) {
        struct text line = text_trim(text_cut(&text, '\n'));
        if (line.len && line.ptr[0] != '#')
            return line;
    }
    return (struct text){"", 0};
}
