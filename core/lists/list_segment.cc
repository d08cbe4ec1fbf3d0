#include "core/lists/list_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <span>
#include <string_view>

namespace tamiz::lists {
namespace {

// How many hashes of each kind are looked up after a build.
constexpr std::size_t kSample = 64;

// Frames of a video no further apart than this show the same: half of the customary radius, so that a frame
// of an upload that is near to one of them is near to the others.
constexpr hash::HammingDistance kSameShot = 16;

Status SelfCheckFailed(const ListInfo& info, std::string_view kind) {
  return MakeError(
      StatusCode::kInternal,
      fmt::format("list '{}' version {}: a {} of the list is not found in the index built from it; the "
                  "version is not used",
                  info.name, info.version, kind),
      "INDEX_SELF_CHECK_FAILED");
}

// Up to kSample positions spread evenly over 0…size-1, the first and the last among them.
std::vector<std::size_t> SamplePositions(std::size_t size) {
  std::vector<std::size_t> positions;
  const std::size_t count = std::min(size, kSample);
  for (std::size_t i = 0; i < count; ++i) positions.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return positions;
}

Status CheckPdq(const ListInfo& info, const index::HammingIndex& index,
                const std::vector<hash::Hash256>& hashes) {
  std::vector<std::size_t> sample = SamplePositions(hashes.size());
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
      digests_.Add(static_cast<std::uint8_t>(hash.type), hash.value, number);
      Sample(hash, number);
      continue;
    }
    if (hash.quality < info_.policy.quality_floor) {
      ++suspects_.low_quality;
      continue;
    }
    pdq_.push_back(hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(hash.value)));
    int ones = 0;
    for (const std::uint64_t word : pdq_.back().words) ones += std::popcount(word);
    suspects_.flat += ones < SuspectHashes::kFewOnes || ones > SuspectHashes::kManyOnes ? 1 : 0;
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
    if (hash.time_ms) NoteShot();
  }
  table_.Add(entry);
  return OkStatus();
}

void ListSegmentBuilder::Sample(const EntryHash& hash, std::uint32_t entry) {
  if (digest_count_++ % sample_step_ != 0) return;
  sample_.push_back({hash.type, hash.value, entry});
  if (sample_.size() < 2 * kSample) return;
  for (std::size_t i = 1; i < kSample; ++i) sample_[i] = std::move(sample_[2 * i]);
  sample_.resize(kSample);
  sample_step_ *= 2;
}

void ListSegmentBuilder::NoteShot() {
  const std::size_t position = pdq_.size() - 1;
  // Frames of an entry come in order of time, after its pictures.
  const bool repeats = shot_ < position && pdq_entries_[shot_] == pdq_entries_[position] && has_times_ &&
                       pdq_times_.size() > shot_ && pdq_times_[shot_] != PdqRef::kNoTime &&
                       hash::Distance(pdq_[shot_], pdq_[position]) <= kSameShot;
  if (repeats) {
    pdq_qualities_[position] |= ListSegment::kRepeats;
  } else {
    shot_ = position;
  }
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
  for (const auto& crowd : segment->pdq->Crowds(SuspectHashes::kSharedByMany)) {
    ++suspects_.shared_values;
    suspects_.shared += crowd.count;
  }
  segment->suspects = suspects_;

  segment->digests = digests_.Finish();
  for (const Sampled& digest : sample_) {
    const auto numbers = segment->digests.Find(static_cast<std::uint8_t>(digest.type), digest.value);
    if (!std::binary_search(numbers.begin(), numbers.end(), digest.entry)) {
      return SelfCheckFailed(info_, "digest");
    }
  }
  return std::shared_ptr<const ListSegment>(std::move(segment));
}

}  // namespace tamiz::lists
