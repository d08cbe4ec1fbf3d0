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
  bool repeats;           // a video frame that shows the same as the one at the position before, or nearly
  static constexpr std::uint32_t kNoTime = 0xffffffff;
};

// Hashes that are probably no hashes of pictures. They are searched like all others: what to do with them is
// for who owns the list.
struct SuspectHashes {
  // PDQ hashes with far fewer or more ones than the half that every picture with structure has: of nearly
  // flat pictures, or made up.
  std::uint64_t flat = 0;
  std::uint64_t low_quality = 0;  // PDQ hashes below the policy's floor: kept and not searched
  // PDQ hashes whose value at least kSharedByMany hashes of the list have, and how many such values there
  // are.
  std::uint64_t shared = 0, shared_values = 0;

  static constexpr int kFewOnes = 64, kManyOnes = 192;
  static constexpr std::uint32_t kSharedByMany = 1000;
  friend bool operator==(const SuspectHashes&, const SuspectHashes&) = default;
};

// Immutable and thread-safe. Entries are numbered from 0, PDQ hashes ("positions") too; those of one entry
// follow each other.
struct ListSegment {
  EntryTable entries;                              // enabled ones
  std::shared_ptr<const index::HammingIndex> pdq;  // hashes with quality >= the policy's floor
  index::FlatArray<std::uint32_t> pdq_entries;     // by position; ascending
  index::FlatArray<std::uint8_t> pdq_qualities;    // by position; kRepeats added where PdqRef::repeats
  index::FlatArray<std::uint32_t> pdq_times;       // by position; empty if no hash has a time
  index::DigestIndex digests;                      // digest -> numbers of entries
  SuspectHashes suspects;

  static constexpr std::uint8_t kRepeats = 0x80;

  [[nodiscard]] PdqRef RefAt(std::uint32_t position) const {
    return {pdq_entries[position], pdq_times.empty() ? PdqRef::kNoTime : pdq_times[position],
            static_cast<std::uint8_t>(pdq_qualities[position] & ~kRepeats),
            (pdq_qualities[position] & kRepeats) != 0};
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
  // Some of the digests, spread over all.
  struct Sampled {
    HashType type;
    std::vector<std::uint8_t> value;
    std::uint32_t entry;
  };
  void Sample(const EntryHash& hash, std::uint32_t entry);

  // Marks the frame added last if it repeats the shot before it.
  void NoteShot();

  const ListInfo info_;
  EntryTableBuilder table_;
  std::vector<hash::Hash256> pdq_;
  index::LargeArray<std::uint32_t> pdq_entries_;
  index::LargeArray<std::uint8_t> pdq_qualities_;
  index::LargeArray<std::uint32_t> pdq_times_;
  bool has_times_ = false;
  std::size_t shot_ = 0;  // position of the video frame that the next one may repeat
  SuspectHashes suspects_;
  index::DigestIndexBuilder digests_;
  std::vector<Sampled> sample_;
  std::uint64_t digest_count_ = 0, sample_step_ = 1;
};

}  // namespace tamiz::lists
