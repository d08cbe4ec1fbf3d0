#include "core/lists/exceptions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::lists {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

const WallTime kNow{1'700'000'000s};

Hold HoldOn(HoldKind kind, const std::string& entry, std::optional<WallTime> until = {}) {
  return {.kind = kind, .entry_id = entry, .reason = "why", .actor = "who", .since = kNow, .until = until};
}

TEST(Exceptions, DisablingEndsByItselfOrByHand) {
  Exceptions exceptions;
  ASSERT_TRUE(exceptions.Put(HoldOn(HoldKind::kDisabled, "b", kNow + 1h)).ok());
  ASSERT_TRUE(exceptions.Put(HoldOn(HoldKind::kDisabled, "a")).ok());
  EXPECT_TRUE(exceptions.IsDisabled("a", kNow));
  EXPECT_TRUE(exceptions.IsDisabled("b", kNow));
  EXPECT_FALSE(exceptions.IsDisabled("b", kNow + 1h));
  EXPECT_FALSE(exceptions.IsDisabled("c", kNow));
  EXPECT_EQ(exceptions.Count(HoldKind::kDisabled, kNow), 2u);
  EXPECT_EQ(exceptions.Count(HoldKind::kDisabled, kNow + 1h), 1u);
  EXPECT_TRUE(exceptions.Remove(HoldKind::kDisabled, "a", kNow, "wrong", "somebody"));
  EXPECT_FALSE(exceptions.Remove(HoldKind::kDisabled, "a", kNow, "", ""));
  EXPECT_FALSE(exceptions.IsDisabled("a", kNow));
  ASSERT_THAT(exceptions.events(), SizeIs(3));
  EXPECT_EQ(exceptions.events()[0].what, "enable");
  EXPECT_EQ(exceptions.events()[0].actor, "somebody");
  EXPECT_EQ(exceptions.events()[1].what, "disable");
  EXPECT_EQ(exceptions.events()[1].entry_id, "a");
}

TEST(Exceptions, ABreakerOfTheListCoversAllEntries) {
  Exceptions exceptions;
  ASSERT_TRUE(exceptions.Put(HoldOn(HoldKind::kBreaker, "a")).ok());
  EXPECT_NE(exceptions.TrippedBreaker("a"), nullptr);
  EXPECT_EQ(exceptions.TrippedBreaker("b"), nullptr);
  EXPECT_FALSE(exceptions.IsDisabled("a", kNow));
  ASSERT_TRUE(exceptions.Put(HoldOn(HoldKind::kBreaker, "")).ok());
  EXPECT_NE(exceptions.TrippedBreaker("b"), nullptr);
  EXPECT_TRUE(exceptions.Remove(HoldKind::kBreaker, "", kNow, "", ""));
  EXPECT_EQ(exceptions.TrippedBreaker("b"), nullptr);
}

TEST(Exceptions, AreBounded) {
  Exceptions exceptions;
  for (std::size_t i = 0; i < Exceptions::kMaxHolds; ++i) {
    ASSERT_TRUE(exceptions.Put(HoldOn(HoldKind::kBreaker, fmt::format("e{}", i))).ok());
  }
  EXPECT_EQ(Reason(exceptions.Put(HoldOn(HoldKind::kDisabled, "x"))), "TOO_MANY_HOLDS");
  ASSERT_TRUE(exceptions.Put(HoldOn(HoldKind::kBreaker, "x")).ok());
  EXPECT_NE(exceptions.Find(HoldKind::kBreaker, ""), nullptr) << "the whole list instead";
  EXPECT_THAT(exceptions.events(), SizeIs(Exceptions::kMaxEvents));
  Hold hold = HoldOn(HoldKind::kDisabled, "e1");
  hold.reason = std::string(2000, 'x');
  EXPECT_EQ(Field(exceptions.Put(hold)), "reason");
}

TEST(BreakerPolicy, HasLimits) {
  EXPECT_TRUE(BreakerPolicy().Validate().ok());
  EXPECT_EQ(Field(BreakerPolicy{.entry_hits = 1'000'001}.Validate()), "policy.breaker.entry_hits");
  EXPECT_EQ(Field(BreakerPolicy{.window = 1s}.Validate()), "policy.breaker.window");
}

}  // namespace
}  // namespace tamiz::lists
