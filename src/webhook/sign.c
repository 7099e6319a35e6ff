/*
 * sign - the signature of Standard Webhooks (github.com/standard-webhooks, "symmetric").
 */
#include "base/buf.h"
#include "base/crypto.h"
#include "base/writer.h"
#include "webhook/webhook.h"

enum { KEY_LEN_MAX = 64, HEAD_LEN_MAX = 128 };

enum err webhook_sign(struct writer *w, const char *secret, const char *webhook_id,
                      const char *webhook_timestamp, struct text body)
{
    const struct text prefix = TEXT("whsec_");
    struct text encoded = text_of(secret);
    uint8_t key[KEY_LEN_MAX];
    uint8_t mac[CRYPTO_SHA256_LEN];
    size_t key_len;

    if (!text_starts_with(encoded, prefix) ||
        crypto_base64_decode(text_sub(encoded, prefix.len, encoded.len), key, sizeof(key),
                             &key_len) != OK ||
        key_len == 0)
        return ERR_INVALID;

    struct writer signed_text = writer_growing(HEAD_LEN_MAX + body.len);
    writer_str(&signed_text, webhook_id);
    writer_char(&signed_text, '.');
    writer_str(&signed_text, webhook_timestamp);
    writer_char(&signed_text, '.');
    writer_text(&signed_text, body);
    if (!signed_text.failed) {
        crypto_hmac_sha256(key, key_len, signed_text.data, signed_text.len, mac);
        writer_str(w, "v1,");
        crypto_base64(w, mac, sizeof(mac));
    }
    enum err err = signed_text.failed ? ERR_INVALID : OK;
    writer_deinit(&signed_text);
    crypto_wipe(key, sizeof(key));
    return err;
}
