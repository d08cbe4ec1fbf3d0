// All lists as scans see them: immutable snapshots, swapped whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/index/digest_index.h"
#include "core/index/hamming_index.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

// What the index knows of one PDQ hash, at its position in the index.
struct PdqRef {
  std::uint32_t entry;    // position in ListSnapshot::entries
  std::uint32_t time_ms;  // of a video frame; kNoTime for a picture
  std::uint8_t quality;   // 0…100
  static constexpr std::uint32_t kNoTime = 0xffffffff;
};

// One list at one version, ready to be searched. Immutable and thread-safe.
struct ListSnapshot {
  ListInfo info;  // as of this version
  // Enabled entries only, without their digest and PDQ values; expiry is checked when matching.
  std::vector<Entry> entries;
  std::shared_ptr<const index::HammingIndex> pdq;  // hashes with quality >= the policy's floor
  std::vector<PdqRef> pdq_refs;                    // by position in `pdq`
  std::vector<std::uint32_t> video_frames;         // by entry: its frames in `pdq`, 0 for pictures
  index::DigestIndex digests;                      // digest -> positions in `entries`
  WallTime loaded_at{};
  std::chrono::microseconds build_time{0};  // indexing and its check

  [[nodiscard]] std::size_t memory_bytes() const;
};

// Builds a snapshot and checks it: a sample of its hashes must find themselves.
// Entries in any order.
[[nodiscard]] StatusOr<std::shared_ptr<const ListSnapshot>> BuildListSnapshot(const ListInfo& info,
                                                                              std::vector<Entry> entries,
                                                                              WallTime now);

// A list that should be there and could not be loaded: its absence makes scans INCOMPLETE.
struct UnavailableList {
  std::string name;
  std::string list_id;
  std::string why;
};

// Immutable and thread-safe.
struct Catalog {
  std::uint64_t generation = 0;                            // grows with every swap
  std::vector<std::shared_ptr<const ListSnapshot>> lists;  // by name, those in mode off included
  std::vector<UnavailableList> unavailable;

  // By name or id; null if there is none.
  [[nodiscard]] const ListSnapshot* Find(std::string_view name_or_id) const;
};

}  // namespace tamiz::lists
