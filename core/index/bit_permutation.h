// One fixed shuffle of the 256 bits of a hash.
#pragma once

#include "core/hash/hash256.h"

namespace tamiz::index {

// Exchanges the bits of `hash` in a fixed, random order; distances stay as they are. Neighbouring bits of PDQ
// belong to neighbouring frequencies and depend on each other: cut into parts as they stand, real hashes
// crowd into few buckets (p99 of a search three times its mean); shuffled, they spread as random ones do.
[[nodiscard]] hash::Hash256 ShuffleBits(const hash::Hash256& hash);

}  // namespace tamiz::index
