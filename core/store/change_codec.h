// The bytes in which a change waits for a person, the same in every store.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/store/store.h"

namespace tamiz::store {

// Everything but `expected_version` and `settles_pending`.
[[nodiscard]] std::string EncodeChange(const Change& change);

// DATA_LOSS if the bytes are not what EncodeChange writes.
[[nodiscard]] StatusOr<Change> DecodeChange(std::string_view bytes);

}  // namespace tamiz::store
