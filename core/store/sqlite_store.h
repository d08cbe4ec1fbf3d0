// Store in one SQLite file (WAL).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "core/store/store.h"

namespace tamiz::store {

struct SqliteOptions {
  std::filesystem::path path;  // made if it is not there, mode 0600
  const Clock* clock = &Clock::System();
  // How long to wait while another process (a backup) writes to the file.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(5);
};

// Opens or makes the database and brings its schema up to date. Errors: UNAVAILABLE with the path, the cause
// and the remedy; FAILED_PRECONDITION if the file was written by a newer Tamiz.
[[nodiscard]] StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options);

}  // namespace tamiz::store
