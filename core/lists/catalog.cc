#include "core/lists/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

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

std::size_t HeapBytes(const std::string& text) { return text.capacity() > 15 ? text.capacity() + 1 : 0; }

}  // namespace

std::size_t ListSnapshot::memory_bytes() const {
  // Of a map node, beside its pair.
  constexpr std::size_t kNode = 32;
  std::size_t bytes = sizeof(ListSnapshot) + entries.capacity() * sizeof(Entry) +
                      pdq_refs.capacity() * sizeof(PdqRef) + video_frames.capacity() * sizeof(std::uint32_t) +
                      digests.memory_bytes() + (pdq ? pdq->memory_bytes() : 0);
  for (const Entry& entry : entries) {
    bytes += HeapBytes(entry.id) + entry.hashes.capacity() * sizeof(EntryHash) +
             entry.labels.capacity() * sizeof(std::string);
    for (const EntryHash& hash : entry.hashes) bytes += hash.value.capacity() + HeapBytes(hash.opaque_type);
    for (const std::string& label : entry.labels) bytes += HeapBytes(label);
    for (const auto& [key, value] : entry.metadata) {
      bytes += kNode + 2 * sizeof(std::string) + HeapBytes(key) + HeapBytes(value);
    }
  }
  return bytes;
}

StatusOr<std::shared_ptr<const ListSnapshot>> BuildListSnapshot(const ListInfo& info,
                                                                std::vector<Entry> entries, WallTime now) {
  const auto started = std::chrono::steady_clock::now();
  auto snapshot = std::make_shared<ListSnapshot>();
  snapshot->info = info;
  snapshot->loaded_at = now;
  std::erase_if(entries, [](const Entry& entry) { return entry.disabled; });
  if (entries.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return MakeError(StatusCode::kResourceExhausted,
                     fmt::format("list '{}' has 2^32 entries or more", info.name));
  }
  snapshot->video_frames.assign(entries.size(), 0);

  std::vector<hash::Hash256> pdq;
  std::vector<index::DigestIndex::Item> digests;
  for (std::uint32_t number = 0; number < entries.size(); ++number) {
    for (const EntryHash& hash : entries[number].hashes) {
      if (hash.type == HashType::kOpaque) continue;
      if (hash.value.size() != ValueBytes(hash.type)) {
        return MakeError(StatusCode::kInternal,
                         fmt::format("list '{}' version {}: an entry holds a {} value of {} bytes", info.name,
                                     info.version, ToString(hash.type), hash.value.size()));
      }
      if (hash.type != HashType::kPdq) {
        digests.push_back({static_cast<std::uint8_t>(hash.type), hash.value, number});
        continue;
      }
      if (hash.quality < info.policy.quality_floor) continue;
      pdq.push_back(hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(hash.value)));
      const auto time =
          hash.time_ms
              ? static_cast<std::uint32_t>(std::min<std::uint64_t>(*hash.time_ms, PdqRef::kNoTime - 1))
              : PdqRef::kNoTime;
      snapshot->pdq_refs.push_back({number, time, static_cast<std::uint8_t>(hash.quality)});
      if (hash.time_ms) ++snapshot->video_frames[number];
    }
  }
  if (pdq.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return MakeError(StatusCode::kResourceExhausted,
                     fmt::format("list '{}' has 2^32 PDQ hashes or more", info.name));
  }
  snapshot->pdq = index::HammingIndex::Build(pdq);
  TAMIZ_RETURN_IF_ERROR(CheckPdq(info, *snapshot->pdq, pdq));
  snapshot->digests = index::DigestIndex::Build(digests);
  TAMIZ_RETURN_IF_ERROR(CheckDigests(info, snapshot->digests, digests));

  for (Entry& entry : entries) {
    for (EntryHash& hash : entry.hashes) std::vector<std::uint8_t>().swap(hash.value);
    entry.hashes.shrink_to_fit();
    entry.labels.shrink_to_fit();
  }
  entries.shrink_to_fit();
  snapshot->pdq_refs.shrink_to_fit();
  snapshot->entries = std::move(entries);
  snapshot->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return std::shared_ptr<const ListSnapshot>(std::move(snapshot));
}

const ListSnapshot* Catalog::Find(std::string_view name_or_id) const {
  const auto at = std::find_if(lists.begin(), lists.end(), [&](const auto& list) {
    return list->info.name == name_or_id || list->info.list_id == name_or_id;
  });
  return at == lists.end() ? nullptr : at->get();
}

}  // namespace tamiz::lists
