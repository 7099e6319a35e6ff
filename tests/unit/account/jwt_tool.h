/*
 * jwt_tool - makes keys and tokens, right and wrong ones, with OpenSSL alone: another hand than the
 * library that checks them.
 */
#ifndef TESTS_UNIT_ACCOUNT_JWT_TOOL_H
#define TESTS_UNIT_ACCOUNT_JWT_TOOL_H

#include <openssl/evp.h>
#include <stddef.h>

enum { JWT_TOOL_TOKEN_MAX = 16384, JWT_TOOL_PEM_MAX = 4096 };

struct jwt_tool_key {
    EVP_PKEY *key;
    char public_pem[JWT_TOOL_PEM_MAX];
    char private_pem[JWT_TOOL_PEM_MAX];
};

struct jwt_tool_key jwt_tool_rsa(unsigned bits);
struct jwt_tool_key jwt_tool_ec(const char *curve);
void jwt_tool_free(struct jwt_tool_key *key);

/* base64url(header) "." base64url(claims) "." signature. */
void jwt_tool_hs256(const char *header, const char *claims, const void *secret, size_t secret_len,
                    char to[JWT_TOOL_TOKEN_MAX]);
void jwt_tool_rs256(const char *header, const char *claims, const struct jwt_tool_key *key,
                    char to[JWT_TOOL_TOKEN_MAX]);
void jwt_tool_es256(const char *header, const char *claims, const struct jwt_tool_key *key,
                    char to[JWT_TOOL_TOKEN_MAX]);
/* With this text as the third part. */
void jwt_tool_raw(const char *header, const char *claims, const char *signature,
                  char to[JWT_TOOL_TOKEN_MAX]);

#endif
