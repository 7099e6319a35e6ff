/*
 * account_world - a directory with a store behind it, and a clock that stands still.
 */
#ifndef TESTS_UNIT_ACCOUNT_ACCOUNT_WORLD_H
#define TESTS_UNIT_ACCOUNT_ACCOUNT_WORLD_H

#include "account/account.h"
#include "base/clock.h"
#include "support/test.h"

#define S(seconds) ((int64_t)(seconds)*US_PER_S)
#define HOURS(n)   S(3600) * (n)
#define DAYS(n)    S(86400) * (n)

/* Wall clock at the monotonic time 0. */
#define WALL_OFFSET_US INT64_C(1795250400000000)

struct world {
    char folder[40];
    struct store *store;
    struct account_limits limits; /* cheap passwords; change them before world_begin_with() */
    struct jwt_checker *jwt;
    struct account_directory *dir;
    struct store_batch *batch; /* what is given to the functions */
    struct diag diag;
    int64_t now_us;
};

struct account_limits world_limits(void);
void world_begin(struct world *world);
void world_begin_with(struct world *world, const struct account_limits *limits,
                      struct jwt_checker *jwt);
void world_end(struct world *world);

/* The batch is stored, and comes back. */
void world_commit(struct world *world);
/* The store refuses the batch, and it comes back. */
void world_fail(struct world *world);
/* The next run of the program, or another server on the same database. */
void world_reload(struct world *world);

/* Creates an account with this role ("admin" ...), password "password of <email>", and stores it.
 */
const struct account_row *world_account(struct world *world, const char *email, const char *role);

/* Signs in with this password from 192.0.2.1, through all steps. */
enum err world_sign_in(struct world *world, const char *email, const char *password,
                       struct session_opened *ret_session);
/* The same, with the account's right password; must succeed, and is stored. */
struct session_opened world_session(struct world *world, const char *email);

/* Who calls with these headers; NULL: none. */
struct caller world_bearer(struct world *world, const char *key);
struct caller world_cookie(struct world *world, const struct session_opened *session);

#endif
