// The SQLite schema and how it came to be.
#pragma once

#include <span>
#include <string_view>

namespace tamiz::store {

// One step; applied in its own transaction, after which the file's user_version is the step's number.
// Steps that were released are never edited: a change of the schema is a new step.
struct Migration {
  int version;
  std::string_view what;
  const char* sql;
};

// Ascending by version, without gaps, from 1.
[[nodiscard]] std::span<const Migration> SqliteMigrations();

}  // namespace tamiz::store
