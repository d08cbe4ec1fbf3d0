// Store in a PostgreSQL database (15 or later) that several processes may share.
#pragma once

#include <memory>

#include "core/store/config.h"
#include "core/store/store.h"

namespace tamiz::store {

// INVALID_ARGUMENT if `config` cannot work, whatever the database: names the key. Reads the files that it
// names and connects to nothing.
[[nodiscard]] Status CheckPostgresConfig(const Config& config);

// Connects, makes the schema or brings it up to date. While the server cannot be reached it is tried again
// until config.start_timeout has passed. Errors: INVALID_ARGUMENT as above; UNAVAILABLE with the server, the
// cause and the remedy; FAILED_PRECONDITION if the schema was written by a newer Tamiz.
[[nodiscard]] StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const Config& config,
                                                                 const Clock& clock = Clock::System());

}  // namespace tamiz::store
