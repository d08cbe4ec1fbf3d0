#include "core/sandbox/plan_wire.h"

#include <gtest/gtest.h>

namespace tamiz::sandbox {
namespace {

using namespace std::chrono_literals;

TEST(PlanWire, CarriesEveryRule) {
  media::SamplingPlan plan;
  plan.interval = 250ms;
  plan.max_frames = 17;
  plan.regular = false;
  plan.exact = false;
  plan.key_frames = true;
  plan.head = 3s;
  plan.max_gap = 9s;
  plan.allowance = true;
  for (std::size_t i = 0; i < media::kMaxPlanSpans; ++i) {
    const auto start = std::chrono::seconds(2 * i);
    plan.spans.push_back({start, start + 1s});
  }
  Job job{};
  WritePlan(plan, job);
  EXPECT_EQ(ReadPlan(job), plan);
}

TEST(PlanWire, SpansThatAreNoneDoNotTravel) {
  media::SamplingPlan plan;
  plan.spans = {{2s, 1s}};
  Job job{};
  WritePlan(plan, job);
  EXPECT_EQ(job.span_count, 0u);
  plan.spans.assign(media::kMaxPlanSpans + 1, {});
  WritePlan(plan, job);
  EXPECT_EQ(job.span_count, 0u);
}

TEST(PlanWire, WhatIsReadIsChecked) {
  Job job{};
  WritePlan({.spans = {{1s, 2s}, {3s, 4s}}}, job);
  job.span_count = 0xffffffff;
  EXPECT_TRUE(ReadPlan(job).spans.empty());  // those behind are no spans
  WritePlan({.spans = {{1s, 2s}, {3s, 4s}}}, job);
  job.spans[1].start_micros = 1'500'000;
  EXPECT_TRUE(ReadPlan(job).spans.empty());
  job.spans[1].start_micros = -5;
  EXPECT_TRUE(ReadPlan(job).spans.empty());
}

}  // namespace
}  // namespace tamiz::sandbox
