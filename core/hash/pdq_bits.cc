#include "core/hash/pdq_bits.h"

#include <cstdint>

namespace tamiz::hash {
namespace {

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

Hash256 PdqBits(const PdqSpectrum& spectrum) {
  BitMatrix bits;
  PdqThreshold(spectrum, bits);
  return Pack(bits);
}

Hash256 Transposed(const Hash256& hash) {
  BitMatrix rows;
  for (int i = 0; i < kPdqSpectrum; ++i) {
    rows[kPdqSpectrum - 1 - i] = static_cast<std::uint16_t>(hash.words[i / 4] >> (48 - 16 * (i % 4)));
  }
  return Pack(Transposed(rows));
}

void FillPair(const PdqMirroring& mirroring, const PdqSpectrum& mirrored, PdqOrientations& result) {
  BitMatrix bits;
  PdqThreshold(mirrored, bits);
  result.hashes[static_cast<std::size_t>(mirroring.straight)] = Pack(bits);
  result.hashes[static_cast<std::size_t>(mirroring.transposed)] = Pack(Transposed(bits));
}

void FillAll(const PdqSpectrum& spectrum, PdqOrientations& result) {
  for (const PdqMirroring& mirroring : kPdqMirrorings) {
    FillPair(mirroring, Mirrored(spectrum, mirroring.top_bottom, mirroring.left_right), result);
  }
}

void Fill(OrientationSet set, const PdqSpectrum& spectrum, PdqOrientations& result) {
  if (set == OrientationSet::kAll) return FillAll(spectrum, result);
  for (const PdqMirroring& mirroring : kPdqMirrorings) {
    if (!Holds(set, mirroring.straight)) continue;
    result.hashes[static_cast<std::size_t>(mirroring.straight)] =
        PdqBits(Mirrored(spectrum, mirroring.top_bottom, mirroring.left_right));
  }
}

}  // namespace tamiz::hash
