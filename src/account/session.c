/*
 * session - signed-in browsers. The browser has the token, we have its SHA-256.
 */
#include "account/credential.h"
#include "account/people.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"

int64_t sessions_end_us(const struct account_directory *dir, const struct account_session *session)
{
    int64_t idle_end_us = session->row.last_used_at_us + dir->limits.session_idle_us;

    return idle_end_us < session->row.expires_at_us ? idle_end_us : session->row.expires_at_us;
}

struct account_session *sessions_find(const struct account_directory *dir,
                                      const uint8_t token_hash[CRYPTO_SHA256_LEN])
{
    return map_get(&dir->sessions_by_hash, credential_map_key(token_hash));
}

/* Nearly always at the end; from there on to the front for rows of other servers. */
static void put_in_use_order(struct account_directory *dir, struct account_session *session)
{
    struct list_node *place = dir->sessions_in_use_order.head.prev;

    while (place != &dir->sessions_in_use_order.head &&
           CONTAINER_OF(place, struct account_session, in_use_order)->row.last_used_at_us >
               session->row.last_used_at_us)
        place = place->prev;
    list_insert_after(place, &session->in_use_order);
}

struct account_session *sessions_add(struct account_directory *dir, struct account *account,
                                     const struct session_row *row)
{
    struct account_session *session = mem_zalloc(sizeof(*session));

    session->row = *row;
    session->account = account;
    list_push_back(&account->sessions, &session->in_account);
    account->session_count++;
    put_in_use_order(dir, session);
    list_node_init(&session->in_touched);
    list_node_init(&session->unstored.in_unstored);
    (void)map_put(&dir->sessions_by_hash, credential_map_key(session->row.token_hash), session);
    return session;
}

void sessions_remove(struct account_directory *dir, struct account_session *session)
{
    (void)map_remove(&dir->sessions_by_hash, credential_map_key(session->row.token_hash));
    list_unlink(&session->in_account);
    list_unlink(&session->in_use_order);
    list_unlink(&session->in_touched);
    list_unlink(&session->unstored.in_unstored);
    session->account->session_count--;
    mem_free(session);
}

void sessions_set_row(struct account_directory *dir, const uint8_t token_hash[CRYPTO_SHA256_LEN],
                      const struct session_row *row)
{
    struct account_session *session = sessions_find(dir, token_hash);
    struct account *account = row ? accounts_find(dir, text_of(row->account_id)) : NULL;
    struct session_row newer;

    if (session && account) {
        newer = *row; /* of two servers' words the later use counts */
        if (newer.last_used_at_us < session->row.last_used_at_us)
            newer.last_used_at_us = session->row.last_used_at_us;
        row = &newer;
    }
    if (session)
        sessions_remove(dir, session);
    if (account && dir->sessions_by_hash.count < STORE_SESSIONS_MAX)
        (void)sessions_add(dir, account, row);
}

void account_directory_set_session_row(struct account_directory *dir, struct text id,
                                       const struct session_row *row)
{
    uint8_t token_hash[CRYPTO_SHA256_LEN];

    if (id.len != 2 * sizeof(token_hash))
        return;
    for (size_t i = 0; i < sizeof(token_hash); i++) {
        uint64_t byte;

        if (!text_parse_hex_u64(text_sub(id, 2 * i, 2), UINT8_MAX, &byte))
            return;
        token_hash[i] = (uint8_t)byte;
    }
    sessions_set_row(dir, token_hash, row);
}

void sessions_use(struct account_directory *dir, struct account_session *session, int64_t now_us)
{
    int64_t wall_us = people_wall(dir, now_us);

    if (wall_us - session->row.last_used_at_us < dir->limits.session_renew_us)
        return;
    session->row.last_used_at_us = wall_us;
    list_unlink(&session->in_use_order);
    put_in_use_order(dir, session);
    people_touch(dir, &dir->touched_sessions, &session->in_touched, now_us);
}

static void end(struct account_directory *dir, struct account_session *session,
                struct store_batch *batch)
{
    store_batch_delete_session(batch, session->row.token_hash);
    sessions_remove(dir, session);
}

static struct account_session *quietest_of(const struct account *account)
{
    struct account_session *quietest = NULL;

    LIST_FOR_EACH(node, &account->sessions)
    {
        struct account_session *session = CONTAINER_OF(node, struct account_session, in_account);

        if (!quietest || session->row.last_used_at_us < quietest->row.last_used_at_us)
            quietest = session;
    }
    return quietest;
}

static void make_room(struct account_directory *dir, const struct account *account,
                      struct store_batch *batch)
{
    while (account->session_count > 0 &&
           account->session_count >= dir->limits.sessions_per_account_max)
        end(dir, quietest_of(account), batch);
    while (dir->sessions_by_hash.count > 0 &&
           (dir->sessions_by_hash.count >= dir->limits.sessions_max ||
            dir->sessions_by_hash.count >= STORE_SESSIONS_MAX))
        end(dir,
            CONTAINER_OF(list_first(&dir->sessions_in_use_order), struct account_session,
                         in_use_order),
            batch);
}

void sessions_open(struct account_directory *dir, struct account *account, struct text address,
                   struct text user_agent, struct store_batch *batch, int64_t now_us,
                   struct session_opened *ret_session)
{
    int64_t wall_us = people_wall(dir, now_us);
    struct session_row row = {
        .created_at_us = wall_us,
        .last_used_at_us = wall_us,
        .expires_at_us = wall_us + dir->limits.session_life_us,
    };
    const struct text token = {ret_session->token, ACCOUNT_SESSION_TOKEN_LEN};

    make_room(dir, account, batch);
    credential_draw_token(ret_session->token);
    credential_csrf(token, ret_session->csrf_token);
    credential_hash(token, row.token_hash);
    memcpy(row.account_id, account->row.id, sizeof(row.account_id));
    people_copy(row.address, sizeof(row.address), address);
    people_copy(row.user_agent, sizeof(row.user_agent), user_agent);

    struct account_session *session = sessions_add(dir, account, &row);
    people_note_unstored(dir, &session->unstored, THING_SESSION, batch);
    store_batch_put_session(batch, &row);
    people_copy(ret_session->account_id, sizeof(ret_session->account_id), text_of(row.account_id));
    ret_session->expires_at_us = sessions_end_us(dir, session);
    ret_session->max_age_s = (uint32_t)(dir->limits.session_life_us / US_PER_S);
}

void sessions_end_all(struct account_directory *dir, struct account *account, const uint8_t *except,
                      struct store_batch *batch)
{
    LIST_FOR_EACH(node, &account->sessions)
    {
        struct account_session *session = CONTAINER_OF(node, struct account_session, in_account);

        if (!except || !crypto_equal(session->row.token_hash, except, CRYPTO_SHA256_LEN))
            sessions_remove(dir, session);
    }
    store_batch_delete_sessions(batch, account->row.id, except);
}

/* Only in memory: that a session is idle this server knows of itself alone, and at the end of its
 * longest life the store deletes the row. */
void sessions_drop_expired(struct account_directory *dir, int64_t now_us)
{
    int64_t wall_us = people_wall(dir, now_us);

    LIST_FOR_EACH(node, &dir->sessions_in_use_order)
    {
        struct account_session *session = CONTAINER_OF(node, struct account_session, in_use_order);

        if (session->row.last_used_at_us + dir->limits.session_idle_us > wall_us)
            break; /* those behind it were used later */
        sessions_remove(dir, session);
    }
}

/* ---- what api/ sees ---- */

void account_sign_out(struct account_directory *dir, const struct caller *caller,
                      struct store_batch *batch)
{
    struct account_session *session =
        caller->kind == CALLER_SESSION ? sessions_find(dir, caller->session_hash) : NULL;

    if (session)
        end(dir, session, batch);
}

void account_session_id(const struct session_row *session, char to[ACCOUNT_SESSION_ID_LEN + 1])
{
    struct writer w = writer_fixed(to, ACCOUNT_SESSION_ID_LEN);

    crypto_hex(&w, session->token_hash, ACCOUNT_SESSION_ID_LEN / 2);
    to[ACCOUNT_SESSION_ID_LEN] = '\0';
}

const struct session_row *account_session_at(const struct account_directory *dir,
                                             struct text account_id, size_t index)
{
    const struct account *account = accounts_find(dir, account_id);

    if (!account)
        return NULL;
    LIST_FOR_EACH(node, &account->sessions)
    {
        if (index-- == 0)
            return &CONTAINER_OF(node, struct account_session, in_account)->row;
    }
    return NULL;
}

enum err account_end_session(struct account_directory *dir, struct text account_id,
                             struct text session_id, struct store_batch *batch, struct diag *diag)
{
    const struct account *account = accounts_find(dir, account_id);
    char id[ACCOUNT_SESSION_ID_LEN + 1];

    if (account) {
        LIST_FOR_EACH(node, &account->sessions)
        {
            struct account_session *session =
                CONTAINER_OF(node, struct account_session, in_account);

            account_session_id(&session->row, id);
            if (text_equal(text_of(id), session_id)) {
                end(dir, session, batch);
                return OK;
            }
        }
    }
    diag_set(diag, "There is no session with this id.");
    return ERR_NOT_FOUND;
}

void account_set_cookie(const struct session_opened *session, bool is_secure,
                        char to[ACCOUNT_SET_COOKIE_LEN_MAX + 1])
{
    struct writer w = writer_fixed(to, ACCOUNT_SET_COOKIE_LEN_MAX);

    writer_str(&w, ACCOUNT_COOKIE_NAME "=");
    writer_str(&w, session ? session->token : "");
    writer_str(&w, "; Path=/; HttpOnly; SameSite=Lax; Max-Age=");
    writer_dec(&w, session ? session->max_age_s : 0);
    if (is_secure)
        writer_str(&w, "; Secure");
    to[w.len] = '\0';
}
