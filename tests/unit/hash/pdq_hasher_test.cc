#include "core/hash/pdq_hasher.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "bench/hash/plain_pdq.h"
#include "core/hash/digests.h"
#include "core/hash/pdq_kernels.h"
#include "tests/unit/hash/patterns.h"
#include "tests/unit/hash/pdq_vectors.h"

namespace tamiz::hash {
namespace {

// Runs `check` on each kind of processor code that this machine can run, the scalar one included.
template <typename Check>
void OnEachTarget(const Check& check) {
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    SCOPED_TRACE(hwy::TargetName(target));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::string Describe(const PdqVector& vector) {
  return std::string(vector.formula) + " " + std::to_string(vector.width) + "x" +
         std::to_string(vector.height);
}

// The picture turned, pixel by pixel.
Picture Turned(const Picture& picture, Transform transform) {
  const bool swaps = transform == Transform::kRotate90 || transform == Transform::kRotate270 ||
                     transform == Transform::kTranspose || transform == Transform::kTransverse;
  const std::uint32_t w = picture.width, h = picture.height;
  Picture turned{swaps ? h : w, swaps ? w : h, std::vector<std::uint8_t>(picture.pixels.size())};
  for (std::uint32_t y = 0; y < h; ++y) {
    for (std::uint32_t x = 0; x < w; ++x) {
      std::uint32_t u = x, v = y;
      switch (transform) {
        case Transform::kIdentity:
          break;
        case Transform::kRotate90:
          u = h - 1 - y, v = x;
          break;
        case Transform::kRotate180:
          u = w - 1 - x, v = h - 1 - y;
          break;
        case Transform::kRotate270:
          u = y, v = w - 1 - x;
          break;
        case Transform::kFlipHorizontal:
          u = w - 1 - x;
          break;
        case Transform::kFlipVertical:
          v = h - 1 - y;
          break;
        case Transform::kTranspose:
          u = y, v = x;
          break;
        case Transform::kTransverse:
          u = h - 1 - y, v = w - 1 - x;
          break;
      }
      turned.pixels[v * turned.width + u] = picture.pixels[y * w + x];
    }
  }
  return turned;
}

TEST(PdqHasher, GivesTheReferencesHashesBitByBit) {
  std::vector<Picture> pictures;
  for (const PdqVector& v : kPdqVectors)
    pictures.push_back(MakePattern(v.formula, v.width, v.height, v.parameters));
  OnEachTarget([&] {
    PdqHasher hasher;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const PdqVector& vector = kPdqVectors[i];
      SCOPED_TRACE(Describe(vector));
      const PdqHash hash = hasher.Hash(pictures[i].View());
      EXPECT_EQ(hash.hash.ToHex(), vector.hashes[0]);
      EXPECT_EQ(hash.quality, vector.quality);
      const PdqOrientations orientations = hasher.HashOrientations(pictures[i].View());
      EXPECT_EQ(orientations.quality, vector.quality);
      for (int t = 0; t < kTransforms; ++t) EXPECT_EQ(orientations.hashes[t].ToHex(), vector.hashes[t]) << t;
    }
  });
}

TEST(PdqHasher, GivesTheReferencesHashesOfAllSharedVectors) {
  const char* shared = std::getenv("TAMIZ_SHARED_DIR");
  const char* source = std::getenv("TAMIZ_SOURCE_DIR");
  const std::string folder =
      shared != nullptr ? shared : std::string(source != nullptr ? source : ".") + "/../shared";
  const std::string path = folder + "/testdata/pdq/procedural.json";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << "no " << path;
  const nlohmann::json vectors = nlohmann::json::parse(file);
  const std::map<std::string, std::vector<const char*>> names = {{"rings", {"p", "hi", "lo"}},
                                                                 {"checker", {"s", "t", "hi", "lo"}},
                                                                 {"lcgbox", {"seed", "r", "g"}},
                                                                 {"blocks", {"b", "seed"}},
                                                                 {"vnoise", {"b", "seed"}},
                                                                 {"octaves", {"b", "seed"}},
                                                                 {"xor", {"m", "n"}},
                                                                 {"moire", {"k"}},
                                                                 {"letterbox", {"b", "seed", "bar"}},
                                                                 {"glyphs", {"seed"}},
                                                                 {"constant", {"c"}}};
  // By Transform; the reference turns counter-clockwise, and its x flip exchanges top and bottom.
  const char* const keys[] = {"original", "rotate270", "rotate180", "rotate90",
                              "flipy",    "flipx",     "flipplus1", "flipminus1"};
  PdqHasher hasher;
  for (const auto& image : vectors["images"]) {
    SCOPED_TRACE(image["id"].get<std::string>());
    PatternParameters parameters;
    int* const numbers[] = {&parameters.a, &parameters.b, &parameters.c, &parameters.d};
    const std::string formula = image["generator"];
    if (const auto it = names.find(formula); it != names.end()) {
      for (std::size_t i = 0; i < it->second.size(); ++i) *numbers[i] = image["params"][it->second[i]];
    }
    if (formula == "sines") {
      for (const auto& t : image["params"]["terms"]) parameters.terms.push_back({t[0], t[1], t[2], t[3]});
    }
    const Picture picture = MakePattern(formula, image["width"], image["height"], parameters);
    ASSERT_EQ(ToHex(Sha256(picture.pixels)), image["luma_sha256"].get<std::string>())
        << "the pattern differs";
    const PdqOrientations orientations = hasher.HashOrientations(picture.View());
    EXPECT_EQ(orientations.quality, image["full"]["quality"].get<int>());
    for (int t = 0; t < kTransforms; ++t) {
      EXPECT_EQ(orientations.hashes[t].ToHex(), image["full"][keys[t]].get<std::string>()) << keys[t];
    }
  }
}

// Every intermediate number, not only the bits that survive.
TEST(PdqHasher, EqualsThePlainAlgorithmForAnySize) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sizes = {
      {5, 5},   {5, 300},  {300, 5},  {63, 64},   {64, 64},  {65, 64},   {127, 129}, {128, 128}, {129, 127},
      {31, 33}, {256, 32}, {257, 33}, {6, 1000},  {1000, 6}, {1500, 40}, {40, 1500}, {640, 97},  {511, 513},
      {16, 17}, {15, 31},  {48, 96},  {384, 385}, {5000, 5}, {5, 5000},  {33000, 6}, {32896, 5}, {32897, 5}};
  std::mt19937 random(20);
  std::uniform_int_distribution<std::uint32_t> side(5, 300);
  for (int i = 0; i < 60; ++i) sizes.emplace_back(side(random), side(random));

  bench::PlainPlanes planes;
  for (const auto& [width, height] : sizes) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const std::size_t stride = width + random() % 70;
    // The view ends with the last pixel, so that a sanitizer sees a read beyond it.
    std::vector<std::uint8_t> pixels(stride * (height - 1) + width);
    const unsigned kind = random() % 3;
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const std::size_t x = i % stride, y = i / stride;
      const auto noise = static_cast<std::uint8_t>(random());
      pixels[i] = kind == 0   ? noise
                  : kind == 1 ? static_cast<std::uint8_t>((x * 3 + y * 5) / 4 + noise % 16)
                              : static_cast<std::uint8_t>(noise % 2 * 255);
    }
    const media::LumaView view{pixels.data(), width, height, stride};
    const bench::PlainPdq plain = bench::ComputePlainPdq(view, planes);
    OnEachTarget([&] {
      PdqScratch scratch;
      PdqBlock block;
      PdqSpectrum spectrum;
      PdqDownsample(view, scratch, block);
      ASSERT_EQ(block, plain.block);
      PdqTransform(block, spectrum);
      ASSERT_EQ(spectrum, plain.spectrum);
      PdqHasher hasher;
      const PdqHash hash = hasher.Hash(view);
      EXPECT_EQ(hash.hash.ToHex(), plain.hex);
      EXPECT_EQ(hash.quality, plain.quality);
      EXPECT_EQ(hasher.HashOrientations(view).hashes[0], hash.hash);
    });
  }
}

TEST(PdqHasher, DoesNotDependOnWhatItHashedBefore) {
  const Picture big = MakePattern("blocks", 700, 500, {.a = 32, .b = 3});
  const Picture small = MakePattern("vnoise", 90, 140, {.a = 17, .b = 4});
  const PdqHash expected = PdqHasher().Hash(small.View());
  PdqHasher hasher;
  for (const Picture* picture : {&small, &big, &small, &small}) {
    const PdqHash hash = hasher.Hash(picture->View());
    if (picture == &small) {
      EXPECT_EQ(hash.hash, expected.hash);
    }
  }
}

TEST(PdqHasher, OrientationsAreHashesOfTheTurnedPicture) {
  PdqHasher hasher;
  const Picture pictures[] = {
      MakePattern("octaves", 1024, 1024, {.a = 128, .b = 101}),
      MakePattern("octaves", 1280, 832, {.a = 160, .b = 121}),
      MakePattern("octaves", 1000, 1400, {.a = 125, .b = 11}),
  };
  for (const Picture& picture : pictures) {
    const PdqOrientations orientations = hasher.HashOrientations(picture.View());
    for (int t = 0; t < kTransforms; ++t) {
      const PdqHash turned = hasher.Hash(Turned(picture, static_cast<Transform>(t)).View());
      EXPECT_LE(Distance(turned.hash, orientations.hashes[t]), 14U) << t;
      for (int other = 0; other < kTransforms; ++other) {
        if (other == t) continue;
        EXPECT_GT(Distance(turned.hash, orientations.hashes[other]), 60U) << t << " " << other;
      }
    }
  }
}

TEST(PdqHasher, HasNoHashOfATinyPicture) {
  const std::vector<std::uint8_t> pixels(4000, 7);
  PdqHasher hasher;
  for (const auto& [width, height] : {std::pair{4U, 400U}, {400U, 4U}, {1U, 1U}, {4U, 4U}}) {
    EXPECT_EQ(hasher.Hash({pixels.data(), width, height, width}).hash, Hash256{});
    const PdqOrientations orientations = hasher.HashOrientations({pixels.data(), width, height, width});
    EXPECT_EQ(orientations.quality, 0);
    for (const Hash256& hash : orientations.hashes) EXPECT_EQ(hash, Hash256{});
  }
}

// Brightest pixels fill the widest sums.
TEST(PdqHasher, WhitePicturesDoNotOverflow) {
  PdqHasher hasher;
  for (const std::uint32_t width : {4000U, 32896U, 40000U}) {
    const std::vector<std::uint8_t> pixels(std::size_t{width} * 8, 255);
    OnEachTarget([&] {
      PdqScratch scratch;
      PdqBlock block;
      PdqDownsample({pixels.data(), width, 8, width}, scratch, block);
      for (const float value : block) ASSERT_FLOAT_EQ(value, 255.0F) << width;
    });
    EXPECT_EQ(hasher.Hash({pixels.data(), width, 8, width}).quality, 0);
  }
}

TEST(PdqHasher, WorkingMemoryIsSmall) {
  const Picture picture = MakePattern("diag", 3000, 2000, {});
  PdqScratch scratch;
  PdqBlock block;
  PdqDownsample(picture.View(), scratch, block);
  EXPECT_LT(scratch.bytes(), picture.pixels.size() / 8);
}

}  // namespace
}  // namespace tamiz::hash
