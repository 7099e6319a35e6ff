#include "http/h1_parser.h"

#include "http/message.h"

enum {
    CHUNK_DIGITS_MAX = 15,     /* 2^60 bytes */
    BODY_EXTRA_LEN_MAX = 4096, /* extensions and trailers, which we skip */
};

/* RFC 9112 section 2.2: "a server that is expecting to receive and parse a request-line SHOULD
 * ignore at least one empty line (CRLF) received prior to the request-line". We ignore one. */
static enum err skip_empty_line(struct text bytes, size_t *ret_start)
{
    if (bytes.len == 0)
        return ERR_AGAIN;
    if (bytes.ptr[0] != '\r') {
        *ret_start = 0;
        return http_is_token_char(bytes.ptr[0]) ? OK : ERR_MALFORMED;
    }
    if (bytes.len < 2)
        return ERR_AGAIN;
    if (bytes.ptr[1] != '\n')
        return ERR_MALFORMED;
    if (bytes.len < 3)
        return ERR_AGAIN;
    *ret_start = 2;
    return http_is_token_char(bytes.ptr[2]) ? OK : ERR_MALFORMED;
}

static enum err over_limit(const struct h1_scan *scan, const struct h1_limits *limits, size_t start,
                           size_t end, int *ret_status)
{
    bool is_first_line = scan->first_line_end == 0;
    size_t len = end - (is_first_line ? start : scan->first_line_end);

    if (len <= (is_first_line ? limits->line_len_max : limits->head_len_max))
        return OK;
    *ret_status = is_first_line ? 414 : 431;
    return ERR_LIMIT;
}

/* Looks for the empty line, line by line, from where the last call stopped. */
static enum err find_end(struct text bytes, const struct h1_limits *limits, struct h1_scan *scan,
                         size_t start, size_t *ret_len, int *ret_status)
{
    if (scan->line_start < start)
        scan->line_start = start;

    for (;;) {
        const char *line = bytes.ptr + scan->line_start;
        size_t left = bytes.len - scan->line_start;
        const char *lf = left ? memchr(line, '\n', left) : NULL;
        size_t end = lf ? (size_t)(lf - bytes.ptr) + 1 : bytes.len;
        enum err err = over_limit(scan, limits, start, end, ret_status);

        if (err != OK)
            return err;
        if (!lf)
            return ERR_AGAIN;
        if (lf == line || lf[-1] != '\r')
            return ERR_MALFORMED;

        bool is_empty = lf - line == 1;
        if (scan->first_line_end == 0)
            scan->first_line_end = end;
        scan->line_start = end;
        if (is_empty) {
            *ret_len = end;
            return OK;
        }
    }
}

static bool is_target(struct text target)
{
    if (target.len == 0)
        return false;
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f || target.ptr[i] == '#')
            return false;
    return true;
}

static enum err parse_version(struct text text, struct h1_head *head, int *ret_status)
{
    if (text.len != 8 || !text_starts_with(text, TEXT("HTTP/")) || text.ptr[6] != '.' ||
        text.ptr[5] < '0' || text.ptr[5] > '9' || text.ptr[7] < '0' || text.ptr[7] > '9')
        return ERR_MALFORMED;
    if (text.ptr[5] != '1') {
        *ret_status = 505;
        return ERR_UNSUPPORTED;
    }
    head->version = text.ptr[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    return OK;
}

static enum err parse_request_line(struct text line, struct h1_head *head, int *ret_status)
{
    struct text method = text_cut(&line, ' ');
    struct text target = text_cut(&line, ' ');

    if (!http_is_token(method) || !is_target(target))
        return ERR_MALFORMED;
    head->method = http_method_parse(method);
    head->target = target;
    return parse_version(line, head, ret_status);
}

static enum err note_content_length(struct h1_head *head, struct text value)
{
    if (head->has_content_len || !text_parse_u64(value, UINT64_C(1) << 53, &head->content_len))
        return ERR_MALFORMED;
    head->has_content_len = true;
    return OK;
}

static enum err note_transfer_encoding(struct h1_head *head, struct text value, int *ret_status)
{
    if (head->is_chunked)
        return ERR_MALFORMED;
    if (!text_equal_nocase(value, TEXT("chunked"))) {
        *ret_status = 501;
        return ERR_UNSUPPORTED;
    }
    head->is_chunked = true;
    return OK;
}

static enum err note_host(struct h1_head *head, struct text value)
{
    if (head->host.ptr || !http_is_host(value))
        return ERR_MALFORMED;
    head->host = value;
    return OK;
}

static enum err note_connection(struct h1_head *head, struct text value)
{
    if (http_list_has_token(value, TEXT("close")))
        head->keeps_alive = false;
    else if (head->version == HTTP_1_0 && http_list_has_token(value, TEXT("keep-alive")))
        head->keeps_alive = true;
    if (http_list_has_token(value, TEXT("upgrade")))
        head->wants_upgrade = true;
    return OK;
}

static enum err note_expect(struct h1_head *head, struct text value, int *ret_status)
{
    if (!text_equal_nocase(value, TEXT("100-continue"))) {
        *ret_status = 417;
        return ERR_UNSUPPORTED;
    }
    /* RFC 9110 section 10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0
     * request MUST ignore that expectation." */
    head->expects_continue = head->version == HTTP_1_1;
    return OK;
}

/* The fields that decide how the connection is read. */
static enum err note_field(struct h1_head *head, const struct http_field *field, int *ret_status)
{
    struct text name = field->name;

    switch (name.len) {
    case 4:
        if (text_equal_nocase(name, TEXT("host")))
            return note_host(head, field->value);
        break;
    case 6:
        if (text_equal_nocase(name, TEXT("expect")))
            return note_expect(head, field->value, ret_status);
        break;
    case 10:
        if (text_equal_nocase(name, TEXT("connection")))
            return note_connection(head, field->value);
        break;
    case 14:
        if (text_equal_nocase(name, TEXT("content-length")))
            return note_content_length(head, field->value);
        break;
    case 17:
        if (text_equal_nocase(name, TEXT("transfer-encoding")))
            return note_transfer_encoding(head, field->value, ret_status);
        break;
    default:
        break;
    }
    return OK;
}

static enum err parse_field(struct text line, struct h1_head *head, int *ret_status)
{
    size_t name_len = text_index_of(line, ':');
    struct http_field field = {text_sub(line, 0, name_len),
                               text_trim(text_sub(line, name_len + 1, line.len))};

    /* A line that starts with a space is a folded one (section 5.2): not a token, so refused, as is
     * a space before the colon (section 5.1). */
    if (name_len == line.len || !http_is_token(field.name) || !http_is_field_value(field.value))
        return ERR_MALFORMED;
    if (head->fields_count == HTTP_FIELDS_MAX) {
        *ret_status = 431;
        return ERR_LIMIT;
    }
    head->fields[head->fields_count++] = field;
    return note_field(head, &field, ret_status);
}

/* Section 6.3, and section 3.2: "A server MUST respond with a 400 status code to any HTTP/1.1
 * request message that lacks a Host header field". */
static enum err check_framing(const struct h1_head *head)
{
    if (head->is_chunked && (head->has_content_len || head->version == HTTP_1_0))
        return ERR_MALFORMED;
    if (head->version == HTTP_1_1 && !head->host.ptr)
        return ERR_MALFORMED;
    return OK;
}

static struct text cut_line(struct text *rest)
{
    struct text line = text_cut(rest, '\n');

    return text_sub(line, 0, line.len - 1); /* find_end() has seen the CR */
}

static enum err parse_lines(struct text rest, struct h1_head *head, int *ret_status)
{
    enum err err = parse_request_line(cut_line(&rest), head, ret_status);

    head->keeps_alive = head->version == HTTP_1_1;
    while (err == OK && rest.len > 2)
        err = parse_field(cut_line(&rest), head, ret_status);
    return err == OK ? check_framing(head) : err;
}

enum err h1_head_parse(struct text bytes, const struct h1_limits *limits, struct h1_scan *scan,
                       struct h1_head *head, int *ret_status)
{
    size_t start = 0;
    size_t end = 0;
    int status = 400;
    enum err err = skip_empty_line(bytes, &start);

    if (err == OK)
        err = find_end(bytes, limits, scan, start, &end, &status);
    if (err == OK) {
        *head = (struct h1_head){.fields = head->fields, .len = end};
        err = parse_lines(text_sub(bytes, start, end - start), head, &status);
    }
    if (err != OK && err != ERR_AGAIN)
        *ret_status = status;
    return err;
}

struct h1_body h1_body_of(const struct h1_head *head)
{
    if (head->is_chunked)
        return (struct h1_body){.state = H1_BODY_SIZE};
    if (head->content_len)
        return (struct h1_body){.state = H1_BODY_FIXED, .left = head->content_len};
    return (struct h1_body){.state = H1_BODY_DONE};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum err on_size_char(struct h1_body *body, char c)
{
    int digit = hex_value(c);

    if (digit >= 0) {
        if (body->left >> (4 * (CHUNK_DIGITS_MAX - 1)))
            return ERR_MALFORMED;
        body->left = body->left << 4 | (unsigned)digit;
        body->state = H1_BODY_SIZE_MORE;
        return OK;
    }
    if (body->state == H1_BODY_SIZE)
        return ERR_MALFORMED;
    if (c == '\r')
        body->state = H1_BODY_SIZE_LF;
    else if (c == ';')
        body->state = H1_BODY_EXTENSION;
    else
        return ERR_MALFORMED;
    return OK;
}

/* One character of an extension or a trailer: skipped, but counted. */
static enum err on_extra_char(struct h1_body *body, char c, enum h1_body_state state_after_cr)
{
    if (++body->extra_len > BODY_EXTRA_LEN_MAX)
        return ERR_MALFORMED;
    if (c == '\r') {
        body->state = state_after_cr;
        return OK;
    }
    return http_is_field_value((struct text){&c, 1}) ? OK : ERR_MALFORMED;
}

static enum err on_trailer_start(struct h1_body *body, char c)
{
    if (c == '\r') {
        body->state = H1_BODY_END_LF;
        return OK;
    }
    if (!http_is_token_char(c))
        return ERR_MALFORMED;
    body->state = H1_BODY_TRAILER_MORE;
    return on_extra_char(body, c, H1_BODY_TRAILER_LF);
}

static enum err expect_char(struct h1_body *body, char c, char wanted,
                            enum h1_body_state next_state)
{
    if (c != wanted)
        return ERR_MALFORMED;
    body->state = next_state;
    return OK;
}

/* One character between the data of two chunks. */
static enum err on_frame_char(struct h1_body *body, char c)
{
    switch (body->state) {
    case H1_BODY_SIZE:
    case H1_BODY_SIZE_MORE:
        return on_size_char(body, c);
    case H1_BODY_EXTENSION:
        return on_extra_char(body, c, H1_BODY_SIZE_LF);
    case H1_BODY_SIZE_LF:
        return expect_char(body, c, '\n', body->left ? H1_BODY_CHUNK : H1_BODY_TRAILER);
    case H1_BODY_CHUNK_CR:
        return expect_char(body, c, '\r', H1_BODY_CHUNK_LF);
    case H1_BODY_CHUNK_LF:
        return expect_char(body, c, '\n', H1_BODY_SIZE);
    case H1_BODY_TRAILER:
        return on_trailer_start(body, c);
    case H1_BODY_TRAILER_MORE:
        return on_extra_char(body, c, H1_BODY_TRAILER_LF);
    case H1_BODY_TRAILER_LF:
        return expect_char(body, c, '\n', H1_BODY_TRAILER);
    case H1_BODY_END_LF:
        return expect_char(body, c, '\n', H1_BODY_DONE);
    case H1_BODY_DONE:
    case H1_BODY_FIXED:
    case H1_BODY_CHUNK:
        break;
    }
    return ERR_MALFORMED;
}

static struct text cut_front(struct text *input, size_t len)
{
    struct text front = text_sub(*input, 0, len);

    input->ptr += front.len;
    input->len -= front.len;
    return front;
}

enum err h1_body_read(struct h1_body *body, struct text *input, struct text *ret_data)
{
    *ret_data = (struct text){0};
    while (input->len && body->state != H1_BODY_DONE) {
        if (body->state == H1_BODY_FIXED || body->state == H1_BODY_CHUNK) {
            size_t want = body->left < input->len ? (size_t)body->left : input->len;

            *ret_data = cut_front(input, want);
            body->left -= ret_data->len;
            if (body->left == 0)
                body->state = body->state == H1_BODY_FIXED ? H1_BODY_DONE : H1_BODY_CHUNK_CR;
            return OK;
        }
        enum err err = on_frame_char(body, cut_front(input, 1).ptr[0]);
        if (err != OK)
            return err;
    }
    return OK;
}
