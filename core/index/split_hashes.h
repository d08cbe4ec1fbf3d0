// How the indexes keep their hashes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/hash/hash256.h"
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
  explicit SplitHashes(std::size_t size) : size_(size), first_(size + kPadding), second_(size + kPadding) {
    std::fill(first_.begin() + static_cast<std::ptrdiff_t>(size), first_.end(), HalfHash{});
    std::fill(second_.begin() + static_cast<std::ptrdiff_t>(size), second_.end(), HalfHash{});
  }

  // Every position must be set once. Different positions may be set by different threads.
  void Set(std::size_t position, const hash::Hash256& hash) {
    first_[position] = {{hash.words[0], hash.words[1]}};
    second_[position] = {{hash.words[2], hash.words[3]}};
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const HalfHash* first() const { return first_.data(); }
  [[nodiscard]] const HalfHash* second() const { return second_.data(); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return (first_.capacity() + second_.capacity()) * sizeof(HalfHash);
  }

 private:
  std::size_t size_ = 0;
  LargeArray<HalfHash> first_;
  LargeArray<HalfHash> second_;
};

}  // namespace tamiz::index
