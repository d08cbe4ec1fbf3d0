// Identifiers for scans, lists and versions.
#pragma once

#include <string>

namespace tamiz {

// UUID version 7 (RFC 9562) in its usual text: sorts by time, 74 random bits. Thread-safe.
[[nodiscard]] std::string NewUuid();

}  // namespace tamiz
