/*
 * ids - numbers for channels and broadcasts, out of blocks that no other server has.
 */
#include <assert.h>

#include "channel/directory.h"

void id_supply_init(struct id_supply *supply)
{
    *supply = (struct id_supply){.now = {1, UINT64_MAX}};
}

bool id_supply_is_empty(const struct id_supply *supply)
{
    return supply->now.next == supply->now.end && supply->spare.next == supply->spare.end;
}

uint64_t id_supply_take(struct id_supply *supply)
{
    assert(!id_supply_is_empty(supply));
    if (supply->now.next == supply->now.end) {
        supply->now = supply->spare;
        supply->spare = (struct id_block){0};
    }
    return supply->now.next++;
}

void id_supply_begin(struct id_supply *supply, uint64_t next, uint64_t end)
{
    if (next < supply->now.next)
        next = supply->now.next;
    supply->now = (struct id_block){next, end ? end : UINT64_MAX};
    if (supply->now.end < next)
        supply->now.end = next;
    supply->low = (supply->now.end - next) / 2;
}

static struct id_supply *supply_of(struct channel_directory *dir, enum channel_ids which)
{
    return which == CHANNEL_IDS_CHANNELS ? &dir->channel_ids : &dir->broadcast_ids;
}

bool channel_directory_wants_ids(const struct channel_directory *dir, enum channel_ids which)
{
    const struct id_supply *supply =
        which == CHANNEL_IDS_CHANNELS ? &dir->channel_ids : &dir->broadcast_ids;

    return supply->now.end != UINT64_MAX && supply->spare.next == supply->spare.end &&
           supply->now.end - supply->now.next <= supply->low;
}

void channel_directory_give_ids(struct channel_directory *dir, enum channel_ids which,
                                uint64_t first, uint64_t count)
{
    struct id_supply *supply = supply_of(dir, which);

    supply->spare = (struct id_block){first, first + count};
    supply->low = count / 2;
}
