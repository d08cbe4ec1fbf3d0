#include "cli/matches.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace tamiz::cli {
namespace {

TEST(ExitCode, OneForEachVerdict) {
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_NO_KNOWN_MATCH), 0);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_MATCH), 10);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_POSSIBLE_MATCH), 11);
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_INCOMPLETE), 12);
}

TEST(ExitCode, WhatTheClientDoesNotKnowIsNeverClean) {
  EXPECT_EQ(ExitCodeOf(v1::VERDICT_UNSPECIFIED), 1);
  EXPECT_EQ(ExitCodeOf(static_cast<v1::Verdict>(99)), 1);
  EXPECT_EQ(Worse(77, 78), 1);
}

TEST(ExitCode, TheWorstOfSeveral) {
  const int order[] = {kError, kMatch, kPossibleMatch, kIncomplete, kNoKnownMatch};
  for (std::size_t i = 0; i < std::size(order); ++i) {
    for (std::size_t k = i; k < std::size(order); ++k) {
      EXPECT_EQ(Worse(order[i], order[k]), order[i]);
      EXPECT_EQ(Worse(order[k], order[i]), order[i]);
    }
  }
}

}  // namespace
}  // namespace tamiz::cli
