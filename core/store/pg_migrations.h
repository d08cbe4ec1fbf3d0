// The PostgreSQL schema and how it came to be.
#pragma once

#include <span>

#include "core/store/migrations.h"
#include "core/store/pg_pool.h"

namespace tamiz::store {

// Ascending by version, without gaps, from 1. Released steps are never edited.
[[nodiscard]] std::span<const Migration> PgMigrations();

// Makes the schema and brings it up to date in one transaction, under a lock, so that replicas may start at
// once. FAILED_PRECONDITION if a newer Tamiz wrote it, if it holds tables of another program, or if the
// database is not in UTF-8.
[[nodiscard]] Status MigratePg(PgPool& pool, const PgTransaction::Settings& settings);

}  // namespace tamiz::store
