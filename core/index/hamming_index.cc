#include "core/index/hamming_index.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <thread>
#include <tuple>
#include <utility>

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
  explicit LinearIndex(SplitHashes hashes) : hashes_(std::move(hashes)) {}

  void FindWithin(std::span<const hash::Hash256> queries, hash::HammingDistance max_distance,
                  std::vector<Hit>& hits) const override {
    const auto before = static_cast<std::ptrdiff_t>(hits.size());
    ScanWithin(hashes_, queries, std::min(max_distance, kMaxRadius), 0, hits);
    std::sort(hits.begin() + before, hits.end(), [](const Hit& a, const Hit& b) {
      return std::tie(a.query, a.distance, a.position) < std::tie(b.query, b.distance, b.position);
    });
  }

  [[nodiscard]] hash::HammingDistance DistanceTo(std::uint32_t position,
                                                 const hash::Hash256& hash) const override {
    return hash::Distance(hashes_.At(position), hash);
  }

  [[nodiscard]] std::size_t size() const override { return hashes_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const override { return sizeof *this + hashes_.memory_bytes(); }

  [[nodiscard]] std::vector<Crowd> Crowds(std::uint32_t least) const override {
    std::vector<std::uint32_t> order(hashes_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(hashes_.At(a), a) < std::pair(hashes_.At(b), b);
    });
    std::vector<Crowd> crowds;
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
      while (end < order.size() && hashes_.At(order[end]) == hashes_.At(order[begin])) ++end;
      if (end - begin >= least) crowds.push_back({order[begin], static_cast<std::uint32_t>(end - begin)});
    }
    std::sort(crowds.begin(), crowds.end(),
              [](const Crowd& a, const Crowd& b) { return a.position < b.position; });
    return crowds;
  }

  void Save(ArrayWriter& to) const override {
    to.Put("pdq.first", hashes_.first_array(), ArrayUse::kSearched);
    to.Put("pdq.second", hashes_.second_array(), ArrayUse::kSearched);
  }

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

std::shared_ptr<const HammingIndex> HammingIndex::Load(ArrayReader& from) {
  auto first = from.Array<HalfHash>("pdq.first");
  auto second = from.Array<HalfHash>("pdq.second");
  if (!first || !second || first->size() != second->size() || first->size() < SplitHashes::kPadding) {
    return nullptr;
  }
  SplitHashes hashes(*std::move(first), *std::move(second));
  if (!from.Get("pdq.shape")) return std::make_shared<LinearIndex>(std::move(hashes));
  return MultiIndex::Load(std::move(hashes), from);
}

}  // namespace tamiz::index
