#include "server/data_dir_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/base/random_id.h"

namespace tamiz::server {
namespace {

TEST(DataDirLockTest, SecondHolderIsToldWhoHasIt) {
  const auto dir = std::filesystem::temp_directory_path() / ("tamiz-lock-" + NewUuid()) / "data";
  {
    const auto first = DataDirLock::Take(dir);
    ASSERT_TRUE(first.ok()) << Message(first.status());
    const auto second = DataDirLock::Take(dir);
    EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(second.status()), ::testing::HasSubstr(std::to_string(::getpid())));
  }
  EXPECT_TRUE(DataDirLock::Take(dir).ok());
  std::filesystem::remove_all(dir.parent_path());
}

TEST(DataDirLockTest, DirectoryThatCannotBeMadeIsNamed) {
  const auto refused = DataDirLock::Take("/proc/no-such-place");
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Message(refused.status()), ::testing::HasSubstr("/proc/no-such-place"));
}

}  // namespace
}  // namespace tamiz::server
