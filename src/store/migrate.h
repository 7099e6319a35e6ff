/*
 * migrate - brings the schema to a version, by the SQL files that are built into the program.
 * Private to store/.
 *
 * Files are named NNNN_name.up.sql and NNNN_name.down.sql, numbered from 0001 without gaps; the
 * number is the version of the schema after its up file. Each runs in a transaction of its own
 * together with its record in schema_migrations.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stdint.h>

#include "base/embedded.h"
#include "base/err.h"

struct db;

struct migration_set {
    const struct embedded_file *files; /* sorted by name */
    size_t count;
};

/* Those of the program. */
struct migration_set migrations_embedded(void);

/* The version after all up files. */
uint32_t migrations_newest(const struct migration_set *set);

/* The version of the database: 0 when it is empty. */
MUST_USE enum err migrate_version(struct db *db, uint32_t *ret_version, struct diag *diag);

/* Goes to `version`. ERR_UNSUPPORTED: the database is newer than the set; ERR_INVALID: the set has
 * no such version. After an error the schema is at the last version that succeeded. */
MUST_USE enum err migrate_to(struct db *db, const struct migration_set *set, uint32_t version,
                             struct diag *diag);

#endif
