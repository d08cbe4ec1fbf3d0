// One list at one version, ready to be searched.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/index/hamming_index.h"
#include "core/lists/hash_list.h"
#include "core/lists/list_segment.h"

namespace tamiz::lists {

// Immutable and thread-safe; cheap to copy. Entries and PDQ hashes go by numbers, which hold for this
// snapshot only. What a search gives is live: disabled and replaced entries never come up. Expiry is for the
// caller to check.
class ListSnapshot {
 public:
  ListInfo info;  // as of this version
  WallTime loaded_at{};
  std::chrono::microseconds build_time{0};  // indexing and its check

  ListSnapshot() = default;
  ListSnapshot(ListInfo of, std::shared_ptr<const ListSegment> base)
      : info(std::move(of)), base_(std::move(base)) {}

  // PDQ. Searches as HammingIndex::FindWithin does; Hit::position is a number for RefAt.
  void FindPdq(std::span<const hash::Hash256> queries, hash::HammingDistance radius,
               std::vector<index::Hit>& hits) const;
  [[nodiscard]] std::size_t pdq_count() const { return base_ ? base_->pdq->size() : 0; }
  [[nodiscard]] PdqRef RefAt(std::uint32_t position) const { return base_->RefAt(position); }
  // Positions of the entry's PDQ hashes, pictures and frames: first, and one past the last.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> PositionsOf(std::uint32_t entry) const {
    return base_->PositionsOf(entry);
  }
  // How many of them are frames of a video.
  [[nodiscard]] std::uint32_t VideoFramesOf(std::uint32_t entry) const;

  // Numbers of entries with this digest, ascending, each once.
  [[nodiscard]] std::vector<std::uint32_t> FindDigest(HashType type,
                                                      std::span<const std::uint8_t> value) const;
  [[nodiscard]] std::size_t digest_count() const { return base_ ? base_->digests.size() : 0; }

  // Entries. The view lives as long as the snapshot.
  [[nodiscard]] std::size_t entry_count() const { return base_ ? base_->entries.size() : 0; }
  [[nodiscard]] std::string_view IdOf(std::uint32_t entry) const { return base_->entries.IdOf(entry); }
  [[nodiscard]] std::optional<WallTime> ExpiresAt(std::uint32_t entry) const {
    return base_->entries.ExpiresAt(entry);
  }
  // Everything but its hashes. Decodes: for what is written into an answer.
  [[nodiscard]] Entry EntryAt(std::uint32_t entry) const { return base_->entries.EntryAt(entry); }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::shared_ptr<const ListSegment> base_;  // null: nothing
};

// Builds a snapshot and checks it: a sample of its hashes must find themselves.
// Entries in any order; disabled ones are left out.
[[nodiscard]] StatusOr<std::shared_ptr<const ListSnapshot>> BuildListSnapshot(const ListInfo& info,
                                                                              std::vector<Entry> entries,
                                                                              WallTime now);

}  // namespace tamiz::lists
