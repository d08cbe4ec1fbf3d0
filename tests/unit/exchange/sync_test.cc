#include "core/exchange/sync.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "core/store/change_codec.h"
#include "tests/unit/store/store_fixture.h"

namespace tamiz::exchange {
namespace {

using How = SyncResult::How;

// Gives the pages it was told, and remembers what it was asked.
class FakeExchange final : public Exchange {
 public:
  std::deque<StatusOr<Page>> pages;
  std::vector<std::string> asked;
  StatusOr<Page> Fetch(const std::string& checkpoint, const CallContext&) override {
    asked.push_back(checkpoint);
    StatusOr<Page> page = std::move(pages.front());
    pages.pop_front();
    return page;
  }
  StatusOr<std::string> Test(const CallContext&) override { return std::string(); }
  StatusOr<std::vector<FeedbackReason>> FeedbackReasons(const std::string&, const CallContext&) override {
    return std::vector<FeedbackReason>();
  }
  Status SendFeedback(const lists::Entry&, const Feedback&, const CallContext&) override {
    return OkStatus();
  }
};

class SyncTest : public store::StoreFixture {
 protected:
  void SetUp() override {
    store_ = Open();
    lists_ = std::make_unique<store::ListRegistry>(*store_, Clock::System());
    lists::ListInfo info;
    info.name = "list";
    list_ = *lists_->CreateList(info);
    ASSERT_TRUE(store_->CreateExchange({.name = "x", .list_id = list_.list_id}).ok());
  }
  Item Put(const std::string& id, std::uint64_t seed, std::int64_t at = 0) {
    return {.id = id, .entry = MakeEntry(id, seed), .at = at};
  }
  static Item Gone(const std::string& id, std::int64_t at = 0) { return {.id = id, .at = at}; }
  std::vector<Item> Many(int from, int to) {
    std::vector<Item> items;
    for (int i = from; i < to; ++i)
      items.push_back(Put(fmt::format("m{}", i), static_cast<std::uint64_t>(i) + 10));
    return items;
  }
  StatusOr<SyncResult> Run(bool guarded = false) {
    SyncTarget target{.exchange = "x",
                      .list_id = list_.list_id,
                      .checkpoint = Checkpoint(),
                      .is_guarded = guarded,
                      .min_guarded_entries = 10};
    return Sync(exchange_, target, *lists_, *store_, {});
  }
  std::string Checkpoint() { return store_->Exchanges()->at(0).checkpoint; }
  lists::ListInfo List() { return *store_->GetList("list"); }

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::ListRegistry> lists_;
  lists::ListInfo list_;
  FakeExchange exchange_;
};

TEST_F(SyncTest, WhatAnotherReplicaReadMeanwhileIsNotSetBack) {
  store::ChangeCounts counts;
  store::Change other{.what = "sync", .upserts = {MakeEntry("a", 7)}};
  other.checkpoint = store::Checkpoint{"x", "9", ""};
  SyncTarget target{.exchange = "x", .list_id = list_.list_id, .checkpoint = "", .min_guarded_entries = 10};
  ASSERT_TRUE(lists_->Apply("list", other, false, counts).ok());
  // It began before the other wrote.
  exchange_.pages.push_back(Page{.items = {Put("a", 1)}, .checkpoint = "5", .is_last = true});
  const auto slow = Sync(exchange_, target, *lists_, *store_, {});
  EXPECT_EQ(Reason(slow.status()), "CHECKPOINT_MOVED");
  EXPECT_EQ(Checkpoint(), "9");
  EXPECT_EQ(List().version, 1u);
  // From where it is now, in two versions.
  exchange_.pages.push_back(Page{.items = Many(0, 20'000), .checkpoint = "10"});
  exchange_.pages.push_back(Page{.items = {Put("b", 1)}, .checkpoint = "11", .is_last = true});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Checkpoint(), "11");
  EXPECT_EQ(List().version, 3u);
}

TEST_F(SyncTest, PagesBecomeOneVersionWithItsCheckpoint) {
  exchange_.pages.push_back(Page{.items = {Put("a", 1, 5), Put("b", 2)}, .checkpoint = "1"});
  exchange_.pages.push_back(Page{.items = {Put("a", 3, 4), Gone("b", 1), Put("c", 4)},
                                 .checkpoint = "2",
                                 .is_last = true,
                                 .skipped = 7});
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->how, How::kChanged);
  EXPECT_TRUE(result->is_caught_up);
  EXPECT_EQ(result->skipped, 7u);
  EXPECT_EQ(List().version, 1u);
  EXPECT_EQ(List().entry_count, 2u);
  EXPECT_EQ(store_->GetEntry(list_.list_id, "a")->hashes, MakeEntry("a", 1).hashes) << "an older state lost";
  EXPECT_EQ(Checkpoint(), "2");
  EXPECT_THAT(exchange_.asked, testing::ElementsAre("", "1"));

  exchange_.pages.push_back(Page{.items = {Put("c", 4)}, .checkpoint = "3", .is_last = true});
  EXPECT_EQ(Run()->how, How::kUnchanged);
  EXPECT_EQ(List().version, 1u);
  EXPECT_EQ(Checkpoint(), "3");
}

TEST_F(SyncTest, AFailureKeepsWhatWasApplied) {
  exchange_.pages.push_back(Page{.items = Many(0, 20'000), .checkpoint = "1"});
  exchange_.pages.push_back(Page{.items = {Put("late", 1)}, .checkpoint = "2"});
  exchange_.pages.push_back(MakeError(StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(Run().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(List().entry_count, 20'000u);
  EXPECT_EQ(Checkpoint(), "1");
  exchange_.pages.push_back(Page{.items = {Put("late", 1)}, .checkpoint = "2", .is_last = true});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(exchange_.asked.back(), "1");
  EXPECT_EQ(List().entry_count, 20'001u);
}

TEST_F(SyncTest, AFloodWaits) {
  exchange_.pages.push_back(Page{.items = Many(0, 100), .checkpoint = "1", .is_last = true});
  ASSERT_EQ(Run(/*guarded=*/false)->how, How::kChanged) << "the first filling is free";
  std::vector<Item> twenty;
  for (int i = 0; i < 20; ++i) twenty.push_back(Gone(fmt::format("m{}", i)));
  exchange_.pages.push_back(Page{.items = twenty, .checkpoint = "2", .is_last = true});
  ASSERT_EQ(Run(true)->how, How::kChanged) << "as much as may pass";
  EXPECT_EQ(List().entry_count, 80u);

  exchange_.pages.push_back(Page{.items = Many(200, 217), .checkpoint = "3", .is_last = true});
  const auto result = Run(true);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->how, How::kWaiting);
  EXPECT_EQ(result->counts.added, 17u);
  EXPECT_EQ(List().entry_count, 80u);
  EXPECT_EQ(Checkpoint(), "2");
  const auto pending = store_->GetPending(list_.list_id);
  ASSERT_TRUE(pending.ok());
  EXPECT_THAT(pending->why, testing::HasSubstr("would add 17 and remove 0 of 80 entries"));
  auto change = store::DecodeChange(pending->body);
  ASSERT_TRUE(change.ok());
  change->settles_pending = true;
  store::ChangeCounts counts;
  ASSERT_TRUE(lists_->Apply(list_.list_id, *change, false, counts).ok());
  EXPECT_EQ(List().entry_count, 97u);
  EXPECT_EQ(Checkpoint(), "3");

  exchange_.pages.push_back(Page{.items = Many(0, 1), .checkpoint = "4", .is_last = true});
  EXPECT_EQ(Run(true)->how, How::kChanged);
}

TEST_F(SyncTest, OneThatStartsOverReplacesTheList) {
  exchange_.pages.push_back(Page{.items = Many(0, 50), .checkpoint = "1", .is_last = true});
  ASSERT_TRUE(Run().ok());
  exchange_.pages.push_back(Page{.items = Many(0, 30), .checkpoint = "a", .starts_over = true});
  exchange_.pages.push_back(MakeError(StatusCode::kUnavailable, "gone"));
  EXPECT_FALSE(Run().ok());
  EXPECT_EQ(List().entry_count, 50u) << "half of it replaces nothing";
  EXPECT_EQ(Checkpoint(), "1");
  exchange_.pages.push_back(Page{.items = Many(0, 30), .checkpoint = "a", .starts_over = true});
  exchange_.pages.push_back(Page{.items = Many(30, 45), .checkpoint = "b", .is_last = true});
  ASSERT_EQ(Run(true)->how, How::kChanged);
  EXPECT_EQ(List().entry_count, 45u);
  exchange_.pages.push_back(
      Page{.items = Many(0, 2), .checkpoint = "c", .is_last = true, .starts_over = true});
  EXPECT_EQ(Run(true)->how, How::kWaiting) << "nearly everything would go";
}

TEST_F(SyncTest, WhoWasDisabledStaysSo) {
  exchange_.pages.push_back(Page{.items = {Put("a", 1), Put("b", 2)}, .checkpoint = "1", .is_last = true});
  ASSERT_TRUE(Run().ok());
  lists::Entry disabled = MakeEntry("a", 1);
  disabled.disabled = true;
  store::ChangeCounts counts;
  ASSERT_TRUE(lists_->Apply("list", {.what = "disable", .upserts = {disabled}}, false, counts).ok());
  exchange_.pages.push_back(Page{.items = {Put("a", 9), Put("b", 9)}, .checkpoint = "2", .is_last = true});
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(store_->GetEntry(list_.list_id, "a")->disabled);
  EXPECT_FALSE(store_->GetEntry(list_.list_id, "b")->disabled);
}

}  // namespace
}  // namespace tamiz::exchange
