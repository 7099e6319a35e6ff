/*
 * bearer_fuzz - any Authorization header, and any header and claims of a token that is rightly
 * signed: who calls is somebody or nobody, never half of both, and never more than is stored.
 *
 * The first byte chooses: 'a' the header's value, 'h' the header of a JWT, 'c' its claims.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "account/account.h"
#include "base/clock.h"
#include "base/writer.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define SECRET    "0123456789abcdef0123456789abcdef"
#define ADMIN_KEY "admin-key-of-the-fuzzer"
#define NOW_US    INT64_C(1795250400000000)

enum { HEADER_MAX = 32768 };

static struct account_directory *create_directory(void)
{
    const struct jwt_config config = {
        .algorithm = JWT_HS256,
        .keys = {{.key = TEXT(SECRET)}},
        .key_count = 1,
        .issuer = TEXT("shop"),
        .audience = TEXT("stoa"),
    };
    const struct account_limits limits = account_limits_default();
    const struct account_row seller = {
        .id = "00000000-0000-4000-8000-00000000000a", .email = "a@b.com", .role = "seller"};
    struct api_key_row key = {.id = STORE_ADMIN_KEY_ID};
    struct jwt_checker *jwt;

    REQUIRE(jwt_checker_create(&config, &jwt, NULL) == OK);
    struct account_directory *dir = account_directory_create(&limits, jwt);
    account_directory_set_account_row(dir, text_of(seller.id), &seller);
    crypto_sha256(ADMIN_KEY, sizeof(ADMIN_KEY) - 1, key.key_hash);
    account_directory_set_api_key_row(dir, text_of(key.id), &key);
    return dir;
}

static void write_signed(struct writer *w, struct text header, struct text claims)
{
    uint8_t mac[CRYPTO_SHA256_LEN];

    writer_str(w, "Bearer ");
    size_t begin = w->len;
    crypto_base64url(w, header.ptr, header.len);
    writer_char(w, '.');
    crypto_base64url(w, claims.ptr, claims.len);
    if (w->failed)
        return;
    crypto_hmac_sha256(SECRET, sizeof(SECRET) - 1, w->data + begin, w->len - begin, mac);
    writer_char(w, '.');
    crypto_base64url(w, mac, sizeof(mac));
}

static void check_caller(const struct caller *caller, const char *mode)
{
    REQUIRE(caller->is_refused == (caller->fault != CREDENTIAL_GOOD));
    REQUIRE(memchr(caller->name, '\0', sizeof(caller->name)));
    REQUIRE((caller->scopes & ~account_role_scopes(caller->role)) == 0);
    switch (caller->kind) {
    case CALLER_ANYBODY:
        REQUIRE(caller->role == ROLE_NONE && caller->account_id[0] == '\0');
        break;
    case CALLER_ADMIN_KEY:
        REQUIRE(*mode == 'a');
        break;
    case CALLER_JWT: /* the only account is a seller's */
        REQUIRE(caller->role == ROLE_BUYER ||
                (caller->role == ROLE_SELLER && caller->account_id[0] != '\0'));
        break;
    case CALLER_SESSION:
    case CALLER_API_KEY:
    case CALLER_STREAM_KEY:
    case CALLER_PUBLISH_TOKEN:
    default:
        abort(); /* there are none */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct account_directory *dir;
    static char memory[HEADER_MAX];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct text input = {(const char *)data + 1, size ? size - 1 : 0};
    struct caller caller;

    if (!dir)
        dir = create_directory();
    if (size < 1)
        return 0;
    if (data[0] == 'h')
        write_signed(&w, input,
                     TEXT("{\"sub\":\"1\",\"exp\":9e9,\"iss\":\"shop\",\"aud\":\"stoa\"}"));
    else if (data[0] == 'c')
        write_signed(&w, TEXT("{\"alg\":\"HS256\"}"), input);
    else
        writer_text(&w, input);
    if (w.failed)
        return 0;

    /* Without an address that stays the same the tenth wrong key would be the last one looked at.
     */
    static uint32_t count;
    char address[16];
    struct writer a = writer_fixed(address, sizeof(address));
    writer_dec(&a, count++);
    const struct credentials credentials = {.authorization = writer_as_text(&w),
                                            .address = writer_as_text(&a)};
    account_identify(dir, &credentials, NOW_US, &caller);
    check_caller(&caller, (const char *)data);
    REQUIRE(credentials_bearer(credentials.authorization).len <= ACCOUNT_BEARER_LEN_MAX);
    return 0;
}
