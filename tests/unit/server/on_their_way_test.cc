#include <gtest/gtest.h>

#include "server/early_call.h"

namespace tamiz::server {
namespace {

using namespace std::chrono_literals;

TEST(OnTheirWay, CountsWhatBeganAndHasNotCome) {
  OnTheirWay on_their_way;
  const SteadyTime start{1h};
  on_their_way.Begin(start);
  on_their_way.Begin(start + 1ms);
  EXPECT_EQ(on_their_way.Count(start + 2ms), 2u);
  on_their_way.End(start, start + 3ms);
  EXPECT_EQ(on_their_way.Count(start + 3ms), 1u);
}

TEST(OnTheirWay, WhatTakesLongKeepsNobodyOut) {
  OnTheirWay on_their_way;
  const SteadyTime start{1h};
  for (int i = 0; i < 100; ++i) on_their_way.Begin(start);
  EXPECT_EQ(on_their_way.Count(start + 200ms), 100u);
  EXPECT_EQ(on_their_way.Count(start + 201ms), 0u);
  // One that comes late takes no other with it.
  on_their_way.Begin(start + 300ms);
  on_their_way.End(start, start + 301ms);
  EXPECT_EQ(on_their_way.Count(start + 301ms), 1u);
}

}  // namespace
}  // namespace tamiz::server
