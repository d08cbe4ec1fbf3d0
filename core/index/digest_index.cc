#include "core/index/digest_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
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
  DigestIndexBuilder builder;
  for (const Item& item : items) builder.Add(item.type, item.value, item.number);
  return builder.Finish();
}

void DigestIndexBuilder::Add(std::uint8_t type, std::span<const std::uint8_t> value, std::uint32_t number) {
  TAMIZ_CHECK(!value.empty() && value.size() <= 32, "a digest has 1 to 32 bytes");
  auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& known) {
    return known.type == type && known.length == value.size();
  });
  if (group == groups_.end()) {
    groups_.push_back({type, static_cast<std::uint8_t>(value.size()), {}, {}});
    group = groups_.end() - 1;
  }
  group->values.insert(group->values.end(), value.begin(), value.end());
  group->numbers.push_back(number);
}

DigestIndex DigestIndexBuilder::Finish() {
  DigestIndex index;
  for (Group& group : groups_) index.tables_.push_back(TableOf(std::exchange(group, {})));
  groups_.clear();
  return index;
}

DigestIndex::Table DigestIndexBuilder::TableOf(Group group) {
  const std::size_t size = group.numbers.size();
  const std::size_t length = group.length;
  TAMIZ_CHECK(size < std::numeric_limits<std::uint32_t>::max(), "more digests than positions");
  // About two items a bucket.
  const auto directory_bits =
      static_cast<std::uint8_t>(std::clamp(static_cast<int>(std::bit_width(size)) - 2, 0, kMaxDirectoryBits));
  DigestIndex::Table table{.kind = {group.type, group.length, directory_bits}};
  const auto value_of = [&](std::uint32_t item) { return group.values.data() + item * length; };
  const auto bucket_of = [&](std::uint32_t item) { return Bucket(value_of(item), length, directory_bits); };

  // Counting sort by bucket, then a small sort in each.
  std::vector<std::uint32_t> ends(std::size_t{1} << directory_bits, 0);
  for (std::uint32_t item = 0; item < size; ++item) ++ends[bucket_of(item)];
  std::uint32_t sum = 0;
  for (std::uint32_t& end : ends) end = std::exchange(sum, sum + end);
  LargeArray<std::uint32_t> ordered(size);
  for (std::uint32_t item = 0; item < size; ++item) ordered[ends[bucket_of(item)]++] = item;
  std::uint32_t begin = 0;
  for (const std::uint32_t end : ends) {
    std::sort(ordered.begin() + begin, ordered.begin() + end, [&](std::uint32_t a, std::uint32_t b) {
      const int order = std::memcmp(value_of(a), value_of(b), length);
      return order != 0 ? order < 0 : group.numbers[a] < group.numbers[b];
    });
    begin = end;
  }
  const auto same = [&](std::uint32_t a, std::uint32_t b) {
    return group.numbers[a] == group.numbers[b] && std::memcmp(value_of(a), value_of(b), length) == 0;
  };
  ordered.erase(std::unique(ordered.begin(), ordered.end(), same), ordered.end());

  LargeArray<std::uint8_t> values(ordered.size() * length);
  LargeArray<std::uint32_t> numbers(ordered.size());
  LargeArray<std::uint32_t> directory(ends.size() + 1, 0);
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    std::memcpy(values.data() + i * length, value_of(ordered[i]), length);
    numbers[i] = group.numbers[ordered[i]];
    ++directory[bucket_of(ordered[i]) + 1];
  }
  for (std::size_t b = 1; b < directory.size(); ++b) directory[b] += directory[b - 1];
  table.values = std::move(values);
  table.numbers = std::move(numbers);
  table.directory = std::move(directory);
  return table;
}

void DigestIndex::Save(ArrayWriter& to) const {
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    const Table& table = tables_[t];
    const std::string name = fmt::format("digests{}", t);
    to.Put(name + ".kind", std::span(table.kind), ArrayUse::kAnswered);
    to.Put(name + ".values", table.values, ArrayUse::kSearched);
    to.Put(name + ".numbers", table.numbers, ArrayUse::kSearched);
    to.Put(name + ".directory", table.directory, ArrayUse::kSearched);
  }
}

std::optional<DigestIndex> DigestIndex::Load(ArrayReader& from) {
  DigestIndex index;
  for (std::size_t t = 0;; ++t) {
    const std::string name = fmt::format("digests{}", t);
    const auto kind = from.Array<std::uint8_t>(name + ".kind");
    if (!kind) return index;
    auto values = from.Array<std::uint8_t>(name + ".values");
    auto numbers = from.Array<std::uint32_t>(name + ".numbers");
    auto directory = from.Array<std::uint32_t>(name + ".directory");
    if (kind->size() != 3 || !values || !numbers || !directory) return std::nullopt;
    Table table;
    std::copy(kind->begin(), kind->end(), table.kind.begin());
    if (table.length() < 1 || table.length() > 32 || table.directory_bits() > kMaxDirectoryBits ||
        values->size() != numbers->size() * table.length() ||
        directory->size() != (std::size_t{1} << table.directory_bits()) + 1) {
      return std::nullopt;
    }
    table.values = *std::move(values);
    table.numbers = *std::move(numbers);
    table.directory = *std::move(directory);
    index.tables_.push_back(std::move(table));
  }
}

std::vector<std::uint32_t> DigestIndex::Find(std::uint8_t type, std::span<const std::uint8_t> value) const {
  for (const Table& table : tables_) {
    if (table.type() != type || table.length() != value.size()) continue;
    const std::size_t bucket = Bucket(value.data(), table.length(), table.directory_bits());
    const auto compare = [&](std::uint32_t i) {
      return std::memcmp(table.values.data() + std::size_t{i} * table.length(), value.data(), table.length());
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
    sum += table.values.heap_bytes() + table.numbers.heap_bytes() + table.directory.heap_bytes();
  }
  return sum;
}

}  // namespace tamiz::index
