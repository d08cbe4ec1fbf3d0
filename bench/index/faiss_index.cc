#include "bench/index/faiss_index.h"

#ifdef TAMIZ_WITH_FAISS
#include <faiss/IndexBinaryHash.h>
#include <faiss/impl/AuxIndexStructures.h>

#include <vector>
#endif

namespace tamiz::index {

#ifdef TAMIZ_WITH_FAISS
namespace {

class MultiHash final : public FaissIndex {
 public:
  MultiHash(std::span<const hash::Hash256> hashes, int parts, int bits, int flips)
      : index_(256, parts, bits) {
    index_.nflip = flips;
    std::vector<std::uint8_t> bytes;
    constexpr std::size_t kAtOnce = 1 << 16;
    for (std::size_t begin = 0; begin < hashes.size(); begin += kAtOnce) {
      const auto some = hashes.subspan(begin, std::min(kAtOnce, hashes.size() - begin));
      bytes.clear();
      for (const hash::Hash256& hash : some) {
        const auto value = hash.ToBytes();
        bytes.insert(bytes.end(), value.begin(), value.end());
      }
      index_.add(static_cast<std::int64_t>(some.size()), bytes.data());
    }
  }

  std::size_t Count(const hash::Hash256& query, int radius) const override {
    const auto value = query.ToBytes();
    faiss::RangeSearchResult result(1);
    index_.range_search(1, value.data(), radius + 1, &result);  // it means "less than"
    return result.lims[1];
  }

 private:
  faiss::IndexBinaryMultiHash index_;
};

}  // namespace

std::unique_ptr<FaissIndex> MakeFaissMultiHash(std::span<const hash::Hash256> hashes, int parts, int bits,
                                               int flips) {
  return std::make_unique<MultiHash>(hashes, parts, bits, flips);
}
#else
std::unique_ptr<FaissIndex> MakeFaissMultiHash(std::span<const hash::Hash256>, int, int, int) {
  return nullptr;
}
#endif

}  // namespace tamiz::index
