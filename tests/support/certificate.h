/*
 * certificate - a self-signed certificate and its key as PEM files in a new temporary folder.
 */
#ifndef TESTS_SUPPORT_CERTIFICATE_H
#define TESTS_SUPPORT_CERTIFICATE_H

struct test_certificate {
    char folder[64];
    char cert_path[96];
    char key_path[96];
};

void test_certificate_create(struct test_certificate *certificate);
void test_certificate_remove(const struct test_certificate *certificate);

#endif
