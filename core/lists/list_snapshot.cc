#include "core/lists/list_snapshot.h"

#include <algorithm>
#include <utility>

namespace tamiz::lists {

void ListSnapshot::FindPdq(std::span<const hash::Hash256> queries, hash::HammingDistance radius,
                           std::vector<index::Hit>& hits) const {
  if (base_) base_->pdq->FindWithin(queries, radius, hits);
}

std::uint32_t ListSnapshot::VideoFramesOf(std::uint32_t entry) const {
  const auto [first, last] = PositionsOf(entry);
  std::uint32_t frames = 0;
  for (std::uint32_t position = first; position < last; ++position) {
    frames += RefAt(position).time_ms != PdqRef::kNoTime ? 1 : 0;
  }
  return frames;
}

std::vector<std::uint32_t> ListSnapshot::FindDigest(HashType type,
                                                    std::span<const std::uint8_t> value) const {
  if (!base_) return {};
  return base_->digests.Find(static_cast<std::uint8_t>(type), value);
}

std::size_t ListSnapshot::memory_bytes() const {
  return sizeof *this + (base_ ? base_->index_bytes() + base_->table_bytes() : 0);
}

StatusOr<std::shared_ptr<const ListSnapshot>> BuildListSnapshot(const ListInfo& info,
                                                                std::vector<Entry> entries, WallTime now) {
  const auto started = std::chrono::steady_clock::now();
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  ListSegmentBuilder builder(info);
  for (const Entry& entry : entries) TAMIZ_RETURN_IF_ERROR(builder.Add(entry));
  TAMIZ_ASSIGN_OR_RETURN(std::shared_ptr<const ListSegment> segment, builder.Finish());
  auto snapshot = std::make_shared<ListSnapshot>(info, std::move(segment));
  snapshot->loaded_at = now;
  snapshot->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return std::shared_ptr<const ListSnapshot>(std::move(snapshot));
}

}  // namespace tamiz::lists
