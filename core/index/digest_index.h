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
    std::uint8_t type;                  // any small number; part of the key
    std::span<const std::uint8_t> value;  // 1…32 bytes
    std::uint32_t number;
  };

  DigestIndex() = default;
  [[nodiscard]] static DigestIndex Build(std::span<const Item> items);

  // Numbers of all items with this type and value, ascending, each once.
  [[nodiscard]] std::vector<std::uint32_t> Find(std::uint8_t type, std::span<const std::uint8_t> value) const;
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Slot {
    std::uint8_t key[33];
    std::uint32_t number;
  };
  std::vector<Slot> slots_;  // layout is the implementation's business
};

}  // namespace tamiz::index
