#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "base/vec.h"
#include "fetch/call.h"

enum { CERTIFICATES_MAX = 1000 };

struct trusted {
    VEC(X509 *) certificates;
};

enum err trusted_create(const char *path, struct diag *diag, struct trusted **ret_trusted)
{
    BIO *file = BIO_new_file(path, "r");

    if (!file) {
        diag_set(diag, "The file \"%.100s\" with trusted certificates cannot be read.", path);
        return ERR_IO;
    }

    struct trusted *trusted = mem_zalloc(sizeof(*trusted));
    X509 *certificate;
    while (trusted->certificates.count < CERTIFICATES_MAX &&
           (certificate = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL)
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): the items are pointers */
        (void)vec_push(&trusted->certificates, certificate, CERTIFICATES_MAX);
    (void)BIO_free(file);
    if (trusted->certificates.count == 0) {
        diag_set(diag, "The file \"%.100s\" has no certificate (PEM) in it.", path);
        trusted_destroy(trusted);
        return ERR_IO;
    }
    *ret_trusted = trusted;
    return OK;
}

void trusted_destroy(struct trusted *trusted)
{
    if (!trusted)
        return;
    for (size_t i = 0; i < trusted->certificates.count; i++)
        X509_free(trusted->certificates.items[i]);
    vec_deinit(&trusted->certificates);
    mem_free(trusted);
}

/* libcurl has filled the store from the system's file, and keeps it for later connections: adding
 * again what is there changes nothing. */
CURLcode trusted_add(CURL *easy, void *ssl_ctx, void *context)
{
    const struct trusted *trusted = context;
    X509_STORE *store = SSL_CTX_get_cert_store(ssl_ctx);

    (void)easy;
    for (size_t i = 0; i < trusted->certificates.count; i++)
        if (X509_STORE_add_cert(store, trusted->certificates.items[i]) != 1)
            return CURLE_SSL_CACERT_BADFILE;
    return CURLE_OK;
}
