// From a spectrum to the hashes of all orientations.
#pragma once

#include "core/hash/pdq_hasher.h"
#include "core/hash/pdq_kernels.h"

namespace tamiz::hash {

// One mirroring, and the two orientations that it and its transposition are.
struct PdqMirroring {
  bool top_bottom;
  bool left_right;
  Transform straight;
  Transform transposed;
};
// A turned picture's spectrum is the spectrum with some signs changed, or that transposed. Transposing leaves
// the median alone, so four medians serve eight orientations.
inline constexpr PdqMirroring kPdqMirrorings[] = {
    {false, false, Transform::kIdentity, Transform::kTranspose},
    {true, false, Transform::kFlipVertical, Transform::kRotate90},
    {false, true, Transform::kFlipHorizontal, Transform::kRotate270},
    {true, true, Transform::kRotate180, Transform::kTransverse},
};

// The hash of the picture whose spectrum this is.
[[nodiscard]] Hash256 PdqBits(const PdqSpectrum& spectrum);
// The hash of the picture with rows and columns exchanged.
[[nodiscard]] Hash256 Transposed(const Hash256& hash);
// Fills in both orientations of `mirroring` from the spectrum of the picture mirrored so.
void FillPair(const PdqMirroring& mirroring, const PdqSpectrum& mirrored, PdqOrientations& result);
// Fills in all from the upright picture's spectrum: an odd frequency (an even index) of the mirrored picture
// has the other sign.
void FillAll(const PdqSpectrum& spectrum, PdqOrientations& result);
// Likewise those of `set`; the others stay as they are.
void Fill(OrientationSet set, const PdqSpectrum& spectrum, PdqOrientations& result);

}  // namespace tamiz::hash
