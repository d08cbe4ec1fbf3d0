// The inner loops of MultiIndex, compiled for each instruction set.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/index/multi_index.h"

namespace tamiz::index {

// `width` bits (at most 32) of a hash from `first_bit` on.
inline std::uint32_t BitsAt(const std::uint64_t* words, unsigned first_bit, unsigned width) {
  const unsigned word = first_bit / 64;
  const unsigned shift = first_bit % 64;
  std::uint64_t bits = words[word] >> shift;
  if (shift + width > 64) bits |= words[word + 1] << (64 - shift);
  return static_cast<std::uint32_t>(bits) & static_cast<std::uint32_t>((std::uint64_t{1} << width) - 1);
}

// Appends to `hits` what `plan` finds within `radius` of each of `queries` (bits shuffled), each once, in no
// order. A query with more than `limit` candidates is given up: its element of `crowded` is set to 1 and its
// hits are incomplete.
void SearchParts(const MultiIndex::View& view, const MultiIndex::Plan& plan,
                 std::span<const hash::Hash256> queries, hash::HammingDistance radius, std::size_t limit,
                 std::span<std::uint8_t> crowded, std::vector<Hit>& hits);

}  // namespace tamiz::index
