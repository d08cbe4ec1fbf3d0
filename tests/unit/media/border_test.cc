#include "core/media/border.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "tests/unit/hash/patterns.h"

namespace tamiz::media {
namespace {

using hash::MakePattern;
using hash::Picture;

struct Margins {
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t right = 0;
  std::uint32_t bottom = 0;
};

// The picture with margins of one level, all of it with noise of up to 3 levels, as compression leaves it.
Picture WithBorder(const Picture& picture, const Margins& margins, int level, unsigned seed) {
  Picture framed{
      picture.width + margins.left + margins.right, picture.height + margins.top + margins.bottom, {}};
  framed.pixels.resize(std::size_t{framed.width} * framed.height);
  std::mt19937 random(seed);
  for (std::uint32_t y = 0; y < framed.height; ++y) {
    for (std::uint32_t x = 0; x < framed.width; ++x) {
      const std::uint32_t u = x - margins.left, v = y - margins.top;  // wraps beyond the picture
      const int value =
          u < picture.width && v < picture.height ? picture.pixels[v * picture.width + u] : level;
      const int noise = static_cast<int>(random() % 7) - 3;
      framed.pixels[y * framed.width + x] = static_cast<std::uint8_t>(std::clamp(value + noise, 0, 255));
    }
  }
  return framed;
}

// With full spectra, like photographs: noise alone hardly changes their hashes.
std::vector<Picture> Pictures() {
  std::vector<Picture> pictures;
  for (int seed = 1; seed <= 3; ++seed) {
    pictures.push_back(MakePattern("octaves", 512, 384, {.a = 64, .b = 10 * seed}));
    pictures.push_back(MakePattern("octaves", 320, 440, {.a = 40, .b = 100 * seed}));
  }
  pictures.push_back(MakePattern("lcgbox", 320, 240, {.a = 5, .b = 6, .c = 5}));
  pictures.push_back(MakePattern("lcgbox", 240, 300, {.a = 6, .b = 8, .c = 6}));
  return pictures;
}

TEST(StripBorder, FindsThePictureAgain) {
  hash::PdqHasher hasher;
  std::vector<hash::HammingDistance> distances;
  unsigned seed = 0;
  for (const Picture& picture : Pictures()) {
    const hash::PdqHash original = hasher.Hash(picture.View());
    for (const int percent : {5, 10, 20, 40}) {
      const std::uint32_t w = picture.width * percent / 100, h = picture.height * percent / 100;
      for (const Margins& margins :
           {Margins{w, h, w, h}, {w, 0, w, 0}, {0, h, 0, h}, {0, 0, 0, h}, {w, h / 2, 0, h}}) {
        for (const int level : {0, 16, 128, 255}) {
          const Picture framed = WithBorder(picture, margins, level, ++seed);
          const auto inner = StripBorder(framed.View());
          ASSERT_TRUE(inner) << percent << " % of " << level;
          distances.push_back(Distance(hasher.Hash(*inner).hash, original.hash));
          EXPECT_LE(distances.back(), 31U)
              << percent << " % of " << level << ": " << inner->width << " x " << inner->height
              << " instead of " << picture.width << " x " << picture.height;
        }
      }
    }
  }
  std::sort(distances.begin(), distances.end());
  EXPECT_LE(distances[distances.size() * 9 / 10], 10U);
}

TEST(StripBorder, IsExactAtASharpEdge) {
  const Picture picture = MakePattern("blocks", 400, 240, {.a = 16, .b = 12});
  const Picture framed = WithBorder(picture, {.left = 33, .top = 20, .right = 7, .bottom = 41}, 0, 1);
  const auto inner = StripBorder(framed.View());
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->width, 400U);
  EXPECT_EQ(inner->height, 240U);
  EXPECT_EQ(inner->stride, framed.width);
  EXPECT_EQ(inner->data - framed.pixels.data(), 20 * framed.width + 33);
}

TEST(StripBorder, StripsBarsWithinBars) {
  const Picture picture = MakePattern("octaves", 480, 270, {.a = 60, .b = 5});
  const Picture letterboxed = WithBorder(picture, {.top = 60, .bottom = 60}, 0, 1);
  const Picture framed = WithBorder(letterboxed, {.left = 40, .top = 30, .right = 40, .bottom = 30}, 255, 2);
  const Picture pillarboxed = WithBorder(framed, {.left = 50, .right = 50}, 90, 3);
  const auto inner = StripBorder(pillarboxed.View());
  ASSERT_TRUE(inner);
  EXPECT_NEAR(inner->width, 480, 9);
  EXPECT_NEAR(inner->height, 270, 9);
}

TEST(StripBorder, LeavesPicturesWithoutBorderAlone) {
  for (const Picture& picture : Pictures()) {
    EXPECT_FALSE(StripBorder(picture.View())) << picture.width << " x " << picture.height;
  }
  EXPECT_FALSE(StripBorder(MakePattern("glyphs", 797, 197, {.a = 305}).View()));
  EXPECT_FALSE(StripBorder(MakePattern("xor", 512, 512, {.a = 1, .b = 1}).View()));
  EXPECT_FALSE(StripBorder(MakePattern("radial", 400, 300, {}).View()));
  for (const char* ramp : {"hgrad", "vgrad", "diag", "quad"}) {
    EXPECT_FALSE(StripBorder(MakePattern(ramp, 640, 480, {}).View())) << ramp;
  }
}

TEST(StripBorder, LeavesNothingTiny) {
  EXPECT_FALSE(StripBorder(MakePattern("constant", 640, 480, {.a = 0}).View()));
  EXPECT_FALSE(StripBorder(MakePattern("constant", 640, 480, {.a = 200}).View()));
  EXPECT_FALSE(StripBorder(MakePattern("constant", 20, 9, {.a = 200}).View()));
  EXPECT_FALSE(StripBorder(MakePattern("constant", 33, 33, {.a = 200}).View()));
  EXPECT_FALSE(StripBorder(MakePattern("blocks", 1, 1, {.a = 1, .b = 1}).View()));
  const Picture speck = MakePattern("glyphs", 40, 40, {.a = 1});
  EXPECT_FALSE(StripBorder(WithBorder(speck, {200, 200, 200, 200}, 255, 1).View()));
  EXPECT_FALSE(StripBorder(WithBorder(speck, {.left = 400}, 255, 1).View()));
  // Hardly more than nothing goes: not worth a second hash.
  const Picture picture = MakePattern("glyphs", 800, 600, {.a = 1});
  EXPECT_FALSE(StripBorder(WithBorder(picture, {.left = 2, .top = 1, .right = 2, .bottom = 1}, 0, 1).View()));
}

// Bright spots of all sizes on a ground of one level, none near the picture's edge but a few small ones.
Picture Sky(std::uint32_t width, std::uint32_t height, int level, unsigned seed) {
  Picture sky{width, height, std::vector<std::uint8_t>(std::size_t{width} * height)};
  std::mt19937 random(seed);
  for (std::uint8_t& pixel : sky.pixels) pixel = static_cast<std::uint8_t>(level);
  for (int i = 0; i < 40; ++i) {
    const std::uint32_t radius = 2 + random() % (width / 14);
    const std::uint32_t cx = width / 5 + random() % (width * 3 / 5),
                        cy = height / 5 + random() % (height * 3 / 5);
    const auto bright = static_cast<std::uint8_t>(90 + random() % 160);
    for (std::uint32_t y = cy - radius; y <= cy + radius; ++y) {
      for (std::uint32_t x = cx - radius; x <= cx + radius; ++x) {
        const std::uint32_t dx = x > cx ? x - cx : cx - x, dy = y > cy ? y - cy : cy - y;
        if (x < width && y < height && dx * dx + dy * dy <= radius * radius)
          sky.pixels[y * width + x] = bright;
      }
    }
  }
  return sky;
}

// Without noise: what was drawn.
Picture OnGround(const Picture& picture, const Margins& margins, std::uint8_t level) {
  Picture framed{
      picture.width + margins.left + margins.right, picture.height + margins.top + margins.bottom, {}};
  framed.pixels.assign(std::size_t{framed.width} * framed.height, level);
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    std::copy_n(&picture.pixels[std::size_t{y} * picture.width], picture.width,
                &framed.pixels[std::size_t{y + margins.top} * framed.width + margins.left]);
  }
  return framed;
}

// Bits between the picture and the nearest of the ways to strip the frame.
hash::HammingDistance Nearest(const Picture& framed, const Picture& picture) {
  hash::PdqHasher hasher;
  const hash::Hash256 wanted = hasher.Hash(picture.View()).hash;
  hash::HammingDistance nearest = 256;
  for (const LumaView& way : StripBorderInWays(framed.View()).insides) {
    nearest = std::min(nearest, Distance(hasher.Hash(way).hash, wanted));
  }
  return nearest;
}

TEST(StripBorderInWays, HasOneWayWhereTheBorderIsCertain) {
  for (const Picture& picture : Pictures()) {
    const Picture framed = WithBorder(picture, {40, 40, 40, 40}, 250, 3);
    const std::vector<LumaView> ways = StripBorderInWays(framed.View()).insides;
    ASSERT_EQ(ways.size(), 1U);
    EXPECT_EQ(ways[0].data, StripBorder(framed.View())->data);
    EXPECT_TRUE(StripBorderInWays(picture.View()).insides.empty());
  }
}

TEST(StripBorderInWays, KeepsAPicturesOwnMarginOfAnotherBrightness) {
  const Picture inside = MakePattern("octaves", 300, 300, {.a = 64, .b = 10});
  const Picture picture = OnGround(inside, {50, 30, 50, 30}, 0);
  EXPECT_LE(Nearest(WithBorder(picture, {80, 80, 80, 80}, 255, 1), picture), 16U);
  EXPECT_LE(Nearest(WithBorder(picture, {.top = 90, .bottom = 90}, 128, 2), picture), 16U);
}

TEST(StripBorderInWays, TellsADarkSkyFromABlackBar) {
  // Of no usual shape.
  const Picture sky = Sky(470, 400, 5, 1);
  EXPECT_LE(Nearest(OnGround(sky, {.top = 90, .bottom = 90}, 0), sky), 16U);
}

TEST(StripBorderInWays, GuessesShapesWhereAPictureFadesIntoItsBars) {
  for (const auto& [width, height] : {std::pair{480U, 480U}, {480U, 360U}, {540U, 360U}, {640U, 360U}}) {
    const Picture sky = Sky(width, height, 0, width);
    const std::uint32_t bar = (width * 5 / 4 + 8 - height) / 2;
    EXPECT_LE(Nearest(OnGround(sky, {.top = bar, .bottom = bar}, 0), sky), 31U) << width << " x " << height;
    EXPECT_LE(Nearest(OnGround(sky, {.left = bar, .right = bar}, 0), sky), 31U) << width << " x " << height;
  }
}

TEST(StripBorderInWays, IsBounded) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    const Picture sky = Sky(300 + 20 * seed, 500 - 25 * seed, static_cast<int>(seed), seed);
    const Picture framed = WithBorder(OnGround(sky, {30, 40, 30, 40}, 20), {60, 50, 40, 30}, 0, seed);
    EXPECT_LE(StripBorderInWays(framed.View()).insides.size(), kMostWays);
  }
}

// Reads stay inside the view: a sanitizer watches. Sizes around those at which sampling changes.
TEST(StripBorder, AnySizeAndStride) {
  std::mt19937 random(4);
  for (const std::uint32_t width : {1U, 31U, 33U, 63U, 65U, 255U, 257U, 1023U, 1024U, 1025U, 1100U}) {
    for (const std::uint32_t height : {1U, 32U, 33U, 64U, 255U, 257U, 300U}) {
      const std::size_t stride = width + random() % 40;
      std::vector<std::uint8_t> pixels(stride * (height - 1) + width, 10);
      const std::uint32_t margin = height / 5;
      for (std::uint32_t y = margin; y + margin < height; ++y) {
        for (std::uint32_t x = 0; x < width; ++x)
          pixels[y * stride + x] = static_cast<std::uint8_t>(random());
      }
      const auto inner = StripBorder({pixels.data(), width, height, stride});
      for (const LumaView& way : StripBorderInWays({pixels.data(), width, height, stride}).insides) {
        const auto offset = static_cast<std::size_t>(way.data - pixels.data());
        EXPECT_LE(offset % stride + way.width, width);
        EXPECT_LE(offset / stride + way.height, height);
      }
      if (!inner) continue;
      EXPECT_EQ(inner->width, width);
      EXPECT_EQ(inner->height, height - 2 * margin);
      EXPECT_EQ(inner->data, pixels.data() + margin * stride);
    }
  }
}

}  // namespace
}  // namespace tamiz::media
