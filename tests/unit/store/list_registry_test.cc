#include "core/store/list_registry.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "core/lists/content_digest.h"
#include "core/lists/entry_codec.h"
#include "tests/unit/store/store_fixture.h"

namespace tamiz::store {
namespace {

using lists::ListInfo;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ListRegistryTest : public StoreFixture {
 protected:
  ListRegistryTest() : store_(Open()), registry_(*store_, Clock::System()) {
    registry_.OnSwap(
        [this](const ListInfo& info) { swaps_.push_back(fmt::format("{}@{}", info.name, info.version)); });
  }

  ListInfo Create(const std::string& name) {
    ListInfo info;
    info.name = name;
    auto made = registry_.CreateList(info);
    EXPECT_TRUE(made.ok()) << Message(made.status());
    return made.ok() ? *made : info;
  }
  ListInfo Put(const std::string& name, std::vector<lists::Entry> entries) {
    auto changed = registry_.Apply(name, Import(std::move(entries)), false, counts_);
    EXPECT_TRUE(changed.ok()) << Message(changed.status());
    return changed.ok() ? *changed : ListInfo{};
  }
  // Makes a list, found by its id or name, what `wanted` is.
  StatusOr<ListInfo> Update(const ListInfo& wanted) {
    return registry_.ChangeList(wanted.list_id.empty() ? wanted.name : wanted.list_id, [&](ListInfo& info) {
      info = wanted;
      return OkStatus();
    });
  }
  // Ids of entries of a list that hold exactly this hash, as a scan would find them.
  static std::vector<std::string> Find(const lists::Catalog& catalog, std::string_view list,
                                       std::uint64_t seed) {
    const lists::ListSnapshot* snapshot = catalog.Find(list);
    if (snapshot == nullptr) return {"(no list)"};
    const auto value = Value(seed);
    const auto query = hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(value));
    std::vector<index::Hit> hits;
    snapshot->FindPdq({&query, 1}, 0, hits);
    std::vector<std::string> ids;
    for (const auto& hit : hits) ids.emplace_back(snapshot->IdOf(snapshot->RefAt(hit.position).entry));
    return ids;
  }
  std::vector<std::string> Find(std::string_view list, std::uint64_t seed) {
    return Find(*registry_.Current(), list, seed);
  }

  std::unique_ptr<Store> store_;
  ListRegistry registry_;
  std::vector<std::string> swaps_;
  ChangeCounts counts_;
};

TEST_F(ListRegistryTest, AChangeIsSeenAtOnceAndOldCataloguesStayAsTheyWere) {
  Create("l");
  const auto empty = registry_.Current();
  const ListInfo one = Put("l", {MakeEntry("a", 1)});
  const auto first = registry_.Current();
  Put("l", {MakeEntry("a", 2), MakeEntry("b", 3)});
  EXPECT_THAT(Find(*empty, "l", 1), IsEmpty());
  EXPECT_THAT(Find(*first, "l", 1), ElementsAre("a"));
  EXPECT_THAT(Find("l", 1), IsEmpty());
  EXPECT_THAT(Find("l", 2), ElementsAre("a"));
  EXPECT_THAT(Find("l", 3), ElementsAre("b"));
  EXPECT_LT(empty->generation, first->generation);
  EXPECT_LT(first->generation, registry_.Current()->generation);
  EXPECT_EQ(first->Find("l")->info.version, 1u);
  EXPECT_EQ(first->Find("l")->info.digest, one.digest);
  EXPECT_THAT(swaps_, ElementsAre("l@0", "l@1", "l@2"));
}

TEST_F(ListRegistryTest, ADryRunTellsAndChangesNothing) {
  Create("l");
  const auto before = registry_.Current();
  const auto told = registry_.Apply("l", Import({MakeEntry("a")}), /*dry_run=*/true, counts_);
  ASSERT_TRUE(told.ok()) << Message(told.status());
  EXPECT_EQ(counts_.added, 1u);
  EXPECT_EQ(told->version, 0u);
  EXPECT_EQ(registry_.Current(), before);
}

TEST_F(ListRegistryTest, NothingChangedNothingSwapped) {
  Create("l");
  Put("l", {MakeEntry("a")});
  const auto before = registry_.Current();
  Put("l", {MakeEntry("a")});
  EXPECT_EQ(registry_.Current(), before);
  EXPECT_THAT(swaps_, SizeIs(2));
}

TEST_F(ListRegistryTest, RollbackBringsBackWhatWasFound) {
  Create("l");
  const ListInfo first = Put("l", {MakeEntry("a", 1)});
  Put("l", {MakeEntry("a", 2)});
  const auto back = registry_.Rollback("l", 1);
  ASSERT_TRUE(back.ok()) << Message(back.status());
  EXPECT_EQ(back->version, 3u);
  EXPECT_EQ(back->digest, first.digest);
  EXPECT_THAT(Find("l", 1), ElementsAre("a"));
  EXPECT_THAT(Find("l", 2), IsEmpty());
  EXPECT_EQ(registry_.Rollback("l", 9).status().code(), StatusCode::kNotFound);
}

TEST_F(ListRegistryTest, AFaultyEntryIsRefusedAndNamed) {
  Create("l");
  const auto refused = registry_.Apply("l", Import({MakeEntry("a"), MakeEntry("")}), false, counts_);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(refused.status()), HasSubstr("entry 2"));
  EXPECT_EQ(registry_.GetList("l")->version, 0u);
}

TEST_F(ListRegistryTest, ACheapPolicyChangeSharesTheIndexAndAFloorBuildsAnew) {
  ListInfo info = Create("l");
  Put("l", {MakeEntry("good", 1, 100), MakeEntry("flat", 2, 30)});
  const void* const table_before = registry_.Current()->Find("l")->IdOf(0).data();
  EXPECT_THAT(Find("l", 2), IsEmpty());
  info.policy.radius = 10;
  info.policy.mode = lists::ListMode::kOff;
  info.description = "d";
  ASSERT_TRUE(Update(info).ok());
  const auto cheap = registry_.Current();
  EXPECT_EQ(cheap->Find("l")->IdOf(0).data(), table_before);
  EXPECT_EQ(cheap->Find("l")->info.policy.radius, 10u);
  EXPECT_EQ(cheap->Find("l")->info.description, "d");
  EXPECT_EQ(cheap->Find("l")->info.version, 1u);
  EXPECT_THAT(Find("l", 1), ElementsAre("good"));
  info.policy.quality_floor = 20;
  ASSERT_TRUE(Update(info).ok());
  EXPECT_THAT(Find("l", 2), ElementsAre("flat"));
  EXPECT_THAT(swaps_, SizeIs(4));
}

TEST_F(ListRegistryTest, UpdatesAreChecked) {
  ListInfo info = Create("l");
  info.policy.radius = 65;
  EXPECT_EQ(Field(Update(info).status()), "policy.radius");
  info.policy.radius = 31;
  info.name = "other";
  EXPECT_EQ(Field(Update(info).status()), "name");
  EXPECT_EQ(Update({.name = "nobody"}).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(Update({.name = "l", .description = "by name"}).ok());
  EXPECT_EQ(registry_.GetList("l")->description, "by name");
  const auto before = registry_.Current();
  ASSERT_TRUE(registry_.ChangeList("l", [](ListInfo&) { return OkStatus(); }).ok());
  EXPECT_EQ(registry_.Current(), before) << "nothing changed, nothing is swapped";
}

TEST_F(ListRegistryTest, NamesAreCheckedAndReservedOnesKept) {
  EXPECT_EQ(registry_.CreateList({.name = "a b"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(registry_.CreateList({.name = "tamiz-test"}).status()), "NAME_RESERVED");
  const auto built_in = registry_.CreateList({.name = "tamiz-test", .built_in = true});
  ASSERT_TRUE(built_in.ok()) << Message(built_in.status());
  EXPECT_EQ(registry_.DeleteList("tamiz-test").code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(registry_.Current()->Find("tamiz-test"), nullptr);
  EXPECT_EQ(registry_.CreateList({.name = "tamiz-test", .built_in = true}).status().code(),
            StatusCode::kAlreadyExists);
}

TEST_F(ListRegistryTest, ADeletedListIsGone) {
  Create("l");
  Create("m");
  ASSERT_TRUE(registry_.DeleteList("l").ok());
  EXPECT_EQ(registry_.Current()->Find("l"), nullptr);
  EXPECT_NE(registry_.Current()->Find("m"), nullptr);
  EXPECT_EQ(registry_.DeleteList("l").code(), StatusCode::kNotFound);
}

TEST_F(ListRegistryTest, ARestartLoadsTheSame) {
  Create("b");
  Create("a");
  const ListInfo info = Put("a", {MakeEntry("x", 1)});
  ListRegistry after(*store_, Clock::System());
  EXPECT_THAT(after.Current()->lists, IsEmpty());
  std::vector<std::string> swaps;
  after.OnSwap([&](const ListInfo& list) { swaps.push_back(list.name); });
  ASSERT_TRUE(after.LoadAll().ok());
  const auto catalog = after.Current();
  ASSERT_THAT(catalog->lists, SizeIs(2));
  EXPECT_EQ(catalog->lists[0]->info.name, "a");
  EXPECT_EQ(catalog->lists[0]->info.digest, info.digest);
  EXPECT_THAT(Find(*catalog, "a", 1), ElementsAre("x"));
  EXPECT_THAT(swaps, ElementsAre("a", "b"));
  // Again: what did not change is not read again.
  ASSERT_TRUE(after.LoadAll().ok());
  EXPECT_EQ(after.Current()->lists[0], catalog->lists[0]);
  EXPECT_THAT(swaps, SizeIs(2));
}

TEST_F(ListRegistryTest, AListWithOtherContentsThanItsDigestIsUnavailable) {
  Create("good");
  Create("bad");
  Put("good", {MakeEntry("x", 1)});
  Put("bad", {MakeEntry("y", 2), MakeEntry("z", 3)});
  SQLite::Database(path(), SQLite::OPEN_READWRITE, 1000).exec("DELETE FROM entries WHERE entry_id = 'z'");
  ListRegistry after(*store_, Clock::System());
  ASSERT_TRUE(after.LoadAll().ok());
  EXPECT_NE(after.Current()->Find("good"), nullptr);
  EXPECT_EQ(after.Current()->Find("bad"), nullptr);
  ASSERT_THAT(after.Current()->unavailable, SizeIs(1));
  EXPECT_EQ(after.Current()->unavailable[0].name, "bad");
  EXPECT_THAT(after.Current()->unavailable[0].why, HasSubstr("digest"));
  // A change on top of it would make the loss pass for sound.
  EXPECT_EQ(Reason(after.Apply("bad", Import({MakeEntry("w", 4)}), false, counts_).status()),
            "LIST_UNAVAILABLE");
  // Importing it again heals it.
  Change whole = Import({MakeEntry("y", 2), MakeEntry("z", 3)});
  whole.replace = true;
  ASSERT_TRUE(after.Apply("bad", whole, false, counts_).ok());
  EXPECT_THAT(after.Current()->unavailable, IsEmpty());
  EXPECT_THAT(Find(*after.Current(), "bad", 3), ElementsAre("z"));
}

// A database as it was before digests followed changes: the digest is of format 1, and there is no state.
TEST_F(ListRegistryTest, OldVersionsKeepTheirDigestAndTheNextIsOfTheNewFormat) {
  Create("l");
  Put("l", {MakeEntry("y", 2), MakeEntry("z", 3)});
  lists::BodyDigest old_digest;
  for (const lists::Entry& entry : {MakeEntry("y", 2), MakeEntry("z", 3)}) {
    std::string body;
    lists::EncodeBody(entry, body);
    old_digest.Add(entry.id, {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
  }
  const std::string digest = old_digest.Finish();
  SQLite::Database(path(), SQLite::OPEN_READWRITE, 1000)
      .exec("UPDATE lists SET digest_state = NULL; UPDATE versions SET digest_format = 1, digest = '" +
            digest + "'");
  ListRegistry after(*store_, Clock::System());
  ASSERT_TRUE(after.LoadAll().ok());
  ASSERT_NE(after.Current()->Find("l"), nullptr);
  EXPECT_EQ(after.Current()->Find("l")->info.digest, digest);
  const auto changed = after.Apply("l", Import({MakeEntry("w", 4)}), false, counts_);
  ASSERT_TRUE(changed.ok()) << Message(changed.status());
  EXPECT_EQ(changed->digest_format, lists::kDigestFormat);
  const auto rolled = after.Rollback("l", 1);
  ASSERT_TRUE(rolled.ok()) << Message(rolled.status());
  EXPECT_EQ(rolled->digest_format, lists::kDigestFormat);
  EXPECT_THAT(Find(*after.Current(), "l", 4), IsEmpty());
  lists::ContentDigest expected;
  expected.Add(MakeEntry("y", 2));
  expected.Add(MakeEntry("z", 3));
  EXPECT_EQ(rolled->digest, expected.Finish());
}

TEST_F(ListRegistryTest, ADamagedVersionCannotBeRolledBackTo) {
  Create("l");
  Put("l", {MakeEntry("y", 2), MakeEntry("z", 3)});
  Put("l", {MakeEntry("z", 4)});
  const ListInfo third = Put("l", {MakeEntry("z", 5)});
  SQLite::Database(path(), SQLite::OPEN_READWRITE, 1000)
      .exec("DELETE FROM entries WHERE added_version = 1 AND entry_id = 'z'");
  EXPECT_EQ(registry_.Rollback("l", 1).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(registry_.GetList("l")->version, third.version);
  EXPECT_EQ(registry_.Rollback("l", 2)->version, 4u);
  EXPECT_THAT(Find("l", 4), ElementsAre("z"));
}

TEST_F(ListRegistryTest, AChangeSharesTheBaseUntilItIsMergedInTheBackground) {
  ListRegistry registry(*store_, Clock::System(), {.max_delta = 400, .merge_from = 20});
  ASSERT_TRUE(registry.CreateList({.name = "l"}).ok());
  std::vector<lists::Entry> entries;
  for (std::uint64_t i = 0; i < 300; ++i) entries.push_back(MakeEntry(fmt::format("e{:03}", i), i));
  ASSERT_TRUE(registry.Apply("l", Import(entries), false, counts_).ok());
  const auto base = registry.Current()->lists[0]->base();

  ASSERT_TRUE(
      registry.Apply("l", Import({MakeEntry("e000", 1000), MakeEntry("new", 1001)}), false, counts_).ok());
  registry.WaitForMerges();
  EXPECT_EQ(registry.Current()->lists[0]->base(), base);
  EXPECT_EQ(registry.Current()->lists[0]->delta_entries(), 2u);
  EXPECT_THAT(Find(*registry.Current(), "l", 0), IsEmpty());
  EXPECT_THAT(Find(*registry.Current(), "l", 1000), ElementsAre("e000"));
  EXPECT_EQ(registry.Current()->lists[0]->entry_count(), 301u);

  // Enough to be merged.
  std::vector<lists::Entry> more;
  for (std::uint64_t i = 0; i < 40; ++i) more.push_back(MakeEntry(fmt::format("m{}", i), 2000 + i));
  ASSERT_TRUE(registry.Apply("l", Import(more), false, counts_).ok());
  registry.WaitForMerges();
  EXPECT_NE(registry.Current()->lists[0]->base(), base);
  EXPECT_EQ(registry.Current()->lists[0]->delta_entries(), 0u);
  EXPECT_EQ(registry.Current()->lists[0]->entry_count(), 341u);
  EXPECT_THAT(Find(*registry.Current(), "l", 2039), ElementsAre("m39"));
  EXPECT_THAT(Find(*registry.Current(), "l", 0), IsEmpty());

  // Too much to stand beside a base is built anew at once.
  for (lists::Entry& entry : entries) entry.labels = {"changed"};
  ASSERT_TRUE(registry.Apply("l", Import(entries), false, counts_).ok());
  EXPECT_EQ(registry.Current()->lists[0]->delta_entries(), 0u);
  EXPECT_EQ(registry.Current()->lists[0]->EntryAt(0).labels, std::vector<std::string>{"changed"});
}

TEST_F(ListRegistryTest, WhatChangesDuringAMergeIsKept) {
  ListRegistry registry(*store_, Clock::System(), {.max_delta = 4000, .merge_from = 10});
  ASSERT_TRUE(registry.CreateList({.name = "l"}).ok());
  std::vector<lists::Entry> entries;
  for (std::uint64_t i = 0; i < 200; ++i) entries.push_back(MakeEntry(fmt::format("e{:03}", i), i));
  ASSERT_TRUE(registry.Apply("l", Import(entries), false, counts_).ok());
  for (std::uint64_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(
        registry.Apply("l", Import({MakeEntry(fmt::format("n{}", i), 5000 + i)}), false, counts_).ok());
    ASSERT_THAT(Find(*registry.Current(), "l", 5000 + i), ElementsAre(fmt::format("n{}", i)));
    ASSERT_EQ(registry.Current()->lists[0]->entry_count(), 201 + i);
  }
  registry.WaitForMerges();
  EXPECT_LT(registry.Current()->lists[0]->delta_entries(), 40u);
  for (std::uint64_t i = 0; i < 40; ++i)
    EXPECT_THAT(Find(*registry.Current(), "l", 5000 + i), ElementsAre(fmt::format("n{}", i)));
  EXPECT_EQ(registry.Current()->lists[0]->info.digest, store_->GetList("l")->digest);
}

TEST_F(ListRegistryTest, AStartGoesOnFromTheSavedSnapshot) {
  const RegistryOptions options = {.snapshot_dir = folder_ / "snapshots", .snapshot_from = 10};
  ListInfo list;
  {
    ListRegistry registry(*store_, Clock::System(), options);
    list = *registry.CreateList({.name = "l"});
    std::vector<lists::Entry> entries;
    for (std::uint64_t i = 0; i < 100; ++i) entries.push_back(MakeEntry(fmt::format("e{:03}", i), i));
    ASSERT_TRUE(registry.Apply("l", Import(entries), false, counts_).ok());
    registry.WaitForMerges();
    ASSERT_TRUE(registry.Apply("l", Import({MakeEntry("later", 500)}), false, counts_).ok());
  }
  const std::filesystem::path file = folder_ / "snapshots" / (list.list_id + ".snapshot");
  ASSERT_TRUE(std::filesystem::exists(file));
  const auto start = [&](bool save = true) {
    auto registry = std::make_unique<ListRegistry>(*store_, Clock::System(), options);
    registry->Configure(save, 0);
    EXPECT_TRUE(registry->LoadAll().ok());
    EXPECT_THAT(registry->Current()->unavailable, IsEmpty());
    EXPECT_THAT(Find(*registry->Current(), "l", 500), ElementsAre("later"));
    EXPECT_THAT(Find(*registry->Current(), "l", 99), ElementsAre("e099"));
    EXPECT_EQ(registry->Current()->lists[0]->info.digest, store_->GetList("l")->digest);
    return registry;
  };
  // The base is that of the file, and the later change stands beside it.
  EXPECT_EQ(start()->Current()->lists[0]->delta_entries(), 1u);

  // A damaged file is not used, and replaced.
  {
    std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
    damage.seekp(5000);
    damage.put('x');
  }
  {
    const auto registry = start();
    EXPECT_EQ(registry->Current()->lists[0]->delta_entries(), 0u);
    registry->WaitForMerges();
  }
  EXPECT_EQ(start()->Current()->lists[0]->base_info().version, 2u);

  // So is one of contents that the store does not have (it was restored from a backup, say).
  SQLite::Database(path(), SQLite::OPEN_READWRITE, 1000)
      .exec(
          "DELETE FROM versions WHERE version = 2; UPDATE lists SET version = 1; "
          "DELETE FROM entries WHERE added_version > 1");
  {
    ListRegistry registry(*store_, Clock::System(), options);
    ASSERT_TRUE(registry.LoadAll().ok());
    EXPECT_THAT(Find(*registry.Current(), "l", 500), IsEmpty());
    EXPECT_EQ(registry.Current()->lists[0]->info.version, 1u);
  }

  // Files of lists that are gone, and half-written ones, are cleared away; what is not ours stays.
  std::ofstream(folder_ / "snapshots" / "gone.snapshot") << "x";
  std::ofstream(folder_ / "snapshots" / "half.snapshot.new") << "x";
  std::ofstream(folder_ / "snapshots" / "mine.txt") << "x";
  ListRegistry registry(*store_, Clock::System(), options);
  ASSERT_TRUE(registry.LoadAll().ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "snapshots" / "gone.snapshot"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "snapshots" / "half.snapshot.new"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "snapshots" / "mine.txt"));
  registry.WaitForMerges();
  ASSERT_TRUE(std::filesystem::exists(file));
  ASSERT_TRUE(registry.DeleteList("l").ok());
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(ListRegistryTest, SwitchedOffNothingIsSavedAndWhatWasGoes) {
  const RegistryOptions options = {.snapshot_dir = folder_ / "snapshots", .snapshot_from = 1};
  {
    ListRegistry registry(*store_, Clock::System(), options);
    ASSERT_TRUE(registry.CreateList({.name = "l"}).ok());
    ASSERT_TRUE(registry.Apply("l", Import({MakeEntry("a", 1)}), false, counts_).ok());
    registry.WaitForMerges();
    EXPECT_FALSE(std::filesystem::is_empty(folder_ / "snapshots"));
  }
  ListRegistry registry(*store_, Clock::System(), options);
  registry.Configure(false, 0);
  ASSERT_TRUE(registry.LoadAll().ok());
  registry.WaitForMerges();
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "snapshots"));
}

TEST_F(ListRegistryTest, AsManyVersionsAsAskedForAreKept) {
  Create("l");
  Put("l", {MakeEntry("a", 1)});
  for (std::uint64_t i = 2; i < 10; ++i) Put("l", {MakeEntry("a", i)});
  const std::string id = registry_.GetList("l")->list_id;
  EXPECT_THAT(store_->Versions(id).value(), SizeIs(9));
  registry_.Configure(false, 3);
  lists::ListInfo info = *registry_.GetList("l");
  // The base's version stays too, until there is another base.
  Put("l", {MakeEntry("a", 10)});
  EXPECT_THAT(store_->Versions(id).value(), SizeIs(10));
  info.policy.quality_floor = 10;
  ASSERT_TRUE(Update(info).ok());
  Put("l", {MakeEntry("a", 11)});
  EXPECT_THAT(store_->Versions(id).value(), SizeIs(3));
  EXPECT_THAT(Find("l", 11), ElementsAre("a"));
}

TEST_F(ListRegistryTest, AnotherRegistrysChangesAreFollowed) {
  Create("l");
  std::vector<lists::Entry> entries;
  for (std::uint64_t i = 0; i < 50; ++i) entries.push_back(MakeEntry(fmt::format("e{:03}", i), i));
  Put("l", entries);
  ListRegistry other(*store_, Clock::System());
  ASSERT_TRUE(other.LoadAll().ok());
  const auto base = other.Current()->lists[0]->base();
  Put("l", {MakeEntry("e007", 700)});
  Put("l", {MakeEntry("x", 701)});
  ASSERT_TRUE(other.LoadAll().ok());
  EXPECT_EQ(other.Current()->lists[0]->base(), base);
  EXPECT_THAT(Find(*other.Current(), "l", 700), ElementsAre("e007"));
  EXPECT_THAT(Find(*other.Current(), "l", 701), ElementsAre("x"));
  EXPECT_THAT(Find(*other.Current(), "l", 7), IsEmpty());
}

TEST_F(ListRegistryTest, TheListenerMayCallTheRegistry) {
  registry_.OnSwap([this](const ListInfo& info) {
    swaps_.push_back(info.name);
    if (info.name == "first") Create("second");
  });
  Create("first");
  EXPECT_THAT(swaps_, ElementsAre("first", "second"));
}

TEST_F(ListRegistryTest, ScansGoOnWhileListsChange) {
  Create("l");
  Put("l", {MakeEntry("always", 1)});
  registry_.OnSwap({});
  std::atomic<bool> is_done = false;
  std::atomic<int> looks = 0;
  std::vector<std::thread> scans;
  for (int i = 0; i < 2; ++i) {
    scans.emplace_back([&] {
      std::uint64_t generation = 0;
      while (!is_done || looks < 100) {
        const auto catalog = registry_.Current();
        EXPECT_GE(catalog->generation, generation);
        generation = catalog->generation;
        EXPECT_THAT(Find(*catalog, "l", 1), ElementsAre("always"));
        ++looks;
      }
    });
  }
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 10; ++i) {
        ChangeCounts counts;
        const auto changed = registry_.Apply(
            "l", Import({MakeEntry(fmt::format("w{}-{}", writer, i), 100 + static_cast<std::uint64_t>(i))}),
            false, counts);
        EXPECT_TRUE(changed.ok()) << Message(changed.status());
      }
    });
  }
  for (auto& writer : writers) writer.join();
  is_done = true;
  for (auto& scan : scans) scan.join();
  EXPECT_EQ(registry_.Current()->Find("l")->info.version, 21u);
  EXPECT_THAT(Find("l", 105), SizeIs(2));
}

// Another process is another registry on the same store.
TEST_F(ListRegistryTest, LoadAllTakesOverWhatAnotherProcessChanged) {
  ListRegistry other(*store_, Clock::System());
  ASSERT_TRUE(other.LoadAll().ok());
  ListInfo info = Create("l");
  Create("gone");
  Put("l", {MakeEntry("a", 1)});
  ASSERT_TRUE(other.LoadAll().ok());
  EXPECT_THAT(Find(*other.Current(), "l", 1), ElementsAre("a"));
  std::vector<std::string> told;
  other.OnSwap([&](const ListInfo& swapped) { told.push_back(swapped.name); });
  const auto before = other.Current();
  ASSERT_TRUE(other.LoadAll().ok());
  EXPECT_EQ(other.Current(), before) << "nothing changed, nothing is swapped";
  EXPECT_THAT(told, IsEmpty());

  info.policy.radius = 7;
  ASSERT_TRUE(Update(info).ok());
  ASSERT_TRUE(registry_.DeleteList("gone").ok());
  ASSERT_TRUE(other.LoadAll().ok());
  EXPECT_EQ(other.Current()->Find("l")->info.policy.radius, 7u);
  EXPECT_EQ(other.Current()->Find("gone"), nullptr);
  EXPECT_THAT(told, ElementsAre("l", "gone"));
}

}  // namespace
}  // namespace tamiz::store
