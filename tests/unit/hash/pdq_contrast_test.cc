#include "core/hash/pdq_contrast.h"

#include <gtest/gtest.h>

#include <random>

#include "core/hash/pdq_hasher.h"
#include "core/hash/pdq_sampler.h"
#include "tests/unit/hash/patterns.h"

namespace tamiz::hash {
namespace {

constexpr int kFloor = 50;

// The picture's brightness scaled and raised.
Picture Dimmed(Picture picture, double factor, double raised) {
  for (std::uint8_t& pixel : picture.pixels) {
    pixel = static_cast<std::uint8_t>(pixel * factor + raised);
  }
  return picture;
}

Picture Photograph(int seed) { return MakePattern("octaves", 300, 220, {.a = 90, .b = seed}); }

TEST(PdqContrastTest, ADimPictureHasItsHashAndItsQualityAgain) {
  PdqHasher hasher;
  for (int seed = 2; seed <= 6; ++seed) {
    const PdqHash bright = hasher.Hash(Photograph(seed).View());
    ASSERT_GE(bright.quality, kFloor);
    const PdqHash dim = hasher.Hash(Dimmed(Photograph(seed), 0.5, 60).View());
    EXPECT_LT(dim.quality, kFloor);
    EXPECT_GE(dim.restored_quality, kFloor);
    EXPECT_LE(Distance(dim.hash, bright.hash), 8);
  }
}

TEST(PdqContrastTest, IsNeverBelowTheQuality) {
  PdqHasher hasher;
  for (const double factor : {1.0, 0.8, 0.5, 0.2, 0.05, 0.0}) {
    const PdqHash hash = hasher.Hash(Dimmed(Photograph(3), factor, 0).View());
    EXPECT_GE(hash.restored_quality, hash.quality);
    EXPECT_LE(hash.restored_quality, 100);
  }
}

TEST(PdqContrastTest, NearlyFlatStaysFlat) {
  // Noise of a few levels without the averaging that a larger picture has: 64 by 64 pixels are the block.
  std::mt19937 random(7);
  Picture noise{64, 64, {}};
  for (int i = 0; i < 64 * 64; ++i) noise.pixels.push_back(static_cast<std::uint8_t>(100 + random() % 6));
  PdqHasher hasher;
  const PdqHash hash = hasher.Hash(noise.View());
  EXPECT_LT(hash.restored_quality, kFloor);
  EXPECT_EQ(hash.restored_quality, hash.quality);
  // A smooth slope over little of the range, too.
  const PdqHash slope = hasher.Hash(Dimmed(MakePattern("hgrad", 300, 220, {}), 0.15, 100).View());
  EXPECT_LT(slope.restored_quality, kFloor);
}

TEST(PdqContrastTest, ASpeckOfLightDoesNotHideThatARestIsDim) {
  Picture picture = Dimmed(Photograph(2), 0.5, 10);
  for (std::uint32_t y = 0; y < 8; ++y) {
    for (std::uint32_t x = 0; x < 8; ++x) picture.pixels[y * picture.width + x] = 255;
  }
  EXPECT_GE(PdqHasher().Hash(picture.View()).restored_quality, kFloor);
}

TEST(PdqContrastTest, PartsOfAPictureAreRestoredByThemselves) {
  // A dim picture on a page of black and white.
  const Picture dim = Dimmed(Photograph(4), 0.5, 60);
  Picture page{500, 400, std::vector<std::uint8_t>(std::size_t{500} * 400, 255)};
  for (std::uint32_t y = 0; y < dim.height; ++y) {
    std::copy_n(dim.pixels.begin() + y * dim.width, dim.width, page.pixels.begin() + (y + 90) * 500 + 100);
  }
  for (std::uint32_t i = 0; i < 500 * 40; ++i) page.pixels[i] = 0;
  const media::LumaView view = page.View();
  const media::ReducedLuma copy(view);
  const PdqOrientations part = PdqSampler().Hash(copy, {100, 90, dim.width, dim.height});
  EXPECT_LT(part.quality, kFloor);
  EXPECT_GE(part.restored_quality, kFloor);
}

}  // namespace
}  // namespace tamiz::hash
