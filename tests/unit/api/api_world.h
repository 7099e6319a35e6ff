/*
 * api_world - an API over a directory whose store answers at once, for the tests of api/.
 */
#ifndef TESTS_UNIT_API_API_WORLD_H
#define TESTS_UNIT_API_API_WORLD_H

#include <jansson.h>

#include "api/api.h"
#include "channel/channel.h"
#include "support/test.h"

#define ADMIN_KEY  "admin-key-of-the-tests"
#define WORLD_NOW  INT64_C(1000000000)
#define WORLD_WALL INT64_C(1795250400000000) /* 2026-11-21T08:40:00Z at WORLD_NOW */

enum { WORLD_TASKS_MAX = 8 };

struct api_world {
    struct channel_directory *dir;
    struct api *api;
    struct api_answer answer;                /* of the last call */
    uint64_t last_ticket;                    /* that the store got */
    bool is_waiting;                         /* the answer is still to come */
    bool is_busy;                            /* the pool takes no task */
    struct api_task *tasks[WORLD_TASKS_MAX]; /* under way */
    size_t task_count;
};

void api_world_init(struct api_world *world);
void api_world_deinit(struct api_world *world);

/* Another API over the same directory. */
struct api *api_world_create_api(struct api_world *world, const struct api_config *config);

/* "GET /path?query" with a bearer key (NULL: none) and a JSON body (NULL: none). */
void api_world_call(struct api_world *world, const char *line, const char *key, const char *body);

/* The same for a request that is not usual. */
void api_world_send(struct api_world *world, const struct api_request *request);

/* The answer, checked to be what it says it is. */
void api_world_expect(const struct api_world *world, int status, const char *body);
json_t *api_world_json(const struct api_world *world);
struct text api_world_header(const struct api_world *world, const char *name);

/* Makes a channel in the directory with the key "stream-key-<id>". */
uint64_t api_world_channel(struct api_world *world, const char *title);

/* Brings it on air with plausible numbers. */
void api_world_go_live(struct api_world *world, uint64_t id);

#endif
