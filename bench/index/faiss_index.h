// The exact indexes of Faiss, to compare with.
#pragma once

#include <memory>
#include <span>

#include "core/hash/hash256.h"

namespace tamiz::index {

class FaissIndex {
 public:
  virtual ~FaissIndex() = default;
  // How many hashes lie within `radius` of `query`.
  virtual std::size_t Count(const hash::Hash256& query, int radius) const = 0;
};

// IndexBinaryMultiHash with `parts` of `bits`, `flips` looked under in each. Null where Faiss was not there
// when this was built.
std::unique_ptr<FaissIndex> MakeFaissMultiHash(std::span<const hash::Hash256> hashes, int parts, int bits,
                                               int flips);

}  // namespace tamiz::index
