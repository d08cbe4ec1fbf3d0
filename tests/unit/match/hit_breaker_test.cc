#include "core/match/hit_breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::match {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class HitBreakerTest : public ::testing::Test {
 protected:
  HitBreakerTest() {
    info_.list_id = "id";
    info_.name = "list";
    info_.policy.breaker = {.entry_hits = 3, .list_hits = 5, .window = 60s};
  }

  std::vector<HitBreaker::Trip> Hit(const std::string& entry, std::uint64_t upload, bool shadow = false) {
    lists::Catalog catalog;
    catalog.lists.push_back(std::make_shared<lists::ListSnapshot>(info_, nullptr, lists::ContentDigest()));
    Conclusion conclusion;
    Match& match = conclusion.matches.emplace_back();
    match.list_id = "id";
    match.list_name = "list";
    match.entry_id = entry;
    match.shadow = shadow;
    return breaker_.Count(conclusion, catalog, upload, now_);
  }

  lists::ListInfo info_;
  HitBreaker breaker_;
  SteadyTime now_{};
};

TEST_F(HitBreakerTest, AnEntryTripsOnceAtItsLimit) {
  EXPECT_THAT(Hit("e", 1), IsEmpty());
  EXPECT_THAT(Hit("e", 2), IsEmpty());
  const auto trips = Hit("e", 3);
  ASSERT_THAT(trips, SizeIs(1));
  EXPECT_EQ(trips[0].list_id, "id");
  EXPECT_EQ(trips[0].entry_id, "e");
  EXPECT_EQ(trips[0].hits, 3u);
  EXPECT_THAT(Hit("e", 4), IsEmpty());
}

TEST_F(HitBreakerTest, TheSameBytesCountOnce) {
  for (int i = 0; i < 100; ++i) EXPECT_THAT(Hit("e", 7), IsEmpty());
}

TEST_F(HitBreakerTest, AListTripsByManyEntries) {
  for (int i = 1; i < 5; ++i)
    EXPECT_THAT(Hit("e" + std::to_string(i), static_cast<std::uint64_t>(i)), IsEmpty());
  const auto trips = Hit("e5", 5);
  ASSERT_THAT(trips, SizeIs(1));
  EXPECT_EQ(trips[0].entry_id, "");
}

TEST_F(HitBreakerTest, WindowsEnd) {
  Hit("e", 1);
  Hit("e", 2);
  now_ += 60s;
  EXPECT_THAT(Hit("e", 3), IsEmpty());
  Hit("e", 4);
  EXPECT_THAT(Hit("e", 5), SizeIs(1));
}

TEST_F(HitBreakerTest, ShadowAndZeroAndTamizsOwnListDoNotCount) {
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_THAT(Hit("e", i, true), IsEmpty());
  info_.built_in = true;
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_THAT(Hit("e", i), IsEmpty());
  info_.built_in = false;
  info_.policy.breaker = {.entry_hits = 0, .list_hits = 0};
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_THAT(Hit("e", i), IsEmpty());
}

TEST_F(HitBreakerTest, ForgettingStartsAnew) {
  info_.policy.breaker.list_hits = 0;
  Hit("e", 1);
  Hit("e", 2);
  breaker_.Forget("id", "e");
  EXPECT_THAT(Hit("e", 3), IsEmpty());
  Hit("e", 4);
  breaker_.Forget("id", "");
  EXPECT_THAT(Hit("e", 5), IsEmpty());
  Hit("e", 6);
  EXPECT_THAT(Hit("e", 7), SizeIs(1));
}

TEST(UploadNumber, IsThatOfTheBytesOrTheHashes) {
  Evidence a, b;
  a.digests.emplace();
  a.digests->sha256.fill(1);
  b = a;
  EXPECT_EQ(UploadNumber(a), UploadNumber(b));
  b.digests->sha256.fill(2);
  EXPECT_NE(UploadNumber(a), UploadNumber(b));
}

}  // namespace
}  // namespace tamiz::match
