#include "core/lists/list_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace tamiz::lists {
namespace {

std::size_t WeightOf(const Entry& entry) { return 1 + entry.hashes.size(); }

// Those of before, with the changes; both ascending by id.
std::vector<std::shared_ptr<const Entry>> Merge(const std::vector<std::shared_ptr<const Entry>>& before,
                                                std::span<const EntryChange> changes) {
  std::vector<std::shared_ptr<const Entry>> merged;
  merged.reserve(before.size() + changes.size());
  auto next = before.begin();
  for (const EntryChange& change : changes) {
    while (next != before.end() && (*next)->id < change.id()) merged.push_back(*next++);
    if (next != before.end() && (*next)->id == change.id()) ++next;
    if (change.after && !change.after->disabled) {
      merged.push_back(std::make_shared<const Entry>(*change.after));
    }
  }
  merged.insert(merged.end(), next, before.end());
  return merged;
}

}  // namespace

ListSnapshot::ListSnapshot(ListInfo of, std::shared_ptr<const ListSegment> base, ContentDigest contents)
    : info(std::move(of)),
      base_(std::move(base)),
      base_state_(std::make_shared<const BaseState>(BaseState{info, contents})),
      contents_(std::make_shared<const ContentDigest>(std::move(contents))) {}

std::shared_ptr<const ListSnapshot> ListSnapshot::WithBase(std::shared_ptr<const ListSegment> base) const {
  auto same = std::make_shared<ListSnapshot>(*this);
  same->base_ = std::move(base);
  return same;
}

StatusOr<std::shared_ptr<const ListSnapshot>> ListSnapshot::Updated(const ListInfo& of,
                                                                    std::span<const EntryChange> changes,
                                                                    WallTime now) const {
  const auto started = std::chrono::steady_clock::now();
  ContentDigest contents = contents_ ? *contents_ : ContentDigest();
  for (const EntryChange& change : changes) {
    if (change.before) contents.RemoveCanonical(*change.before);
    if (change.after) contents.AddCanonical(*change.after);
  }
  if (of.digest_format != kDigestFormat || contents.Finish() != of.digest) {
    return MakeError(StatusCode::kDataLoss,
                     fmt::format("the changes of list '{}' from version {} to {} do not lead to the contents "
                                 "that version {} should have",
                                 of.name, info.version, of.version, of.version),
                     "LIST_DIGEST_MISMATCH");
  }

  auto delta = std::make_shared<Delta>();
  if (delta_) {
    delta->stale = delta_->stale;
    delta->stale_entries = delta_->stale_entries;
    delta->stale_pdq = delta_->stale_pdq;
    delta->stale_digests = delta_->stale_digests;
    delta->entries = Merge(delta_->entries, changes);
  } else {
    delta->stale.resize((std::size_t{base_entries()} + 63) / 64);
    delta->entries = Merge({}, changes);
  }
  for (const EntryChange& change : changes) {
    if (!base_ || !change.before) continue;
    const std::optional<std::uint32_t> number = base_->entries.Find(change.id());
    if (!number || delta->IsStale(*number)) continue;
    delta->stale[*number / 64] |= std::uint64_t{1} << (*number % 64);
    ++delta->stale_entries;
    const auto [first, last] = base_->PositionsOf(*number);
    delta->stale_pdq += last - first;
    // As it stands in the base, since it was not stale.
    for (const EntryHash& hash : change.before->hashes) {
      delta->stale_digests += hash.type != HashType::kPdq && hash.type != HashType::kOpaque ? 1 : 0;
    }
  }
  ListInfo small = of;
  small.entry_count = delta->entries.size();
  ListSegmentBuilder builder(small);
  for (const auto& entry : delta->entries) {
    delta->weight += WeightOf(*entry);
    TAMIZ_RETURN_IF_ERROR(builder.Add(*entry));
  }
  TAMIZ_ASSIGN_OR_RETURN(delta->segment, builder.Finish());

  auto next = std::make_shared<ListSnapshot>(*this);
  next->info = of;
  next->delta_ = std::move(delta);
  next->contents_ = std::make_shared<const ContentDigest>(std::move(contents));
  next->loaded_at = now;
  next->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return std::shared_ptr<const ListSnapshot>(std::move(next));
}

void ListSnapshot::FindPdq(std::span<const hash::Hash256> queries, hash::HammingDistance radius,
                           std::vector<index::Hit>& hits) const {
  const auto before = static_cast<std::ptrdiff_t>(hits.size());
  if (base_) base_->pdq->FindWithin(queries, radius, hits);
  if (!delta_) return;
  if (delta_->stale_pdq != 0) {
    hits.erase(std::remove_if(
                   hits.begin() + before, hits.end(),
                   [&](const index::Hit& hit) { return delta_->IsStale(base_->pdq_entries[hit.position]); }),
               hits.end());
  }
  const auto middle = static_cast<std::ptrdiff_t>(hits.size());
  delta_->segment->pdq->FindWithin(queries, radius, hits);
  for (auto hit = hits.begin() + middle; hit != hits.end(); ++hit) hit->position += base_positions();
  std::inplace_merge(
      hits.begin() + before, hits.begin() + middle, hits.end(), [](const index::Hit& a, const index::Hit& b) {
        return std::tie(a.query, a.distance, a.position) < std::tie(b.query, b.distance, b.position);
      });
}

std::size_t ListSnapshot::pdq_count() const {
  return (base_ ? base_->pdq->size() : 0) + (delta_ ? delta_->segment->pdq->size() - delta_->stale_pdq : 0);
}

PdqRef ListSnapshot::RefAt(std::uint32_t position) const {
  const std::uint32_t first = base_positions();
  if (position < first) return base_->RefAt(position);
  PdqRef ref = delta_->segment->RefAt(position - first);
  ref.entry += base_entries();
  return ref;
}

hash::HammingDistance ListSnapshot::DistanceTo(std::uint32_t position, const hash::Hash256& hash) const {
  const std::uint32_t first = base_positions();
  return position < first ? base_->pdq->DistanceTo(position, hash)
                          : delta_->segment->pdq->DistanceTo(position - first, hash);
}

std::pair<std::uint32_t, std::uint32_t> ListSnapshot::PositionsOf(std::uint32_t entry) const {
  const auto [segment, number] = Where(entry);
  auto [first, last] = segment->PositionsOf(number);
  if (segment != base_.get()) {
    first += base_positions();
    last += base_positions();
  }
  return {first, last};
}

std::uint32_t ListSnapshot::VideoFramesOf(std::uint32_t entry) const {
  const auto [first, last] = PositionsOf(entry);
  std::uint32_t frames = 0;
  for (std::uint32_t position = first; position < last; ++position) {
    frames += RefAt(position).time_ms != PdqRef::kNoTime ? 1 : 0;
  }
  return frames;
}

bool ListSnapshot::HasVideoFrames() const {
  return (base_ && !base_->pdq_times.empty()) || (delta_ && !delta_->segment->pdq_times.empty());
}

std::vector<std::uint32_t> ListSnapshot::FindDigest(HashType type,
                                                    std::span<const std::uint8_t> value) const {
  std::vector<std::uint32_t> found;
  if (base_) found = base_->digests.Find(static_cast<std::uint8_t>(type), value);
  if (!delta_) return found;
  std::erase_if(found, [&](std::uint32_t entry) { return delta_->IsStale(entry); });
  for (const std::uint32_t entry : delta_->segment->digests.Find(static_cast<std::uint8_t>(type), value)) {
    found.push_back(entry + base_entries());
  }
  return found;
}

std::size_t ListSnapshot::digest_count() const {
  return (base_ ? base_->digests.size() : 0) +
         (delta_ ? delta_->segment->digests.size() - delta_->stale_digests : 0);
}

std::size_t ListSnapshot::entry_count() const {
  return base_entries() + (delta_ ? delta_->entries.size() - delta_->stale_entries : 0);
}

std::string_view ListSnapshot::IdOf(std::uint32_t entry) const {
  const auto [segment, number] = Where(entry);
  return segment->entries.IdOf(number);
}

std::optional<WallTime> ListSnapshot::ExpiresAt(std::uint32_t entry) const {
  const auto [segment, number] = Where(entry);
  return segment->entries.ExpiresAt(number);
}

Entry ListSnapshot::EntryAt(std::uint32_t entry) const {
  const auto [segment, number] = Where(entry);
  return segment->entries.EntryAt(number);
}

SuspectHashes ListSnapshot::suspects() const {
  SuspectHashes sum = base_ ? base_->suspects : SuspectHashes{};
  if (delta_) {
    const SuspectHashes& more = delta_->segment->suspects;
    sum.flat += more.flat;
    sum.low_quality += more.low_quality;
    sum.shared += more.shared;
    sum.shared_values += more.shared_values;
  }
  return sum;
}

std::size_t ListSnapshot::memory_bytes() const {
  std::size_t bytes = sizeof *this + ContentDigest::kStateBytes;
  if (base_) bytes += base_->index_bytes() + base_->table_bytes();
  if (delta_) {
    bytes += sizeof *delta_ + delta_->segment->index_bytes() + delta_->segment->table_bytes() +
             delta_->stale.capacity() * sizeof(std::uint64_t);
    // Entries that are kept for the next delta: about what they take, without walking their text.
    constexpr std::size_t kEntryBytes = sizeof(Entry) + 128;
    constexpr std::size_t kHashBytes = sizeof(EntryHash) + 32;
    bytes += delta_->entries.size() * kEntryBytes + (delta_->weight - delta_->entries.size()) * kHashBytes;
  }
  return bytes;
}

StatusOr<std::shared_ptr<const ListSnapshot>> BuildListSnapshot(const ListInfo& info,
                                                                std::vector<Entry> entries, WallTime now) {
  const auto started = std::chrono::steady_clock::now();
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  ListSegmentBuilder builder(info);
  ContentDigest contents;
  for (const Entry& entry : entries) {
    contents.Add(entry);
    TAMIZ_RETURN_IF_ERROR(builder.Add(entry));
  }
  TAMIZ_ASSIGN_OR_RETURN(std::shared_ptr<const ListSegment> segment, builder.Finish());
  auto snapshot = std::make_shared<ListSnapshot>(info, std::move(segment), std::move(contents));
  snapshot->loaded_at = now;
  snapshot->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return std::shared_ptr<const ListSnapshot>(std::move(snapshot));
}

}  // namespace tamiz::lists
