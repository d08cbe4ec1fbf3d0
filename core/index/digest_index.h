// Look-up of whole-file digests.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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
    std::uint8_t type = 0;
    std::uint8_t length = 0;               // bytes of a value
    std::uint8_t directory_bits = 0;       // leading bits that the directory tells apart
    std::vector<std::uint8_t> values;      // size() * length bytes
    std::vector<std::uint32_t> numbers;    // by item
    std::vector<std::uint32_t> directory;  // 2^directory_bits + 1 positions
  };
  static void Fill(Table& table, std::vector<const Item*> items);

  std::vector<Table> tables_;  // a handful
};

}  // namespace tamiz::index
