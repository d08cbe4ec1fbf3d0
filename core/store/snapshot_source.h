// Snapshots of lists out of the store.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>

#include "core/base/clock.h"
#include "core/lists/list_snapshot.h"
#include "core/store/store.h"

namespace tamiz::store {

using SnapshotPtr = std::shared_ptr<const lists::ListSnapshot>;

// Reads all of `info`'s version and indexes it. DATA_LOSS if what is stored does not have its digest,
// CANCELLED once `stop` is requested.
[[nodiscard]] StatusOr<SnapshotPtr> ReadSnapshot(Store& store, const lists::ListInfo& info, WallTime now,
                                                 const std::stop_token& stop = {});

// Reads what changed between `before` and `info` and puts it beside the base of `before`. OUT_OF_RANGE if
// that would be more than `limit` entries and hashes (ListSnapshot::delta_weight); other errors too mean that
// the version is to be read whole.
[[nodiscard]] StatusOr<SnapshotPtr> UpdateSnapshot(Store& store, const lists::ListSnapshot& before,
                                                   const lists::ListInfo& info, std::size_t limit,
                                                   WallTime now);

}  // namespace tamiz::store
