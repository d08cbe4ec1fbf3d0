#include "core/hash/pdq_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/hash/scenes.h"

namespace tamiz::hash {
namespace {

HammingDistance Furthest(const PdqOrientations& a, const PdqOrientations& b) {
  HammingDistance furthest = 0;
  for (std::size_t i = 0; i < kTransforms; ++i) {
    furthest = std::max(furthest, Distance(a.hashes[i], b.hashes[i]));
  }
  return furthest;
}

// The picture turned by `transform`, pixel by pixel.
Picture Turned(const Picture& picture, Transform transform) {
  const bool swaps = transform == Transform::kRotate90 || transform == Transform::kRotate270 ||
                     transform == Transform::kTranspose || transform == Transform::kTransverse;
  Picture turned{swaps ? picture.height : picture.width, swaps ? picture.width : picture.height, {}};
  turned.pixels.resize(picture.pixels.size());
  const std::uint32_t right = picture.width - 1, bottom = picture.height - 1;
  for (std::uint32_t y = 0; y < turned.height; ++y) {
    for (std::uint32_t x = 0; x < turned.width; ++x) {
      std::uint32_t u = x, v = y;
      switch (transform) {
        case Transform::kIdentity:
          break;
        case Transform::kRotate90:
          u = y, v = bottom - x;
          break;
        case Transform::kRotate180:
          u = right - x, v = bottom - y;
          break;
        case Transform::kRotate270:
          u = right - y, v = x;
          break;
        case Transform::kFlipHorizontal:
          u = right - x;
          break;
        case Transform::kFlipVertical:
          v = bottom - y;
          break;
        case Transform::kTranspose:
          u = y, v = x;
          break;
        case Transform::kTransverse:
          u = right - y, v = bottom - x;
          break;
      }
      turned.pixels[std::size_t{y} * turned.width + x] = picture.pixels[std::size_t{v} * picture.width + u];
    }
  }
  return turned;
}

TEST(PdqSampler, SaysOfAPartWhatTheHasherSaysOfThePartCutOut) {
  PdqHasher hasher;
  PdqSampler sampler;
  for (const auto& [width, height, tolerance] : {std::tuple{512, 512, 4}, {700, 500, 4}, {1500, 1080, 8}}) {
    for (int seed = 1; seed <= 2; ++seed) {
      const Picture picture = Photograph(width, height, seed);
      const media::ReducedLuma copy(picture.View());
      for (const media::PixelRect& rect :
           {media::PixelRect{0, 0, picture.width, picture.height},
            {picture.width / 3, picture.height / 4, picture.width / 2, picture.height / 2},
            {picture.width / 2 + 1, 3, picture.width / 2 - 1, picture.height - 7}}) {
        const PdqOrientations expected = hasher.HashOrientations(media::Crop(picture.View(), rect));
        const PdqOrientations sampled = sampler.Hash(copy, rect);
        EXPECT_LE(Furthest(sampled, expected), static_cast<unsigned>(tolerance))
            << width << "x" << height << " at " << rect.left << "," << rect.top;
        EXPECT_NEAR(sampled.quality, expected.quality, 8);
      }
    }
  }
}

TEST(PdqSampler, SaysOfEachTurnWhatTheHasherSaysOfTheTurnedPicture) {
  PdqHasher hasher;
  PdqSampler sampler;
  for (const auto& [width, height] : {std::pair{300, 212}, {512, 512}, {1080, 650}}) {
    const Picture picture = Photograph(width, height, 2);
    const PdqOrientations sampled =
        sampler.HashEachTurned(media::ReducedLuma(picture.View()), hasher.Hash(picture.View()));
    for (int t = 0; t < kTransforms; ++t) {
      const PdqHash turned = hasher.Hash(Turned(picture, static_cast<Transform>(t)).View());
      // Rows and columns exchanged, the picture has the same values but for what floats round.
      const HammingDistance most = t == static_cast<int>(Transform::kTranspose) ? 1 : 6;
      EXPECT_LE(Distance(sampled.hashes[static_cast<std::size_t>(t)], turned.hash), most)
          << width << "x" << height << ", transform " << t;
    }
  }
}

TEST(PdqSampler, HashesThoseOrientationsThatAreAskedFor) {
  PdqSampler sampler;
  const Picture picture = Photograph(500, 400, 3);
  const media::ReducedLuma copy(picture.View());
  const media::PixelRect rect{40, 30, 300, 280};
  const PdqOrientations all = sampler.Hash(copy, rect);
  for (const OrientationSet set : {OrientationSet::kUpright, OrientationSet::kMirrored}) {
    const PdqOrientations some = sampler.Hash(copy, rect, set);
    EXPECT_EQ(some.quality, all.quality);
    for (const Transform transform : kAllTransforms) {
      const auto t = static_cast<std::size_t>(transform);
      EXPECT_EQ(some.hashes[t], Holds(set, transform) ? all.hashes[t] : Hash256{}) << t;
    }
  }
}

TEST(PdqSampler, TakesCellsForTheSizeThatTheyStandFor) {
  PdqSampler sampler;
  const Picture picture = Photograph(1200, 900, 2);
  const media::ReducedLuma copy(picture.View(), 300);
  ASSERT_EQ(copy.factor(), 4U);
  const media::ReducedLuma same(copy.view(), media::ReducedLuma::Factor{4});
  EXPECT_EQ(same.picture().width, 1200U);
  EXPECT_EQ(sampler.Hash(same, {0, 0, 1200, 900}).hashes, sampler.Hash(copy, {0, 0, 1200, 900}).hashes);
}

TEST(PdqSampler, TakesPicturesOfAnySize) {
  PdqHasher hasher;
  PdqSampler sampler;
  for (const auto& [width, height] :
       {std::pair{1, 1}, {1, 5000}, {5, 5}, {4, 900}, {5, 30'000}, {30'000, 6}, {64, 64}, {63, 65}}) {
    const Picture picture = Photograph(width, height, 1);
    const media::ReducedLuma copy(picture.View());
    const PdqHash upright = hasher.Hash(picture.View());
    const PdqOrientations each = sampler.HashEachTurned(copy, upright);
    const PdqOrientations one = sampler.Hash(copy, {0, 0, picture.width, picture.height});
    EXPECT_EQ(each.hashes[0], upright.hash) << width << "x" << height;
    EXPECT_EQ(each.quality, upright.quality) << width << "x" << height;
    if (width < 5 || height < 5) {
      EXPECT_EQ(one.quality, 0) << width << "x" << height;
    }
  }
}

}  // namespace
}  // namespace tamiz::hash
