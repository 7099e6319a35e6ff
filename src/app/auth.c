#include "app/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { KEY_FILE_LEN_MAX = 8192 };

struct account_limits auth_limits(const struct config *config)
{
    struct account_limits limits = account_limits_default();

    limits.session_idle_us = config->session_idle_s * US_PER_S;
    limits.session_life_us = config->session_life_s * US_PER_S;
    /* Else a session that is used all the time would idle out between two renewals. */
    if (limits.session_renew_us > limits.session_idle_us / 4)
        limits.session_renew_us = limits.session_idle_us / 4;
    return limits;
}

/* ---- the shop's tokens ---- */

struct key_files {
    char chars[JWT_KEYS_MAX][KEY_FILE_LEN_MAX];
    char paths[CONFIG_TEXT_MAX + 1]; /* cut into C strings */
};

static enum err read_key_file(const char *path, char chars[KEY_FILE_LEN_MAX], struct text *ret_key,
                              struct diag *diag)
{
    FILE *file = fopen(path, "re");

    if (!file) {
        diag_set(diag, "The file \"%.100s\" (auth.jwt_key_files) cannot be opened: %s.", path,
                 strerror(errno));
        return ERR_IO;
    }
    size_t len = fread(chars, 1, KEY_FILE_LEN_MAX, file);
    bool is_failed = ferror(file) != 0 || len == KEY_FILE_LEN_MAX;
    (void)fclose(file);
    if (is_failed) {
        diag_set(diag, "The file \"%.100s\" (auth.jwt_key_files) cannot be read, or is no key.",
                 path);
        return ERR_IO;
    }
    *ret_key = text_trim((struct text){chars, len}); /* editors end files with a newline */
    return OK;
}

/* One of "<kid>=<file>" and "<file>". */
static enum err add_key_file(struct jwt_config *jwt, struct key_files *files, char *word,
                             struct diag *diag)
{
    char *equals = strchr(word, '=');
    const char *path = equals ? equals + 1 : word;

    if (jwt->key_count == JWT_KEYS_MAX) {
        diag_set(diag, "auth.jwt_key_files: there are more than %d.", JWT_KEYS_MAX);
        return ERR_INVALID;
    }
    struct jwt_key_config *key = &jwt->keys[jwt->key_count];
    if (equals)
        key->kid = (struct text){word, (size_t)(equals - word)};
    enum err err = read_key_file(path, files->chars[jwt->key_count], &key->key, diag);
    jwt->key_count++;
    return err;
}

static enum err add_key_files(struct jwt_config *jwt, struct key_files *files, struct diag *diag)
{
    enum err err = OK;
    char *rest = files->paths;
    char *word;

    while (err == OK && (word = strsep(&rest, " ")))
        if (*word)
            err = add_key_file(jwt, files, word, diag);
    return err;
}

enum err auth_create_jwt_checker(const struct config *config, struct jwt_checker **ret_checker,
                                 struct diag *diag)
{
    struct key_files files = {0};
    struct jwt_config jwt = {
        .algorithm = jwt_algorithm_parse(text_of(config->jwt_algorithm)),
        .issuer = text_of(config->jwt_issuer),
        .audience = text_of(config->jwt_audience),
        .role_claim = text_of(config->jwt_role_claim),
        .email_claim = text_of(config->jwt_email_claim),
        .admin_roles = text_of(config->jwt_admin_roles),
        .seller_roles = text_of(config->jwt_seller_roles),
    };
    enum err err;

    *ret_checker = NULL;
    if (!config->jwt_algorithm[0])
        return OK;
    if (config->jwt_key.len)
        jwt.keys[jwt.key_count++].key = secret_reveal(&config->jwt_key);
    memcpy(files.paths, config->jwt_key_files, sizeof(files.paths));
    err = add_key_files(&jwt, &files, diag);
    if (err == OK)
        err = jwt_checker_create(&jwt, ret_checker, diag);
    crypto_wipe(&files, sizeof(files));
    return err;
}
