#include "fetch/call.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static const int64_t CONNECT_TIMEOUT_US = 5 * US_PER_S;
static const int64_t TIMEOUT_US = 30 * US_PER_S;

/* ---- the request ---- */

/* RFC 9110 section 5.6.2. */
static bool is_token(struct text text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_alphanumeric && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return text.len != 0;
}

static bool is_field_value(struct text value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
            return false;
    return true;
}

static void add_header_line(struct call *call, const char *line)
{
    struct curl_slist *list = curl_slist_append(call->headers, line);

    assert(list); /* NULL is out of memory */
    call->headers = list;
}

static enum err add_header(struct call *call, const struct fetch_header *header, struct diag *diag)
{
    char line[FETCH_HEADER_LEN_MAX + 3];
    struct writer w = writer_fixed(line, sizeof(line));

    if (!is_token(text_of(header->name)) || !is_field_value(header->value)) {
        diag_set(diag, "The header \"%.60s\" has characters that no header may have.",
                 header->name);
        return ERR_INVALID;
    }
    writer_str(&w, header->name);
    writer_str(&w, header->value.len ? ": " : ";"); /* libcurl's way to write an empty one */
    writer_text(&w, header->value);
    writer_char(&w, '\0');
    if (w.failed) {
        diag_set(diag, "The header \"%.60s\" is longer than %d bytes.", header->name,
                 FETCH_HEADER_LEN_MAX);
        return ERR_INVALID;
    }
    add_header_line(call, line);
    return OK;
}

/* What libcurl is to leave out: it would call any body a form, and wait for 100 Continue. */
static void add_no_headers(struct call *call, bool has_type)
{
    if (!has_type)
        add_header_line(call, "Content-Type:");
    add_header_line(call, "Expect:");
}

static enum err add_headers(struct call *call, const struct fetch_request *request,
                            struct diag *diag)
{
    bool has_type = false;

    if (request->header_count > FETCH_HEADERS_MAX) {
        diag_set(diag, "A request has no more than %d headers.", FETCH_HEADERS_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        enum err err = add_header(call, &request->headers[i], diag);

        if (err != OK)
            return err;
        has_type |= text_equal_nocase(text_of(request->headers[i].name), TEXT("content-type"));
    }
    add_no_headers(call, has_type);
    return OK;
}

static enum err set_url(struct call *call, struct text url, struct diag *diag)
{
    char *copy = mem_strndup(url.ptr ? url.ptr : "", url.len);
    struct guard_url parsed;
    enum err err = guard_check_url(call->guard, (struct text){copy, url.len}, &parsed, diag);

    if (err != OK) {
        mem_free(copy);
        return err;
    }
    mem_free(call->url);
    call->url = copy;
    call->parsed = parsed;
    return OK;
}

enum err call_create(const struct fetch_request *request, const struct guard *guard,
                     const struct trusted *trusted, struct diag *diag, struct call **ret_call)
{
    struct text method = text_of(request->method);

    if (!is_token(method) || method.len > FETCH_METHOD_LEN_MAX) {
        diag_set(diag, "\"%.20s\" is not a method.", request->method);
        return ERR_INVALID;
    }

    struct call *call = mem_zalloc(sizeof(*call));
    list_node_init(&call->node);
    call->state = CALL_QUEUED;
    call->guard = guard;
    call->trusted = trusted;
    memcpy(call->method, method.ptr, method.len);
    call->connect_timeout_us =
        request->connect_timeout_us ? request->connect_timeout_us : CONNECT_TIMEOUT_US;
    call->timeout_us = request->timeout_us ? request->timeout_us : TIMEOUT_US;
    call->answer_max = request->answer_max;
    call->answer = writer_growing(request->answer_max + 1);
    call->may_cut_answer = request->may_cut_answer;
    call->redirects_max = call->redirects_left = request->redirects_max;
    call->body = request->body ? buf_ref(request->body) : NULL;

    enum err err = set_url(call, request->url, diag);
    if (err == OK)
        err = add_headers(call, request, diag);
    if (err != OK) {
        call_destroy(call);
        return err;
    }
    *ret_call = call;
    return OK;
}

void call_destroy(struct call *call)
{
    assert(!call->easy);
    curl_slist_free_all(call->headers);
    (void)buf_unref(call->body);
    writer_deinit(&call->answer);
    mem_free(call->url);
    mem_free(call);
}

/* ---- what libcurl asks while it runs ---- */

/* The one place where a connection begins. libcurl connects to exactly the address that is judged
 * here, whatever the name resolves to a moment later. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *wanted)
{
    struct call *call = context;
    struct net_address address = {0};

    if (purpose != CURLSOCKTYPE_IPCXN || wanted->addrlen > sizeof(address))
        return CURL_SOCKET_BAD;
    memcpy(&address, &wanted->addr, wanted->addrlen);
    if (guard_check_address(call->guard, &address, &call->refusal) != OK)
        return CURL_SOCKET_BAD;
    call->sockets_tried++;
    return socket(wanted->family, wanted->socktype | SOCK_CLOEXEC, wanted->protocol);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t len = size * count;
    size_t room = call->answer_max - call->answer.len;

    writer_bytes(&call->answer, bytes, len < room ? len : room);
    if (len <= room)
        return len;
    call->is_cut = true;
    return 0; /* ends the transfer */
}

/* Sets the option, unless an earlier one failed. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(call->easy, option, value);                                    \
    } while (0)

static CURLcode set_method(const struct call *call)
{
    CURLcode code = CURLE_OK;

    if (call->body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body->len);
        SET(CURLOPT_POSTFIELDS, (const char *)call->body->data); /* not copied */
    } else if (strcmp(call->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, call->method);
    return code;
}

static CURLcode set_limits(const struct call *call, int64_t now_us)
{
    CURLcode code = CURLE_OK;
    int64_t left_us = call->timeout_us - (now_us - call->started_us);
    int64_t connect_us;

    if (left_us < US_PER_MS)
        left_us = US_PER_MS; /* 0 would mean for ever */
    connect_us = call->connect_timeout_us < left_us ? call->connect_timeout_us : left_us;
    SET(CURLOPT_TIMEOUT_MS, (long)(left_us / US_PER_MS));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_us / US_PER_MS));
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A lookup that is still running must not hold up the loop when the call ends. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    return code;
}

static CURLcode set_rules(struct call *call)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* call_end() does it, with the guard */
    SET(CURLOPT_PROXY, "");          /* not even what the environment says */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, call);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAPATH, NULL); /* the file is enough; only without it libcurl keeps what it read */
    if (call->trusted) {
        SET(CURLOPT_SSL_CTX_FUNCTION, trusted_add);
        /* libcurl takes no pointer to const; trusted_add() only reads */
        SET(CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)call->trusted);
    }
    return code;
}

static CURLcode set_request(struct call *call)
{
    CURLcode code = CURLE_OK;

    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_USERAGENT, "Stoa/" STOA_VERSION);
    SET(CURLOPT_HTTPHEADER, call->headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, call);
    return code;
}

enum err call_begin(struct call *call, int64_t now_us)
{
    if (call->started_us == 0)
        call->started_us = now_us;
    call->begun_us = now_us;
    call->sockets_tried = 0;
    call->refusal = (struct diag){0};
    call->is_cut = false;
    writer_clear(&call->answer);

    call->easy = curl_easy_init();
    if (!call->easy)
        return ERR_IO;
    CURLcode code = set_request(call);
    if (code == CURLE_OK)
        code = set_method(call);
    if (code == CURLE_OK)
        code = set_limits(call, now_us);
    if (code == CURLE_OK)
        code = set_rules(call);
    if (code == CURLE_OK)
        return OK;
    curl_easy_cleanup(call->easy);
    call->easy = NULL;
    return ERR_IO;
}

/* ---- the answer ---- */

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* RFC 9110 section 15.4: after 303, and as everybody does it after 301 and 302 of a POST, the next
 * request is a GET without a body. */
static void change_method(struct call *call, long status)
{
    bool is_post = strcmp(call->method, "POST") == 0;

    if (strcmp(call->method, "HEAD") == 0 ||
        !(status == 303 || (is_post && (status == 301 || status == 302))))
        return;
    memcpy(call->method, "GET", sizeof("GET"));
    call->body = buf_unref(call->body);
}

/* True: the call goes on at another URL. */
static bool follow(struct call *call, long status, struct diag *diag, enum err *ret_result)
{
    const char *location = NULL;
    struct guard_url before = call->parsed;
    char *url_before = mem_strndup(call->url, strlen(call->url));
    struct diag why = {0};

    /* `before` points into the URL that set_url() releases. */
    before.host.ptr = url_before + (before.host.ptr - call->url);
    (void)curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &location);
    enum err err = location ? OK : ERR_NOT_FOUND;
    if (location && call->redirects_left == 0) {
        err = ERR_LIMIT;
        diag_set(diag, "It redirects more than %u times.", call->redirects_max);
    } else if (location) {
        err = set_url(call, text_of(location), &why);
        if (err != OK)
            diag_set(diag, "It redirects to a URL that %.180s.", why.message);
    }
    if (err == OK) {
        call->redirects_left--;
        change_method(call, status);
        if (!guard_same_origin(&before, &call->parsed)) {
            curl_slist_free_all(call->headers);
            call->headers = NULL;
            add_no_headers(call, false);
        }
    }
    mem_free(url_before);
    *ret_result = location ? err : OK; /* without a location it is an answer like any other */
    return err == OK;
}

bool call_end(struct call *call, CURLcode code, int64_t now_us, struct fetch_answer *ret_answer)
{
    struct fetch_answer answer = {.id = call->id};
    struct diag diag = {0};
    curl_off_t retry_after_s = 0;
    long status = 0;
    bool goes_on = false;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (code == CURLE_WRITE_ERROR && call->is_cut && call->may_cut_answer)
        code = CURLE_OK;
    if (code != CURLE_OK)
        answer.result = call_explain(call, code, now_us, &diag);
    else if (is_redirect(status) && call->redirects_max > 0)
        goes_on = follow(call, status, &diag, &answer.result);
    curl_easy_cleanup(call->easy);
    call->easy = NULL;

    _Static_assert(sizeof(answer.error) == sizeof(diag.message), "the sentence fits");
    memcpy(answer.error, diag.message, sizeof(answer.error));
    answer.status = (int)status;
    answer.body = writer_as_text(&call->answer);
    answer.is_cut = call->is_cut;
    answer.retry_after_s = retry_after_s > 0 ? retry_after_s : 0;
    answer.duration_us = now_us - call->started_us;
    *ret_answer = answer;
    return goes_on;
}
