// How the indexes keep their hashes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/hash/hash256.h"
#include "core/index/flat_array.h"
#include "core/index/large_array.h"

namespace tamiz::index {

// Half of a hash: words 0 and 1, or words 2 and 3.
struct HalfHash {
  std::uint64_t words[2];
};

// Hashes with their first and second halves apart. Two unrelated hashes are already more than 31 bits apart
// in their first halves (but for one pair in about 10^8), so a search reads half of the memory and, checking
// single candidates, half as many cache lines.
class SplitHashes {
 public:
  // Room is kept for whole vectors: this many hashes past the last one may be read.
  static constexpr std::size_t kPadding = 64;

  SplitHashes() = default;
  explicit SplitHashes(std::size_t size) : size_(size) {
    for (auto [array, unset] : {std::pair(&first_, &unset_first_), std::pair(&second_, &unset_second_)}) {
      LargeArray<HalfHash> halves(size + kPadding);
      std::fill(halves.begin() + static_cast<std::ptrdiff_t>(size), halves.end(), HalfHash{});
      *unset = halves.data();
      *array = std::move(halves);
    }
  }
  // Of saved arrays, padding included; of equal lengths, at least kPadding.
  SplitHashes(FlatArray<HalfHash> first, FlatArray<HalfHash> second)
      : size_(first.size() - kPadding), first_(std::move(first)), second_(std::move(second)) {}

  // Every position must be set once, before anything is read. Different positions may be set by different
  // threads.
  void Set(std::size_t position, const hash::Hash256& hash) {
    unset_first_[position] = {{hash.words[0], hash.words[1]}};
    unset_second_[position] = {{hash.words[2], hash.words[3]}};
  }
  [[nodiscard]] hash::Hash256 At(std::size_t position) const {
    const HalfHash& a = first_[position];
    const HalfHash& b = second_[position];
    return {{a.words[0], a.words[1], b.words[0], b.words[1]}};
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const HalfHash* first() const { return first_.data(); }
  [[nodiscard]] const HalfHash* second() const { return second_.data(); }
  [[nodiscard]] const FlatArray<HalfHash>& first_array() const { return first_; }
  [[nodiscard]] const FlatArray<HalfHash>& second_array() const { return second_; }
  [[nodiscard]] std::size_t memory_bytes() const { return first_.heap_bytes() + second_.heap_bytes(); }

 private:
  std::size_t size_ = 0;
  FlatArray<HalfHash> first_;
  FlatArray<HalfHash> second_;
  HalfHash* unset_first_ = nullptr;  // into the arrays while they are filled
  HalfHash* unset_second_ = nullptr;
};

}  // namespace tamiz::index
