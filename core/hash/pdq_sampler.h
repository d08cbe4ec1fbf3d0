// PDQ of parts of a picture, at a fraction of the price.
#pragma once

#include <memory>

#include "core/hash/pdq_hasher.h"
#include "core/media/reduced_luma.h"

namespace tamiz::hash {

// PDQ filters a picture and keeps 64 times 64 values of it, each a weighted mean of its neighbourhood. This
// class computes those means directly, for any rectangle, from a reduced copy of the picture. The weights are
// those that PDQ's filters amount to, at the rectangle's full size, so that the hash is that of the part cut
// out and hashed by PdqHasher but for a few bits (the tests allow 4 where the copy is the picture itself, 8
// where it is not).
//
// Weights are whole numbers and sums exact, so that the same pixels give the same bits on every processor.
// One object a thread; not thread-safe.
class PdqSampler {
 public:
  PdqSampler();
  ~PdqSampler();
  PdqSampler(const PdqSampler&) = delete;
  PdqSampler& operator=(const PdqSampler&) = delete;

  // `rect` in pixels of the picture that `copy` was made of, within it. A rectangle smaller than 5 pixels in
  // a dimension has zero hashes and quality 0; hashes that are not of `set` are zero. The turned ones are
  // made of the upright one's spectrum, as PdqHasher does: of a picture of few pixels they are off by a pixel
  // or two.
  [[nodiscard]] PdqOrientations Hash(const media::ReducedLuma& copy, const media::PixelRect& rect,
                                     OrientationSet set = OrientationSet::kAll);
  // Of the whole picture, whose PDQ is `upright`: each mirrored one sampled anew, which is what PdqHasher
  // says of the picture once it is turned. Costs twice as much.
  [[nodiscard]] PdqOrientations HashEachTurned(const media::ReducedLuma& copy, const PdqHash& upright);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tamiz::hash
