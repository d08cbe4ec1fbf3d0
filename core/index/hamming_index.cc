#include "core/index/hamming_index.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <tuple>

#include "core/base/check.h"
#include "core/index/linear_scan.h"
#include "core/index/multi_index.h"

namespace tamiz::index {
namespace {

// Below, scanning everything is faster than looking into tables (bench/index), and needs no memory for them.
constexpr std::size_t kScanUpTo = 8192;
// Below, a build takes milliseconds and starting threads is not worth it.
constexpr std::size_t kOneThreadUpTo = 50'000;
constexpr unsigned kMaxBuildThreads = 4;

class LinearIndex final : public HammingIndex {
 public:
  explicit LinearIndex(std::span<const hash::Hash256> hashes) : hashes_(hashes.size()) {
    for (std::size_t i = 0; i < hashes.size(); ++i) hashes_.Set(i, hashes[i]);
  }

  void FindWithin(std::span<const hash::Hash256> queries, hash::HammingDistance max_distance,
                  std::vector<Hit>& hits) const override {
    const auto before = static_cast<std::ptrdiff_t>(hits.size());
    ScanWithin(hashes_, queries, std::min(max_distance, kMaxRadius), 0, hits);
    std::sort(hits.begin() + before, hits.end(), [](const Hit& a, const Hit& b) {
      return std::tie(a.query, a.distance, a.position) < std::tie(b.query, b.distance, b.position);
    });
  }

  [[nodiscard]] std::size_t size() const override { return hashes_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const override { return sizeof *this + hashes_.memory_bytes(); }

 private:
  SplitHashes hashes_;
};

}  // namespace

std::shared_ptr<const HammingIndex> HammingIndex::Build(std::span<const hash::Hash256> hashes) {
  TAMIZ_CHECK(hashes.size() <= std::numeric_limits<std::uint32_t>::max(), "more hashes than positions");
  if (hashes.size() <= kScanUpTo || hashes.size() > MultiIndex::kMaxHashes) {
    return std::make_shared<LinearIndex>(hashes);
  }
  const unsigned threads = hashes.size() <= kOneThreadUpTo
                               ? 1
                               : std::clamp(std::thread::hardware_concurrency(), 1u, kMaxBuildThreads);
  return std::make_shared<MultiIndex>(hashes, ShapeFor(hashes.size()), threads);
}

}  // namespace tamiz::index
