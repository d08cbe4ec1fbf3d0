// Makes the store that the configuration names.
#pragma once

#include <memory>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/store/store.h"

namespace tamiz::server {

// INVALID_ARGUMENT if the store cannot be used as configured, whatever it holds. Opens nothing.
[[nodiscard]] Status CheckStoreConfig(const config::Config& config);

// Opens it; see store/sqlite_store.h and store/postgres_store.h for errors.
[[nodiscard]] StatusOr<std::unique_ptr<store::Store>> OpenStore(const config::Config& config);

}  // namespace tamiz::server
