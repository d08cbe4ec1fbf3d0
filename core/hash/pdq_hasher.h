// PDQ, bit-exact with the reference implementation's full-size entry point.
#pragma once

#include <array>
#include <memory>

#include "core/hash/hash256.h"
#include "core/media/luma.h"

namespace tamiz::hash {

struct PdqHash {
  Hash256 hash;
  int quality = 0;           // 0…100
  int restored_quality = 0;  // 0…100; the quality were its contrast restored, see core/hash/pdq_contrast.h
};

// hashes[i]: hash of the picture turned by Transform i.
struct PdqOrientations {
  std::array<Hash256, kTransforms> hashes;
  int quality = 0;           // 0…100, of the upright picture
  int restored_quality = 0;  // as in PdqHash; 0 where it is not known, for instance of foreign hashes
};

// Computes PDQ hashes (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
// 2019; hash and quality equal the reference's pdqHash256FromFloatLuma on the full-size raster, bit by bit).
// Runs on one thread, with the widest vectors that the processor has. Keeps working memory between calls,
// about 1/32 byte a pixel, at most 16 MiB: one object a thread; not thread-safe. Reads each pixel once.
class PdqHasher {
 public:
  PdqHasher();
  ~PdqHasher();
  PdqHasher(const PdqHasher&) = delete;
  PdqHasher& operator=(const PdqHasher&) = delete;

  // A picture smaller than 5 pixels in a dimension has the zero hash and quality 0.
  [[nodiscard]] PdqHash Hash(const media::LumaView& luma);
  // All eight orientations at hardly more than the price of one. The first equals Hash(). (For exactly 64 x
  // 64 pixels the reference's two entry points differ in whether they filter; with integer luma that is the
  // same.)
  [[nodiscard]] PdqOrientations HashOrientations(const media::LumaView& luma);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tamiz::hash
