#include "core/lists/list_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>

namespace tamiz::lists {
namespace {

// How many hashes of each kind are looked up after a build.
constexpr std::size_t kSample = 64;

Status SelfCheckFailed(const ListInfo& info, std::string_view kind) {
  return MakeError(
      StatusCode::kInternal,
      fmt::format("list '{}' version {}: a {} of the list is not found in the index built from it; the "
                  "version is not used",
                  info.name, info.version, kind),
      "INDEX_SELF_CHECK_FAILED");
}

// Up to kSample positions spread evenly over 0…size-1, the first and the last among them.
std::vector<std::size_t> Sample(std::size_t size) {
  std::vector<std::size_t> positions;
  const std::size_t count = std::min(size, kSample);
  for (std::size_t i = 0; i < count; ++i) positions.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return positions;
}

Status CheckPdq(const ListInfo& info, const index::HammingIndex& index,
                const std::vector<hash::Hash256>& hashes) {
  std::vector<std::size_t> sample = Sample(hashes.size());
  // One of each value: a list that holds one hash a million times must not give 64 million hits.
  std::sort(sample.begin(), sample.end(), [&](auto a, auto b) { return hashes[a] < hashes[b]; });
  sample.erase(
      std::unique(sample.begin(), sample.end(), [&](auto a, auto b) { return hashes[a] == hashes[b]; }),
      sample.end());
  std::vector<index::Hit> hits;
  for (const std::size_t position : sample) {
    hits.clear();
    index.FindWithin({&hashes[position], 1}, 0, hits);
    if (std::none_of(hits.begin(), hits.end(),
                     [&](const index::Hit& hit) { return hit.position == position; })) {
      return SelfCheckFailed(info, "PDQ hash");
    }
  }
  return OkStatus();
}

Status CheckDigests(const ListInfo& info, const index::DigestIndex& index,
                    const std::vector<index::DigestIndex::Item>& items) {
  for (const std::size_t position : Sample(items.size())) {
    const auto& item = items[position];
    const auto numbers = index.Find(item.type, item.value);
    if (std::find(numbers.begin(), numbers.end(), item.number) == numbers.end()) {
      return SelfCheckFailed(info, "digest");
    }
  }
  return OkStatus();
}

}  // namespace

std::pair<std::uint32_t, std::uint32_t> ListSegment::PositionsOf(std::uint32_t entry) const {
  const auto [first, last] = std::equal_range(pdq_entries.begin(), pdq_entries.end(), entry);
  return {static_cast<std::uint32_t>(first - pdq_entries.begin()),
          static_cast<std::uint32_t>(last - pdq_entries.begin())};
}

std::size_t ListSegment::index_bytes() const {
  return (pdq ? pdq->memory_bytes() : 0) + digests.memory_bytes();
}

std::size_t ListSegment::table_bytes() const {
  return sizeof *this + entries.heap_bytes() + pdq_entries.heap_bytes() + pdq_qualities.heap_bytes() +
         pdq_times.heap_bytes();
}

ListSegmentBuilder::ListSegmentBuilder(const ListInfo& info) : info_(info) {
  pdq_.reserve(info.entry_count);
  pdq_entries_.reserve(info.entry_count);
  pdq_qualities_.reserve(info.entry_count);
}

Status ListSegmentBuilder::Add(const Entry& entry) {
  if (entry.disabled) return OkStatus();
  if (table_.size() == std::numeric_limits<std::uint32_t>::max()) {
    return MakeError(StatusCode::kResourceExhausted,
                     fmt::format("list '{}' has 2^32 entries or more", info_.name));
  }
  const auto number = static_cast<std::uint32_t>(table_.size());
  for (const EntryHash& hash : entry.hashes) {
    if (hash.type == HashType::kOpaque) continue;
    if (hash.value.size() != ValueBytes(hash.type)) {
      return MakeError(StatusCode::kInternal,
                       fmt::format("list '{}' version {}: an entry holds a {} value of {} bytes", info_.name,
                                   info_.version, ToString(hash.type), hash.value.size()));
    }
    if (hash.type != HashType::kPdq) {
      digests_.push_back({hash.type, number, digest_bytes_.size()});
      digest_bytes_.insert(digest_bytes_.end(), hash.value.begin(), hash.value.end());
      continue;
    }
    if (hash.quality < info_.policy.quality_floor) continue;
    pdq_.push_back(hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(hash.value)));
    pdq_entries_.push_back(number);
    pdq_qualities_.push_back(static_cast<std::uint8_t>(hash.quality));
    if (hash.time_ms && !has_times_) {
      has_times_ = true;
      pdq_times_.resize(pdq_.size() - 1, PdqRef::kNoTime);
    }
    if (has_times_) {
      pdq_times_.push_back(hash.time_ms ? static_cast<std::uint32_t>(
                                              std::min<std::uint64_t>(*hash.time_ms, PdqRef::kNoTime - 1))
                                        : PdqRef::kNoTime);
    }
  }
  table_.Add(entry);
  return OkStatus();
}

StatusOr<std::shared_ptr<const ListSegment>> ListSegmentBuilder::Finish() {
  if (pdq_.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return MakeError(StatusCode::kResourceExhausted,
                     fmt::format("list '{}' has 2^32 PDQ hashes or more", info_.name));
  }
  auto segment = std::make_shared<ListSegment>();
  segment->entries = table_.Finish();
  segment->pdq_entries = std::move(pdq_entries_);
  segment->pdq_qualities = std::move(pdq_qualities_);
  segment->pdq_times = std::move(pdq_times_);
  segment->pdq = index::HammingIndex::Build(pdq_);
  TAMIZ_RETURN_IF_ERROR(CheckPdq(info_, *segment->pdq, pdq_));
  std::vector<hash::Hash256>().swap(pdq_);

  std::vector<index::DigestIndex::Item> items;
  items.reserve(digests_.size());
  for (const Digest& digest : digests_) {
    items.push_back({static_cast<std::uint8_t>(digest.type),
                     {digest_bytes_.data() + digest.offset, ValueBytes(digest.type)},
                     digest.entry});
  }
  segment->digests = index::DigestIndex::Build(items);
  TAMIZ_RETURN_IF_ERROR(CheckDigests(info_, segment->digests, items));
  return std::shared_ptr<const ListSegment>(std::move(segment));
}

}  // namespace tamiz::lists
