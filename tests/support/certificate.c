#include "support/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

void test_certificate_create(struct test_certificate *certificate)
{
    (void)snprintf(certificate->folder, sizeof(certificate->folder), "/tmp/stoa-test-XXXXXX");
    assert_non_null(mkdtemp(certificate->folder));
    (void)snprintf(certificate->cert_path, sizeof(certificate->cert_path), "%s/cert.pem",
                   certificate->folder);
    (void)snprintf(certificate->key_path, sizeof(certificate->key_path), "%s/key.pem",
                   certificate->folder);

    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost",
                                     -1, -1, 0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);

    FILE *file = fopen(certificate->cert_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    (void)fclose(file);
    file = fopen(certificate->key_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void test_certificate_remove(const struct test_certificate *certificate)
{
    (void)unlink(certificate->cert_path);
    (void)unlink(certificate->key_path);
    (void)rmdir(certificate->folder);
}
