// What Config says about PostgreSQL, in libpq's words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/store/config.h"

namespace tamiz::store {

// libpq's keywords and values for a connection, and how to name the server in messages: no password.
struct PgOptions {
  std::vector<std::pair<std::string, std::string>> keywords;
  std::string where;
};

// Reads the files that `config` names. INVALID_ARGUMENT names the key that is at fault and what it may be.
[[nodiscard]] StatusOr<PgOptions> MakePgOptions(const Config& config);

}  // namespace tamiz::store
