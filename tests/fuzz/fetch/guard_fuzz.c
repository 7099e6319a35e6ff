/* URLs for outgoing requests: what the guard accepts means the same to libcurl, and what it says is
 * an address that may be used is one. */
#include <assert.h>
#include <curl/curl.h>
#include <string.h>

#include "base/writer.h"
#include "fetch/fetch.h"
#include "fetch/guard.h"

static void check_part(CURLU *url, CURLUPart part, unsigned flags, struct text wanted)
{
    char *value = NULL;

    assert(curl_url_get(url, part, &value, flags) == CURLUE_OK);
    assert(text_equal_nocase(text_of(value), wanted));
    curl_free(value);
}

/* libcurl writes IPv6 in its brackets, and in its own short form. */
static void check_host(CURLU *url, const struct guard_url *parsed)
{
    char *value = NULL;

    assert(curl_url_get(url, CURLUPART_HOST, &value, 0) == CURLUE_OK);
    struct text host = text_of(value);
    if (!parsed->is_address) {
        assert(text_equal_nocase(host, parsed->host));
    } else {
        struct net_address address;

        if (host.ptr[0] == '[')
            host = text_sub(host, 1, host.len - 2);
        assert(net_parse_ip(host, parsed->port, &address) == OK);
        assert(net_equal(&address, &parsed->address));
    }
    curl_free(value);
}

static void compare(struct text text, const struct guard_url *parsed)
{
    char string[FETCH_URL_LEN_MAX + 1];
    char port[8];
    CURLU *url = curl_url();
    char *value = NULL;

    memcpy(string, text.ptr, text.len);
    string[text.len] = '\0';
    assert(strlen(string) == text.len);
    assert(curl_url_set(url, CURLUPART_URL, string, 0) == CURLUE_OK);
    check_part(url, CURLUPART_SCHEME, 0, parsed->is_https ? TEXT("https") : TEXT("http"));
    check_host(url, parsed);
    struct writer w = writer_fixed(port, sizeof(port));
    writer_dec(&w, parsed->port);
    check_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, writer_as_text(&w));
    assert(curl_url_get(url, CURLUPART_USER, &value, 0) == CURLUE_NO_USER);
    assert(curl_url_get(url, CURLUPART_PASSWORD, &value, 0) == CURLUE_NO_PASSWORD);
    assert(curl_url_get(url, CURLUPART_FRAGMENT, &value, 0) == CURLUE_NO_FRAGMENT);
    curl_url_cleanup(url);
}

static void check_list(struct text text)
{
    struct guard guard;
    struct diag diag = {0};
    enum err err = guard_init(&guard, text, &diag);

    assert(err == OK || diag.message[0] != '\0');
    assert(guard.allowed_count <= GUARD_NETWORKS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct guard strict;
    struct text text = {(const char *)bytes, len};
    struct guard_url parsed, checked;
    struct diag diag = {0};

    check_list(text);
    enum err err = guard_parse_url(text, &parsed, &diag);
    if (err != OK) {
        assert(diag.message[0] != '\0');
        assert(guard_check_url(&strict, text, &checked, &diag) == err);
        return 0;
    }
    assert(parsed.host.len && parsed.port);
    compare(text, &parsed);
    err = guard_check_url(&strict, text, &checked, &diag);
    assert(err == OK || err == ERR_DENIED);
    if (err == OK && parsed.is_address)
        assert(!net_is_loopback(&parsed.address) && !net_is_any(&parsed.address));
    return 0;
}
