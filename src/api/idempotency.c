#include "api/idempotency.h"

#include <stdio.h>

#include "api/exchange.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "channel/channel.h"

#define KEPT_US (INT64_C(86400) * US_PER_S)

bool idempotency_is_asked(const struct call *call)
{
    return (call->operation->flags & OPERATION_CREATES) &&
           call->exchange->request->idempotency_key.len != 0 && !call->exchange->is_batch;
}

/* ---- hashes ---- */

static void write_part(struct writer *w, struct text text)
{
    writer_u32(w, (uint32_t)text.len); /* so that no two lists of parts look the same */
    writer_text(w, text);
}

/* Who asks: the same key of somebody else is another key. */
static void write_caller(struct writer *w, const struct caller *caller)
{
    writer_u8(w, caller->account_id[0] ? 0 : (uint8_t)caller->kind);
    write_part(w, text_of(caller->account_id));
    writer_u64(w, caller->account_id[0] ? 0 : caller->channel_id);
}

static void hash_key(struct call *call, struct writer *w)
{
    writer_clear(w);
    write_caller(w, call->caller);
    write_part(w, call->exchange->request->idempotency_key);
    crypto_sha256(w->data, w->len, call->idempotency.key_hash);
}

/* Of the values, not of their text: REST and tRPC, and any order of the members, are the same. With
 * the key, so that nobody can try passwords against what is stored. */
static void hash_request(struct call *call, struct writer *w)
{
    const struct input *input = &call->input;
    struct text key = call->exchange->request->idempotency_key;

    writer_clear(w);
    write_part(w, text_of(call->operation->name));
    for (size_t i = 0; call->operation->fields[i].name; i++) {
        writer_u8(w, (uint8_t)(input->is_given[i] | input->is_null[i] << 1));
        writer_u64(w, (uint64_t)input->number[i]);
        write_part(w, input->text[i]);
    }
    for (size_t i = 0; i < input->word_count; i++)
        write_part(w, input->words[i]);
    crypto_hmac_sha256(key.ptr, key.len, w->data, w->len, call->idempotency.request_hash);
}

static void seal_key(const struct call *call, uint8_t ret_key[CRYPTO_SHA256_LEN])
{
    static const char label[] = "stoa: answer of a creation";
    struct text key = call->exchange->request->idempotency_key;

    crypto_hmac_sha256(key.ptr, key.len, label, sizeof(label) - 1, ret_key);
}

static struct text map_key(const struct call *call)
{
    return (struct text){(const char *)call->idempotency.key_hash, CRYPTO_SHA256_LEN};
}

/* ---- the kept answer ---- */

/* As text: the store keeps no other bytes. */
static struct buf *seal(const struct call *call)
{
    struct writer w = writer_growing(2 * (size_t)API_ANSWER_LEN_MAX);
    uint8_t key[CRYPTO_SHA256_LEN];
    struct buf *sealed, *text;

    seal_key(call, key);
    sealed = crypto_seal(key, buf_text(call->result));
    crypto_wipe(key, sizeof(key));
    crypto_base64url(&w, sealed->data, sealed->len);
    buf_unref(sealed);
    text = writer_copy_buf(&w);
    writer_deinit(&w);
    return text;
}

static enum err open_sealed(const struct call *call, struct text text, struct buf **ret_plain)
{
    struct buf *sealed = buf_create(text.len);
    uint8_t key[CRYPTO_SHA256_LEN];
    size_t len;
    enum err err = crypto_base64url_decode(text, sealed->data, sealed->len, &len);

    if (err == OK) {
        seal_key(call, key);
        err = crypto_open(key, text_sub(buf_text(sealed), 0, len), ret_plain);
        crypto_wipe(key, sizeof(key));
    }
    buf_unref(sealed);
    return err;
}

static bool replay(struct call *call, const struct idempotency_row *row)
{
    struct buf *plain = NULL;

    if (!crypto_equal(row->request_hash, call->idempotency.request_hash, sizeof(row->request_hash)))
        return api_fail(call->error, API_IDEMPOTENCY_CONFLICT,
                        "This Idempotency-Key was used for another request. Draw a new one for "
                        "each creation.");
    if (open_sealed(call, buf_text(row->body), &plain) != OK)
        return api_fail(call->error, API_INTERNAL, "The stored answer cannot be read.");
    call->idempotency.is_replay = true;
    jsonw_raw(call->out, buf_text(plain));
    crypto_wipe(plain->data, plain->len);
    buf_unref(plain);
    api_set_header(call->exchange->answer, "idempotency-replayed", TEXT("true"));
    return true;
}

static bool on_found(struct call *call)
{
    const struct store_result *result = &call->task->result;
    int64_t now_us = channel_directory_wall_us(call->channels, call->now_us);

    if (call->task->err != OK)
        return call_fail_query(call);
    if (result->count != 0 && result->idempotency[0].created_at_us + KEPT_US > now_us)
        return replay(call, &result->idempotency[0]);
    return call->operation->handle(call);
}

/* ---- a call ---- */

static bool check_key(struct call *call)
{
    struct text key = call->exchange->request->idempotency_key;
    bool is_printable = true;
    char what[96];

    for (size_t i = 0; i < key.len; i++)
        is_printable = is_printable && key.ptr[i] > ' ' && key.ptr[i] < 0x7f;
    if (is_printable && key.len >= IDEMPOTENCY_KEY_LEN_MIN && key.len <= IDEMPOTENCY_KEY_LEN_MAX)
        return true;
    (void)snprintf(what, sizeof(what), "must have %d to %d visible ASCII characters: draw a UUID",
                   IDEMPOTENCY_KEY_LEN_MIN, IDEMPOTENCY_KEY_LEN_MAX); /* fits */
    return api_fail_field(call->error, "Idempotency-Key", what);
}

bool idempotency_run(struct call *call)
{
    struct writer w = writer_growing(2 * (size_t)API_BODY_LEN_MAX);

    if (!check_key(call))
        return false;
    hash_key(call, &w);
    hash_request(call, &w);
    crypto_wipe(w.data, w.len); /* a password may be in it */
    writer_deinit(&w);
    if (map_get(&call->api->running_keys, map_key(call)))
        return api_fail(call->error, API_IN_PROGRESS,
                        "A request with this Idempotency-Key is running. Ask again in a second.");
    (void)map_put(&call->api->running_keys, map_key(call), call); /* there was none */
    call->idempotency.is_running = true;

    struct api_task *task = call_make_task(API_TASK_QUERY);
    struct writer id = writer_fixed(task->query.id, sizeof(task->query.id) - 1);

    task->query.kind = STORE_QUERY_ROW;
    task->query.table = STORE_IDEMPOTENCY_KEYS;
    crypto_hex(&id, call->idempotency.key_hash, CRYPTO_SHA256_LEN);
    return call_wait(call, task, on_found);
}

void idempotency_keep(struct call *call, struct store_batch *batch)
{
    struct idempotency_row row = {.http_status = call->operation->status};

    if (!call->idempotency.is_running)
        return;
    memcpy(row.key_hash, call->idempotency.key_hash, sizeof(row.key_hash));
    memcpy(row.request_hash, call->idempotency.request_hash, sizeof(row.request_hash));
    row.created_at_us = channel_directory_wall_us(call->channels, call->now_us);
    row.body = seal(call);
    store_batch_put_idempotency(batch, &row);
    buf_unref(row.body);
}

void idempotency_end(struct call *call)
{
    if (!call->idempotency.is_running)
        return;
    (void)map_remove(&call->api->running_keys, map_key(call)); /* gives the call */
    call->idempotency.is_running = false;
}
