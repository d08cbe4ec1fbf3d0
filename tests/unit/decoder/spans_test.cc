// Plans of spans: what a closer look decodes.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

using namespace std::chrono_literals;

RecordingSink DecodeBy(const std::vector<std::uint8_t>& content, const media::SamplingPlan& plan,
                       std::uint64_t most_pixels = 0) {
  DecodeJob job = MakeJob(content);
  job.plan = plan;
  if (most_pixels > 0) job.limits.max_total_pixels = most_pixels;
  RecordingSink sink;
  Decode(job, sink);
  return sink;
}

media::SamplingPlan SpansOf(std::vector<media::TimeSpan> spans) {
  return {.interval = 250ms, .regular = false, .exact = false, .spans = std::move(spans)};
}

class Spans : public testing::TestWithParam<const char*> {};

TEST_P(Spans, HaveTheFramesThatAnExactPlanHas) {
  TAMIZ_LOAD_OR_SKIP(content, GetParam());
  const RecordingSink exact = DecodeBy(content, {.interval = 250ms});
  const RecordingSink spans = DecodeBy(content, SpansOf({{1s, 1600ms}, {2500ms, 2700ms}}));
  std::vector<const RecordedFrame*> expected;
  for (const RecordedFrame& frame : exact.frames) {
    if ((frame.time >= 1s && frame.time < 1600ms) || (frame.time >= 2500ms && frame.time < 2700ms))
      expected.push_back(&frame);
  }
  ASSERT_GE(expected.size(), 4u);
  ASSERT_EQ(spans.frames.size(), expected.size() + 1);  // the first frame is always taken
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(spans.frames[i + 1].time, expected[i]->time);
    EXPECT_EQ(spans.frames[i + 1].luma, expected[i]->luma);
  }
  EXPECT_EQ(spans.Reasons(), "");
  // What comes after the last that is wanted of a group is left.
  EXPECT_LT(spans.counts.seen, exact.counts.seen);
}

INSTANTIATE_TEST_SUITE_P(Files, Spans,
                         testing::Values("h264.mp4", "bframes.mp4", "late_start.ts", "vp9.webm", "hevc.mp4"));

TEST(Spans, PartsAreNotLookedAt) {
  TAMIZ_LOAD_OR_SKIP(content, "cover.mp4");
  EXPECT_FALSE(DecodeBy(content, {}).parts.empty());
  const RecordingSink spans = DecodeBy(content, SpansOf({{0s, 1s}}));
  EXPECT_TRUE(spans.parts.empty());
  EXPECT_FALSE(spans.frames.empty());
}

TEST(Spans, EndAtTheLimitOfPixels) {
  TAMIZ_LOAD_OR_SKIP(content, "h264.mp4");
  const RecordingSink all = DecodeBy(content, SpansOf({{0s, 3s}}));
  const RecordingSink some = DecodeBy(content, SpansOf({{0s, 3s}}), 320 * 240 * 20);
  EXPECT_TRUE(some.Has(media::IncompleteCode::kPixelLimit));
  EXPECT_LT(some.frames.size(), all.frames.size());
  EXPECT_GT(some.frames.size(), 1u);
}

}  // namespace
}  // namespace tamiz::decoder
