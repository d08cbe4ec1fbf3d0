#include "core/scan/idempotency.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/scan/fakes.h"

namespace tamiz::scan {
namespace {

using std::chrono::seconds;

class AnswerCacheTest : public ::testing::Test {
 protected:
  static AnswerCache::Request Named(const std::string& id, const std::string& options = "o",
                                    std::uint64_t generation = 1) {
    return {id, options, generation};
  }
  static std::function<StatusOr<std::string>()> Content(const std::string& content) {
    return [content]() -> StatusOr<std::string> { return content; };
  }
  AnswerCache::Begun Begin(AnswerCache& cache, const AnswerCache::Request& request,
                           const std::string& content) {
    auto begun = cache.Begin(request, CallContext(), Content(content));
    EXPECT_TRUE(begun.ok());
    return *std::move(begun);
  }
  // Works out and remembers an answer.
  void Answer(AnswerCache& cache, const std::string& id, const std::string& content, std::size_t hashes = 0) {
    auto begun = Begin(cache, Named(id), content);
    ASSERT_NE(begun.ticket, nullptr);
    ScanOutput output;
    output.scan_id = id + content;
    output.hashes.resize(hashes);
    begun.ticket->Complete(content, output, seconds(60));
  }

  FakeClock clock_;
};

TEST_F(AnswerCacheTest, GivesTheAnswerAgainOnlyToTheSameRequest) {
  AnswerCache cache(clock_);
  Answer(cache, "a", "x");
  auto again = Begin(cache, Named("a"), "x");
  ASSERT_NE(again.replay, nullptr);
  EXPECT_EQ(again.replay->scan_id, "ax");
  EXPECT_NE(Begin(cache, Named("b"), "x").ticket, nullptr);
  EXPECT_EQ(Begin(cache, Named("a", "other"), "x").replay, nullptr);
}

TEST_F(AnswerCacheTest, OtherGenerationOrContentTakesOver) {
  AnswerCache cache(clock_);
  Answer(cache, "a", "x");
  EXPECT_NE(Begin(cache, Named("a", "o", 2), "x").ticket, nullptr);
  Answer(cache, "a", "x");
  EXPECT_NE(Begin(cache, Named("a"), "y").ticket, nullptr);
}

TEST_F(AnswerCacheTest, AClockThatIsSetNeitherEndsNorProlongsAnAnswer) {
  AnswerCache cache(clock_);
  Answer(cache, "a", "x");
  clock_.SetWall(std::chrono::hours(24 * 3650));
  EXPECT_NE(Begin(cache, Named("a"), "x").replay, nullptr);
  clock_.SetWall(-2 * std::chrono::hours(24 * 3650));
  clock_.Advance(seconds(59));
  EXPECT_NE(Begin(cache, Named("a"), "x").replay, nullptr);
  clock_.Advance(seconds(2));
  EXPECT_EQ(Begin(cache, Named("a"), "x").replay, nullptr);
}

TEST_F(AnswerCacheTest, ContentIsNotAskedForWhileTheIdIsUnknown) {
  AnswerCache cache(clock_);
  auto begun = cache.Begin(Named("a"), CallContext(), []() -> StatusOr<std::string> {
    ADD_FAILURE() << "asked for content";
    return std::string();
  });
  EXPECT_TRUE(begun.ok());
}

TEST_F(AnswerCacheTest, AbandonedRequestIsWorkedOutByTheNext) {
  AnswerCache cache(clock_);
  Begin(cache, Named("a"), "x");  // its ticket is dropped
  EXPECT_NE(Begin(cache, Named("a"), "x").ticket, nullptr);
}

TEST_F(AnswerCacheTest, WaitingEndsWithTheCaller) {
  AnswerCache cache(clock_);
  const auto first = Begin(cache, Named("a"), "x");
  std::stop_source stop;
  CallContext context;
  context.stop = stop.get_token();
  Status status;
  std::jthread waiting([&] { status = cache.Begin(Named("a"), context, Content("x")).status(); });
  stop.request_stop();
  waiting.join();
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
}

TEST_F(AnswerCacheTest, OtherOptionsUnderAPendingIdDoNotWait) {
  AnswerCache cache(clock_);
  const auto first = Begin(cache, Named("a"), "x");
  const auto second = Begin(cache, Named("a", "other"), "x");
  EXPECT_EQ(second.ticket, nullptr);
  EXPECT_EQ(second.replay, nullptr);
}

TEST_F(AnswerCacheTest, ForgetsAfterItsTime) {
  AnswerCache cache(clock_);
  Answer(cache, "a", "x");
  clock_.Advance(seconds(61));
  EXPECT_NE(Begin(cache, Named("a"), "x").ticket, nullptr);
}

TEST_F(AnswerCacheTest, TheAnswerUsedLongestAgoGoesFirst) {
  AnswerCache cache(clock_, {.max_answers = 2, .max_bytes = 1 << 20});
  Answer(cache, "a", "x");
  Answer(cache, "b", "x");
  EXPECT_NE(Begin(cache, Named("a"), "x").replay, nullptr);
  Answer(cache, "c", "x");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_NE(Begin(cache, Named("a"), "x").replay, nullptr);
  EXPECT_EQ(Begin(cache, Named("b"), "x").replay, nullptr);
}

TEST_F(AnswerCacheTest, BytesAreBounded) {
  AnswerCache cache(clock_, {.max_answers = 1000, .max_bytes = 64 << 10});
  for (int i = 0; i < 100; ++i) Answer(cache, std::to_string(i), "x", 10);
  EXPECT_LT(cache.size(), 20u);
  EXPECT_GT(cache.size(), 1u);
  // One that is a large part of the bound is not kept at all.
  Answer(cache, "large", "x", 1000);
  EXPECT_NE(Begin(cache, Named("large"), "x").ticket, nullptr);
}

TEST_F(AnswerCacheTest, ClearForgetsAndLateAnswersAreDropped) {
  AnswerCache cache(clock_);
  Answer(cache, "a", "x");
  auto pending = Begin(cache, Named("b"), "x");
  cache.Clear();
  EXPECT_NE(Begin(cache, Named("a"), "x").ticket, nullptr);
  pending.ticket->Complete("x", ScanOutput(), seconds(60));
  EXPECT_NE(Begin(cache, Named("b"), "x").ticket, nullptr);
}

}  // namespace
}  // namespace tamiz::scan
