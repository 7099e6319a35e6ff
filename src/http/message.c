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

/* The codes are those of the API (api/error.h) where it means the same by the status: a client
 * reads one list, whichever layer refused. */
static const struct status {
    int status;
    const char *phrase;
    const char *code; /* of problem details; NULL: no refusal */
} statuses[] = {
    {100, "Continue", NULL},
    {101, "Switching Protocols", NULL},
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {206, "Partial Content", NULL},
    {207, "Multi-Status", NULL},
    {301, "Moved Permanently", NULL},
    {302, "Found", NULL},
    {303, "See Other", NULL},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", NULL},
    {308, "Permanent Redirect", NULL},
    {400, "Bad Request", "bad_request"},
    {401, "Unauthorized", "unauthorized"},
    {402, "Payment Required", "payment_required"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {406, "Not Acceptable", "not_acceptable"},
    {408, "Request Timeout", "request_timeout"},
    {409, "Conflict", "conflict"},
    {410, "Gone", "gone"},
    {411, "Length Required", "length_required"},
    {412, "Precondition Failed", "precondition"},
    {413, "Content Too Large", "payload_too_large"},
    {414, "URI Too Long", "uri_too_long"},
    {415, "Unsupported Media Type", "unsupported_media_type"},
    {416, "Range Not Satisfiable", "range_not_satisfiable"},
    {417, "Expectation Failed", "expectation_failed"},
    {421, "Misdirected Request", "misdirected_request"},
    {422, "Unprocessable Content", "unprocessable_content"},
    {426, "Upgrade Required", "upgrade_required"},
    {428, "Precondition Required", "precondition_required"},
    {429, "Too Many Requests", "too_many_requests"},
    {431, "Request Header Fields Too Large", "headers_too_large"},
    {499, "Client Closed Request", "client_closed_request"},
    {500, "Internal Server Error", "internal"},
    {501, "Not Implemented", "not_supported"},
    {502, "Bad Gateway", "bad_gateway"},
    {503, "Service Unavailable", "busy"},
    {504, "Gateway Timeout", "gateway_timeout"},
    {505, "HTTP Version Not Supported", "http_version_not_supported"},
};

static const struct status *find_status(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return NULL;
}

const char *http_status_phrase(int status)
{
    const struct status *found = find_status(status);

    return found ? found->phrase : "Unknown";
}

const char *http_problem_code(int status)
{
    const struct status *found = find_status(status);

    return found && found->code ? found->code : "unknown";
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
