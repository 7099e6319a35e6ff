/*
 * audit - who did what, when and from where.
 */
#include "account/people.h"
#include "base/uuid.h"

void account_audit(const struct account_directory *dir, struct store_batch *batch,
                   const struct caller *caller, struct text address, const char *action,
                   struct text target, struct text detail, int64_t now_us)
{
    struct audit_row row = {.at_us = people_wall(dir, now_us)};

    uuid_draw_v7(row.id, row.at_us);
    memcpy(row.account_id, caller->account_id, sizeof(row.account_id));
    people_copy(row.actor, sizeof(row.actor),
                caller->name[0] ? text_of(caller->name) : TEXT("nobody"));
    people_copy(row.address, sizeof(row.address), address);
    people_copy(row.action, sizeof(row.action), text_of(action));
    people_copy(row.target, sizeof(row.target), target);
    people_copy(row.detail, sizeof(row.detail), detail);
    store_batch_put_audit(batch, &row);
}
