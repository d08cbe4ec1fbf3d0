// Exhaustive search with SIMD (Google Highway, the best instruction set of the machine chosen at run time).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/index/hamming_index.h"
#include "core/index/split_hashes.h"

namespace tamiz::index {

// Appends every hash within `max_distance` (any value) of each query to `hits`, with `first_query` added to
// the query's number; per query in ascending order of position. Thread-safe.
void ScanWithin(const SplitHashes& hashes, std::span<const hash::Hash256> queries,
                hash::HammingDistance max_distance, std::uint32_t first_query, std::vector<Hit>& hits);

// The same without SIMD: what tests hold the other against on machines of any kind.
void ScanWithinScalar(const SplitHashes& hashes, std::span<const hash::Hash256> queries,
                      hash::HammingDistance max_distance, std::uint32_t first_query, std::vector<Hit>& hits);

// Name of the instruction set in use, for benchmarks and status pages.
[[nodiscard]] const char* ScanTargetName();

}  // namespace tamiz::index
