#include "server/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ReadinessTest, ReadyMeansNoProblem) {
  Readiness readiness;
  EXPECT_THAT(readiness.Problems(), IsEmpty());
  readiness.Set("store", "disk full");
  readiness.Set("lists", "a: damaged");
  EXPECT_THAT(readiness.Problems(), ElementsAre("lists: a: damaged", "store: disk full"));
  readiness.Set("lists", "");
  readiness.Set("store", "");
  EXPECT_THAT(readiness.Problems(), IsEmpty());
}

TEST(ReadinessTest, ListenerHearsChangesOfReadinessOnly) {
  Readiness readiness;
  readiness.Set("self-test", "has not run yet");
  std::vector<bool> heard;
  readiness.OnChange([&](bool ready) { heard.push_back(ready); });
  readiness.Set("self-test", "failed");
  readiness.Set("store", "gone");
  readiness.Set("store", "");
  readiness.Set("self-test", "");
  readiness.Set("draining", "yes");
  EXPECT_THAT(heard, ElementsAre(false, true, false));
}

TEST(ReadinessTest, WarningsAreSaidAndChangeNothing) {
  Readiness readiness;
  std::vector<bool> heard;
  readiness.OnChange([&](bool ready) { heard.push_back(ready); });
  readiness.Warn("store", "gone");
  EXPECT_THAT(readiness.Problems(), IsEmpty());
  EXPECT_THAT(readiness.Warnings(), ElementsAre("store: gone"));
  readiness.Set("lists", "a: damaged");
  readiness.Set("lists", "");
  readiness.Warn("store", "");
  EXPECT_THAT(readiness.Warnings(), IsEmpty());
  EXPECT_THAT(heard, ElementsAre(true, false, true));
}

}  // namespace
}  // namespace tamiz::server
