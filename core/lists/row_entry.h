// One row of text as an entry with one hash.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/lists/hash_list.h"
#include "core/lists/hash_text.h"

namespace tamiz::lists {

// Fields as they stand in the file; empty ones are missing.
struct RowFields {
  std::string_view entry_id, hash_type, value, labels, metadata, quality, time_ms;
};

// Fills one hash from its text. What is wrong, empty if nothing; never quotes a value.
[[nodiscard]] std::string ReadHash(const RowFields& row, const std::optional<HashKind>& default_kind,
                                   HashEncoding encoding, EntryHash& hash);

// Quality and time of a row, for a hash that is there already. As above.
[[nodiscard]] std::string ReadQualityAndTime(const RowFields& row, EntryHash& hash);

// Labels and metadata of a row. As above.
[[nodiscard]] std::string ReadLabelsAndMetadata(const RowFields& row, Entry& entry);

}  // namespace tamiz::lists
