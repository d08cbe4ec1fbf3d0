// PDQ, bit-exact with the reference implementation's full-size entry point.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/hash/hash256.h"
#include "core/media/luma.h"

namespace tamiz::hash {

struct PdqHash {
  Hash256 hash;
  int quality = 0;           // 0…100
  int restored_quality = 0;  // 0…100; the quality were its contrast restored, see core/hash/pdq_contrast.h
};

// Which orientations of a picture are hashed, or worth looking up.
enum class OrientationSet : std::uint8_t {
  kUpright = 0,   // as it is
  kMirrored = 1,  // as it is, and left and right exchanged
  kAll = 2,
};
// In order of their numbers.
inline constexpr std::array kMirroredTransforms = {Transform::kIdentity, Transform::kFlipHorizontal};
inline constexpr std::array kAllTransforms = {
    Transform::kIdentity,       Transform::kRotate90,     Transform::kRotate180, Transform::kRotate270,
    Transform::kFlipHorizontal, Transform::kFlipVertical, Transform::kTranspose, Transform::kTransverse};
[[nodiscard]] constexpr std::span<const Transform> TransformsOf(OrientationSet set) {
  const std::span<const Transform> all = kAllTransforms;
  return set == OrientationSet::kAll        ? all
         : set == OrientationSet::kMirrored ? std::span<const Transform>(kMirroredTransforms)
                                            : all.first(1);
}
[[nodiscard]] constexpr bool Holds(OrientationSet set, Transform transform) {
  return std::ranges::find(TransformsOf(set), transform) != TransformsOf(set).end();
}

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
