// Follows the changes that any process makes to the lists of a PostgreSQL database.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/store/config.h"
#include "core/store/pg_options.h"
#include "core/store/store.h"

namespace tamiz::store {

// What changes are told on (NOTIFY): one channel a schema.
[[nodiscard]] std::string WatchChannel(const Config& config);

// Listens on a connection of its own, and asks every config.poll_interval whether something changed, so that
// nothing is missed while the connection was lost, or where a pooler between does not pass on notifications.
[[nodiscard]] std::unique_ptr<Watch> WatchPostgres(const Config& config, const PgOptions& options,
                                                   std::function<Status()> on_change);

}  // namespace tamiz::store
