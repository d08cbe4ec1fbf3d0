#include "core/index/digest_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "core/base/check.h"

namespace tamiz::index {
namespace {

// More than this only costs memory: 2^24 buckets are 64 MiB.
constexpr int kMaxDirectoryBits = 24;

std::size_t Bucket(const std::uint8_t* value, std::size_t length, int bits) {
  std::uint32_t leading = 0;
  for (std::size_t i = 0; i < 4; ++i) leading = leading << 8 | (i < length ? value[i] : 0);
  return bits == 0 ? 0 : leading >> (32 - bits);
}

}  // namespace

DigestIndex DigestIndex::Build(std::span<const Item> items) {
  TAMIZ_CHECK(items.size() < std::numeric_limits<std::uint32_t>::max(), "more digests than positions");
  DigestIndex index;
  std::vector<std::vector<const Item*>> groups;
  for (const Item& item : items) {
    TAMIZ_CHECK(!item.value.empty() && item.value.size() <= 32, "a digest has 1 to 32 bytes");
    std::size_t t = 0;
    while (t < index.tables_.size() &&
           (index.tables_[t].type != item.type || index.tables_[t].length != item.value.size())) {
      ++t;
    }
    if (t == index.tables_.size()) {
      index.tables_.push_back({.type = item.type, .length = static_cast<std::uint8_t>(item.value.size())});
      groups.emplace_back();
    }
    groups[t].push_back(&item);
  }
  for (std::size_t t = 0; t < groups.size(); ++t) Fill(index.tables_[t], std::move(groups[t]));
  return index;
}

void DigestIndex::Fill(Table& table, std::vector<const Item*> items) {
  // About two items a bucket.
  table.directory_bits = static_cast<std::uint8_t>(
      std::clamp(static_cast<int>(std::bit_width(items.size())) - 2, 0, kMaxDirectoryBits));
  const auto bucket_of = [&](const Item* item) {
    return Bucket(item->value.data(), table.length, table.directory_bits);
  };

  // Counting sort by bucket, then a small sort in each.
  std::vector<std::uint32_t> ends(std::size_t{1} << table.directory_bits, 0);
  for (const Item* item : items) ++ends[bucket_of(item)];
  std::uint32_t sum = 0;
  for (std::uint32_t& end : ends) end = std::exchange(sum, sum + end);
  std::vector<const Item*> ordered(items.size());
  for (const Item* item : items) ordered[ends[bucket_of(item)]++] = item;
  items = {};
  std::uint32_t begin = 0;
  for (const std::uint32_t end : ends) {
    std::sort(ordered.begin() + begin, ordered.begin() + end, [&](const Item* a, const Item* b) {
      const int order = std::memcmp(a->value.data(), b->value.data(), table.length);
      return order != 0 ? order < 0 : a->number < b->number;
    });
    begin = end;
  }
  const auto same = [&](const Item* a, const Item* b) {
    return a->number == b->number && std::memcmp(a->value.data(), b->value.data(), table.length) == 0;
  };
  ordered.erase(std::unique(ordered.begin(), ordered.end(), same), ordered.end());

  table.values.resize(ordered.size() * table.length);
  table.numbers.resize(ordered.size());
  table.directory.assign(ends.size() + 1, 0);
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    std::memcpy(table.values.data() + i * table.length, ordered[i]->value.data(), table.length);
    table.numbers[i] = ordered[i]->number;
    ++table.directory[bucket_of(ordered[i]) + 1];
  }
  for (std::size_t b = 1; b < table.directory.size(); ++b) table.directory[b] += table.directory[b - 1];
}

std::vector<std::uint32_t> DigestIndex::Find(std::uint8_t type, std::span<const std::uint8_t> value) const {
  for (const Table& table : tables_) {
    if (table.type != type || table.length != value.size()) continue;
    const std::size_t bucket = Bucket(value.data(), table.length, table.directory_bits);
    const auto compare = [&](std::uint32_t i) {
      return std::memcmp(table.values.data() + std::size_t{i} * table.length, value.data(), table.length);
    };
    std::uint32_t low = table.directory[bucket];
    std::uint32_t high = table.directory[bucket + 1];
    const std::uint32_t end = high;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (compare(middle) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    std::vector<std::uint32_t> numbers;
    for (; low < end && compare(low) == 0; ++low) numbers.push_back(table.numbers[low]);
    return numbers;
  }
  return {};
}

std::size_t DigestIndex::size() const {
  std::size_t sum = 0;
  for (const Table& table : tables_) sum += table.numbers.size();
  return sum;
}

std::size_t DigestIndex::memory_bytes() const {
  std::size_t sum = tables_.capacity() * sizeof(Table);
  for (const Table& table : tables_) {
    sum += table.values.capacity() +
           (table.numbers.capacity() + table.directory.capacity()) * sizeof(std::uint32_t);
  }
  return sum;
}

}  // namespace tamiz::index
