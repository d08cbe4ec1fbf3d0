// PDQ, bit-exact with the reference implementation's full-size entry point.
#pragma once

#include <array>
#include <memory>

#include "core/hash/hash256.h"
#include "core/media/luma.h"

namespace tamiz::hash {

struct PdqHash {
  Hash256 hash;
  int quality = 0;  // 0…100
};

// hashes[i]: hash of the picture turned by Transform i.
struct PdqOrientations {
  std::array<Hash256, kTransforms> hashes;
  int quality = 0;  // 0…100, of the upright picture
};

// Computes PDQ hashes (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
// 2019; hash and quality equal the reference's pdqHash256FromFloatLuma on the full-size raster, bit by bit).
// Keeps scratch memory between calls: one object a thread; not thread-safe.
class PdqHasher {
 public:
  PdqHasher();
  ~PdqHasher();
  PdqHasher(const PdqHasher&) = delete;
  PdqHasher& operator=(const PdqHasher&) = delete;

  // A picture smaller than 5 pixels in a dimension has the zero hash and quality 0.
  [[nodiscard]] PdqHash Hash(const media::LumaView& luma);
  // All eight orientations at hardly more than the price of one. The first equals Hash() but for exactly
  // 64 x 64 pixels, where the reference's two entry points differ too.
  [[nodiscard]] PdqOrientations HashOrientations(const media::LumaView& luma);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tamiz::hash
