#include "webrtc/srtp.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "webrtc/srtp_hmac.h"

enum {
    RTP_HEADER_LEN = 12,
    RTCP_HEADER_LEN = 8, /* what SRTCP leaves in the clear */
    INDEX_LEN = 4,       /* E flag and SRTCP index */
    GCM_TAG_LEN = 16,
    GCM_IV_LEN = 12,
    CM_TAG_LEN = 10,
    CM_IV_LEN = 16,
    CM_AUTH_KEY_LEN = 20,
    WINDOW_WORDS = SRTP_WINDOW / 64,
};

/* SRTCP: 1 = encrypted; 31 bits of index (RFC 3711 section 3.4). */
#define E_FLAG         UINT32_C(0x80000000)
#define RTCP_INDEX_MAX UINT32_C(0x7fffffff)
#define NO_INDEX       UINT64_MAX

/* What is known of one SSRC. `newest` is the 48-bit index of RTP (rollover counter and sequence
 * number) or the 31-bit index of RTCP. Bit i % SRTP_WINDOW of the window stands for index i. */
struct ssrc_state {
    uint32_t ssrc;
    uint64_t newest; /* NO_INDEX: nothing yet */
    uint64_t window[WINDOW_WORDS];
};

struct ssrc_table {
    size_t count;
    size_t last; /* where the last search ended: packets of a track come in runs */
    struct ssrc_state states[SRTP_SSRCS_MAX];
};

/* One of the two halves: RTP or RTCP. */
struct half {
    EVP_CIPHER_CTX *cipher;
    struct srtp_hmac auth; /* AES-CM only */
    uint8_t salt[SRTP_SALT_LEN_MAX];
    struct ssrc_table ssrcs;
};

struct srtp_context {
    enum srtp_profile profile;
    enum srtp_direction direction;
    struct half rtp;
    struct half rtcp;
};

/* ---- set-up ---- */

static EVP_CIPHER *aes_ctr;
static EVP_CIPHER *aes_gcm;

static void fetch_ciphers(void)
{
    aes_ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    aes_gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    assert(aes_ctr && aes_gcm);
}

/* OpenSSL can fail here only for lack of memory, which ends the program everywhere. */
static void must(int ok)
{
    assert(ok == 1);
    (void)ok;
}

size_t srtp_salt_len(enum srtp_profile profile)
{
    return profile == SRTP_PROFILE_GCM ? GCM_IV_LEN : SRTP_SALT_LEN_MAX;
}

/* RFC 3711 section 4.3.1 with a key derivation rate of 0: AES-CM over zeroes, its IV the salt with
 * the label XORed into byte 7. A GCM salt of 12 bytes has two zeroes behind it (RFC 7714 section
 * 11). */
static void derive(const struct srtp_key *master, enum srtp_profile profile, uint8_t label,
                   uint8_t *to, size_t len)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t iv[CM_IV_LEN] = {0};
    int written;

    memcpy(iv, master->salt, srtp_salt_len(profile));
    iv[7] ^= label;
    memset(to, 0, len);
    must(EVP_EncryptInit_ex2(cipher, aes_ctr, master->key, iv, NULL));
    must(EVP_EncryptUpdate(cipher, to, &written, to, (int)len));
    EVP_CIPHER_CTX_free(cipher);
}

/* Labels of RFC 3711 section 4.3.2: encryption, authentication and salt from `label` on. */
static void half_init(struct half *half, const struct srtp_key *master, enum srtp_profile profile,
                      enum srtp_direction direction, uint8_t label)
{
    bool is_gcm = profile == SRTP_PROFILE_GCM;
    uint8_t key[SRTP_KEY_LEN];
    uint8_t auth_key[CM_AUTH_KEY_LEN];

    derive(master, profile, label, key, sizeof(key));
    derive(master, profile, (uint8_t)(label + 2), half->salt, srtp_salt_len(profile));
    half->cipher = EVP_CIPHER_CTX_new();
    if (is_gcm && direction == SRTP_OPEN)
        must(EVP_DecryptInit_ex2(half->cipher, aes_gcm, key, NULL, NULL));
    else
        must(EVP_EncryptInit_ex2(half->cipher, is_gcm ? aes_gcm : aes_ctr, key, NULL, NULL));
    if (!is_gcm) {
        derive(master, profile, (uint8_t)(label + 1), auth_key, sizeof(auth_key));
        srtp_hmac_init(&half->auth, auth_key, sizeof(auth_key));
        crypto_wipe(auth_key, sizeof(auth_key));
    }
    crypto_wipe(key, sizeof(key));
}

struct srtp_context *srtp_context_create(enum srtp_profile profile, enum srtp_direction direction,
                                         const struct srtp_key *master)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct srtp_context *context = mem_zalloc(sizeof(*context));

    (void)pthread_once(&once, fetch_ciphers);
    context->profile = profile;
    context->direction = direction;
    half_init(&context->rtp, master, profile, direction, 0);
    half_init(&context->rtcp, master, profile, direction, 3);
    return context;
}

static void half_deinit(struct half *half)
{
    EVP_CIPHER_CTX_free(half->cipher);
    srtp_hmac_deinit(&half->auth);
}

void srtp_context_destroy(struct srtp_context *context)
{
    if (!context)
        return;
    half_deinit(&context->rtp);
    half_deinit(&context->rtcp);
    crypto_wipe(context, sizeof(*context));
    mem_free(context);
}

/* ---- replay ---- */

/* The state of an SSRC. A new one gets a free place, which counts only after ssrc_commit(), so that
 * a forged packet takes none. NULL: the table is full. */
static struct ssrc_state *ssrc_find(struct ssrc_table *table, uint32_t ssrc)
{
    if (table->count && table->states[table->last].ssrc == ssrc)
        return &table->states[table->last];
    for (size_t i = 0; i < table->count; i++) {
        if (table->states[i].ssrc == ssrc) {
            table->last = i;
            return &table->states[i];
        }
    }
    if (table->count == SRTP_SSRCS_MAX)
        return NULL;

    struct ssrc_state *fresh = &table->states[table->count];
    *fresh = (struct ssrc_state){.ssrc = ssrc, .newest = NO_INDEX};
    return fresh;
}

static uint64_t window_bit(uint64_t index)
{
    return UINT64_C(1) << index % 64;
}

static bool ssrc_is_replay(const struct ssrc_state *state, uint64_t index)
{
    if (state->newest == NO_INDEX || index > state->newest)
        return false;
    if (state->newest - index >= SRTP_WINDOW)
        return true;
    return (state->window[index % SRTP_WINDOW / 64] & window_bit(index)) != 0;
}

/* Notes an authentic index. */
static void ssrc_commit(struct ssrc_table *table, struct ssrc_state *state, uint64_t index)
{
    if (state == &table->states[table->count])
        table->last = table->count++; /* ssrc_find() gave a place only when there was one */

    if (state->newest == NO_INDEX ||
        (index > state->newest && index - state->newest >= SRTP_WINDOW))
        memset(state->window, 0, sizeof(state->window));
    else
        for (uint64_t skipped = state->newest + 1; skipped <= index; skipped++)
            state->window[skipped % SRTP_WINDOW / 64] &= ~window_bit(skipped);
    state->window[index % SRTP_WINDOW / 64] |= window_bit(index);
    if (state->newest == NO_INDEX || index > state->newest)
        state->newest = index;
}

/* RFC 3711 section 3.3.1: the index nearest to the newest one. False: it would be before 0. */
static bool estimate_index(const struct ssrc_state *state, uint16_t sequence, uint64_t *ret_index)
{
    if (state->newest == NO_INDEX) {
        *ret_index = sequence;
        return true;
    }
    int16_t distance = (int16_t)(uint16_t)(sequence - (uint16_t)state->newest);

    if (distance < 0 && (uint64_t)-distance > state->newest)
        return false;
    *ret_index = state->newest + (uint64_t)(int64_t)distance;
    return *ret_index >> 48 == 0; /* RFC 3711 section 9.2: never reuse an index */
}

/* ---- ciphers ---- */

static void put_u32(uint8_t *to, uint32_t value)
{
    struct writer w = writer_fixed(to, 4);

    writer_u32(&w, value);
}

/* AES-CM (RFC 3711 section 4.1.1): salt * 2^16 XOR ssrc * 2^64 XOR index * 2^16. */
static void crypt_cm(struct half *half, uint32_t ssrc, uint64_t index, uint8_t *bytes, size_t len)
{
    uint8_t iv[CM_IV_LEN] = {0};
    int written;

    put_u32(iv + 4, ssrc);
    put_u32(iv + 8, (uint32_t)(index >> 16));
    iv[12] = (uint8_t)(index >> 8);
    iv[13] = (uint8_t)index;
    for (size_t i = 0; i < SRTP_SALT_LEN_MAX; i++)
        iv[i] ^= half->salt[i];
    must(EVP_EncryptInit_ex2(half->cipher, NULL, NULL, iv, NULL));
    must(EVP_EncryptUpdate(half->cipher, bytes, &written, bytes, (int)len));
}

/* The tag over the packet and, for RTP, the rollover counter behind it (RFC 3711 section 4.2). */
static void cm_tag(struct half *half, const uint8_t *packet, size_t len, const uint8_t *roc,
                   uint8_t ret_mac[HMAC_SHA1_LEN])
{
    srtp_hmac_begin(&half->auth);
    srtp_hmac_add(&half->auth, packet, len);
    if (roc)
        srtp_hmac_add(&half->auth, roc, 4);
    srtp_hmac_end(&half->auth, ret_mac);
}

/* What AES-GCM works on: `aad` and `aad2` are authenticated, `bytes` encrypted as well. */
struct gcm_job {
    uint32_t ssrc;
    uint64_t index;
    bool is_rtcp;
    const uint8_t *aad;
    size_t aad_len;
    const uint8_t *aad2; /* SRTCP: E and index; NULL: none */
    uint8_t *bytes;
    size_t len;
    uint8_t *tag; /* GCM_TAG_LEN bytes */
};

/* RFC 7714 sections 8.1 and 9.1: 00 00 SSRC ROC SEQ, or 00 00 SSRC 00 00 index, XOR salt. */
static void gcm_iv(const struct half *half, const struct gcm_job *job, uint8_t iv[GCM_IV_LEN])
{
    memset(iv, 0, GCM_IV_LEN);
    put_u32(iv + 2, job->ssrc);
    if (job->is_rtcp) {
        put_u32(iv + 8, (uint32_t)job->index);
    } else {
        put_u32(iv + 6, (uint32_t)(job->index >> 16));
        iv[10] = (uint8_t)(job->index >> 8);
        iv[11] = (uint8_t)job->index;
    }
    for (size_t i = 0; i < GCM_IV_LEN; i++)
        iv[i] ^= half->salt[i];
}

static void gcm_seal(struct half *half, const struct gcm_job *job)
{
    uint8_t iv[GCM_IV_LEN];
    int written;

    gcm_iv(half, job, iv);
    must(EVP_EncryptInit_ex2(half->cipher, NULL, NULL, iv, NULL));
    must(EVP_EncryptUpdate(half->cipher, NULL, &written, job->aad, (int)job->aad_len));
    if (job->aad2)
        must(EVP_EncryptUpdate(half->cipher, NULL, &written, job->aad2, INDEX_LEN));
    if (job->len)
        must(EVP_EncryptUpdate(half->cipher, job->bytes, &written, job->bytes, (int)job->len));
    must(EVP_EncryptFinal_ex(half->cipher, job->bytes + job->len, &written));
    must(EVP_CIPHER_CTX_ctrl(half->cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, job->tag));
}

static bool gcm_open(struct half *half, const struct gcm_job *job)
{
    uint8_t iv[GCM_IV_LEN];
    int written;

    gcm_iv(half, job, iv);
    must(EVP_DecryptInit_ex2(half->cipher, NULL, NULL, iv, NULL));
    must(EVP_CIPHER_CTX_ctrl(half->cipher, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, job->tag));
    must(EVP_DecryptUpdate(half->cipher, NULL, &written, job->aad, (int)job->aad_len));
    if (job->aad2)
        must(EVP_DecryptUpdate(half->cipher, NULL, &written, job->aad2, INDEX_LEN));
    if (job->len)
        must(EVP_DecryptUpdate(half->cipher, job->bytes, &written, job->bytes, (int)job->len));
    return EVP_DecryptFinal_ex(half->cipher, job->bytes + job->len, &written) == 1;
}

/* ---- RTP ---- */

struct rtp_head {
    uint16_t sequence;
    uint32_t ssrc;
    size_t len; /* with CSRCs and extension */
};

/* RFC 3550 section 5.1. False: no RTP, or the header is longer than the packet. */
static bool read_rtp_head(const uint8_t *packet, size_t len, struct rtp_head *ret_head)
{
    struct reader r = reader_of(packet, len);
    uint8_t first = reader_u8(&r);
    struct rtp_head head;

    reader_skip(&r, 1);
    head.sequence = reader_u16(&r);
    reader_skip(&r, 4);
    head.ssrc = reader_u32(&r);
    reader_skip(&r, (first & 15U) * 4U);
    if (first & 0x10) {
        reader_skip(&r, 2);
        uint16_t words = reader_u16(&r);
        reader_skip(&r, words * (size_t)4);
    }
    head.len = len - r.left;
    *ret_head = head;
    return !r.failed && first >> 6 == 2;
}

static struct gcm_job rtp_gcm_job(uint8_t *packet, size_t len, const struct rtp_head *head,
                                  uint64_t index)
{
    return (struct gcm_job){
        .ssrc = head->ssrc,
        .index = index,
        .aad = packet,
        .aad_len = head->len,
        .bytes = packet + head->len,
        .len = len - head->len,
        .tag = packet + len,
    };
}

enum err srtp_seal_rtp(struct srtp_context *context, uint8_t *packet, size_t len, size_t cap,
                       size_t *ret_len)
{
    struct half *half = &context->rtp;
    struct rtp_head head;
    uint64_t index;

    assert(context->direction == SRTP_SEAL);
    if (!read_rtp_head(packet, len, &head))
        return ERR_MALFORMED;
    struct ssrc_state *state = ssrc_find(&half->ssrcs, head.ssrc);
    if (!state || cap < len + SRTP_OVERHEAD)
        return ERR_LIMIT;
    if (!estimate_index(state, head.sequence, &index) || ssrc_is_replay(state, index))
        return ERR_DENIED;

    if (context->profile == SRTP_PROFILE_GCM) {
        struct gcm_job job = rtp_gcm_job(packet, len, &head, index);

        gcm_seal(half, &job);
        *ret_len = len + GCM_TAG_LEN;
    } else {
        uint8_t mac[HMAC_SHA1_LEN];
        uint8_t roc[4];

        put_u32(roc, (uint32_t)(index >> 16));
        crypt_cm(half, head.ssrc, index, packet + head.len, len - head.len);
        cm_tag(half, packet, len, roc, mac);
        memcpy(packet + len, mac, CM_TAG_LEN);
        *ret_len = len + CM_TAG_LEN;
    }
    ssrc_commit(&half->ssrcs, state, index);
    return OK;
}

/* Checks the tag and decrypts. */
static bool open_rtp(struct srtp_context *context, uint8_t *packet, size_t len,
                     const struct rtp_head *head, uint64_t index)
{
    struct half *half = &context->rtp;
    uint8_t mac[HMAC_SHA1_LEN];
    uint8_t roc[4];

    if (context->profile == SRTP_PROFILE_GCM) {
        struct gcm_job job = rtp_gcm_job(packet, len, head, index);

        return gcm_open(half, &job);
    }
    put_u32(roc, (uint32_t)(index >> 16));
    cm_tag(half, packet, len, roc, mac);
    if (!crypto_equal(mac, packet + len, CM_TAG_LEN))
        return false;
    crypt_cm(half, head->ssrc, index, packet + head->len, len - head->len);
    return true;
}

enum err srtp_open_rtp(struct srtp_context *context, uint8_t *packet, size_t len, size_t *ret_len)
{
    size_t tag_len = context->profile == SRTP_PROFILE_GCM ? GCM_TAG_LEN : CM_TAG_LEN;
    struct half *half = &context->rtp;
    struct rtp_head head;
    uint64_t index;

    assert(context->direction == SRTP_OPEN);
    if (len < RTP_HEADER_LEN + tag_len || !read_rtp_head(packet, len - tag_len, &head))
        return ERR_MALFORMED;
    struct ssrc_state *state = ssrc_find(&half->ssrcs, head.ssrc);
    if (!state)
        return ERR_LIMIT;
    if (!estimate_index(state, head.sequence, &index) || ssrc_is_replay(state, index) ||
        !open_rtp(context, packet, len - tag_len, &head, index))
        return ERR_DENIED;
    ssrc_commit(&half->ssrcs, state, index);
    *ret_len = len - tag_len;
    return OK;
}

/* ---- RTCP ---- */

/* The SSRC of the sender. False: no RTCP. */
static bool read_rtcp_head(const uint8_t *packet, size_t len, uint32_t *ret_ssrc)
{
    struct reader r = reader_of(packet, len);
    uint8_t first = reader_u8(&r);

    reader_skip(&r, 3);
    *ret_ssrc = reader_u32(&r);
    return !r.failed && first >> 6 == 2;
}

enum err srtp_seal_rtcp(struct srtp_context *context, uint8_t *packet, size_t len, size_t cap,
                        size_t *ret_len)
{
    struct half *half = &context->rtcp;
    uint32_t ssrc;

    assert(context->direction == SRTP_SEAL);
    if (!read_rtcp_head(packet, len, &ssrc))
        return ERR_MALFORMED;
    struct ssrc_state *state = ssrc_find(&half->ssrcs, ssrc);
    if (!state || cap < len + SRTP_OVERHEAD)
        return ERR_LIMIT;
    /* RFC 3711 section 3.4: the index is 0 before the first packet and rises before each one. */
    uint64_t index = state->newest == NO_INDEX ? 1 : state->newest + 1;
    if (index > RTCP_INDEX_MAX)
        return ERR_DENIED;

    if (context->profile == SRTP_PROFILE_GCM) {
        uint8_t *trailer = packet + len + GCM_TAG_LEN;
        struct gcm_job job = {
            .ssrc = ssrc,
            .index = index,
            .is_rtcp = true,
            .aad = packet,
            .aad_len = RTCP_HEADER_LEN,
            .aad2 = trailer,
            .bytes = packet + RTCP_HEADER_LEN,
            .len = len - RTCP_HEADER_LEN,
            .tag = packet + len,
        };

        put_u32(trailer, E_FLAG | (uint32_t)index);
        gcm_seal(half, &job);
        *ret_len = len + GCM_TAG_LEN + INDEX_LEN;
    } else {
        uint8_t mac[HMAC_SHA1_LEN];

        crypt_cm(half, ssrc, index, packet + RTCP_HEADER_LEN, len - RTCP_HEADER_LEN);
        put_u32(packet + len, E_FLAG | (uint32_t)index);
        cm_tag(half, packet, len + INDEX_LEN, NULL, mac);
        memcpy(packet + len + INDEX_LEN, mac, CM_TAG_LEN);
        *ret_len = len + INDEX_LEN + CM_TAG_LEN;
    }
    ssrc_commit(&half->ssrcs, state, index);
    return OK;
}

/* Checks the tag and decrypts; `len` counts the plain packet, `trailer` is E and index. Without E
 * the packet is authenticated only (RFC 7714 section 9.3). */
static bool open_rtcp(struct srtp_context *context, uint8_t *packet, size_t len, uint32_t ssrc,
                      uint32_t trailer)
{
    struct half *half = &context->rtcp;
    bool is_encrypted = (trailer & E_FLAG) != 0;
    size_t clear_len = is_encrypted ? RTCP_HEADER_LEN : len;
    uint32_t index = trailer & RTCP_INDEX_MAX;
    uint8_t mac[HMAC_SHA1_LEN];

    if (context->profile == SRTP_PROFILE_GCM) {
        struct gcm_job job = {
            .ssrc = ssrc,
            .index = index,
            .is_rtcp = true,
            .aad = packet,
            .aad_len = clear_len,
            .aad2 = packet + len + GCM_TAG_LEN,
            .bytes = packet + clear_len,
            .len = len - clear_len,
            .tag = packet + len,
        };

        return gcm_open(half, &job);
    }
    cm_tag(half, packet, len + INDEX_LEN, NULL, mac);
    if (!crypto_equal(mac, packet + len + INDEX_LEN, CM_TAG_LEN))
        return false;
    crypt_cm(half, ssrc, index, packet + clear_len, len - clear_len);
    return true;
}

enum err srtp_open_rtcp(struct srtp_context *context, uint8_t *packet, size_t len, size_t *ret_len)
{
    bool is_gcm = context->profile == SRTP_PROFILE_GCM;
    size_t overhead = (is_gcm ? GCM_TAG_LEN : CM_TAG_LEN) + INDEX_LEN;
    struct half *half = &context->rtcp;
    uint32_t ssrc;

    assert(context->direction == SRTP_OPEN);
    if (len < RTCP_HEADER_LEN + overhead || !read_rtcp_head(packet, len - overhead, &ssrc))
        return ERR_MALFORMED;
    size_t plain_len = len - overhead;
    struct reader r = reader_of(packet + plain_len + (is_gcm ? GCM_TAG_LEN : 0), INDEX_LEN);
    uint32_t trailer = reader_u32(&r);

    struct ssrc_state *state = ssrc_find(&half->ssrcs, ssrc);
    if (!state)
        return ERR_LIMIT;
    uint64_t index = trailer & RTCP_INDEX_MAX;
    if (ssrc_is_replay(state, index) || !open_rtcp(context, packet, plain_len, ssrc, trailer))
        return ERR_DENIED;
    ssrc_commit(&half->ssrcs, state, index);
    *ret_len = plain_len;
    return OK;
}
