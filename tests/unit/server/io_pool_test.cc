#include "server/io_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace tamiz::server {
namespace {

TEST(IoPoolTest, RefusesWhenFullAndSaysWhenToTryAgain) {
  std::latch begun(1);
  std::latch release(1);
  std::atomic<int> ran{0};
  {
    IoPool pool("upload", 1, 2);
    ASSERT_TRUE(pool.Submit([&] {
                      begun.count_down();
                      release.wait();
                      ++ran;
                    })
                    .ok());
    begun.wait();
    ASSERT_TRUE(pool.Submit([&] { ++ran; }).ok());
    ASSERT_TRUE(pool.Submit([&] { ++ran; }).ok());
    const Status refused = pool.Submit([&] { ++ran; });
    EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(Reason(refused), "IO_QUEUE_FULL");
    EXPECT_TRUE(RetryDelay(refused).has_value());
    release.count_down();
  }
  EXPECT_EQ(ran, 3);  // what was taken ran before the pool went
}

}  // namespace
}  // namespace tamiz::server
