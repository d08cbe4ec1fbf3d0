// Entries of a list, indexed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/index/digest_index.h"
#include "core/index/flat_array.h"
#include "core/index/hamming_index.h"
#include "core/lists/entry_table.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

// What a list knows of one PDQ hash.
struct PdqRef {
  std::uint32_t entry;    // number of the entry
  std::uint32_t time_ms;  // of a video frame; kNoTime for a picture
  std::uint8_t quality;   // 0…100
  static constexpr std::uint32_t kNoTime = 0xffffffff;
};

// Immutable and thread-safe. Entries are numbered from 0, PDQ hashes ("positions") too; those of one entry
// follow each other.
struct ListSegment {
  EntryTable entries;                              // enabled ones
  std::shared_ptr<const index::HammingIndex> pdq;  // hashes with quality >= the policy's floor
  index::FlatArray<std::uint32_t> pdq_entries;     // by position; ascending
  index::FlatArray<std::uint8_t> pdq_qualities;    // by position
  index::FlatArray<std::uint32_t> pdq_times;       // by position; empty if no hash has a time
  index::DigestIndex digests;                      // digest -> numbers of entries

  [[nodiscard]] PdqRef RefAt(std::uint32_t position) const {
    return {pdq_entries[position], pdq_times.empty() ? PdqRef::kNoTime : pdq_times[position],
            pdq_qualities[position]};
  }
  // First and one past the last position of an entry.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> PositionsOf(std::uint32_t entry) const;
  // Of what is searched (index) and of the rest, which is read where something matched.
  [[nodiscard]] std::size_t index_bytes() const;
  [[nodiscard]] std::size_t table_bytes() const;
};

// Takes entries one by one, so that a list never lies in memory as entries.
class ListSegmentBuilder {
 public:
  // `info`: name and version for errors; the policy's quality floor; entry_count as a hint.
  explicit ListSegmentBuilder(const ListInfo& info);
  // Ascending by id; disabled entries are left out.
  [[nodiscard]] Status Add(const Entry& entry);
  // Indexes, then checks: a sample of the hashes must find themselves. Call once, last.
  [[nodiscard]] StatusOr<std::shared_ptr<const ListSegment>> Finish();

 private:
  struct Digest {
    HashType type;
    std::uint32_t entry;
    std::size_t offset;  // in digest_bytes_
  };

  const ListInfo info_;
  EntryTableBuilder table_;
  std::vector<hash::Hash256> pdq_;
  index::LargeArray<std::uint32_t> pdq_entries_;
  index::LargeArray<std::uint8_t> pdq_qualities_;
  index::LargeArray<std::uint32_t> pdq_times_;
  bool has_times_ = false;
  std::vector<Digest> digests_;
  std::vector<std::uint8_t> digest_bytes_;
};

}  // namespace tamiz::lists
