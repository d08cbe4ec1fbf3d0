#include "core/hash/pdq_hasher.h"

#include <cstdint>

#include "core/hash/pdq_bits.h"
#include "core/hash/pdq_contrast.h"
#include "core/hash/pdq_kernels.h"

namespace tamiz::hash {
namespace {

constexpr std::uint32_t kSmallestSide = 5;
// More than this is given back after the call: the working memory of a picture of some 500 megapixels.
constexpr std::size_t kKeptBytes = std::size_t{16} << 20;

}  // namespace

struct PdqHasher::Scratch {
  PdqScratch kernels;
  PdqBlock block;
  PdqSpectrum spectrum;

  // False if the picture is too small to be hashed.
  bool Compute(const media::LumaView& luma) {
    if (luma.width < kSmallestSide || luma.height < kSmallestSide) return false;
    PdqDownsample(luma, kernels, block);
    if (kernels.bytes() > kKeptBytes) kernels.Release();
    PdqTransform(block, spectrum);
    return true;
  }
};

PdqHasher::PdqHasher() : scratch_(std::make_unique<Scratch>()) {}
PdqHasher::~PdqHasher() = default;

PdqHash PdqHasher::Hash(const media::LumaView& luma) {
  PdqHash result;
  if (!scratch_->Compute(luma)) return result;
  result.hash = PdqBits(scratch_->spectrum);
  result.quality = PdqQuality(scratch_->block);
  result.restored_quality = QualityAtFullContrast(scratch_->block, result.quality);
  return result;
}

PdqOrientations PdqHasher::HashOrientations(const media::LumaView& luma) {
  PdqOrientations result;
  if (!scratch_->Compute(luma)) return result;
  FillAll(scratch_->spectrum, result);
  result.quality = PdqQuality(scratch_->block);
  result.restored_quality = QualityAtFullContrast(scratch_->block, result.quality);
  return result;
}

}  // namespace tamiz::hash
