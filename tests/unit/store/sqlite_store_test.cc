#include "core/store/sqlite_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "core/store/migrations.h"
#include "tests/unit/store/store_fixture.h"

namespace tamiz::store {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class SqliteStoreTest : public StoreFixture {
 protected:
  SQLite::Database Raw() { return {path(), SQLite::OPEN_READWRITE, 1000}; }
};

TEST_F(SqliteStoreTest, MakesItsFolderAndAFileForItsOwnerOnly) {
  folder_ /= "a";
  {
    auto store = OpenSqliteStore({.path = folder_ / "b" / "tamiz.db"});
    ASSERT_TRUE(store.ok()) << Message(store.status());
    ASSERT_TRUE((*store)->CreateList({.list_id = "i", .name = "n"}).ok());
    for (const char* suffix : {"", "-wal", "-shm"}) {
      struct stat status {};
      ASSERT_EQ(::stat((folder_ / "b" / "tamiz.db").string().append(suffix).c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
    }
    struct stat status {};
    ASSERT_EQ(::stat((folder_ / "b").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
  }
  folder_ = folder_.parent_path();
}

TEST_F(SqliteStoreTest, MigrationsHaveNoGaps) {
  int expected = 1;
  for (const Migration& migration : SqliteMigrations()) EXPECT_EQ(migration.version, expected++);
  { const auto store = Open(); }
  EXPECT_EQ(Raw().execAndGet("PRAGMA user_version").getInt(), expected - 1);
}

TEST_F(SqliteStoreTest, RefusesANewerSchema) {
  { const auto store = Open(); }
  Raw().exec("PRAGMA user_version = 99");
  const auto store = OpenSqliteStore({.path = path()});
  EXPECT_EQ(store.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(store.status()), "STORE_SCHEMA_NEWER");
  EXPECT_THAT(Message(store.status()), HasSubstr(path().string()));
  EXPECT_THAT(Message(store.status()), HasSubstr("schema 99"));
}

TEST_F(SqliteStoreTest, RefusesADatabaseOfAnotherProgram) {
  { SQLite::Database(path(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE x (y)"); }
  const auto store = OpenSqliteStore({.path = path()});
  EXPECT_EQ(Reason(store.status()), "STORE_NOT_OURS");
}

TEST_F(SqliteStoreTest, SaysThatAFileIsNoDatabase) {
  std::ofstream(path()) << std::string(10'000, 'x');
  const auto store = OpenSqliteStore({.path = path()});
  EXPECT_EQ(store.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Reason(store.status()), "STORE_CORRUPT");
  EXPECT_THAT(Message(store.status()), HasSubstr(path().string()));
  EXPECT_THAT(Message(store.status()), HasSubstr("backup"));
}

TEST_F(SqliteStoreTest, SaysThatAFolderCannotBeMade) {
  std::ofstream(folder_ / "file") << "x";
  const auto store = OpenSqliteStore({.path = folder_ / "file" / "below" / "tamiz.db"});
  EXPECT_EQ(store.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Message(store.status()), HasSubstr("data_dir"));
  const auto is_folder = OpenSqliteStore({.path = folder_});
  EXPECT_EQ(is_folder.status().code(), StatusCode::kUnavailable);
}

// Writes past the limit fail as on a full disk (EFBIG instead of ENOSPC).
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(SqliteStoreTest, AFailedWriteChangesNothingAndSaysSo) {
  const auto store = Open();
  ASSERT_TRUE(store->CreateList({.list_id = "i", .name = "n"}).ok());
  ChangeCounts counts;
  ASSERT_TRUE(store->Apply("i", Import({MakeEntry("1")}), false, counts).ok());
  std::vector<lists::Entry> many;
  for (std::uint64_t i = 0; i < 20'000; ++i) many.push_back(MakeEntry(fmt::format("e{}", i), i));
  {
    const FileSizeLimit limit(200'000);
    const auto refused = store->Apply("i", Import(many), false, counts);
    EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
    EXPECT_THAT(Reason(refused.status()), testing::AnyOf("STORE_IO", "STORE_DISK_FULL"));
    EXPECT_THAT(Message(refused.status()), HasSubstr(path().string()));
    EXPECT_THAT(Message(refused.status()), HasSubstr("free space"));
    EXPECT_EQ(store->GetList("i")->version, 1u);
    EXPECT_TRUE(store->GetEntry("i", "1").ok());
  }
  EXPECT_EQ(store->Apply("i", Import(many), false, counts)->version, 2u);
}

TEST_F(SqliteStoreTest, AnotherWriterIsNamedAsTheCause) {
  const auto store = Open();
  ASSERT_TRUE(store->CreateList({.list_id = "i", .name = "n"}).ok());
  SQLite::Database other = Raw();
  other.exec("BEGIN IMMEDIATE");
  const auto refused = OpenSqliteStore({.path = path(), .busy_timeout = std::chrono::milliseconds(1)});
  EXPECT_EQ(Reason(refused.status()), "STORE_LOCKED");
  EXPECT_TRUE(store->GetList("i").ok()) << "reading goes on";
}

TEST_F(SqliteStoreTest, CheckNoticesThatTheFileWentAway) {
  const auto store = Open();
  ASSERT_TRUE(store->Check().ok());
  fs::rename(path(), folder_ / "away");
  EXPECT_EQ(Reason(store->Check()), "STORE_GONE");
  std::ofstream(path()) << "another";
  EXPECT_EQ(Reason(store->Check()), "STORE_GONE");
}

TEST_F(SqliteStoreTest, ADamagedEntryIsNamedAndNotPassedOver) {
  {
    const auto store = Open();
    ChangeCounts counts;
    ASSERT_TRUE(store->CreateList({.list_id = "i", .name = "n"}).ok());
    ASSERT_TRUE(store->Apply("i", Import({MakeEntry("1"), MakeEntry("2")}), false, counts).ok());
  }
  Raw().exec("UPDATE entries SET body = x'01ff' WHERE entry_id = '2'");
  const auto store = Open();
  const Status status = store->ForEachEntry("i", 0, [](lists::Entry&&) { return OkStatus(); });
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("list 'n' version 1"));
}

TEST_F(SqliteStoreTest, AVersionCostsWhatItChanges) {
  const auto store = Open();
  ChangeCounts counts;
  ASSERT_TRUE(store->CreateList({.list_id = "i", .name = "n"}).ok());
  std::vector<lists::Entry> many;
  for (std::uint64_t i = 0; i < 1000; ++i) many.push_back(MakeEntry(fmt::format("e{}", i), i));
  ASSERT_TRUE(store->Apply("i", Import(many), false, counts).ok());
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(store->Apply("i", Import({MakeEntry("e5", 5000 + i)}), false, counts).ok());
  }
  EXPECT_EQ(Raw().execAndGet("SELECT count(*) FROM entries").getInt(), 1010);
}

}  // namespace
}  // namespace tamiz::store
