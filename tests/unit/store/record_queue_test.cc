#include "core/store/record_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

namespace tamiz::store {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// A database that can be gone.
class FakeDatabase {
 public:
  RecordQueue::Write Writer() {
    return [this](const ScanRecord& record) -> Status {
      MutexLock lock(mutex_);
      ++tries_;
      if (!failure_.ok()) return failure_;
      ids_.push_back(record.scan_id);
      written_.NotifyAll();
      return OkStatus();
    };
  }
  void Fail(Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  std::vector<std::string> ids() {
    MutexLock lock(mutex_);
    return ids_;
  }
  int tries() {
    MutexLock lock(mutex_);
    return tries_;
  }
  void WaitFor(std::size_t records) {
    MutexLock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (ids_.size() < records && std::chrono::steady_clock::now() < until)
      written_.WaitUntil(mutex_, until);
  }

 private:
  Mutex mutex_;
  CondVar written_;
  Status failure_ TAMIZ_GUARDED_BY(mutex_);
  std::vector<std::string> ids_ TAMIZ_GUARDED_BY(mutex_);
  int tries_ TAMIZ_GUARDED_BY(mutex_) = 0;
};

ScanRecord RecordOf(std::string id) {
  ScanRecord record;
  record.scan_id = std::move(id);
  return record;
}
const Status kGone = MakeError(StatusCode::kUnavailable, "gone");

TEST(RecordQueue, WritesAtOnceWhileTheDatabaseIsThere) {
  FakeDatabase database;
  RecordQueue queue(database.Writer(), {});
  EXPECT_TRUE(queue.Record(RecordOf("a")).ok());
  EXPECT_THAT(database.ids(), ElementsAre("a"));
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(RecordQueue, KeepsInOrderAndDoesNotTryWithinAScan) {
  FakeDatabase database;
  RecordQueue queue(database.Writer(), {.retry = 1h});
  database.Fail(kGone);
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(queue.Record(RecordOf(id)).ok());
  EXPECT_EQ(queue.waiting(), 3u);
  EXPECT_EQ(database.tries(), 1) << "only the first was tried";
}

TEST(RecordQueue, WritesWhatItKeptWhenTheDatabaseIsBack) {
  FakeDatabase database;
  RecordQueue queue(database.Writer(), {.retry = 5ms});
  database.Fail(kGone);
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(queue.Record(RecordOf(id)).ok());
  database.Fail(OkStatus());
  database.WaitFor(3);
  EXPECT_THAT(database.ids(), ElementsAre("a", "b", "c"));
}

TEST(RecordQueue, IsBounded) {
  FakeDatabase database;
  RecordQueue queue(database.Writer(), {.limit = 2, .retry = 1h, .closing_time = 0ms});
  database.Fail(kGone);
  EXPECT_TRUE(queue.Record(RecordOf("a")).ok());
  EXPECT_TRUE(queue.Record(RecordOf("b")).ok());
  const Status refused = queue.Record(RecordOf("c"));
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused), "STORE_RECORDS_FULL");
  EXPECT_EQ(queue.waiting(), 2u);
}

TEST(RecordQueue, ARecordThatIsRefusedHoldsNothingUp) {
  FakeDatabase database;
  RecordQueue queue(database.Writer(), {});
  database.Fail(InvalidArgument("no"));
  EXPECT_EQ(queue.Record(RecordOf("a")).code(), StatusCode::kInvalidArgument);
  database.Fail(OkStatus());
  EXPECT_TRUE(queue.Record(RecordOf("b")).ok());
  EXPECT_THAT(database.ids(), ElementsAre("b"));
}

TEST(RecordQueue, WritesWhatIsLeftAtTheEnd) {
  FakeDatabase database;
  {
    RecordQueue queue(database.Writer(), {.retry = 1h});
    database.Fail(kGone);
    EXPECT_TRUE(queue.Record(RecordOf("a")).ok());
    database.Fail(OkStatus());
  }
  EXPECT_THAT(database.ids(), ElementsAre("a"));
}

}  // namespace
}  // namespace tamiz::store
