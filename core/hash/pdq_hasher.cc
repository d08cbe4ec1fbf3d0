#include "core/hash/pdq_hasher.h"

#include <cstdint>

#include "core/hash/pdq_kernels.h"

namespace tamiz::hash {
namespace {

constexpr std::uint32_t kSmallestSide = 5;
// More than this is given back after the call: the working memory of a picture of some 500 megapixels.
constexpr std::size_t kKeptBytes = std::size_t{16} << 20;

// Row i of the bits of a hash, bit j = column j.
using BitMatrix = std::array<std::uint16_t, kPdqSpectrum>;

Hash256 Pack(const BitMatrix& rows) {
  // The text starts with row 15.
  Hash256 hash;
  for (int i = 0; i < kPdqSpectrum; ++i) {
    std::uint64_t& word = hash.words[i / 4];
    word = word << 16 | rows[kPdqSpectrum - 1 - i];
  }
  return hash;
}

BitMatrix Transposed(const BitMatrix& rows) {
  BitMatrix matrix = rows;
  // Exchanges the off-diagonal quarters, then those of each quarter, and so on.
  std::uint16_t mask = 0x00ff;
  for (int size = 8; size != 0; size >>= 1, mask = static_cast<std::uint16_t>(mask ^ (mask << size))) {
    for (int i = 0; i < kPdqSpectrum; ++i) {
      if ((i & size) != 0) continue;
      const auto swap = static_cast<std::uint16_t>(((matrix[i] >> size) ^ matrix[i + size]) & mask);
      matrix[i] = static_cast<std::uint16_t>(matrix[i] ^ (swap << size));
      matrix[i + size] = static_cast<std::uint16_t>(matrix[i + size] ^ swap);
    }
  }
  return matrix;
}

// The spectrum of the mirrored picture: an odd frequency (an even index) changes its sign.
PdqSpectrum Mirrored(const PdqSpectrum& spectrum, bool top_bottom, bool left_right) {
  PdqSpectrum mirrored;
  for (int i = 0; i < kPdqSpectrum; ++i) {
    for (int j = 0; j < kPdqSpectrum; ++j) {
      const bool negate = (top_bottom && i % 2 == 0) != (left_right && j % 2 == 0);
      const float value = spectrum[i * kPdqSpectrum + j];
      mirrored[i * kPdqSpectrum + j] = negate ? -value : value;
    }
  }
  return mirrored;
}

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
  BitMatrix bits;
  PdqThreshold(scratch_->spectrum, bits);
  result.hash = Pack(bits);
  result.quality = PdqQuality(scratch_->block);
  return result;
}

PdqOrientations PdqHasher::HashOrientations(const media::LumaView& luma) {
  PdqOrientations result;
  if (!scratch_->Compute(luma)) return result;
  // A turned picture's spectrum is the spectrum with some signs changed, or that transposed. Transposing
  // leaves the median alone, so four medians serve eight orientations.
  struct Pair {
    bool top_bottom;
    bool left_right;
    Transform straight;
    Transform transposed;
  };
  static constexpr Pair kPairs[] = {
      {false, false, Transform::kIdentity, Transform::kTranspose},
      {true, false, Transform::kFlipVertical, Transform::kRotate90},
      {false, true, Transform::kFlipHorizontal, Transform::kRotate270},
      {true, true, Transform::kRotate180, Transform::kTransverse},
  };
  for (const Pair& pair : kPairs) {
    BitMatrix bits;
    PdqThreshold(Mirrored(scratch_->spectrum, pair.top_bottom, pair.left_right), bits);
    result.hashes[static_cast<int>(pair.straight)] = Pack(bits);
    result.hashes[static_cast<int>(pair.transposed)] = Pack(Transposed(bits));
  }
  result.quality = PdqQuality(scratch_->block);
  return result;
}

}  // namespace tamiz::hash
