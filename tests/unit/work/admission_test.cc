#include "core/work/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tamiz::work {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// A task that says when it runs and then waits to be let go.
class Blocker {
 public:
  Task task() {
    return [this] {
      began_.count_down();
      released_.get_future().wait();
    };
  }
  void AwaitBegin() { began_.wait(); }
  void Release() { released_.set_value(); }

 private:
  std::latch began_{1};
  std::promise<void> released_;
};

// Time that passes when told to.
class FakeClock final : public Clock {
 public:
  SteadyTime Now() const override { return SteadyTime(ns_.load()); }
  WallTime WallNow() const override { return {}; }
  void Advance(std::chrono::nanoseconds by) { ns_.store(ns_.load() + by); }

 private:
  std::atomic<std::chrono::nanoseconds> ns_{std::chrono::nanoseconds(0)};
};

TEST(Admission, RunsWhatItAdmits) {
  std::atomic<int> ran = 0;
  {
    Admission admission({.max_running = 3, .max_queued = 100});
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(admission.Submit(Lane::kLive, [&ran] { ++ran; }).ok());
  }
  EXPECT_EQ(ran, 100);
}

TEST(Admission, AcceptsMoveOnlyTasks) {
  std::promise<int> answer;
  Admission admission({.max_running = 1});
  ASSERT_TRUE(
      admission.Submit(Lane::kLive, [&answer, seven = std::make_unique<int>(7)] { answer.set_value(*seven); })
          .ok());
  EXPECT_EQ(answer.get_future().get(), 7);
}

TEST(Admission, DefaultsToTwiceTheCores) {
  Admission admission({});
  EXPECT_EQ(admission.gauges().max_running, 2 * std::max(1u, std::thread::hardware_concurrency()));
  EXPECT_EQ(admission.gauges().max_queued, 64u);
}

TEST(Admission, RefusesAtOnceWithReasonAndDelayWhenTheQueueIsFull) {
  Blocker blocker;
  std::atomic<int> ran = 0;
  Admission admission({.max_running = 1, .max_queued = 2, .max_queued_bulk = 0});
  ASSERT_TRUE(admission.Submit(Lane::kLive, blocker.task()).ok());
  blocker.AwaitBegin();
  ASSERT_TRUE(admission.Submit(Lane::kLive, [&] { ++ran; }).ok());
  ASSERT_TRUE(admission.Submit(Lane::kLive, [&] { ++ran; }).ok());
  const Status refused = admission.Submit(Lane::kLive, [&] { ++ran; });
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused), "SCAN_QUEUE_FULL");
  ASSERT_TRUE(RetryDelay(refused).has_value());
  EXPECT_GE(*RetryDelay(refused), 50ms);
  EXPECT_LE(*RetryDelay(refused), 30s);
  EXPECT_THAT(Message(refused), ::testing::HasSubstr("1 running, 2 waiting"));
  // Bulk has a queue of its own, which is of no length here.
  EXPECT_EQ(Reason(admission.Submit(Lane::kBulk, [&] { ++ran; })), "SCAN_QUEUE_FULL");
  const Admission::Gauges gauges = admission.gauges();
  EXPECT_EQ(gauges.running, 1u);
  EXPECT_EQ(gauges.queued_live, 2u);
  EXPECT_EQ(gauges.queued_bulk, 0u);
  blocker.Release();
  EXPECT_TRUE(admission.Drain(std::chrono::steady_clock::time_point::max()));
  EXPECT_EQ(ran, 2);
}

TEST(Admission, SaysBeforehandWhatSubmitWouldSay) {
  Blocker a, b;
  Admission admission({.max_running = 2, .max_queued = 1, .max_queued_bulk = 1});
  EXPECT_TRUE(admission.WouldTake(Lane::kLive, 2).ok());
  EXPECT_EQ(Reason(admission.WouldTake(Lane::kLive, 3)), "SCAN_QUEUE_FULL")
      << "two slots and one place to wait";
  EXPECT_TRUE(admission.WouldTake(Lane::kBulk, 1).ok());
  EXPECT_FALSE(admission.WouldTake(Lane::kBulk, 2).ok()) << "bulk never has the last slot";
  ASSERT_TRUE(admission.Submit(Lane::kLive, a.task()).ok());
  ASSERT_TRUE(admission.Submit(Lane::kLive, b.task()).ok());
  a.AwaitBegin();
  b.AwaitBegin();
  EXPECT_TRUE(admission.WouldTake(Lane::kLive, 0).ok());
  ASSERT_TRUE(admission.Submit(Lane::kLive, [] {}).ok());
  const Status refused = admission.WouldTake(Lane::kLive, 0);
  EXPECT_EQ(Message(refused), Message(admission.Submit(Lane::kLive, [] {})));
  EXPECT_TRUE(RetryDelay(refused).has_value());
  EXPECT_TRUE(admission.WouldTake(Lane::kBulk, 0).ok()) << "its own queue has room";
  a.Release();
  b.Release();
  EXPECT_TRUE(admission.Drain(std::chrono::steady_clock::time_point::max()));
  EXPECT_EQ(Reason(admission.WouldTake(Lane::kLive, 0)), "DRAINING");
}

TEST(Admission, WithoutAQueueStillFillsEverySlot) {
  Blocker a, b;
  Admission admission({.max_running = 2, .max_queued = 0, .max_queued_bulk = 0});
  ASSERT_TRUE(admission.Submit(Lane::kLive, a.task()).ok());
  // Accepted whether or not the first task's thread has woken up.
  ASSERT_TRUE(admission.Submit(Lane::kLive, b.task()).ok());
  EXPECT_EQ(admission.Submit(Lane::kLive, [] {}).code(), StatusCode::kResourceExhausted);
  a.Release();
  b.Release();
}

TEST(Admission, EstimatesTheRetryDelayFromRunTimes) {
  FakeClock clock;
  Blocker first, second;
  Admission admission({.max_running = 1, .max_queued = 3}, clock);
  // One task of 2 s; before it ended nothing was known.
  ASSERT_TRUE(admission.Submit(Lane::kLive, first.task()).ok());
  first.AwaitBegin();
  ASSERT_TRUE(admission.Submit(Lane::kLive, second.task()).ok());
  clock.Advance(2s);
  first.Release();
  second.AwaitBegin();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(admission.Submit(Lane::kLive, [] {}).ok());
  // Three wait and this one: 4 times 2 s on one thread.
  EXPECT_EQ(RetryDelay(admission.Submit(Lane::kLive, [] {})), 8000ms);
  second.Release();
}

TEST(Admission, RefusesAtOnceWhatCouldOnlyBeginTooLate) {
  FakeClock clock;
  Blocker first, second;
  Admission admission({.max_running = 1, .max_queued = 10}, clock);
  ASSERT_TRUE(admission.Submit(Lane::kLive, first.task(), clock.Now()).ok()) << "a slot is free";
  first.AwaitBegin();
  // Nothing is known of run times yet.
  ASSERT_TRUE(admission.Submit(Lane::kLive, second.task(), clock.Now()).ok());
  clock.Advance(2s);
  first.Release();
  second.AwaitBegin();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(admission.Submit(Lane::kLive, [] {}).ok());
  // Three of about 2 s each wait.
  EXPECT_TRUE(admission.WouldTake(Lane::kLive, 0, clock.Now() + 6s).ok());
  const Status late = admission.Submit(
      Lane::kLive, [] {}, clock.Now() + 5s);
  EXPECT_EQ(late.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(late), "SCAN_QUEUE_TOO_SLOW");
  EXPECT_EQ(RetryDelay(late), 8000ms);
  EXPECT_EQ(Reason(admission.WouldTake(Lane::kLive, 0, clock.Now() + 5s)), "SCAN_QUEUE_TOO_SLOW");
  EXPECT_EQ(Reason(admission.WouldTake(Lane::kLive, 1, clock.Now() + 7s)), "SCAN_QUEUE_TOO_SLOW");
  EXPECT_TRUE(admission.Submit(Lane::kLive, [] {}).ok()) << "who has no deadline waits";
  second.Release();
}

TEST(Admission, KeepsTheRetryDelayWithinBounds) {
  FakeClock clock;
  Blocker slow, after;
  Admission admission({.max_running = 1, .max_queued = 0, .max_queued_bulk = 1}, clock);
  ASSERT_TRUE(admission.Submit(Lane::kLive, slow.task()).ok());
  slow.AwaitBegin();
  clock.Advance(1h);
  // Bulk, so that it can wait and begins when the slow one has been counted.
  ASSERT_TRUE(admission.Submit(Lane::kBulk, after.task()).ok());
  slow.Release();
  after.AwaitBegin();
  EXPECT_EQ(RetryDelay(admission.Submit(Lane::kLive, [] {})), 30s);
  after.Release();

  FakeClock still;  // tasks that take no time at all
  Blocker quick, next;
  Admission fast({.max_running = 1, .max_queued = 0, .max_queued_bulk = 1}, still);
  ASSERT_TRUE(fast.Submit(Lane::kLive, quick.task()).ok());
  quick.AwaitBegin();
  ASSERT_TRUE(fast.Submit(Lane::kBulk, next.task()).ok());
  quick.Release();
  next.AwaitBegin();
  EXPECT_EQ(RetryDelay(fast.Submit(Lane::kLive, [] {})), 50ms);
  next.Release();
}

// Order of a lane-labelled sequence on one thread, all queued behind a blocker.
std::string OrderOf(const std::vector<Lane>& submitted) {
  Blocker blocker;
  std::string order;  // written by the one thread only, read after the drain
  Admission admission({.max_running = 1, .max_queued = 1000, .max_queued_bulk = 1000});
  EXPECT_TRUE(admission.Submit(Lane::kLive, blocker.task()).ok());
  blocker.AwaitBegin();
  for (const Lane lane : submitted) {
    EXPECT_TRUE(admission.Submit(lane, [&order, lane] { order += lane == Lane::kLive ? 'L' : 'b'; }).ok());
  }
  blocker.Release();
  EXPECT_TRUE(admission.Drain(std::chrono::steady_clock::time_point::max()));
  return order;
}

TEST(Admission, RunsLiveBeforeBulk) {
  using enum Lane;
  EXPECT_EQ(OrderOf({kBulk, kBulk, kLive, kBulk, kLive}), "LLbbb");
}

TEST(Admission, BulkHasItsTurnUnderConstantLiveLoad) {
  std::vector<Lane> submitted(2, Lane::kBulk);
  submitted.resize(22, Lane::kLive);
  EXPECT_EQ(OrderOf(submitted), "LLLLLLLLbLLLLLLLLbLLLL");
}

TEST(Admission, BulkNeverHoldsTheLastSlot) {
  Blocker bulk_a, bulk_b, live;
  Admission admission({.max_running = 2});
  ASSERT_TRUE(admission.Submit(Lane::kBulk, bulk_a.task()).ok());
  ASSERT_TRUE(admission.Submit(Lane::kBulk, bulk_b.task()).ok());
  bulk_a.AwaitBegin();
  EXPECT_EQ(admission.gauges().running, 1u);
  EXPECT_EQ(admission.gauges().queued_bulk, 1u);
  // A live task begins although bulk waits longer.
  ASSERT_TRUE(admission.Submit(Lane::kLive, live.task()).ok());
  live.AwaitBegin();
  live.Release();
  bulk_a.Release();
  bulk_b.AwaitBegin();
  bulk_b.Release();
}

TEST(Admission, DrainRefusesAndWaits) {
  Blocker blocker;
  std::atomic<bool> queued_ran = false;
  Admission admission({.max_running = 1});
  ASSERT_TRUE(admission.Submit(Lane::kLive, blocker.task()).ok());
  blocker.AwaitBegin();
  ASSERT_TRUE(admission.Submit(Lane::kBulk, [&] { queued_ran = true; }).ok());
  EXPECT_FALSE(admission.Drain(std::chrono::steady_clock::now()));
  const Status refused = admission.Submit(Lane::kLive, [] {});
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_EQ(Reason(refused), "DRAINING");
  blocker.Release();
  EXPECT_TRUE(admission.Drain(std::chrono::steady_clock::now() + 1min));
  EXPECT_TRUE(queued_ran);
  EXPECT_EQ(admission.gauges().running, 0u);
}

TEST(Admission, FreesWhatATaskHeldBeforeItsSlot) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  Admission admission({.max_running = 1});
  ASSERT_TRUE(admission.Submit(Lane::kLive, [held = std::move(held)] {}).ok());
  EXPECT_TRUE(admission.Drain(std::chrono::steady_clock::time_point::max()));
  EXPECT_TRUE(watch.expired());
}

TEST(Admission, NeverRunsMoreThanItMayFromManySubmitters) {
  constexpr std::uint32_t kRunning = 3;
  std::atomic<std::uint32_t> now = 0, most = 0, ran = 0;
  std::atomic<std::uint32_t> accepted = 0, refused = 0;
  {
    Admission admission({.max_running = kRunning, .max_queued = 5, .max_queued_bulk = 5});
    std::vector<std::jthread> submitters;
    for (int t = 0; t < 4; ++t) {
      submitters.emplace_back([&, t] {
        for (int i = 0; i < 500; ++i) {
          const Status status = admission.Submit((t + i) % 3 == 0 ? Lane::kBulk : Lane::kLive, [&] {
            const std::uint32_t running = ++now;
            std::uint32_t seen = most;
            while (running > seen && !most.compare_exchange_weak(seen, running)) {
            }
            std::this_thread::yield();
            ++ran;
            --now;
          });
          ++(status.ok() ? accepted : refused);
        }
      });
    }
  }
  EXPECT_EQ(accepted + refused, 2000u);
  EXPECT_EQ(ran, accepted);
  EXPECT_LE(most, kRunning);
}

}  // namespace
}  // namespace tamiz::work
