// Bounds of what is kept of an entry and not matched.
#pragma once

#include <cstddef>

namespace tamiz::lists {

// One value: a TMK+PDQF fingerprint, the largest of which the size is known, has 258 KiB. As base64 it still
// fits into a line of a list's file.
inline constexpr std::size_t kMaxOpaqueBytes = 512 * 1024;
// All of an entry together, so that it fits into one message of an export with all that clients accept.
inline constexpr std::size_t kMaxEntryOpaqueBytes = 1024 * 1024;

}  // namespace tamiz::lists
