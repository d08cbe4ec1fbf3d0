#include <gtest/gtest.h>

#include <algorithm>

#include "decoder/video.h"
#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using namespace std::chrono_literals;

// Distance of the nearest frame of `sink` to the picture in `name`.
hash::HammingDistance Nearest(const RecordingSink& sink, const std::string& name) {
  const hash::Hash256 wanted = DecodeBytes(TestMedia(name)).frames.at(0).Pdq().hash;
  hash::HammingDistance nearest = 256;
  for (const RecordedFrame& frame : sink.frames) {
    nearest = std::min(nearest, hash::Distance(frame.Pdq().hash, wanted));
  }
  return nearest;
}

class Animation : public testing::TestWithParam<const char*> {};

TEST_P(Animation, ShowsEveryFrameOfAShortOne) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_TRUE(sink.media.animated);
  EXPECT_NEAR(static_cast<double>(sink.media.duration.count()), 2e6, 0.25e6);
  // AVIF has its first frame as a still besides.
  EXPECT_GE(sink.frames.size(), 10U);
  EXPECT_LE(sink.frames.size(), 11U);
  EXPECT_GE(sink.planned, 10U);
  for (int i = 0; i < 10; ++i) {
    EXPECT_LE(Nearest(sink, "frame_" + std::to_string(i) + ".png"), 20U) << "frame " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Animation,
                         testing::Values("moving.gif", "moving_png.apng", "moving.webp", "moving.avif"));

TEST(Animations, LongOnesAreSampledThroughoutAndMissNothingThatStays) {
  TAMIZ_LOAD_OR_SKIP(content, "long.gif");
  const RecordingSink sink = DecodeBytes(content);
  EXPECT_EQ(sink.Reasons(), "");
  EXPECT_GE(sink.frames.size(), kLeastAnimationFrames);
  EXPECT_LT(sink.frames.size(), 50U);
  EXPECT_LE(Nearest(sink, "frame_9.png"), 20U);
  EXPECT_GT(sink.frames.back().time, 3s);
}

TEST(Animations, TransparentPartsAreWhite) {
  TAMIZ_LOAD_OR_SKIP(content, "transparent.gif");
  const RecordingSink sink = DecodeBytes(content);
  ASSERT_EQ(sink.frames.size(), 2U) << sink.Reasons();
  EXPECT_EQ(sink.frames[1].luma[320 * 40 + 160], 255);
  EXPECT_LE(Nearest(sink, "transparent_reference.png"), 20U);
}

TEST(Animations, IntervalIsShortEnoughForTheLeastNumber) {
  media::SamplingPlan plan;
  plan.interval = 1s;
  EXPECT_EQ(AnimationInterval(plan, {.frames = 64, .duration = 60s}), 0s);
  EXPECT_EQ(AnimationInterval(plan, {.frames = 65, .duration = 8s}), 500ms);
  EXPECT_EQ(AnimationInterval(plan, {.frames = 1000, .duration = 60s}), 1s);
  EXPECT_EQ(AnimationInterval(plan, {.frames = 0, .duration = 0s}), 1s);
  plan.every_frame = true;
  EXPECT_EQ(AnimationInterval(plan, {.frames = 1000, .duration = 60s}), 0s);
}

}  // namespace
}  // namespace tamiz::decoder
