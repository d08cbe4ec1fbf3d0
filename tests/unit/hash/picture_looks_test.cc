#include "core/hash/picture_looks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/hash/scenes.h"

namespace tamiz::hash {
namespace {

Picture Mirrored(const Picture& picture) {
  Picture mirrored = picture;
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    const auto row = mirrored.pixels.begin() + static_cast<std::ptrdiff_t>(y) * picture.width;
    std::reverse(row, row + picture.width);
  }
  return mirrored;
}

// A page with a picture and lines of text.
Picture Screenshot(const Picture& picture) {
  Picture screen = Ground(540, 1100, 248);
  Paste(picture, 0, 150, screen);
  for (std::uint32_t y = 180 + picture.height; y < 1050; y += 40) {
    for (std::uint32_t x = 20; x < 460; x += 14) Paste(Ground(4 + (x + y) % 6, 18, 20), x, y, screen);
  }
  return screen;
}

std::vector<PictureLook> Look(const Picture& picture, const LookOptions& options = {}) {
  return PictureLooker().Look(picture.View(), options);
}

// Whether hashes are there where the set says so, and nowhere else.
bool HasThose(const PictureLook& look) {
  return std::ranges::all_of(kAllTransforms, [&](Transform transform) {
    const bool is_there = look.pdq.hashes[static_cast<std::size_t>(transform)] != Hash256{};
    return is_there == Holds(look.orientations, transform);
  });
}

TEST(PictureLooks, LookAtThePictureAndACertainBordersInsideFromAllSides) {
  const Picture picture = Photograph(400, 300, 1);
  Picture framed = Ground(500, 400, 245);
  Paste(picture, 50, 50, framed);
  const std::vector<PictureLook> looks = Look(framed);
  ASSERT_GE(looks.size(), 2U);
  EXPECT_EQ(looks[0].kind, LookKind::kWhole);
  EXPECT_EQ(looks[0].orientations, OrientationSet::kAll);
  EXPECT_EQ(looks[1].kind, LookKind::kBorderRemoved);
  EXPECT_EQ(looks[1].orientations, OrientationSet::kAll);
  EXPECT_EQ(looks[1].rect, (media::PixelRect{50, 50, 400, 300}));
  for (const PictureLook& look : looks) EXPECT_TRUE(HasThose(look));
}

TEST(PictureLooks, LookAtPartsUprightAndMirrored) {
  PdqHasher hasher;
  const Picture picture = Photograph(540, 460, 2);
  const Hash256 wanted = hasher.Hash(picture.View()).hash;
  for (const bool mirrored : {false, true}) {
    const std::vector<PictureLook> looks = Look(Screenshot(mirrored ? Mirrored(picture) : picture));
    HammingDistance nearest = 256;
    for (const PictureLook& look : looks) {
      EXPECT_TRUE(HasThose(look));
      if (look.kind != LookKind::kRegion) continue;
      EXPECT_EQ(look.orientations, OrientationSet::kMirrored);
      const Transform transform = mirrored ? Transform::kFlipHorizontal : Transform::kIdentity;
      nearest = std::min(nearest, Distance(look.pdq.hashes[static_cast<std::size_t>(transform)], wanted));
    }
    EXPECT_LE(nearest, 16U) << mirrored;
  }
}

TEST(PictureLooks, AnUncertainBordersInsideIsLookedAtAsPartsAre) {
  // A page: what is left of it without its margins ends with lines of text, not with a picture's edge.
  std::vector<PictureLook> looks = Look(Screenshot(Photograph(540, 460, 2)));
  std::erase_if(looks, [](const PictureLook& look) { return look.kind != LookKind::kBorderRemoved; });
  ASSERT_FALSE(looks.empty());
  for (const PictureLook& look : looks) {
    EXPECT_EQ(look.orientations, OrientationSet::kMirrored);
    EXPECT_TRUE(HasThose(look));
  }
}

TEST(PictureLooks, GuessesAreLookedAtAsPartsAre) {
  // A black margin that may be the picture's own, and a white one around it.
  Picture framed = Ground(560, 520, 255);
  Paste(Ground(400, 360, 0), 80, 80, framed);
  Paste(Photograph(300, 300, 3), 130, 110, framed);
  std::vector<PictureLook> looks = Look(framed);
  std::erase_if(looks, [](const PictureLook& look) { return look.kind != LookKind::kBorderRemoved; });
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_EQ(looks[0].orientations, OrientationSet::kAll);
  EXPECT_EQ(looks[1].orientations, OrientationSet::kMirrored);
  EXPECT_EQ(looks[1].rect, (media::PixelRect{80, 80, 400, 360}));
  for (const PictureLook& look : looks) EXPECT_TRUE(HasThose(look));
}

TEST(PictureLooks, ATurnedPictureLeavesNoBorderToGuess) {
  PdqHasher hasher;
  const Picture picture = Photograph(480, 360, 4);
  const Picture scene = Turned(picture, 4, 700, 620);
  const std::vector<PictureLook> looks = Look(scene);
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_EQ(looks[1].kind, LookKind::kStraightened);
  EXPECT_EQ(looks[1].orientations, OrientationSet::kMirrored);
  EXPECT_TRUE(HasThose(looks[1]));
  EXPECT_LE(Distance(looks[1].pdq.hashes[0], hasher.Hash(picture.View()).hash), 20U);
  // Where nobody asks for it, the border is what there is.
  LookOptions options;
  options.straighten = false;
  EXPECT_TRUE(std::ranges::any_of(
      Look(scene, options), [](const PictureLook& look) { return look.kind == LookKind::kBorderRemoved; }));
}

TEST(PictureLooks, OrientationsCanBeOff) {
  LookOptions options;
  options.orientations = false;
  for (const PictureLook& look : Look(Screenshot(Photograph(540, 460, 2)), options)) {
    EXPECT_EQ(look.orientations, OrientationSet::kUpright);
    EXPECT_TRUE(HasThose(look));
  }
}

}  // namespace
}  // namespace tamiz::hash
