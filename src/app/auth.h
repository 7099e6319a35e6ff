/*
 * auth - from the settings of people and their credentials ([auth]) to what account/ takes.
 */
#ifndef APP_AUTH_H
#define APP_AUTH_H

#include "account/account.h"
#include "app/config.h"

struct account_limits auth_limits(const struct config *config);

/* Reads the key files. *ret_checker is NULL when auth.jwt_algorithm is empty. ERR_IO: a file cannot
 * be read; ERR_INVALID: what is in it is no such key. The sentence never shows what is in it. */
MUST_USE enum err auth_create_jwt_checker(const struct config *config,
                                          struct jwt_checker **ret_checker, struct diag *diag);

#endif
