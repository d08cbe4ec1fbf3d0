#include "core/calibration/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <random>

#include "core/calibration/calibration_file.h"

namespace tamiz::calibration {
namespace {

using ::testing::HasSubstr;

// Weights that let no input go unseen.
Calibration Made() {
  Calibration calibration = *BuiltIn();
  calibration.intercept = 30;
  calibration.weights = {0.3, 0.1, 0.1, 3, 2, 0.5, 0.4, 0.6, 0.7, 1.0, 0.3};
  calibration.ceiling = 0.9999;
  return calibration;
}

Evidence AtDistance(std::uint32_t distance) {
  Evidence evidence;
  evidence.distance = distance;
  evidence.list_hashes = 1'000'000;
  evidence.queries = 16;
  return evidence;
}

// Changes one input of many random ones: the probability never moves the wrong way.
void ExpectMonotone(const Calibration& calibration) {
  std::mt19937 random(1);
  const auto up_to = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % (limit + 1)); };
  struct Step {
    const char* name;
    std::function<void(Evidence&)> weaken;
  };
  const Step steps[] = {
      {"distance", [&](Evidence& e) { e.distance += 1 + up_to(20); }},
      {"quality_query", [&](Evidence& e) { e.quality_query -= up_to(e.quality_query); }},
      {"quality_reference", [&](Evidence& e) { e.quality_reference -= up_to(e.quality_reference); }},
      {"turned", [](Evidence& e) { e.turned = true; }},
      {"border removed",
       [](Evidence& e) {
         if (e.look == Look::kWhole) e.look = Look::kBorderRemoved;
       }},
      {"region",
       [](Evidence& e) {
         if (e.look == Look::kWhole) e.look = Look::kRegion;
       }},
      {"straightened",
       [](Evidence& e) {
         if (e.look == Look::kWhole) e.look = Look::kStraightened;
       }},
      {"corroborating", [&](Evidence& e) { e.corroborating -= up_to(e.corroborating); }},
      {"list_hashes", [&](Evidence& e) { e.list_hashes += 1 + random(); }},
      {"queries", [&](Evidence& e) { e.queries += 1 + random(); }},
  };
  for (int round = 0; round < 20000; ++round) {
    Evidence evidence;
    evidence.distance = up_to(100);
    evidence.quality_query = up_to(100);
    evidence.quality_reference = up_to(100);
    evidence.turned = up_to(1) == 1;
    evidence.look = static_cast<Look>(up_to(3));
    evidence.corroborating = up_to(100);
    evidence.list_hashes = random() >> up_to(31);
    evidence.queries = random() >> up_to(31);
    const double value = calibration.Probability(evidence);
    EXPECT_GE(value, 0.0);
    EXPECT_LE(value, calibration.ceiling);
    for (const Step& step : steps) {
      Evidence weaker = evidence;
      step.weaken(weaker);
      EXPECT_LE(calibration.Probability(weaker), value) << step.name;
    }
  }
}

TEST(Calibration, IsMonotoneInEachInput) {
  ExpectMonotone(Made());
  ExpectMonotone(*BuiltIn());
}

TEST(Calibration, EachInputHasAnInfluence) {
  const Calibration calibration = Made();
  const Evidence base = AtDistance(50);
  const double value = calibration.Probability(base);
  ASSERT_LT(value, calibration.ceiling);
  const auto with = [&](const std::function<void(Evidence&)>& change) {
    Evidence evidence = base;
    change(evidence);
    return calibration.Probability(evidence);
  };
  EXPECT_LT(with([](auto& e) { e.distance = 51; }), value);
  EXPECT_LT(with([](auto& e) { e.quality_query = 60; }), value);
  EXPECT_LT(with([](auto& e) { e.quality_reference = 60; }), value);
  EXPECT_LT(with([](auto& e) { e.turned = true; }), value);
  EXPECT_LT(with([](auto& e) { e.look = Look::kBorderRemoved; }), value);
  EXPECT_LT(with([](auto& e) { e.look = Look::kRegion; }), value);
  EXPECT_LT(with([](auto& e) { e.look = Look::kStraightened; }), value);
  EXPECT_LT(with([](auto& e) { e.list_hashes *= 10; }), value);
  EXPECT_LT(with([](auto& e) { e.queries *= 10; }), value);
  EXPECT_GT(with([](auto& e) { e.corroborating = 5; }), value);
}

TEST(Calibration, NeverGoesAboveItsCeiling) {
  EXPECT_LE(Made().Probability(AtDistance(0)), Made().ceiling);
  EXPECT_GT(Made().Probability(AtDistance(0)), Made().ceiling - 0.001);
  // Nor does it put what is near on one level.
  EXPECT_GT(Made().Probability(AtDistance(0)), Made().Probability(AtDistance(20)));
}

TEST(Calibration, FalsePositivesGrowWithRadiusListAndLooks) {
  const Calibration calibration = *BuiltIn();
  const auto at = [&](std::uint32_t radius, std::uint64_t list, Calibration::Looks looks = {}) {
    return calibration.FalsePositivesPerMillion(radius, list, looks);
  };
  EXPECT_GE(at(40, 1'000'000), at(31, 1'000'000));
  EXPECT_GT(at(64, 1'000), 0.0);
  EXPECT_GT(at(31, 100'000'000), at(31, 1'000'000));
  EXPECT_EQ(at(31, 0), 0.0);
  EXPECT_LE(at(64, 1'000'000'000'000), 1e6);
  EXPECT_LT(at(50, 1000, {.orientations = false}), at(50, 1000));
  // Of eight hashes of a whole picture one is left, of a part's two.
  Calibration known = calibration;
  known.queries.by_look = {8, 0, 4, 0};
  const auto of = [&](Calibration::Looks looks) { return known.FalsePositivesPerMillion(31, 1000, looks); };
  EXPECT_NEAR(of({.orientations = false}) / of({}), 3.0 / 12, 0.001);
  EXPECT_LE(at(50, 1000, {.regions = false}), at(50, 1000));
  // Twice the chances, twice the false positives, as long as they are few.
  EXPECT_NEAR(at(31, 2'000'000) / at(31, 1'000'000), 2, 0.01);
}

TEST(CalibrationFile, ComesBackAsItWas) {
  const StatusOr<Calibration> parsed = Parse(Print(Made()));
  ASSERT_TRUE(parsed.ok()) << Message(parsed.status());
  EXPECT_EQ(Print(*parsed), Print(Made()));
  EXPECT_EQ(parsed->weights, Made().weights);
  EXPECT_EQ(parsed->Probability(AtDistance(50)), Made().Probability(AtDistance(50)));
}

TEST(CalibrationFile, TheOneCompiledInIsWhatItSaysItIs) {
  const Calibration& built_in = *BuiltIn();
  EXPECT_THAT(built_in.name, HasSubstr("builtin-"));
  EXPECT_LE(built_in.expected_calibration_error, 0.02);
  EXPECT_GT(built_in.Probability(AtDistance(10)), 0.98);
  EXPECT_GT(built_in.Probability(AtDistance(20)), 0.8);
  EXPECT_LT(built_in.Probability(AtDistance(64)), 0.05);
}

TEST(CalibrationFile, FaultsAreNamed) {
  const auto fault = [](const std::string& from, const std::string& to) {
    std::string text = Print(Made());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return Message(Parse(text).status());
  };
  EXPECT_THAT(fault("\"distance\": 0.3", "\"distance\": -0.3"), HasSubstr("weights.distance is -0.3"));
  EXPECT_THAT(fault("\"turned\"", "\"torned\""), HasSubstr("weights.turned is missing"));
  EXPECT_THAT(fault("\"intercept\": 30.0", "\"intercept\": \"much\""), HasSubstr("intercept is no number"));
  EXPECT_THAT(fault("\"date\"", "\"day\": 1, \"date\""), HasSubstr("day is not known"));
  EXPECT_THAT(fault("\"format\": 1", "\"format\": 2"), HasSubstr("format is not 1"));
  EXPECT_THAT(fault("{", "["), HasSubstr("is not JSON"));
  EXPECT_THAT(Message(Parse("[]").status()), HasSubstr("is no JSON object"));
}

TEST(CalibrationFile, LoadNamesTheFile) {
  EXPECT_EQ(*Load(""), BuiltIn());
  EXPECT_THAT(Message(Load("/nowhere/calibration.json").status()), HasSubstr("/nowhere/calibration.json"));
  const std::string path = testing::TempDir() + "calibration.json";
  std::ofstream(path) << "{}";
  EXPECT_THAT(Message(Load(path).status()), HasSubstr("tamiz calibrate"));
  std::ofstream(path) << Print(Made());
  const auto loaded = Load(path);
  ASSERT_TRUE(loaded.ok()) << Message(loaded.status());
  EXPECT_EQ((*loaded)->intercept, 30);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace tamiz::calibration
