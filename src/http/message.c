#include "http/message.h"

#include "base/writer.h"

static const struct method {
    struct text name;
    enum http_method method;
} methods[] = {
    {TEXT_INIT("GET"), HTTP_GET},         {TEXT_INIT("HEAD"), HTTP_HEAD},
    {TEXT_INIT("POST"), HTTP_POST},       {TEXT_INIT("PUT"), HTTP_PUT},
    {TEXT_INIT("PATCH"), HTTP_PATCH},     {TEXT_INIT("DELETE"), HTTP_DELETE},
    {TEXT_INIT("OPTIONS"), HTTP_OPTIONS},
};

enum { METHOD_COUNT = sizeof(methods) / sizeof(methods[0]) };

unsigned http_method_parse(struct text name)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (text_equal(methods[i].name, name))
            return methods[i].method;
    return 0;
}

void http_methods_write(struct writer *w, unsigned set)
{
    bool needs_comma = false;

    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (!(set & methods[i].method))
            continue;
        if (needs_comma)
            writer_str(w, ", ");
        writer_text(w, methods[i].name);
        needs_comma = true;
    }
}

static const struct phrase {
    int status;
    const char *phrase;
} phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_phrase(int status)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

enum { TOKEN = 1, VALUE = 2, HOST = 4 };

/* What a byte may be part of. Built from the ABNF once, by the compiler. */
#define ALNUM(c)                                                                                   \
    (((c) >= '0' && (c) <= '9') || ((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define IS_TOKEN(c)                                                                                \
    (ALNUM(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' ||             \
     (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || (c) == '^' ||          \
     (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define IS_VALUE(c) ((c) == '\t' || ((c) >= ' ' && (c) != 0x7f))
#define IS_HOST(c)                                                                                 \
    (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~' || (c) == ':' ||             \
     (c) == '[' || (c) == ']')
#define CLASS(c)                                                                                   \
    (unsigned char)((IS_TOKEN(c) ? TOKEN : 0) | (IS_VALUE(c) ? VALUE : 0) | (IS_HOST(c) ? HOST : 0))
#define CLASS4(c)  CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS16(c) CLASS4(c), CLASS4((c) + 4), CLASS4((c) + 8), CLASS4((c) + 12)
#define CLASS64(c) CLASS16(c), CLASS16((c) + 16), CLASS16((c) + 32), CLASS16((c) + 48)

static const unsigned char classes[256] = {CLASS64(0), CLASS64(64), CLASS64(128), CLASS64(192)};

static bool all_are(struct text text, unsigned char class)
{
    unsigned char common = class;

    for (size_t i = 0; i < text.len; i++)
        common &= classes[(unsigned char)text.ptr[i]];
    return common != 0;
}

bool http_is_token_char(char c)
{
    return (classes[(unsigned char)c] & TOKEN) != 0;
}

bool http_is_token(struct text text)
{
    return text.len != 0 && all_are(text, TOKEN);
}

bool http_is_field_value(struct text text)
{
    return all_are(text, VALUE);
}

bool http_is_host(struct text host)
{
    return host.len <= 255 && all_are(host, HOST);
}

const struct http_field *http_field_find(const struct http_field *fields, size_t count,
                                         struct text name)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].name.len == name.len && text_equal_nocase(fields[i].name, name))
            return &fields[i];
    return NULL;
}

bool http_list_has_token(struct text list, struct text token)
{
    while (list.len)
        if (text_equal_nocase(text_trim(text_cut(&list, ',')), token))
            return true;
    return false;
}
