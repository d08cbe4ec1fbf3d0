#include "core/media/regions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "core/hash/pdq_sampler.h"
#include "tests/unit/hash/scenes.h"

namespace tamiz::media {
namespace {

using hash::Ground;
using hash::MakePattern;
using hash::Paste;
using hash::Photograph;
using hash::Picture;

// Waves across each other: no side of theirs is straight along an axis.
Picture Waves(std::uint32_t width, std::uint32_t height, int seed) {
  Picture picture = Ground(width, height, 0);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const double u = x * (0.02 + 0.004 * seed) + y * 0.013;
      const double v = x * 0.017 - y * (0.031 - 0.003 * seed);
      picture.pixels[std::size_t{y} * width + x] =
          static_cast<std::uint8_t>(120 + 60 * std::sin(u) + 50 * std::sin(v + 2 * std::sin(u / 3)));
    }
  }
  return picture;
}

// Lines of words: short bars of ink.
void Write(Picture& onto, std::uint32_t left, std::uint32_t top, std::uint32_t width, std::uint8_t ink) {
  for (std::uint32_t x = left; x < left + width; x += 14) {
    for (std::uint32_t y = top; y < top + 18; ++y) {
      std::fill_n(&onto.pixels[std::size_t{y} * onto.width + x], 4 + (x + y) % 6, ink);
    }
  }
}

// Noise of up to 2 levels, as compression leaves it.
void Compress(Picture& picture) {
  std::mt19937 random(1);
  for (std::uint8_t& pixel : picture.pixels) {
    pixel = static_cast<std::uint8_t>(std::clamp(pixel + static_cast<int>(random() % 5) - 2, 0, 255));
  }
}

// Bits between the picture and the region most like it.
hash::HammingDistance Nearest(const Picture& scene, const Picture& picture) {
  hash::PdqHasher hasher;
  hash::PdqSampler sampler;
  const hash::Hash256 wanted = hasher.Hash(picture.View()).hash;
  const ReducedLuma copy(scene.View());
  hash::HammingDistance nearest = 256;
  for (const PixelRect& region : FindRegions(copy)) {
    nearest = std::min(nearest, hash::Distance(sampler.Hash(copy, region).hashes[0], wanted));
  }
  return nearest;
}

TEST(FindRegions, TellsADarkMarginFromADrawnDarkPage) {
  // A picture with a black margin of its own, on a page that is two levels brighter.
  Picture picture = Ground(500, 400, 0);
  Paste(Photograph(300, 180, 2), 110, 120, picture);
  for (const std::uint32_t left : {20U, 120U}) {
    Picture screen = Ground(left == 20 ? 540 : 740, 1100, 2);
    Write(screen, 20, 20, 120, 230);
    Paste(picture, left, 150, screen);
    for (std::uint32_t y = 600; y < 1000; y += 40) Write(screen, 20, y, 440, 230);
    EXPECT_LE(Nearest(screen, picture), 20U) << left;
  }
}

TEST(FindRegions, FindsThePictureInAScreenshot) {
  for (const bool dark : {false, true}) {
    for (int seed = 1; seed <= 3; ++seed) {
      const Picture picture = Photograph(540, 400 + 60 * static_cast<std::uint32_t>(seed), seed);
      Picture screen = Ground(540, 1100, dark ? 18 : 248);
      const std::uint8_t ink = dark ? 230 : 20;
      Write(screen, 20, 20, 120, ink);
      Write(screen, 90, 80, 300, ink);
      Paste(picture, 0, 150, screen);
      for (std::uint32_t y = 180 + picture.height; y < 1000; y += 40) Write(screen, 20, y, 440, ink);
      Compress(screen);
      EXPECT_LE(Nearest(screen, picture), 20U) << dark << ", " << seed;
    }
  }
}

TEST(FindRegions, FindsThePictureInAWindowWithASideBar) {
  const Picture picture = Photograph(560, 400, 4);
  Picture screen = Ground(1280, 720, 245);
  Paste(Ground(1280, 60, 210), 0, 0, screen);
  Paste(Ground(210, 660, 228), 0, 60, screen);
  Write(screen, 260, 20, 500, 60);
  for (std::uint32_t y = 90; y < 690; y += 40) Write(screen, 20, y, 150, 60);
  Paste(picture, 270, 100, screen);
  for (std::uint32_t y = 540; y < 700; y += 40) Write(screen, 270, y, 700, 60);
  Compress(screen);
  EXPECT_LE(Nearest(screen, picture), 20U);
}

TEST(FindRegions, FindsEachPictureOfACollage) {
  for (const std::uint32_t gap : {0U, 6U, 14U}) {
    std::vector<Picture> pictures;
    for (int i = 0; i < 4; ++i) pictures.push_back(Photograph(400, 300, 3 + 2 * i));
    Picture collage = Ground(800 + 3 * gap, 600 + 3 * gap, 255);
    for (std::uint32_t i = 0; i < 4; ++i) {
      Paste(pictures[i], gap + i % 2 * (400 + gap), gap + i / 2 * (300 + gap), collage);
    }
    Compress(collage);
    for (const Picture& picture : pictures) EXPECT_LE(Nearest(collage, picture), 24U) << gap;
  }
}

// A picture with a margin of its own.
Picture WithMargin(std::uint32_t width, std::uint32_t height, int seed, std::uint8_t level) {
  Picture picture = Ground(width, height, level);
  Paste(Photograph(width * 3 / 5, height * 3 / 5, seed), width / 5, height / 5, picture);
  return picture;
}

TEST(FindRegions, LeavesAPictureItsOwnMargin) {
  const Picture picture = WithMargin(540, 480, 2, 0);
  for (const std::uint8_t ground : {std::uint8_t{20}, std::uint8_t{245}}) {
    Picture screen = Ground(540, 1100, ground);
    Write(screen, 20, 20, 120, 128);
    Paste(picture, 0, 150, screen);
    for (std::uint32_t y = 680; y < 1000; y += 40) Write(screen, 20, y, 440, 128);
    Compress(screen);
    EXPECT_LE(Nearest(screen, picture), 20U) << int{ground};
  }
}

TEST(FindRegions, FindsFourPicturesThatFadeIntoTheirGap) {
  for (const std::uint32_t around : {0U, 12U}) {
    Picture collage = Ground(812 + 2 * around, 612 + 2 * around, 0);
    std::vector<Picture> pictures;
    // Only one of them reaches the gap.
    for (int i = 0; i < 4; ++i) {
      pictures.push_back(i == 3 ? Photograph(400, 300, 9) : WithMargin(400, 300, 3 + 2 * i, 0));
    }
    for (std::uint32_t i = 0; i < 4; ++i) {
      Paste(pictures[i], around + i % 2 * 412, around + i / 2 * 312, collage);
    }
    Compress(collage);
    for (const Picture& picture : pictures) EXPECT_LE(Nearest(collage, picture), 24U) << around;
  }
}

TEST(FindRegions, FindsFourPicturesOfWhichSomeFadeIntoEachOther) {
  Picture collage = Ground(800, 600, 0);
  std::vector<Picture> pictures;
  for (int i = 0; i < 4; ++i) {
    pictures.push_back(i % 2 == 0 ? Photograph(400, 300, 9 + 4 * i) : WithMargin(400, 300, 3 + 2 * i, 0));
    const auto n = static_cast<std::uint32_t>(i);
    Paste(pictures.back(), n % 2 * 400, n / 2 * 300, collage);
  }
  Compress(collage);
  for (const Picture& picture : pictures) EXPECT_LE(Nearest(collage, picture), 24U);
}

// Ground around a picture is no reason to look at more than the picture.
TEST(FindRegions, LooksOnceAtAPictureWithABorder) {
  for (int seed = 1; seed <= 3; ++seed) {
    Picture framed = Ground(512, 512, 245);
    Paste(Waves(410, 410, seed), 51, 51, framed);
    Compress(framed);
    const std::vector<PixelRect> regions = FindRegions(ReducedLuma(framed.View()));
    ASSERT_EQ(regions.size(), 1U) << seed;
    EXPECT_NEAR(regions[0].left, 51, 4);
    EXPECT_NEAR(regions[0].width, 410, 6);
    EXPECT_NEAR(regions[0].height, 410, 6);
  }
}

TEST(FindRegions, LooksAtFourPicturesFourTimes) {
  Picture collage = Ground(836, 636, 255);
  for (std::uint32_t i = 0; i < 4; ++i) {
    Paste(WithMargin(400, 300, 3 + 2 * static_cast<int>(i), 90), 12 + i % 2 * 412, 12 + i / 2 * 312, collage);
  }
  Compress(collage);
  EXPECT_EQ(FindRegions(ReducedLuma(collage.View())).size(), 4U);
}

TEST(FindRegions, EndsAPictureWhereTheGroundBegins) {
  const Picture picture = Waves(460, 256, 1);
  Picture screen = Ground(512, 512, 245);
  Paste(picture, 25, 102, screen);
  for (std::uint32_t y = 384; y + 20 < 512; y += 25) Write(screen, 25, y, 430, 30);
  Compress(screen);
  for (const PixelRect& region : FindRegions(ReducedLuma(screen.View()))) {
    // None is the picture and some of the page.
    const bool holds_picture = region.top <= 110 && region.top + region.height >= 350;
    EXPECT_TRUE(!holds_picture || region.top + region.height <= 362U);
  }
  EXPECT_LE(Nearest(screen, picture), 24U);
}

TEST(FindRegions, FindsThePictureBeforeItsBlurredCopy) {
  const Picture picture = Photograph(600, 338, 2);
  Picture scene = Ground(600, 760, 0);
  for (std::uint32_t y = 0; y < scene.height; ++y) {
    for (std::uint32_t x = 0; x < scene.width; ++x) {
      // Slow waves, as much as a strong blur leaves.
      scene.pixels[std::size_t{y} * scene.width + x] =
          static_cast<std::uint8_t>(110 + std::abs(static_cast<int>((x + y / 2) % 400) - 200) / 4);
    }
  }
  Paste(picture, 0, 211, scene);
  Compress(scene);
  EXPECT_LE(Nearest(scene, picture), 20U);
}

TEST(FindRegions, FindsAPictureInAPicture) {
  const Picture picture = Photograph(360, 240, 9);
  Picture scene = Waves(960, 540, 2);
  for (std::uint8_t& pixel : scene.pixels) pixel = static_cast<std::uint8_t>(pixel / 4);
  Paste(picture, 560, 30, scene);
  Compress(scene);
  EXPECT_LE(Nearest(scene, picture), 24U);
}

TEST(FindRegions, FindsNothingInAPlainPhotograph) {
  for (int seed = 1; seed <= 4; ++seed) {
    const Picture picture = Waves(640, 480, seed);
    EXPECT_TRUE(FindRegions(ReducedLuma(picture.View())).empty()) << seed;
  }
  const Picture flat = Ground(800, 600, 90);
  EXPECT_TRUE(FindRegions(ReducedLuma(flat.View())).empty());
}

// One of many lines divides nothing, even if it runs through the middle.
TEST(FindRegions, DoesNotDivideAGrid) {
  Picture grid = Waves(800, 640, 3);
  for (std::uint32_t y = 0; y < grid.height; ++y) {
    for (std::uint32_t x = 0; x < grid.width; ++x) {
      if (x % 50 < 4 || y % 40 < 4) grid.pixels[std::size_t{y} * grid.width + x] = 250;
    }
  }
  for (const PixelRect& region : FindRegions(ReducedLuma(grid.View()))) {
    const bool to_the_corner = (region.left == 0 || region.left + region.width == 800) &&
                               (region.top == 0 || region.top + region.height == 640);
    EXPECT_FALSE(to_the_corner) << region.width << " x " << region.height;
  }
}

TEST(FindRegions, StaysWithinItsLimitsWhateverThePicture) {
  std::mt19937 random(7);
  for (const auto& [width, height] : {std::pair{1, 1},
                                      {1, 4000},
                                      {4000, 1},
                                      {95, 95},
                                      {96, 96},
                                      {97, 3000},
                                      {20'000, 100},
                                      {100, 20'000},
                                      {1025, 1023},
                                      {2600, 1900}}) {
    Picture picture = Ground(static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), 200);
    // Rectangles upon rectangles.
    for (int i = 0; i < 60; ++i) {
      const auto w = 1 + random() % picture.width, h = 1 + random() % picture.height;
      Paste(Ground(w, h, static_cast<std::uint8_t>(random())), random() % (picture.width - w + 1),
            random() % (picture.height - h + 1), picture);
    }
    const RegionLimits limits;
    const std::vector<PixelRect> regions = FindRegions(ReducedLuma(picture.View()), limits);
    EXPECT_LE(regions.size(), limits.max_regions);
    for (const PixelRect& region : regions) {
      EXPECT_GE(region.width, 48U);
      EXPECT_GE(region.height, 48U);
      EXPECT_LE(region.left + region.width, picture.width);
      EXPECT_LE(region.top + region.height, picture.height);
    }
    EXPECT_TRUE(FindRegions(ReducedLuma(picture.View()), {.max_regions = 0}).empty());
  }
}

}  // namespace
}  // namespace tamiz::media
