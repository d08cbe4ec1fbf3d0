// Look-up of whole-file digests.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/index/array_store.h"
#include "core/index/flat_array.h"
#include "core/index/large_array.h"

namespace tamiz::index {

// Immutable after Build; const methods thread-safe. Holds (type, digest) -> numbers. The 16 to 32 bytes are
// kept whole: a hit is a hit, not a probability.
class DigestIndex {
 public:
  struct Item {
    std::uint8_t type;                    // any small number; part of the key
    std::span<const std::uint8_t> value;  // 1…32 bytes
    std::uint32_t number;
  };

  DigestIndex() = default;
  // An item given twice is kept once. At most 2^32 - 1 items.
  [[nodiscard]] static DigestIndex Build(std::span<const Item> items);

  // As HammingIndex: the arrays, and the index of them again (nothing if they do not fit together).
  void Save(ArrayWriter& to) const;
  [[nodiscard]] static std::optional<DigestIndex> Load(ArrayReader& from);

  // Numbers of all items with this type and value, ascending, each once.
  [[nodiscard]] std::vector<std::uint32_t> Find(std::uint8_t type, std::span<const std::uint8_t> value) const;
  // Distinct items.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // All items of one type and length, ordered by value, then number. Digests are spread evenly, so their
  // leading bits say nearly where they stand: the directory gives a few neighbours among which to search.
  // Values that are not spread evenly cost a longer search, never a wrong answer.
  struct Table {
    // Type; bytes of a value; leading bits that the directory tells apart. As it is saved.
    std::array<std::uint8_t, 3> kind{};
    [[nodiscard]] std::uint8_t type() const { return kind[0]; }
    [[nodiscard]] std::uint8_t length() const { return kind[1]; }
    [[nodiscard]] std::uint8_t directory_bits() const { return kind[2]; }
    FlatArray<std::uint8_t> values;      // size() * length bytes
    FlatArray<std::uint32_t> numbers;    // by item
    FlatArray<std::uint32_t> directory;  // 2^directory_bits + 1 positions
  };
  friend class DigestIndexBuilder;

  std::vector<Table> tables_;  // a handful
};

// Takes items one by one, at little more memory than the index has.
class DigestIndexBuilder {
 public:
  // As DigestIndex::Item. The value is copied.
  void Add(std::uint8_t type, std::span<const std::uint8_t> value, std::uint32_t number);
  // Call once, last.
  [[nodiscard]] DigestIndex Finish();

 private:
  // Items of one type and length, as they came.
  struct Group {
    std::uint8_t type;
    std::uint8_t length;
    LargeArray<std::uint8_t> values;
    LargeArray<std::uint32_t> numbers;
  };
  static DigestIndex::Table TableOf(Group group);

  std::vector<Group> groups_;
};

}  // namespace tamiz::index
