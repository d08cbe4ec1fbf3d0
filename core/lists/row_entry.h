// One row of text as an entry with one hash.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/lists/hash_list.h"

namespace tamiz::lists {

// Fields as they stand in the file; empty ones are missing.
struct RowFields {
  std::string_view entry_id, hash_type, value, labels, metadata, quality, time_ms;
};

// Fills one hash from text. What is wrong, empty if nothing; never quotes a value.
[[nodiscard]] std::string ReadHash(const RowFields& row, std::optional<HashType> default_type,
                                   EntryHash& hash);

// The same for a whole row.
[[nodiscard]] std::string ReadRow(const RowFields& row, std::optional<HashType> default_type, Entry& entry);

}  // namespace tamiz::lists
