#include "cli/sampling.h"

#include <gtest/gtest.h>

namespace tamiz::cli {
namespace {

TEST(Span, ReadsUnits) {
  for (const auto& [text, expected] : {std::pair<const char*, double>{"250ms", 0.25},
                                       {"1.5s", 1.5},
                                       {"2m", 120},
                                       {"1h", 3600},
                                       {"7", 7},
                                       {"0", 0}}) {
    double seconds = -1;
    EXPECT_TRUE(ParseSpan("--interval", text, seconds).ok()) << text;
    EXPECT_DOUBLE_EQ(seconds, expected) << text;
  }
}

TEST(Span, RefusesWhatItCannotRead) {
  for (const char* text : {"", "s", "-1s", "1 s", "1d", "nan", "1e300h", "0x10"}) {
    double seconds = -1;
    const grpc::Status status = ParseSpan("--interval", text, seconds);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << text;
    EXPECT_NE(status.error_message().find("--interval"), std::string::npos);
  }
}

TEST(Sampling, BecomesAPlan) {
  v1::SamplingPlan plan;
  ASSERT_TRUE(FillSampling({.interval = "1500ms", .max_frames = 9, .every_frame = true}, plan).ok());
  EXPECT_EQ(plan.interval().seconds(), 1);
  EXPECT_EQ(plan.interval().nanos(), 500'000'000);
  EXPECT_EQ(plan.max_frames(), 9u);
  EXPECT_TRUE(plan.every_frame());
  v1::SamplingPlan unset;
  ASSERT_TRUE(FillSampling({}, unset).ok());
  EXPECT_FALSE(unset.has_interval());
}

}  // namespace
}  // namespace tamiz::cli
