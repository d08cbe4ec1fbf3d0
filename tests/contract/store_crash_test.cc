// What is left when the process dies in the middle of an import.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/lists/content_digest.h"
#include "tests/contract/store_under_test.h"

namespace tamiz::store {
namespace {

lists::Entry MakeEntry(std::uint64_t number, std::size_t frames) {
  lists::Entry entry;
  entry.id = fmt::format("{:08}", number);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    std::vector<std::uint8_t> value(32);
    for (std::size_t i = 0; i < 32; ++i)
      value[i] = static_cast<std::uint8_t>(number * 31 + frame * 7 + i * i);
    entry.hashes.push_back(
        {.type = lists::HashType::kPdq, .value = std::move(value), .time_ms = 1000 * frame});
  }
  return entry;
}

std::string DigestNow(Store& store) {
  lists::ContentDigest digest;
  const Status status = store.ForEachEntry("list", 0, [&](lists::Entry&& entry) {
    digest.AddCanonical(entry);
    return OkStatus();
  });
  EXPECT_TRUE(status.ok()) << Message(status);
  return digest.Finish();
}

TEST(SqliteCrash, KilledInTheMiddleOfAnImportTheOldVersionAnswers) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "tamiz.db";
  const std::filesystem::path log = folder.path() / "tamiz.db-wal";
  ChangeCounts counts;
  std::string digest_before;
  {
    auto store = OpenSqliteStore({.path = path});
    ASSERT_TRUE(store.ok()) << Message(store.status());
    lists::ListInfo info;
    info.list_id = info.name = "list";
    ASSERT_TRUE((*store)->CreateList(info).ok());
    Change change{.what = "import"};
    for (std::uint64_t i = 0; i < 100; ++i) change.upserts.push_back(MakeEntry(i, 1));
    ASSERT_TRUE((*store)->Apply("list", change, false, counts).ok());
    digest_before = (*store)->GetList("list")->digest;
  }
  // Made before the fork. About 120 MB: more than the page cache, so that pages reach the log before the
  // commit.
  Change big{.what = "import"};
  for (std::uint64_t i = 0; i < 60'000; ++i) big.upserts.push_back(MakeEntry(i, 40));

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = OpenSqliteStore({.path = path});
    if (!store.ok()) ::_exit(2);
    ChangeCounts ignored;
    const auto applied = (*store)->Apply("list", big, false, ignored);
    ::_exit(applied.ok() ? 0 : 3);
  }
  // Half of what is to come is in the log: the transaction is under way and not committed.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::error_code error;
  std::uintmax_t written = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    written = std::filesystem::file_size(log, error);
    if (!error && written > (20u << 20)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the import ended before it was killed, with " << status;
  ASSERT_GT(written, 20u << 20);

  auto store = OpenSqliteStore({.path = path});
  ASSERT_TRUE(store.ok()) << Message(store.status());
  const auto list = (*store)->GetList("list");
  ASSERT_TRUE(list.ok()) << Message(list.status());
  EXPECT_EQ(list->version, 1u);
  EXPECT_EQ(list->entry_count, 100u);
  EXPECT_EQ(list->digest, digest_before);
  EXPECT_EQ(DigestNow(**store), digest_before);
  // And it can be written again, as if nothing had been.
  ASSERT_TRUE((*store)->Apply("list", big, false, counts).ok());
  EXPECT_EQ(counts.added, 60'000u - 100);
  EXPECT_EQ(counts.updated, 100u);
  EXPECT_EQ((*store)->GetList("list")->digest, DigestNow(**store));
}

}  // namespace
}  // namespace tamiz::store
