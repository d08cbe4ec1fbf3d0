#include "server/quota.h"

#include <gtest/gtest.h>

#include "tests/unit/scan/fakes.h"

namespace tamiz::server {
namespace {

using namespace std::chrono_literals;

class QuotaTest : public testing::Test {
 protected:
  scan::FakeClock clock_;
};

TEST_F(QuotaTest, WithoutLimitsEverythingGoes) {
  Quota quota({}, clock_);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(quota.BeginCall().ok());
  quota.AddBytes(1ull << 40);
  EXPECT_TRUE(quota.TakeOne().ok());
}

TEST_F(QuotaTest, ARateAllowsABurstOfOneSecondAndFillsUpWithTime) {
  Quota quota({.calls_per_second = 4}, clock_);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(quota.BeginCall().ok());
  const Status refused = quota.BeginCall();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused), "QUOTA_CALLS_PER_SECOND");
  EXPECT_EQ(RetryDelay(refused), 250ms);
  clock_.Advance(250ms);
  EXPECT_TRUE(quota.TakeOne().ok());
  EXPECT_FALSE(quota.TakeOne().ok());
  clock_.Advance(1h);  // no more than a second's worth is saved up
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(quota.TakeOne().ok());
  EXPECT_FALSE(quota.TakeOne().ok());
}

TEST_F(QuotaTest, AClockThatIsSetGivesNothingAndTakesNothing) {
  Quota quota({.calls_per_second = 2}, clock_);
  EXPECT_TRUE(quota.TakeOne().ok());
  EXPECT_TRUE(quota.TakeOne().ok());
  clock_.SetWall(24h);
  EXPECT_FALSE(quota.TakeOne().ok());
  clock_.SetWall(-48h);
  clock_.Advance(500ms);
  EXPECT_TRUE(quota.TakeOne().ok());
  EXPECT_FALSE(quota.TakeOne().ok());
}

TEST_F(QuotaTest, CallsInFlightAreGivenBack) {
  Quota quota({.calls_in_flight = 2}, clock_);
  EXPECT_TRUE(quota.BeginCall().ok());
  EXPECT_TRUE(quota.BeginCall().ok());
  const Status refused = quota.BeginCall();
  EXPECT_EQ(Reason(refused), "QUOTA_CALLS_IN_FLIGHT");
  EXPECT_TRUE(RetryDelay(refused).has_value());
  quota.EndCall();
  EXPECT_TRUE(quota.BeginCall().ok());
}

TEST_F(QuotaTest, ARefusedCallCostsNothing) {
  Quota quota({.calls_per_second = 2, .calls_in_flight = 1}, clock_);
  EXPECT_TRUE(quota.BeginCall().ok());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Reason(quota.BeginCall()), "QUOTA_CALLS_IN_FLIGHT");
  quota.EndCall();
  EXPECT_TRUE(quota.BeginCall().ok());
}

TEST_F(QuotaTest, BytesAreOverdrawnByOneCallAndPaidOffBeforeTheNext) {
  Quota quota({.bytes_per_second = 1000}, clock_);
  EXPECT_TRUE(quota.BeginCall().ok());
  quota.AddBytes(3000);
  const Status refused = quota.BeginCall();
  EXPECT_EQ(Reason(refused), "QUOTA_BYTES_PER_SECOND");
  EXPECT_EQ(RetryDelay(refused), 2000ms);
  clock_.Advance(1999ms);
  EXPECT_FALSE(quota.BeginCall().ok());
  clock_.Advance(1ms);
  EXPECT_TRUE(quota.BeginCall().ok());
}

TEST_F(QuotaTest, NewLimitsHoldAtOnceAndKnowWhatRuns) {
  Quota quota({.calls_in_flight = 5}, clock_);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(quota.BeginCall().ok());
  quota.SetLimits({.calls_per_second = 1, .calls_in_flight = 4});
  EXPECT_TRUE(quota.BeginCall().ok());
  EXPECT_EQ(Reason(quota.BeginCall()), "QUOTA_CALLS_IN_FLIGHT");
  quota.EndCall();
  EXPECT_EQ(Reason(quota.BeginCall()), "QUOTA_CALLS_PER_SECOND");
}

}  // namespace
}  // namespace tamiz::server
