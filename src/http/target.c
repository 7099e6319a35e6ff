#include "http/target.h"

#include "http/message.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "%XX" at `at` stands for, or -1. */
static int escaped_byte(struct text text, size_t at)
{
    if (text.len - at < 3)
        return -1;

    int high = hex_digit(text.ptr[at + 1]);
    int low = hex_digit(text.ptr[at + 2]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static char *writable(struct text text)
{
    return (char *)(uintptr_t)text.ptr; /* the caller promised that the block may be changed */
}

/* The decoded text is never longer, so it is written over the encoded one. */
static enum err decode_path(struct text *path)
{
    char *to = writable(*path);
    size_t len = 0;

    for (size_t i = 0; i < path->len; i++) {
        int c = (unsigned char)path->ptr[i];

        if (c == '%') {
            c = escaped_byte(*path, i);
            if (c < 0 || c == '/')
                return ERR_MALFORMED;
            i += 2;
        }
        if (c < ' ' || c == 0x7f)
            return ERR_MALFORMED;
        to[len++] = (char)c;
    }
    path->len = len;
    return text_is_utf8(*path) ? OK : ERR_MALFORMED;
}

/* Drops the last segment of what is kept ("/a/b" -> "/a"); false above the root. */
static bool drop_segment(const char *kept, size_t *len)
{
    if (*len == 0)
        return false;
    do {
        (*len)--;
    } while (kept[*len] != '/');
    return true;
}

/* RFC 3986 section 5.2.4, segment by segment; `path` starts with '/'. */
static enum err remove_dot_segments(struct text *path)
{
    char *to = writable(*path);
    struct text rest = text_sub(*path, 1, path->len);
    size_t len = 0;
    bool is_last;

    do {
        size_t segment_len = text_index_of(rest, '/');
        is_last = segment_len == rest.len;
        struct text segment = text_cut(&rest, '/');
        bool is_up = text_equal(segment, TEXT(".."));

        if (is_up || text_equal(segment, TEXT("."))) {
            if (is_up && !drop_segment(to, &len))
                return ERR_MALFORMED;
            if (is_last)
                to[len++] = '/';
            continue;
        }
        to[len++] = '/';
        memmove(to + len, segment.ptr ? segment.ptr : "", segment.len);
        len += segment.len;
    } while (!is_last);

    *path = (struct text){to, len};
    return OK;
}

/* RFC 9112 section 3.2.2: "a server MUST accept the absolute-form in requests". */
static enum err strip_authority(struct text *target, struct http_target *parsed)
{
    static const struct text schemes[] = {TEXT_INIT("http://"), TEXT_INIT("https://")};

    for (size_t i = 0; i < 2; i++) {
        if (!text_starts_with_nocase(*target, schemes[i]))
            continue;

        struct text rest = text_sub(*target, schemes[i].len, target->len);
        size_t host_len = text_index_of(rest, '/');

        parsed->host = text_sub(rest, 0, host_len);
        if (host_len == 0 || !http_is_host(parsed->host))
            return ERR_MALFORMED;
        /* "http://host" alone means "/", for which the slash of the scheme can serve. */
        *target = host_len < rest.len ? text_sub(rest, host_len, rest.len)
                                      : text_sub(*target, schemes[i].len - 1, 1);
        return OK;
    }
    return ERR_MALFORMED;
}

enum err http_target_parse(struct text target, struct http_target *ret_target)
{
    struct http_target parsed = {0};

    if (text_equal(target, TEXT("*"))) {
        ret_target->path = target;
        ret_target->query = ret_target->host = (struct text){0};
        return OK;
    }
    if (target.len == 0)
        return ERR_MALFORMED;
    if (target.ptr[0] != '/' && strip_authority(&target, &parsed) != OK)
        return ERR_MALFORMED;

    parsed.query = target;
    parsed.path = text_cut(&parsed.query, '?');
    /* Most paths have neither escapes nor dot segments nor bytes to refuse. */
    if (decode_path(&parsed.path) != OK)
        return ERR_MALFORMED;
    if (text_contains(parsed.path, TEXT("/.")) && remove_dot_segments(&parsed.path) != OK)
        return ERR_MALFORMED;
    *ret_target = parsed;
    return OK;
}

bool http_query_find(struct text query, const char *key, struct text *ret_value)
{
    struct text wanted = text_of(key);

    while (query.len) {
        struct text value = text_cut(&query, '&');

        if (text_equal(text_cut(&value, '='), wanted)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

enum err http_query_decode(struct text value, char *to, size_t cap, struct text *ret_text)
{
    size_t len = 0;

    for (size_t i = 0; i < value.len; i++) {
        int c = (unsigned char)value.ptr[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            c = escaped_byte(value, i);
            i += 2;
        }
        if (c <= 0)
            return ERR_MALFORMED;
        if (len == cap)
            return ERR_LIMIT;
        to[len++] = (char)c;
    }
    if (!text_is_utf8((struct text){to, len}))
        return ERR_MALFORMED;
    *ret_text = (struct text){to, len};
    return OK;
}
