#include "core/work/compute_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace tamiz::work {
namespace {

TEST(ComputePool, RunsEveryTaskOfEveryGroup) {
  ComputePool pool(2);
  std::vector<std::jthread> drivers;
  std::atomic<int> sum = 0;
  for (int g = 0; g < 8; ++g) {
    drivers.emplace_back([&pool, &sum] {
      for (int round = 0; round < 20; ++round) {
        int mine = 0;  // plain: Wait orders the tasks' writes before our reads
        std::atomic<int> parts = 0;
        {
          ComputePool::Group group(pool, 3);
          for (int i = 0; i < 50; ++i) group.Run([&parts] { ++parts; });
          group.Wait();
          mine = parts;
          group.Run([&mine] { ++mine; });  // usable again after Wait
        }
        EXPECT_EQ(mine, 51);
        sum += mine;
      }
    });
  }
  drivers.clear();
  EXPECT_EQ(sum, 8 * 20 * 51);
}

TEST(ComputePool, RunBlocksWhileTooManyTasksWait) {
  ComputePool pool(1);
  std::latch began(1);
  std::promise<void> release;
  std::atomic<int> handed_over = 0;
  ComputePool::Group group(pool, 2);
  group.Run([&] {
    began.count_down();
    release.get_future().wait();
  });
  began.wait();
  group.Run([] {});
  group.Run([] {});
  std::atomic<bool> released = false;
  // Runs only when the blocked task lets go, which is the only way for the fourth Run to return.
  std::jthread opener([&] {
    while (handed_over == 0) std::this_thread::yield();
    released = true;
    release.set_value();
  });
  handed_over = 1;
  group.Run([] {});
  EXPECT_TRUE(released);
}

TEST(ComputePool, GroupsTakeTurns) {
  ComputePool pool(1);
  std::latch began(1);
  std::promise<void> release;
  ComputePool::Group blocker(pool);
  blocker.Run([&] {
    began.count_down();
    release.get_future().wait();
  });
  began.wait();
  std::string order;  // written by the pool's one thread, read after Wait
  ComputePool::Group video(pool, 100), picture(pool, 100);
  for (int i = 0; i < 5; ++i) video.Run([&] { order += 'v'; });
  for (int i = 0; i < 2; ++i) picture.Run([&] { order += 'p'; });
  release.set_value();
  video.Wait();
  picture.Wait();
  EXPECT_EQ(order, "vpvpvvv");
}

TEST(ComputePool, TasksAreDestroyedBeforeWaitReturns) {
  ComputePool pool(2);
  for (int i = 0; i < 200; ++i) {
    auto held = std::make_shared<int>(i);
    const std::weak_ptr<int> watch = held;
    ComputePool::Group group(pool);
    group.Run([held = std::move(held)] {});
    group.Wait();
    ASSERT_TRUE(watch.expired());
  }
}

TEST(ComputePool, AcceptsMoveOnlyTasks) {
  ComputePool pool(1);
  int got = 0;
  ComputePool::Group group(pool);
  group.Run([&got, seven = std::make_unique<int>(7)] { got = *seven; });
  group.Wait();
  EXPECT_EQ(got, 7);
}

TEST(ComputePool, AZeroBoundStillLetsOneTaskWait) {
  ComputePool pool(1);
  std::atomic<int> ran = 0;
  ComputePool::Group group(pool, 0);
  for (int i = 0; i < 10; ++i) group.Run([&] { ++ran; });
  group.Wait();
  EXPECT_EQ(ran, 10);
}

TEST(ComputePool, UsesAllItsThreads) {
  ComputePool pool(3);
  ASSERT_EQ(pool.threads(), 3u);
  std::latch all_at_once(3);  // opens only if three tasks of one group run at the same time
  ComputePool::Group group(pool, 3);
  for (int i = 0; i < 3; ++i) group.Run([&] { all_at_once.arrive_and_wait(); });
  group.Wait();
}

TEST(ComputePool, DefaultsToOneThreadACore) {
  EXPECT_EQ(ComputePool().threads(), std::max(1u, std::thread::hardware_concurrency()));
}

TEST(ComputePool, HandsOverWithoutLosingWakeUps) {
  ComputePool pool(2);
  ComputePool::Group group(pool, 1);
  std::uint64_t count = 0;
  for (int i = 0; i < 20'000; ++i) {
    group.Run([&count] { ++count; });
    group.Wait();
  }
  EXPECT_EQ(count, 20'000u);
}

}  // namespace
}  // namespace tamiz::work
