// What an answer says of an entry, for millions of entries: contiguous, read only where something matched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/clock.h"
#include "core/index/flat_array.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

// Immutable and thread-safe. Holds ids, labels, metadata and expiry, no hashes: those are in the indexes.
class EntryTable {
 public:
  EntryTable() = default;
  // As an EntryTableBuilder made them, and as they are saved. `offsets` has one element more than entries.
  EntryTable(index::FlatArray<std::uint64_t> offsets, index::FlatArray<std::uint8_t> records)
      : offsets_(std::move(offsets)), records_(std::move(records)) {}

  [[nodiscard]] std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  [[nodiscard]] std::string_view IdOf(std::size_t entry) const;
  [[nodiscard]] std::optional<WallTime> ExpiresAt(std::size_t entry) const;
  // Everything but the hashes. Decodes: for entries that are written out.
  [[nodiscard]] Entry EntryAt(std::size_t entry) const;
  // By id, in a table whose ids ascend.
  [[nodiscard]] std::optional<std::uint32_t> Find(std::string_view id) const;

  [[nodiscard]] const index::FlatArray<std::uint64_t>& offsets() const { return offsets_; }
  [[nodiscard]] const index::FlatArray<std::uint8_t>& records() const { return records_; }
  [[nodiscard]] std::size_t heap_bytes() const { return offsets_.heap_bytes() + records_.heap_bytes(); }

 private:
  index::FlatArray<std::uint64_t> offsets_;
  index::FlatArray<std::uint8_t> records_;
};

class EntryTableBuilder {
 public:
  EntryTableBuilder() { offsets_.push_back(0); }
  // Hashes are left out.
  void Add(const Entry& entry);
  [[nodiscard]] std::size_t size() const { return offsets_.size() - 1; }
  [[nodiscard]] EntryTable Finish();

 private:
  index::LargeArray<std::uint64_t> offsets_;
  index::LargeArray<std::uint8_t> records_;
  std::string body_;
};

}  // namespace tamiz::lists
