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
#include "core/lists/content_digest.h"
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
  // `contents` is the digest of all entries, disabled ones included.
  ListSnapshot(ListInfo of, std::shared_ptr<const ListSegment> base, ContentDigest contents);

  // The same list a few changes later, at a cost that follows the changes since the base and not the list:
  // the base is shared, what it has otherwise is marked, and the entries that are new or changed since are
  // indexed anew. `changes` lead from this version to `of`, in ascending order of id. DATA_LOSS if the
  // contents then do not have the digest of `of`.
  [[nodiscard]] StatusOr<std::shared_ptr<const ListSnapshot>> Updated(const ListInfo& of,
                                                                      std::span<const EntryChange> changes,
                                                                      WallTime now) const;
  // How much stands beside the base: entries that are new or changed since, with their hashes.
  [[nodiscard]] std::size_t delta_weight() const { return delta_ ? delta_->weight : 0; }
  [[nodiscard]] std::size_t delta_entries() const { return delta_ ? delta_->entries.size() : 0; }
  [[nodiscard]] const std::shared_ptr<const ListSegment>& base() const { return base_; }
  // The list as of the base's version, and the digest of its contents then.
  [[nodiscard]] const ListInfo& base_info() const { return base_state_->info; }
  [[nodiscard]] const ContentDigest& base_contents() const { return base_state_->contents; }
  // The same with another base that has the same contents.
  [[nodiscard]] std::shared_ptr<const ListSnapshot> WithBase(std::shared_ptr<const ListSegment> base) const;

  // PDQ. Searches as HammingIndex::FindWithin does; Hit::position is a number for RefAt.
  void FindPdq(std::span<const hash::Hash256> queries, hash::HammingDistance radius,
               std::vector<index::Hit>& hits) const;
  [[nodiscard]] std::size_t pdq_count() const;
  [[nodiscard]] PdqRef RefAt(std::uint32_t position) const;
  [[nodiscard]] hash::HammingDistance DistanceTo(std::uint32_t position, const hash::Hash256& hash) const;
  // Positions of the entry's PDQ hashes, pictures and frames: first, and one past the last.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> PositionsOf(std::uint32_t entry) const;
  // How many of them are frames of a video.
  [[nodiscard]] std::uint32_t VideoFramesOf(std::uint32_t entry) const;
  // Whether any entry has some; true at times where the last such entry was just taken away.
  [[nodiscard]] bool HasVideoFrames() const;

  // Numbers of entries with this digest, ascending, each once.
  [[nodiscard]] std::vector<std::uint32_t> FindDigest(HashType type,
                                                      std::span<const std::uint8_t> value) const;
  [[nodiscard]] std::size_t digest_count() const;

  // Live entries. Their numbers may be larger.
  [[nodiscard]] std::size_t entry_count() const;
  // The view lives as long as the snapshot.
  [[nodiscard]] std::string_view IdOf(std::uint32_t entry) const;
  [[nodiscard]] std::optional<WallTime> ExpiresAt(std::uint32_t entry) const;
  // Everything but its hashes. Decodes: for what is written into an answer.
  [[nodiscard]] Entry EntryAt(std::uint32_t entry) const;

  // Of the base and of what came after it; what was replaced since the base was built still counts.
  [[nodiscard]] SuspectHashes suspects() const;

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // What came after the base. Numbers of its entries and positions follow those of the base.
  struct Delta {
    std::shared_ptr<const ListSegment> segment;
    std::vector<std::shared_ptr<const Entry>> entries;  // of `segment`, by id
    std::size_t weight = 0;                             // entries and their hashes
    // Entries of the base that are not as they were: a bit for each.
    std::vector<std::uint64_t> stale;
    std::size_t stale_entries = 0, stale_pdq = 0, stale_digests = 0;

    [[nodiscard]] bool IsStale(std::uint32_t entry) const {
      return (stale[entry / 64] >> (entry % 64) & 1) != 0;
    }
  };

  [[nodiscard]] std::uint32_t base_entries() const {
    return base_ ? static_cast<std::uint32_t>(base_->entries.size()) : 0;
  }
  [[nodiscard]] std::uint32_t base_positions() const {
    return base_ ? static_cast<std::uint32_t>(base_->pdq_entries.size()) : 0;
  }
  // The segment that has the entry, and its number there.
  [[nodiscard]] std::pair<const ListSegment*, std::uint32_t> Where(std::uint32_t entry) const {
    const std::uint32_t first = base_entries();
    return entry < first ? std::pair(base_.get(), entry) : std::pair(delta_->segment.get(), entry - first);
  }

  struct BaseState {
    ListInfo info;
    ContentDigest contents;
  };

  std::shared_ptr<const ListSegment> base_;  // null: nothing
  std::shared_ptr<const BaseState> base_state_;
  std::shared_ptr<const Delta> delta_;  // null: nothing came after the base
  std::shared_ptr<const ContentDigest> contents_;
};

// Builds a snapshot and checks it: a sample of its hashes must find themselves.
// Entries in any order; disabled ones are left out.
[[nodiscard]] StatusOr<std::shared_ptr<const ListSnapshot>> BuildListSnapshot(const ListInfo& info,
                                                                              std::vector<Entry> entries,
                                                                              WallTime now);

}  // namespace tamiz::lists
