/*
 * audit - who did what, when and from where.
 */
#include "account/directory.h"
#include "base/uuid.h"

void account_audit(const struct account_directory *dir, struct store_batch *batch,
                   const struct caller *caller, struct text address, const char *action,
                   struct text target, struct text detail, int64_t now_us)
{
    struct audit_row row = {.at_us = directory_wall(dir, now_us)};

    uuid_draw_v7(row.id, row.at_us);
    memcpy(row.account_id, caller->account_id, sizeof(row.account_id));
    directory_copy(row.actor, sizeof(row.actor),
                   caller->name[0] ? text_of(caller->name) : TEXT("nobody"));
    directory_copy(row.address, sizeof(row.address), address);
    directory_copy(row.action, sizeof(row.action), text_of(action));
    directory_copy(row.target, sizeof(row.target), target);
    directory_copy(row.detail, sizeof(row.detail), detail);
    store_batch_put_audit(batch, &row);
}
