#include "core/index/bit_permutation.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tamiz::index {
namespace {

// For each group of four bits and each of their values: where these bits go. 32 KiB.
using Table = std::array<std::array<hash::Hash256, 16>, 64>;

Table MakeTable() {
  std::array<std::uint8_t, 256> target;
  for (std::size_t i = 0; i < target.size(); ++i) target[i] = static_cast<std::uint8_t>(i);
  // Fisher-Yates with SplitMix64 (Steele, Lea, Flood 2014) from a fixed seed. Nothing stored depends on the
  // order, so that it may be changed.
  std::uint64_t state = 0x7461'6d69'7a20'7064;
  const auto next = [&state] {
    std::uint64_t z = (state += 0x9e37'79b9'7f4a'7c15);
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  };
  for (std::size_t i = target.size() - 1; i > 0; --i) std::swap(target[i], target[next() % (i + 1)]);

  Table table{};
  for (std::size_t group = 0; group < table.size(); ++group) {
    for (std::size_t value = 0; value < 16; ++value) {
      for (std::size_t bit = 0; bit < 4; ++bit) {
        if ((value >> bit & 1) == 0) continue;
        const std::uint8_t to = target[group * 4 + bit];
        table[group][value].words[to / 64] |= std::uint64_t{1} << (to % 64);
      }
    }
  }
  return table;
}

}  // namespace

hash::Hash256 ShuffleBits(const hash::Hash256& hash) {
  static const Table table = MakeTable();
  hash::Hash256 result;
  for (std::size_t group = 0; group < table.size(); ++group) {
    const hash::Hash256& bits = table[group][hash.words[group / 16] >> (4 * (group % 16)) & 15];
    for (std::size_t i = 0; i < 4; ++i) result.words[i] |= bits.words[i];
  }
  return result;
}

}  // namespace tamiz::index
