#include "core/media/sampling.h"

#include <gtest/gtest.h>

namespace tamiz::media {
namespace {

using namespace std::chrono_literals;

const SamplingDefaults kDefaults;

TEST(SamplingPlan, PresetsAreWhatTheDocumentationSays) {
  const SamplingPlan usual = PlanOf({}, kDefaults);
  EXPECT_EQ(usual.interval, 1s);
  EXPECT_TRUE(usual.regular);
  EXPECT_FALSE(usual.exact);
  const SamplingPlan exact = PlanOf({.preset = SamplingPreset::kExact}, kDefaults);
  EXPECT_TRUE(exact.exact);
  EXPECT_EQ(exact.interval, 1s);
  const SamplingPlan fast = PlanOf({.preset = SamplingPreset::kFast}, kDefaults);
  EXPECT_TRUE(fast.key_frames);
  EXPECT_FALSE(fast.regular);
  EXPECT_EQ(fast.max_gap, kDefaultMaxGap);
  EXPECT_EQ(fast.Spacing(), kDefaultMaxGap);
  EXPECT_TRUE(fast.allowance);
  EXPECT_FALSE(PlanOf({.mode = SamplingMode::kKeyFrames}, kDefaults).allowance);
}

TEST(SamplingPlan, AnIntervalIsKeptWhateverTheDefaultPreset) {
  SamplingDefaults fast;
  fast.preset = SamplingPreset::kFast;
  const SamplingPlan plan = PlanOf({.interval = 250ms}, fast);
  EXPECT_TRUE(plan.regular);
  EXPECT_EQ(plan.interval, 250ms);
  EXPECT_TRUE(PlanOf({}, fast).key_frames);
}

TEST(SamplingPlan, ModesBecomeRules) {
  EXPECT_TRUE(PlanOf({.mode = SamplingMode::kEveryFrame}, kDefaults).every_frame);
  const SamplingPlan scenes = PlanOf({.mode = SamplingMode::kSceneChanges, .max_gap = 4s}, kDefaults);
  EXPECT_TRUE(scenes.scene_changes);
  EXPECT_EQ(scenes.max_gap, 4s);
  const SamplingPlan head = PlanOf({.head = 5s}, kDefaults);
  EXPECT_EQ(head.head, 5s);
  EXPECT_FALSE(head.regular);
  const SamplingPlan budget = PlanOf({.mode = SamplingMode::kBudget, .max_frames = 20}, kDefaults);
  EXPECT_TRUE(budget.spread);
  EXPECT_EQ(budget.max_frames, 20u);
}

TEST(SamplingPlan, AUnionTakesWhatEitherTakes) {
  const SamplingPlan exact = PlanOf({.preset = SamplingPreset::kExact, .interval = 2s}, kDefaults);
  const SamplingPlan fast = PlanOf({.preset = SamplingPreset::kFast, .max_frames = 10}, kDefaults);
  const SamplingPlan both = Union(exact, fast);
  EXPECT_EQ(both, Union(fast, exact));
  EXPECT_TRUE(both.exact);
  EXPECT_TRUE(both.regular);
  EXPECT_TRUE(both.key_frames);
  EXPECT_EQ(both.interval, 1s);
  EXPECT_EQ(both.max_frames, kDefaults.max_frames);
  EXPECT_EQ(Union(fast, fast), fast);
  EXPECT_FALSE(both.allowance);
  // A budget does not take frames away from a plan without one.
  EXPECT_FALSE(Union(PlanOf({.mode = SamplingMode::kBudget}, kDefaults), exact).spread);
}

TEST(SamplingRequest, RangesAreNamed) {
  const auto field = [](const SamplingRequest& request) { return Field(request.Validate(100)); };
  EXPECT_EQ(field({}), "");
  EXPECT_EQ(field({.interval = 9ms}), "sampling.interval");
  EXPECT_EQ(field({.max_gap = 2h}), "sampling.max_gap");
  EXPECT_EQ(field({.head = 0s}), "sampling.head");
  EXPECT_EQ(field({.max_frames = 101}), "sampling.max_frames");
  EXPECT_EQ(field({.mode = static_cast<SamplingMode>(9)}), "sampling.mode");
  EXPECT_EQ(field({.preset = static_cast<SamplingPreset>(0)}), "sampling.preset");
}

TEST(SamplingNames, GoBothWays) {
  for (const SamplingPreset preset :
       {SamplingPreset::kExact, SamplingPreset::kAdaptive, SamplingPreset::kFast}) {
    EXPECT_EQ(ParseSamplingPreset(ToString(preset)), preset);
  }
  for (int i = 1; i <= 6; ++i) {
    const auto mode = static_cast<SamplingMode>(i);
    EXPECT_EQ(ParseSamplingMode(ToString(mode)), mode);
  }
  EXPECT_FALSE(ParseSamplingPreset("thorough").has_value());
}

}  // namespace
}  // namespace tamiz::media
