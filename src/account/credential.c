#include "account/credential.h"

#include <assert.h>

#include "base/writer.h"

enum { TOKEN_BYTES = 32, KEY_RANDOM_LEN = ACCOUNT_KEY_LEN - 3 };

static void write_token(const uint8_t bytes[TOKEN_BYTES], char to[ACCOUNT_SESSION_TOKEN_LEN + 1])
{
    struct writer w = writer_fixed(to, ACCOUNT_SESSION_TOKEN_LEN);

    crypto_base64url(&w, bytes, TOKEN_BYTES);
    to[ACCOUNT_SESSION_TOKEN_LEN] = '\0';
}

void credential_draw_token(char to[ACCOUNT_SESSION_TOKEN_LEN + 1])
{
    uint8_t bytes[TOKEN_BYTES];

    crypto_random(bytes, sizeof(bytes));
    write_token(bytes, to);
    crypto_wipe(bytes, sizeof(bytes));
}

void credential_draw_key(const char kind[4], char to[ACCOUNT_KEY_LEN + 1])
{
    memcpy(to, kind, 3);
    crypto_random_text(to + 3, KEY_RANDOM_LEN);
}

void account_draw_key(char to[ACCOUNT_KEY_LEN + 1])
{
    credential_draw_key("sk_", to);
}

void credential_hash(struct text credential, uint8_t ret_hash[CRYPTO_SHA256_LEN])
{
    crypto_sha256(credential.len ? credential.ptr : "", credential.len, ret_hash);
}

/* "sk_" and six characters of our own; of a text that somebody chose a quarter at most. */
void credential_prefix(struct text key, char to[ROW_PREFIX_LEN_MAX + 1])
{
    enum { SHOWN = 9 };
    size_t len = key.len / 4 < SHOWN ? key.len / 4 : SHOWN;

    memcpy(to, key.len ? key.ptr : "", len);
    to[len] = '\0';
}

void credential_csrf(struct text session_token, char to[ACCOUNT_CSRF_TOKEN_LEN + 1])
{
    static const char purpose[] = "stoa csrf 1";
    uint8_t mac[CRYPTO_SHA256_LEN];

    static_assert((int)CRYPTO_SHA256_LEN == (int)TOKEN_BYTES, "both are written the same way");
    crypto_hmac_sha256(session_token.ptr, session_token.len, purpose, sizeof(purpose) - 1, mac);
    write_token(mac, to);
}

bool credential_is_token(struct text text)
{
    uint8_t bytes[TOKEN_BYTES];
    size_t len;

    return text.len == ACCOUNT_SESSION_TOKEN_LEN &&
           crypto_base64url_decode(text, bytes, sizeof(bytes), &len) == OK;
}

bool credential_find_cookie(struct text header, struct text name, struct text *ret_value)
{
    struct text found = {0};
    size_t count = 0;

    if (header.len > ACCOUNT_COOKIE_LEN_MAX)
        return false;
    while (header.len) {
        struct text pair = text_cut(&header, ';');
        size_t equals = text_index_of(pair, '=');

        if (equals == pair.len || !text_equal(text_trim(text_sub(pair, 0, equals)), name))
            continue;
        found = text_trim(text_sub(pair, equals + 1, pair.len));
        count++;
    }
    if (count != 1)
        return false;
    *ret_value = found;
    return true;
}

struct text credentials_bearer(struct text authorization)
{
    if (!text_starts_with_nocase(authorization, TEXT("Bearer ")))
        return (struct text){0};

    struct text bearer = text_trim(text_sub(authorization, 7, authorization.len));
    if (bearer.len > ACCOUNT_BEARER_LEN_MAX)
        return (struct text){0};
    for (size_t i = 0; i < bearer.len; i++)
        if (bearer.ptr[i] <= ' ' || bearer.ptr[i] > '~')
            return (struct text){0};
    return bearer;
}
