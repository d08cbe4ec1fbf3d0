#include "core/sandbox/layers.h"

#include <gmock/gmock.h>

#include "core/metrics/metrics.h"

namespace tamiz::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Layers, NamesAndBitsAreTheSame) {
  const std::vector<std::string> all = LayerNames(~0u);
  const auto bits = LayersOf(all);
  ASSERT_TRUE(bits.ok());
  EXPECT_EQ(LayerNames(*bits), all);
  EXPECT_THAT(
      LayerNames(static_cast<std::uint32_t>(Layer::kLandlock) | static_cast<std::uint32_t>(Layer::kSeccomp)),
      ElementsAre("seccomp", "landlock"));
  EXPECT_EQ(kIndispensableLayers & *bits, kIndispensableLayers);
}

// A layer without a series would be invisible.
TEST(Layers, EachHasItsMetric) {
  const std::vector<std::string> all = LayerNames(~0u);
  EXPECT_EQ(std::vector<std::string>(metrics::kSandboxLayers.begin(), metrics::kSandboxLayers.end()), all);
}

TEST(Layers, WhatIsMissingIsSaidWithItsRemedy) {
  const std::uint32_t required = *LayersOf(std::vector<std::string>{"seccomp", "landlock"});
  EXPECT_EQ(MissingLayers(required, required), "");
  EXPECT_THAT(MissingLayers(required, kIndispensableLayers), HasSubstr("landlock (needs Linux 5.13"));
  EXPECT_THAT(MissingLayers(required, kIndispensableLayers),
              HasSubstr("in force: seccomp, no_new_privs, rlimits"));
}

}  // namespace
}  // namespace tamiz::sandbox
