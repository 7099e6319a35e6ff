#include "account/jwt.h"

#include <assert.h>
#include <jansson.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "account/email.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
    KEY_LEN_MAX = 8192,
    WORDS_LEN_MAX = 255,
    NAME_LEN_MAX = 255,
    AUDIENCES_MAX = 64,
    RSA_BITS_MIN = 2048,
};

static const int64_t LEEWAY_US = 30 * US_PER_S;

struct jwt_key {
    char kid[JWT_KID_LEN_MAX + 1];
    uint8_t *bytes;
    size_t len;
};

struct jwt_checker {
    enum jwt_algorithm algorithm;
    struct jwt_key keys[JWT_KEYS_MAX];
    size_t key_count;
    char issuer[NAME_LEN_MAX + 1];
    char audience[NAME_LEN_MAX + 1];
    char role_claim[NAME_LEN_MAX + 1];
    char email_claim[NAME_LEN_MAX + 1];
    char admin_roles[WORDS_LEN_MAX + 1];
    char seller_roles[WORDS_LEN_MAX + 1];
    int64_t leeway_us;
};

/* ---- algorithms ---- */

static const struct {
    const char *name;
    jwt_alg_t alg;
    int key_type; /* 0: a secret */
    const char *key_words;
} algorithms[] = {
    [JWT_HS256] = {"HS256", JWT_ALG_HS256, 0, "a secret"},
    [JWT_RS256] = {"RS256", JWT_ALG_RS256, EVP_PKEY_RSA, "an RSA key of 2048 bits or more"},
    [JWT_ES256] = {"ES256", JWT_ALG_ES256, EVP_PKEY_EC, "an EC key of the curve P-256"},
};

enum jwt_algorithm jwt_algorithm_parse(struct text word)
{
    for (unsigned i = JWT_HS256; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (text_equal(word, text_of(algorithms[i].name)))
            return (enum jwt_algorithm)i;
    return 0;
}

/* ---- configuration ---- */

static enum err check_secret(struct text secret, size_t number, struct diag *diag)
{
    if (text_contains(secret, TEXT("-----BEGIN"))) {
        diag_set(diag,
                 "jwt key %zu: this is a key in PEM form, which HS256 would take for a "
                 "secret that everybody knows. Set the algorithm to RS256 or ES256.",
                 number);
        return ERR_INVALID;
    }
    if (secret.len < JWT_HS256_SECRET_LEN_MIN) {
        diag_set(diag, "jwt key %zu: it has %zu bytes; a secret of HS256 has %d or more.", number,
                 secret.len, JWT_HS256_SECRET_LEN_MIN);
        return ERR_INVALID;
    }
    return OK;
}

/* Never asks at the terminal. */
static int no_passphrase(char *to, int cap, int is_writing, void *context)
{
    (void)to;
    (void)cap;
    (void)is_writing;
    (void)context;
    return -1;
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32];
    size_t len;

    return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          &len) == 1 &&
           text_equal(text_of(group), TEXT("prime256v1"));
}

static bool fits(EVP_PKEY *key, enum jwt_algorithm algorithm)
{
    if (EVP_PKEY_get_base_id(key) != algorithms[algorithm].key_type)
        return false;
    return algorithm == JWT_RS256 ? EVP_PKEY_get_bits(key) >= RSA_BITS_MIN : is_p256(key);
}

static enum err check_public_key(struct text pem, enum jwt_algorithm algorithm, size_t number,
                                 struct diag *diag)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
    enum err err = OK;

    if (!key) {
        diag_set(diag,
                 "jwt key %zu: it is no public key in PEM form (\"-----BEGIN PUBLIC KEY-----\").",
                 number);
        err = ERR_INVALID;
    } else if (!fits(key, algorithm)) {
        diag_set(diag, "jwt key %zu: %s needs %s.", number, algorithms[algorithm].name,
                 algorithms[algorithm].key_words);
        err = ERR_INVALID;
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error(); /* TLS on this thread would take them for its own */
    return err;
}

static enum err check_key(const struct jwt_config *config, size_t index, struct diag *diag)
{
    const struct jwt_key_config *key = &config->keys[index];

    if (key->key.len > KEY_LEN_MAX || key->kid.len > JWT_KID_LEN_MAX) {
        diag_set(diag, "jwt key %zu: a key has up to %d bytes, its name (kid) up to %d.", index + 1,
                 KEY_LEN_MAX, JWT_KID_LEN_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < index; i++) {
        if (text_equal(config->keys[i].kid, key->kid)) {
            diag_set(diag, "jwt key %zu: another key has the same name (kid).", index + 1);
            return ERR_INVALID;
        }
    }
    if (config->algorithm == JWT_HS256)
        return check_secret(key->key, index + 1, diag);
    return check_public_key(key->key, config->algorithm, index + 1, diag);
}

static enum err check_config(const struct jwt_config *config, struct diag *diag)
{
    const struct text names[] = {config->issuer,      config->audience,    config->role_claim,
                                 config->email_claim, config->admin_roles, config->seller_roles};

    if (config->algorithm < JWT_HS256 || config->algorithm > JWT_ES256 || config->key_count == 0 ||
        config->key_count > JWT_KEYS_MAX) {
        diag_set(diag, "jwt: it needs an algorithm (HS256, RS256, ES256) and 1 to %d keys.",
                 JWT_KEYS_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].len > NAME_LEN_MAX ||
            (names[i].len && memchr(names[i].ptr, 0, names[i].len))) {
            diag_set(diag, "jwt: issuer, audience, claims and roles have up to %d characters.",
                     NAME_LEN_MAX);
            return ERR_INVALID;
        }
    }
    for (size_t i = 0; i < config->key_count; i++) {
        enum err err = check_key(config, i, diag);

        if (err != OK)
            return err;
    }
    return OK;
}

/* Empty: the default. The length is checked. */
static void copy_name(char to[NAME_LEN_MAX + 1], struct text name, struct text standard)
{
    struct text chosen = name.len ? name : standard;

    memcpy(to, chosen.len ? chosen.ptr : "", chosen.len);
    to[chosen.len] = '\0';
}

enum err jwt_checker_create(const struct jwt_config *config, struct jwt_checker **ret_checker,
                            struct diag *diag)
{
    enum err err = check_config(config, diag);

    if (err != OK)
        return err;
    struct jwt_checker *checker = mem_zalloc(sizeof(*checker));
    checker->algorithm = config->algorithm;
    checker->leeway_us = config->leeway_us ? config->leeway_us : LEEWAY_US;
    copy_name(checker->issuer, config->issuer, (struct text){0});
    copy_name(checker->audience, config->audience, (struct text){0});
    copy_name(checker->role_claim, config->role_claim, TEXT("role"));
    copy_name(checker->email_claim, config->email_claim, TEXT("email"));
    copy_name(checker->admin_roles, config->admin_roles, TEXT("admin"));
    copy_name(checker->seller_roles, config->seller_roles, TEXT("seller"));
    for (size_t i = 0; i < config->key_count; i++) {
        struct jwt_key *key = &checker->keys[checker->key_count++];

        memcpy(key->kid, config->keys[i].kid.len ? config->keys[i].kid.ptr : "",
               config->keys[i].kid.len);
        key->bytes = mem_dup(config->keys[i].key.ptr, config->keys[i].key.len);
        key->len = config->keys[i].key.len;
    }
    *ret_checker = checker;
    return OK;
}

void jwt_checker_destroy(struct jwt_checker *checker)
{
    if (!checker)
        return;
    for (size_t i = 0; i < checker->key_count; i++) {
        crypto_wipe(checker->keys[i].bytes, checker->keys[i].len);
        mem_free(checker->keys[i].bytes);
    }
    mem_free(checker);
}

/* ---- a token's parts ---- */

enum { PART_HEADER, PART_CLAIMS, PART_SIGNATURE, PARTS };

static bool is_base64url(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return text.len != 0;
}

static bool split(struct text token, struct text ret_parts[PARTS])
{
    if (text_ends_with(token, TEXT("."))) /* an empty part behind it is one too many */
        return false;
    for (size_t i = 0; i < PARTS; i++) {
        ret_parts[i] = text_cut(&token, '.');
        if (!is_base64url(ret_parts[i]))
            return false;
    }
    return token.len == 0;
}

bool jwt_is_shaped(struct text bearer)
{
    struct text parts[PARTS];

    return split(bearer, parts);
}

/* A JSON object out of base64url; NULL when it is anything else. */
static json_t *read_object(struct text part)
{
    uint8_t *bytes = mem_alloc(part.len);
    json_t *json = NULL;
    size_t len;

    if (crypto_base64url_decode(part, bytes, part.len, &len) == OK)
        json = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    mem_free(bytes);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

/* Empty when it is not there or no text. */
static struct text member_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value)
               ? (struct text){json_string_value(value), json_string_length(value)}
               : (struct text){0};
}

/* ---- the header ---- */

/* Without a kid it must be clear which key is meant. */
static const struct jwt_key *find_key(const struct jwt_checker *checker, struct text kid)
{
    const struct jwt_key *nameless = NULL;

    for (size_t i = 0; i < checker->key_count; i++) {
        if (kid.len != 0 && text_equal(kid, text_of(checker->keys[i].kid)))
            return &checker->keys[i];
        if (checker->keys[i].kid[0] == '\0')
            nameless = &checker->keys[i];
    }
    if (nameless && (kid.len == 0 || checker->key_count == 1))
        return nameless;
    return kid.len == 0 && checker->key_count == 1 ? &checker->keys[0] : NULL;
}

static enum credential_fault read_header(const struct jwt_checker *checker, const json_t *header,
                                         const struct jwt_key **ret_key)
{
    const json_t *kid = json_object_get(header, "kid");
    const json_t *type = json_object_get(header, "typ");

    /* RFC 7515 section 4.1.11: what is critical and not understood makes the token invalid. */
    if (json_object_get(header, "crit") || (kid && !json_is_string(kid)) ||
        (type && !text_equal_nocase(member_text(header, "typ"), TEXT("JWT"))))
        return CREDENTIAL_JWT_MALFORMED;
    if (!text_equal(member_text(header, "alg"), text_of(algorithms[checker->algorithm].name)))
        return CREDENTIAL_JWT_ALGORITHM;
    *ret_key = find_key(checker, member_text(header, "kid"));
    return *ret_key ? CREDENTIAL_GOOD : CREDENTIAL_JWT_KEY;
}

/* ---- the signature ---- */

static enum credential_fault verify(const struct jwt_checker *checker, const struct jwt_key *key,
                                    struct text token)
{
    char *chars = mem_strndup(token.ptr, token.len);
    jwt_t *jwt = NULL;
    enum credential_fault fault = CREDENTIAL_GOOD;

    if (jwt_decode(&jwt, chars, key->bytes, (int)key->len) != 0)
        fault = CREDENTIAL_JWT_SIGNATURE;
    else if (jwt_get_alg(jwt) != algorithms[checker->algorithm].alg)
        fault = CREDENTIAL_JWT_ALGORITHM;
    jwt_free(jwt);
    mem_free(chars);
    ERR_clear_error(); /* TLS on this thread would take them for its own */
    return fault;
}

/* ---- the claims ---- */

/* Seconds since 1970, with or without decimals. False: no number. What is beyond our range is cut
 * to it. */
static bool read_time(const json_t *value, int64_t *ret_us)
{
    static const double SECONDS_MAX = 9e12;
    double seconds;

    if (!json_is_number(value))
        return false;
    seconds = json_number_value(value);
    if (seconds > SECONDS_MAX)
        seconds = SECONDS_MAX;
    if (seconds < -SECONDS_MAX)
        seconds = -SECONDS_MAX;
    *ret_us = (int64_t)(seconds * (double)US_PER_S);
    return true;
}

static enum credential_fault check_times(const struct jwt_checker *checker, const json_t *claims,
                                         int64_t wall_us)
{
    const json_t *not_before = json_object_get(claims, "nbf");
    int64_t expires_us, not_before_us = INT64_MIN / 2;

    if (!read_time(json_object_get(claims, "exp"), &expires_us) ||
        (not_before && !read_time(not_before, &not_before_us)))
        return CREDENTIAL_JWT_CLAIMS;
    if (expires_us + checker->leeway_us <= wall_us)
        return CREDENTIAL_JWT_EXPIRED;
    return not_before_us - checker->leeway_us > wall_us ? CREDENTIAL_JWT_NOT_YET : CREDENTIAL_GOOD;
}

static bool has_audience(const json_t *audience, struct text wanted)
{
    size_t count = json_array_size(audience); /* 0 for what is no array */

    if (json_is_string(audience))
        return text_equal((struct text){json_string_value(audience), json_string_length(audience)},
                          wanted);
    for (size_t i = 0; i < count && i < AUDIENCES_MAX; i++) {
        const json_t *item = json_array_get(audience, i);

        if (json_is_string(item) &&
            text_equal((struct text){json_string_value(item), json_string_length(item)}, wanted))
            return true;
    }
    return false;
}

static bool has_word(const char *words, struct text wanted)
{
    struct text rest = text_of(words);

    while (rest.len)
        if (text_equal(text_trim(text_cut(&rest, ',')), wanted))
            return wanted.len != 0;
    return false;
}

static enum account_role role_of_word(const struct jwt_checker *checker, const json_t *word)
{
    struct text text = {json_string_value(word), json_string_length(word)};

    if (json_is_string(word) && has_word(checker->admin_roles, text))
        return ROLE_ADMIN;
    if (json_is_string(word) && has_word(checker->seller_roles, text))
        return ROLE_SELLER;
    return ROLE_BUYER;
}

/* One word, or an array of which the highest counts. */
static enum account_role read_role(const struct jwt_checker *checker, const json_t *claims)
{
    const json_t *value = json_object_get(claims, checker->role_claim);
    size_t count = json_array_size(value);
    enum account_role highest = ROLE_BUYER;

    if (!value)
        return ROLE_NONE;
    if (!json_is_array(value))
        return role_of_word(checker, value);
    for (size_t i = 0; i < count; i++) {
        enum account_role role = role_of_word(checker, json_array_get(value, i));

        if (role > highest)
            highest = role;
    }
    return highest;
}

/* False when it does not fit, or holds a NUL. */
static bool copy_claim(char *to, size_t cap, struct text claim)
{
    if (claim.len >= cap || (claim.len && memchr(claim.ptr, '\0', claim.len)))
        return false;
    memcpy(to, claim.len ? claim.ptr : "", claim.len);
    to[claim.len] = '\0';
    return true;
}

static enum credential_fault read_claims(const struct jwt_checker *checker, const json_t *claims,
                                         int64_t wall_us, struct jwt_claims *ret_claims)
{
    const json_t *verified = json_object_get(claims, "email_verified");
    struct text email = member_text(claims, checker->email_claim);
    struct jwt_claims read = {.role = read_role(checker, claims)};
    enum credential_fault fault = check_times(checker, claims, wall_us);

    if (fault != CREDENTIAL_GOOD)
        return fault;
    if (checker->issuer[0] && !text_equal(member_text(claims, "iss"), text_of(checker->issuer)))
        return CREDENTIAL_JWT_ISSUER;
    if (checker->audience[0] &&
        !has_audience(json_object_get(claims, "aud"), text_of(checker->audience)))
        return CREDENTIAL_JWT_AUDIENCE;
    if (!copy_claim(read.subject, sizeof(read.subject), member_text(claims, "sub")) ||
        read.subject[0] == '\0')
        return CREDENTIAL_JWT_CLAIMS;
    /* An e-mail that its owner never confirmed is anybody's claim. */
    if ((!verified || json_is_true(verified)) && email_check(email, NULL) == OK &&
        !copy_claim(read.email, sizeof(read.email), email))
        return CREDENTIAL_JWT_CLAIMS;
    *ret_claims = read;
    return CREDENTIAL_GOOD;
}

enum credential_fault jwt_check(const struct jwt_checker *checker, struct text token,
                                int64_t wall_us, struct jwt_claims *ret_claims)
{
    struct text parts[PARTS];
    const struct jwt_key *key;
    enum credential_fault fault = CREDENTIAL_JWT_MALFORMED;
    uint8_t *signature;
    size_t len;

    if (token.len > ACCOUNT_BEARER_LEN_MAX || !split(token, parts))
        return CREDENTIAL_JWT_MALFORMED;
    signature = mem_alloc(parts[PART_SIGNATURE].len);
    bool is_strict = crypto_base64url_decode(parts[PART_SIGNATURE], signature,
                                             parts[PART_SIGNATURE].len, &len) == OK;
    mem_free(signature);

    json_t *header = is_strict ? read_object(parts[PART_HEADER]) : NULL;
    json_t *claims = header ? read_object(parts[PART_CLAIMS]) : NULL;
    if (claims)
        fault = read_header(checker, header, &key);
    if (claims && fault == CREDENTIAL_GOOD)
        fault = verify(checker, key, token);
    if (claims && fault == CREDENTIAL_GOOD)
        fault = read_claims(checker, claims, wall_us, ret_claims);
    json_decref(header);
    json_decref(claims);
    return fault;
}
