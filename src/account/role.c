/*
 * role - roles and scopes: two tables, read in each direction.
 */
#include "account/account.h"
#include "base/writer.h"

static const struct {
    const char *name;
    uint32_t scopes;
} roles[ROLE_END] = {[ROLE_NONE] = {"", 0},
#define ROLE_ROW(role, name, scopes) [role] = {name, scopes},
                     ACCOUNT_ROLE_TABLE(ROLE_ROW)
#undef ROLE_ROW
};

static const struct {
    const char *word;
    uint32_t bit;
} scope_rows[] = {
#define SCOPE_ROW(scope, word, bit) {word, bit},
    ACCOUNT_SCOPE_TABLE(SCOPE_ROW)
#undef SCOPE_ROW
};

enum { SCOPE_ROWS = sizeof(scope_rows) / sizeof(scope_rows[0]) };

const char *account_role_name(enum account_role role)
{
    return (unsigned)role < ROLE_END ? roles[role].name : "";
}

enum account_role account_role_parse(struct text word)
{
    for (unsigned role = ROLE_NONE + 1; role < ROLE_END; role++)
        if (text_equal(word, text_of(roles[role].name)))
            return (enum account_role)role;
    return ROLE_NONE;
}

uint32_t account_role_scopes(enum account_role role)
{
    return (unsigned)role < ROLE_END ? roles[role].scopes : 0;
}

static uint32_t find_scope(struct text word)
{
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (text_equal(word, text_of(scope_rows[i].word)))
            return scope_rows[i].bit;
    return 0;
}

enum err account_scopes_parse(struct text words, uint32_t *ret_scopes, struct diag *diag)
{
    uint32_t scopes = 0;

    while (words.len) {
        struct text word = text_cut(&words, ' ');
        uint32_t bit = find_scope(word);

        if (bit == 0) {
            struct text shown = text_sub(word, 0, ROW_WORD_LEN_MAX);

            diag_set(diag,
                     "scopes: \"%.*s\" is none of read, channels, publish, webhooks, accounts, "
                     "admin.",
                     TEXT_ARG(shown));
            return ERR_INVALID;
        }
        if (scopes & bit) {
            diag_set(diag, "scopes: \"%.*s\" is named twice.", TEXT_ARG(word));
            return ERR_INVALID;
        }
        scopes |= bit;
    }
    if (scopes == 0) {
        diag_set(diag, "scopes: name at least one.");
        return ERR_INVALID;
    }
    *ret_scopes = scopes;
    return OK;
}

const char *account_scope_word(uint32_t scope)
{
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (scope_rows[i].bit == scope)
            return scope_rows[i].word;
    return NULL;
}

void account_scopes_write(uint32_t scopes, char to[ROW_SCOPES_LEN_MAX + 1])
{
    struct writer w = writer_fixed(to, ROW_SCOPES_LEN_MAX);

    for (size_t i = 0; i < SCOPE_ROWS; i++) {
        if (!(scopes & scope_rows[i].bit))
            continue;
        if (w.len > 0)
            writer_char(&w, ' ');
        writer_str(&w, scope_rows[i].word);
    }
    to[w.len] = '\0';
}
