#include "server/stream_watch.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/scan/fakes.h"

namespace tamiz::server {
namespace {

using namespace std::chrono_literals;

class StreamWatchTest : public testing::Test {
 protected:
  std::unique_ptr<StreamWatch::Stream> MakeStream() {
    return std::make_unique<StreamWatch::Stream>(watch_,
                                                 [this](const Status& status) { ended_.push_back(status); });
  }
  void After(std::chrono::microseconds time) {
    clock_.Advance(time);
    watch_.Look();
  }

  scan::FakeClock clock_;
  StreamWatch watch_{{.idle = 10s, .lifetime = 100s}, clock_, false};
  std::vector<Status> ended_;
};

TEST_F(StreamWatchTest, AStreamThatWaitsTooLongIsEndedOnce) {
  const auto stream = MakeStream();
  stream->Wait();
  After(9s);
  EXPECT_TRUE(ended_.empty());
  After(1s);
  ASSERT_EQ(ended_.size(), 1u);
  EXPECT_EQ(ended_[0].code(), StatusCode::kAborted);
  EXPECT_EQ(Reason(ended_[0]), "STREAM_IDLE");
  After(50s);
  EXPECT_EQ(ended_.size(), 1u);
  EXPECT_FALSE(stream->Resume()) << "whoever comes too late must know";
}

TEST_F(StreamWatchTest, AMessageBeginsTheTimeAgain) {
  const auto stream = MakeStream();
  for (int i = 0; i < 5; ++i) {
    stream->Wait();
    After(9s);
    EXPECT_TRUE(stream->Resume());
  }
  EXPECT_TRUE(ended_.empty());
}

TEST_F(StreamWatchTest, AStreamAtWorkIsLeftAlone) {
  const auto stream = MakeStream();
  stream->Wait();
  EXPECT_TRUE(stream->Resume());
  After(1h);
  EXPECT_TRUE(ended_.empty());
  EXPECT_TRUE(stream->Resume());
}

TEST_F(StreamWatchTest, NoStreamLivesForEver) {
  const auto stream = MakeStream();
  while (ended_.empty()) {
    ASSERT_TRUE(stream->Resume());
    stream->Wait();
    After(9s);
  }
  EXPECT_EQ(ended_[0].code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Reason(ended_[0]), "STREAM_LIFETIME");
}

TEST_F(StreamWatchTest, AStreamThatIsGoneIsForgotten) {
  auto stream = MakeStream();
  stream->Wait();
  stream.reset();
  After(1h);
  EXPECT_TRUE(ended_.empty());
}

}  // namespace
}  // namespace tamiz::server
