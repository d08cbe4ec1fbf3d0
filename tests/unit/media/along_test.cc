// What is judged along rows is judged along columns alike, though not by the same loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "core/media/ground_cuts.h"
#include "core/media/step_map.h"
#include "core/media/step_regions.h"
#include "tests/unit/hash/patterns.h"

namespace tamiz::media {
namespace {

using hash::MakePattern;
using hash::Picture;

Picture Transposed(const Picture& picture) {
  Picture transposed{picture.height, picture.width, std::vector<std::uint8_t>(picture.pixels.size())};
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    for (std::uint32_t x = 0; x < picture.width; ++x) {
      transposed.pixels[std::size_t{x} * picture.height + y] =
          picture.pixels[std::size_t{y} * picture.width + x];
    }
  }
  return transposed;
}

CellBox Transposed(const CellBox& box) { return {box.top, box.left, box.bottom, box.right}; }

// A picture in the middle of a ground with grain of so many levels.
Picture Scene(std::uint32_t width, std::uint32_t height, int ground, unsigned grain, unsigned seed) {
  Picture scene{width, height, std::vector<std::uint8_t>(std::size_t{width} * height)};
  std::mt19937 random(seed);
  for (std::uint8_t& pixel : scene.pixels) {
    pixel = static_cast<std::uint8_t>(ground + static_cast<int>(random() % (grain + 1)));
  }
  const Picture inside =
      MakePattern("octaves", width * 3 / 5, height * 3 / 5, {.a = 32, .b = static_cast<int>(seed)});
  for (std::uint32_t y = 0; y < inside.height; ++y) {
    std::copy_n(&inside.pixels[std::size_t{y} * inside.width], inside.width,
                &scene.pixels[std::size_t{y + height / 5} * width + width / 5]);
  }
  return scene;
}

std::vector<CellBox> BoxesOf(const std::vector<RegionCandidate>& candidates, bool transpose) {
  std::vector<CellBox> boxes;
  for (const RegionCandidate& one : candidates) boxes.push_back(transpose ? Transposed(one.box) : one.box);
  std::ranges::sort(boxes, {}, [](const CellBox& b) { return std::tuple(b.left, b.top, b.right, b.bottom); });
  return boxes;
}

TEST(Along, StepsAreCountedAlike) {
  for (const auto& [width, height] : {std::pair{101U, 77U}, {256U, 200U}, {320U, 35U}, {33U, 319U}}) {
    const Picture picture = Scene(width, height, 200, 1, width);
    const Picture other = Transposed(picture);
    const StepMap steps(picture.View());
    const StepMap turned(other.View());
    bool any = false;
    for (int line = 0; line < steps.lines(Along::kRows); ++line) {
      for (const auto& [from, to] : {std::pair{0, steps.length(Along::kRows)}, {3, 29}, {8, 24}}) {
        const double support = StepMap::Stretch(steps, Along::kRows, from, to).Support(line);
        EXPECT_EQ(support, StepMap::Stretch(turned, Along::kColumns, from, to).Support(line)) << line;
        any |= support > 0.5;
      }
    }
    EXPECT_TRUE(any) << width << "x" << height;
  }
}

TEST(Along, WhatIsEnclosedIsFoundAlike) {
  for (const auto& [width, height] : {std::pair{301U, 230U}, {256U, 256U}, {290U, 180U}}) {
    const Picture picture = Scene(width, height, 230, 3, height);
    const Picture other = Transposed(picture);
    std::vector<RegionCandidate> found, turned;
    FindEnclosed(StepMap(picture.View()), found);
    FindEnclosed(StepMap(other.View()), turned);
    EXPECT_FALSE(found.empty());
    EXPECT_EQ(BoxesOf(found, false), BoxesOf(turned, true)) << width << "x" << height;
  }
}

TEST(Along, GroundsAreCutAlike) {
  for (const int ground : {0, 4, 120, 250}) {
    for (const unsigned grain : {0U, 3U}) {
      const Picture picture = Scene(401, 310, ground, grain, static_cast<unsigned>(ground) + 1);
      const Picture other = Transposed(picture);
      const GroundCuts cuts = CutAtGrounds(picture.View());
      const GroundCuts turned = CutAtGrounds(other.View());
      EXPECT_FALSE(cuts.candidates.empty());
      EXPECT_EQ(BoxesOf(cuts.candidates, false), BoxesOf(turned.candidates, true)) << ground << ", " << grain;
    }
  }
}

}  // namespace
}  // namespace tamiz::media
