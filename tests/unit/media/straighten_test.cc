#include "core/media/straighten.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "core/hash/pdq_sampler.h"
#include "tests/unit/hash/scenes.h"

namespace tamiz::media {
namespace {

using hash::MakePattern;
using hash::Picture;
using hash::Turned;

TEST(Straighten, TurnsAPictureBack) {
  hash::PdqHasher hasher;
  hash::PdqSampler sampler;
  const Picture picture = MakePattern("octaves", 480, 360, {.a = 64, .b = 20});
  const hash::Hash256 wanted = hasher.Hash(picture.View()).hash;
  for (const double degrees : {-12.0, -5.0, -2.0, 2.0, 3.5, 8.0, 15.0}) {
    for (const int ground : {0, 255}) {
      const Picture scene = Turned(picture, degrees, 700, 620, ground);
      const auto upright = Straighten(ReducedLuma(scene.View()));
      ASSERT_TRUE(upright) << degrees << " on " << ground;
      EXPECT_NEAR(upright->turned_degrees, degrees, 0.4);
      EXPECT_TRUE(upright->is_certain) << degrees;
      const ReducedLuma cells(upright->view(), ReducedLuma::Factor{upright->factor});
      const PixelRect all{0, 0, cells.picture().width, cells.picture().height};
      EXPECT_LE(hash::Distance(sampler.Hash(cells, all).hashes[0], wanted), 24U)
          << degrees << " on " << ground;
      EXPECT_GT(hash::Distance(hasher.Hash(scene.View()).hash, wanted), 31U);
    }
  }
}

TEST(Straighten, LeavesAloneWhatIsNotTurned) {
  const Picture picture = MakePattern("octaves", 480, 360, {.a = 64, .b = 20});
  EXPECT_FALSE(Straighten(ReducedLuma(picture.View())));
  EXPECT_FALSE(Straighten(ReducedLuma(Turned(picture, 0, 700, 620, 0).View())));
  const Picture flat{400, 300, std::vector<std::uint8_t>(400 * 300, 40)};
  EXPECT_FALSE(Straighten(ReducedLuma(flat.View())));
}

TEST(Straighten, IsNotCertainOfTwoSides) {
  // Straight at the top and at the bottom only.
  Picture scene{700, 620, std::vector<std::uint8_t>(std::size_t{700} * 620, 8)};
  const double c = std::cos(5 * std::numbers::pi / 180), s = std::sin(5 * std::numbers::pi / 180);
  for (int y = 0; y < 620; ++y) {
    for (int x = 0; x < 700; ++x) {
      const double u = x - 350, v = y - 310;
      const double across = c * u + s * v, down = -s * u + c * v;
      if (std::abs(down) > 180 || std::abs(across) > 230 + 25 * std::sin(down * 0.09)) continue;
      scene.pixels[static_cast<std::size_t>(y) * 700 + static_cast<std::size_t>(x)] = 190;
    }
  }
  const auto upright = Straighten(ReducedLuma(scene.View()));
  ASSERT_TRUE(upright);
  EXPECT_NEAR(upright->turned_degrees, 5, 0.4);
  EXPECT_FALSE(upright->is_certain);
}

TEST(Straighten, TakesPicturesOfAnySize) {
  std::mt19937 random(3);
  for (const auto& [width, height] : {std::pair{1, 1},
                                      {1, 3000},
                                      {3000, 1},
                                      {96, 96},
                                      {97, 2000},
                                      {2000, 97},
                                      {110, 1000},
                                      {1000, 110},
                                      {130, 1000},
                                      {1500, 1400}}) {
    Picture picture{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), {}};
    picture.pixels.assign(std::size_t{picture.width} * picture.height, 0);
    // Specks and wedges before black.
    for (int i = 0; i < 40; ++i) picture.pixels[random() % picture.pixels.size()] = 255;
    for (std::uint32_t y = picture.height / 4; y < picture.height * 3 / 4; ++y) {
      const std::uint32_t from = picture.width / 4 + y / 16;
      for (std::uint32_t x = from; x < picture.width * 3 / 4; ++x) {
        picture.pixels[std::size_t{y} * picture.width + x] = 200;
      }
    }
    if (const auto upright = Straighten(ReducedLuma(picture.View()))) {
      EXPECT_EQ(upright->cells.size(), std::size_t{upright->width} * upright->height);
      EXPECT_LE(upright->bounds.left + upright->bounds.width, picture.width);
      EXPECT_LE(upright->bounds.top + upright->bounds.height, picture.height);
    }
  }
}

}  // namespace
}  // namespace tamiz::media
