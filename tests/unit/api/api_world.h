/*
 * api_world - an API over real directories and a real store, for the tests of api/. The owner, as
 * the server is one: batches go to the store when a call has returned, and their results come
 * back; tasks run at once, unless a test holds them.
 */
#ifndef TESTS_UNIT_API_API_WORLD_H
#define TESTS_UNIT_API_API_WORLD_H

#include <jansson.h>

#include "account/account.h"
#include "api/api.h"
#include "base/clock.h"
#include "channel/channel.h"
#include "support/store_place.h"
#include "support/test.h"
#include "webhook/webhook.h"

#define ADMIN_KEY  "admin-key-of-the-tests"
#define JWT_SECRET "0123456789abcdef0123456789abcdef" /* HS256 */
#define WORLD_NOW  INT64_C(1000000000)
#define WORLD_WALL INT64_C(1795250400000000) /* 2026-11-21T08:40:00Z at WORLD_NOW */

enum { WORLD_TASKS_MAX = 8, WORLD_JOBS_MAX = 32, WORLD_TEXT_MAX = 400 };

/* A batch on its way to the store. */
struct world_job {
    struct store_batch *batch;
    bool has_change;
    struct store_change change;
    uint64_t mark; /* of the webhook hub */
};

struct api_world {
    struct store_place place;
    struct store *store;
    struct channel_directory *dir;
    struct jwt_checker *jwt;
    struct account_directory *accounts;
    struct webhook_hub *hub;
    struct api *api;
    int64_t now_us;
    struct diag diag;

    struct api_answer answer; /* of the last call */
    bool is_waiting;          /* it is still to come */
    bool is_busy;             /* the pool takes no task */
    bool holds_tasks;         /* tasks wait for api_world_run_tasks() */
    bool is_store_broken;     /* batches fail */
    struct api_task *tasks[WORLD_TASKS_MAX];
    size_t task_count;
    struct world_job jobs[WORLD_JOBS_MAX];
    size_t job_count;
    uint64_t last_ticket; /* that was given to a batch */

    size_t kick_count;
    size_t send_count; /* of webhooks */
    uint64_t last_send_id;
    char revoked_token[ROW_UUID_LEN + 1];
    struct api_health health;
    bool is_recording; /* what the recorder of the tests knows: channel 1 alone */
    bool has_recorder; /* before api_world_restart() */
};

/* Who calls: NULL members are not sent. */
struct world_who {
    const char *bearer;
    const char *cookie;
    const char *csrf;
    const char *idempotency_key;
};

void api_world_init(struct api_world *world);
void api_world_deinit(struct api_world *world);

/* Another API over the same directories. */
void api_world_restart(struct api_world *world, const struct api_config *config);

/* "GET /path?query" with a bearer key (NULL: none) and a JSON body (NULL: none). */
void api_world_call(struct api_world *world, const char *line, const char *key, const char *body);
void api_world_call_as(struct api_world *world, const char *line, const struct world_who *who,
                       const char *body);

/* The same for a request that is not usual; it must live until it is answered. */
void api_world_send(struct api_world *world, const struct api_request *request);

/* Does the tasks that were held, and their batches. */
void api_world_run_tasks(struct api_world *world);
/* Lets the store do what was left to it. */
void api_world_store(struct api_world *world);

/* The answer, checked to be what it says it is. */
void api_world_expect(const struct api_world *world, int status, const char *body);
void api_world_expect_problem(const struct api_world *world, int status, const char *code);
json_t *api_world_json(const struct api_world *world);
struct text api_world_header(const struct api_world *world, const char *name);
/* A text member of the answer, copied. */
void api_world_take(const struct api_world *world, const char *member, char to[WORLD_TEXT_MAX]);

/* Makes a channel in the directory with the key "stream-key-<id>". */
uint64_t api_world_channel(struct api_world *world, const char *title);
/* One that belongs to an account. */
uint64_t api_world_channel_of(struct api_world *world, const char *title, const char *account_id);

/* Brings it on air with plausible numbers. */
void api_world_go_live(struct api_world *world, uint64_t id);

/* An account "<role>@shop.example", or with another e-mail; its password is "password of <email>".
 */
const struct account_row *api_world_account(struct api_world *world, const char *email,
                                            const char *role);

/* A signed-in browser. */
struct world_session {
    char cookie[WORLD_TEXT_MAX];
    char csrf[ACCOUNT_CSRF_TOKEN_LEN + 1];
};
struct world_session api_world_session(struct api_world *world, const char *email);

/* An API key of the account with these scopes (bits). */
void api_world_key(struct api_world *world, const char *account_id, uint32_t scopes,
                   char ret_key[ACCOUNT_KEY_LEN + 1]);

#endif
