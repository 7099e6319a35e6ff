/*
 * operation - the tables of all subjects as one.
 */
#include "api/operation.h"

#include <stdio.h>

static const struct operation_table *const tables[] = {
    &auth_operations,  &account_operations, &channel_operations,
    &relay_operations, &history_operations, &webhook_operations,
};

enum { TABLE_COUNT = sizeof(tables) / sizeof(tables[0]) };

size_t operation_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < TABLE_COUNT; i++)
        count += tables[i]->count;
    return count;
}

const struct operation *operation_at(size_t index)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (index < tables[i]->count)
            return &tables[i]->rows[index];
        index -= tables[i]->count;
    }
    return NULL;
}

const struct operation *operation_find(struct text name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        for (size_t k = 0; k < tables[i]->count; k++)
            if (text_equal(text_of(tables[i]->rows[k].name), name))
                return &tables[i]->rows[k];
    return NULL;
}

size_t operation_field_count(const struct operation *operation)
{
    size_t count = 0;

    while (operation->fields[count].name)
        count++;
    return count;
}

int operation_field_find(const struct operation *operation, struct text name)
{
    for (int i = 0; operation->fields[i].name; i++)
        if (text_equal(text_of(operation->fields[i].name), name))
            return i;
    return -1;
}

bool operation_field_is_in_path(const struct operation *operation, const struct field *field)
{
    char pattern[40];

    (void)snprintf(pattern, sizeof(pattern), "{%s}", field->name); /* fits */
    return text_contains(text_of(operation->path), text_of(pattern));
}
