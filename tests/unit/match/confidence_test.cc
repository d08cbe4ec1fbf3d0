#include "core/match/confidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace tamiz::match {
namespace {

double ValueOf(const ConfidenceInput& input) { return ConfidenceOf(input).value; }

ConfidenceInput AtDistance(std::uint32_t distance) {
  ConfidenceInput input;
  input.distance = distance;
  input.list_hashes = 1'000'000;
  return input;
}

TEST(Confidence, DigestsAreCertainOrNearly) {
  ConfidenceInput input;
  input.exact = true;
  input.hash_type = lists::HashType::kSha256;
  EXPECT_EQ(ValueOf(input), 1.0);
  EXPECT_EQ(ConfidenceOf(input).basis.method, "exact-digest");
  input.hash_type = lists::HashType::kSha1;
  const double sha1 = ValueOf(input);
  input.hash_type = lists::HashType::kMd5;
  const double md5 = ValueOf(input);
  EXPECT_LT(sha1, 1.0);
  EXPECT_LT(md5, sha1);
  EXPECT_GT(md5, 0.999);
}

TEST(Confidence, NamesItsCalibration) {
  const Confidence confidence = ConfidenceOf(AtDistance(3));
  EXPECT_EQ(confidence.basis.calibration, "builtin-2026-11");
  EXPECT_EQ(confidence.basis.method, "monotone-distance-quality");
  EXPECT_EQ(confidence.basis.date.size(), 10u);
}

TEST(Confidence, NearOneWhenNearAndClearlyLowerAtTheRadius) {
  EXPECT_GT(ValueOf(AtDistance(0)), 0.99);
  EXPECT_GT(ValueOf(AtDistance(10)), 0.99);
  EXPECT_LT(ValueOf(AtDistance(31)), 0.85);
  EXPECT_GT(ValueOf(AtDistance(31)), 0.5);
  EXPECT_LT(ValueOf(AtDistance(64)), 0.05);
}

// Changes one input of many random ones: the confidence never moves the wrong way and stays a probability.
TEST(Confidence, IsMonotoneInEachInput) {
  std::mt19937 random(1);
  const auto up_to = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % (limit + 1)); };
  struct Step {
    const char* name;
    std::function<void(ConfidenceInput&)> weaken;
  };
  const Step steps[] = {
      {"distance", [&](ConfidenceInput& i) { i.distance += 1 + up_to(20); }},
      {"quality_query", [&](ConfidenceInput& i) { i.quality_query -= up_to(i.quality_query); }},
      {"quality_reference", [&](ConfidenceInput& i) { i.quality_reference -= up_to(i.quality_reference); }},
      {"turned", [](ConfidenceInput& i) { i.turned = true; }},
      {"border_removed", [](ConfidenceInput& i) { i.border_removed = true; }},
      {"corroborating_frames",
       [&](ConfidenceInput& i) { i.corroborating_frames -= up_to(i.corroborating_frames); }},
      {"list_hashes", [&](ConfidenceInput& i) { i.list_hashes += 1 + random(); }},
  };
  for (int round = 0; round < 20000; ++round) {
    ConfidenceInput input;
    input.distance = up_to(256);
    input.quality_query = up_to(100);
    input.quality_reference = up_to(100);
    input.turned = up_to(1) == 1;
    input.border_removed = up_to(1) == 1;
    input.corroborating_frames = up_to(100);
    input.list_hashes = random() >> up_to(31);
    const double value = ValueOf(input);
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
    for (const Step& step : steps) {
      ConfidenceInput weaker = input;
      step.weaken(weaker);
      EXPECT_LE(ValueOf(weaker), value) << step.name;
    }
  }
}

TEST(Confidence, EachInputHasAnInfluence) {
  const ConfidenceInput base = AtDistance(20);
  const double value = ValueOf(base);
  const auto with = [&](const std::function<void(ConfidenceInput&)>& change) {
    ConfidenceInput input = base;
    change(input);
    return ValueOf(input);
  };
  EXPECT_LT(with([](auto& i) { i.distance = 21; }), value);
  EXPECT_LT(with([](auto& i) { i.quality_query = 60; }), value);
  EXPECT_LT(with([](auto& i) { i.quality_reference = 60; }), value);
  EXPECT_LT(with([](auto& i) { i.turned = true; }), value);
  EXPECT_LT(with([](auto& i) { i.border_removed = true; }), value);
  EXPECT_LT(with([](auto& i) { i.list_hashes *= 10; }), value);
  EXPECT_GT(with([](auto& i) { i.corroborating_frames = 5; }), value);
}

}  // namespace
}  // namespace tamiz::match
