// What every Store must do, whatever it is made of.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "core/base/random_id.h"
#include "core/lists/content_digest.h"
#include "core/store/change_codec.h"
#include "tests/contract/store_under_test.h"

namespace tamiz::store {
namespace {

using lists::Entry;
using lists::EntryHash;
using lists::HashType;
using lists::ListInfo;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A PDQ value that `seed` decides.
std::vector<std::uint8_t> Value(std::uint64_t seed, std::size_t bytes = 32) {
  std::vector<std::uint8_t> value(bytes);
  for (auto& byte : value) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::uint8_t>(seed >> 56);
  }
  return value;
}

Entry MakeEntry(std::string id, std::uint64_t seed = 1) {
  Entry entry;
  entry.id = std::move(id);
  entry.hashes.push_back({.type = HashType::kPdq, .value = Value(seed)});
  return entry;
}

template <typename Backend>
class StoreContract : public testing::Test {
 protected:
  void SetUp() override {
    store_ = backend_.Open();
    ASSERT_NE(store_, nullptr);
  }

  ListInfo Create(const std::string& name) {
    ListInfo info;
    info.list_id = NewUuid();
    info.name = name;
    auto made = store_->CreateList(info);
    EXPECT_TRUE(made.ok()) << Message(made.status());
    return made.ok() ? *made : info;
  }

  ListInfo Put(const ListInfo& list, std::vector<Entry> entries, bool replace = false) {
    Change change;
    change.what = "import";
    change.upserts = std::move(entries);
    change.replace = replace;
    counts_ = {};
    auto changed = store_->Apply(list.list_id, change, false, counts_);
    EXPECT_TRUE(changed.ok()) << Message(changed.status());
    return changed.ok() ? *changed : list;
  }

  ListInfo Remove(const ListInfo& list, std::vector<std::string> ids) {
    Change change;
    change.what = "remove";
    change.removals = std::move(ids);
    auto changed = store_->Apply(list.list_id, change, false, counts_);
    EXPECT_TRUE(changed.ok()) << Message(changed.status());
    return changed.ok() ? *changed : list;
  }

  static std::vector<Entry> Read(Store& store, const ListInfo& list, std::uint64_t version = 0) {
    std::vector<Entry> entries;
    const Status status = store.ForEachEntry(list.list_id, version, [&](Entry&& entry) {
      entries.push_back(std::move(entry));
      return OkStatus();
    });
    EXPECT_TRUE(status.ok()) << Message(status);
    return entries;
  }
  std::vector<Entry> Read(const ListInfo& list, std::uint64_t version = 0) {
    return Read(*store_, list, version);
  }

  static std::string DigestOf(const std::vector<Entry>& entries) {
    lists::ContentDigest digest;
    for (const Entry& entry : entries) digest.Add(entry);
    return digest.Finish();
  }

  Backend backend_;
  std::unique_ptr<Store> store_;
  ChangeCounts counts_;
};

// Built once for each: the suite on PostgreSQL runs in one process with one server.
#ifdef TAMIZ_WITH_POSTGRES
using Backends = testing::Types<PostgresUnderTest>;
#else
using Backends = testing::Types<SqliteUnderTest>;
#endif
struct BackendName {
  template <typename Backend>
  static std::string GetName(int) {
    return Backend::kName;
  }
};
TYPED_TEST_SUITE(StoreContract, Backends, BackendName);

TYPED_TEST(StoreContract, NewListIsEmptyAtVersionZero) {
  const ListInfo list = this->Create("ncmec");
  EXPECT_EQ(list.version, 0u);
  EXPECT_EQ(list.entry_count, 0u);
  EXPECT_EQ(list.digest, "");
  EXPECT_GT(list.created_at.time_since_epoch().count(), 0);
  EXPECT_THAT(this->Read(list), IsEmpty());
  EXPECT_THAT(this->store_->Versions(list.list_id).value(), IsEmpty());
}

TYPED_TEST(StoreContract, KeepsWhatAListIs) {
  ListInfo info;
  info.list_id = NewUuid();
  info.name = "own";
  info.source_org = "Müller & Söhne \"x\"";
  info.labels = {"b", "a", "ü"};
  info.description = "line one\nline two";
  info.kind = lists::ListKind::kAllow;
  info.built_in = true;
  info.policy = {.radius = 20,
                 .review_radius = 40,
                 .quality_floor = 10,
                 .min_reference_coverage = 0.1,
                 .min_query_coverage = 1.0 / 3,
                 .orientations = false,
                 .border_removal = false,
                 .find_regions = false,
                 .straighten = false,
                 .restore_contrast = false,
                 .mode = lists::ListMode::kShadow,
                 .action_hint = "hold",
                 .max_age = std::chrono::hours(48),
                 .breaker = {.entry_hits = 7, .list_hits = 0, .window = std::chrono::minutes(5)}};
  const WallTime since(std::chrono::seconds(1'700'000'000));
  ASSERT_TRUE(info.policy.exceptions
                  .Put({.kind = lists::HoldKind::kDisabled,
                        .entry_id = "e \"1\"",
                        .reason = "ü",
                        .actor = "somebody",
                        .since = since,
                        .until = since + std::chrono::hours(1)})
                  .ok());
  ASSERT_TRUE(
      info.policy.exceptions.Put({.kind = lists::HoldKind::kBreaker, .reason = "many", .since = since}).ok());
  ASSERT_TRUE(this->store_->CreateList(info).ok());
  for (const std::string& key : {info.name, info.list_id}) {
    const auto read = this->store_->GetList(key);
    ASSERT_TRUE(read.ok()) << Message(read.status());
    EXPECT_EQ(read->source_org, info.source_org);
    EXPECT_EQ(read->labels, info.labels);
    EXPECT_EQ(read->description, info.description);
    EXPECT_EQ(read->kind, info.kind);
    EXPECT_TRUE(read->built_in);
    EXPECT_EQ(read->policy, info.policy);
  }
}

TYPED_TEST(StoreContract, NamesAndIdsAreUnique) {
  const ListInfo list = this->Create("a");
  ListInfo again = list;
  again.list_id = NewUuid();
  EXPECT_EQ(this->store_->CreateList(again).status().code(), StatusCode::kAlreadyExists);
  again = list;
  again.name = "b";
  EXPECT_EQ(this->store_->CreateList(again).status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(this->store_->Lists().value(), SizeIs(1));
}

TYPED_TEST(StoreContract, ListsAreOrderedByName) {
  for (const char* name : {"m", "a", "z", "B"}) this->Create(name);
  std::vector<std::string> names;
  const auto all = this->store_->Lists().value();
  for (const auto& list : all) names.push_back(list.name);
  EXPECT_THAT(names, ElementsAre("B", "a", "m", "z"));
}

TYPED_TEST(StoreContract, UnknownThingsAreNotFound) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1")});
  const auto expect_not_found = [](const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kNotFound) << Message(status);
  };
  ChangeCounts counts;
  expect_not_found(this->store_->GetList("none").status());
  expect_not_found(this->store_->ChangeList("none", [](ListInfo&) { return OkStatus(); }).status());
  expect_not_found(this->store_->DeleteList("none"));
  expect_not_found(this->store_->Apply("none", {}, false, counts).status());
  expect_not_found(this->store_->Apply("none", {}, true, counts).status());
  expect_not_found(this->store_->Rollback("none", 1).status());
  expect_not_found(this->store_->Rollback(list.list_id, 0).status());
  expect_not_found(this->store_->Rollback(list.list_id, 2).status());
  expect_not_found(this->store_->Rollback(list.list_id, ~0ull).status());
  expect_not_found(this->store_->Versions("none").status());
  expect_not_found(this->store_->GetEntry("none", "1").status());
  expect_not_found(this->store_->GetEntry(list.list_id, "2").status());
  expect_not_found(this->store_->ForEachEntry("none", 0, [](Entry&&) { return OkStatus(); }));
  expect_not_found(this->store_->ForEachEntry(list.list_id, 7, [](Entry&&) { return OkStatus(); }));
  expect_not_found(this->store_->Diff("none", 0, 0).status());
  expect_not_found(this->store_->Diff(list.list_id, 0, 9).status());
}

TYPED_TEST(StoreContract, AnEditKeepsWhatItMayNotChange) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1")});
  const auto changed = this->store_->ChangeList("a", [](ListInfo& info) {
    info.list_id = info.name = "renamed";
    info.kind = lists::ListKind::kAllow;
    info.built_in = true;
    info.version = 17;
    info.description = "new";
    info.policy.radius = 3;
    return OkStatus();
  });
  ASSERT_TRUE(changed.ok()) << Message(changed.status());
  EXPECT_EQ(changed->list_id, list.list_id);
  EXPECT_EQ(changed->name, "a");
  EXPECT_EQ(changed->kind, lists::ListKind::kBlock);
  EXPECT_FALSE(changed->built_in);
  EXPECT_EQ(changed->version, 1u);
  EXPECT_EQ(changed->digest, list.digest);
  EXPECT_EQ(changed->updated_at, list.updated_at);
  EXPECT_EQ(changed->description, "new");
  EXPECT_EQ(changed->policy.radius, 3u);

  const auto refused = this->store_->ChangeList(list.list_id, [](ListInfo& info) {
    info.description = "half";
    return InvalidArgument("no");
  });
  EXPECT_EQ(Message(refused.status()), "no");
  EXPECT_EQ(this->store_->GetList("a")->description, "new");
}

TYPED_TEST(StoreContract, EditsOfTwoReplicasLoseNothing) {
  const ListInfo list = this->Create("a");
  constexpr int kRounds = 40;
  auto other = this->backend_.Open();
  ASSERT_NE(other, nullptr);
  const auto disable = [&](Store& store, const std::string& prefix) {
    for (int i = 0; i < kRounds; ++i) {
      lists::Hold hold;
      hold.entry_id = fmt::format("{}{}", prefix, i);
      hold.since = Clock::System().WallNow();
      const auto changed =
          store.ChangeList(list.list_id, [&](ListInfo& info) { return info.policy.exceptions.Put(hold); });
      ASSERT_TRUE(changed.ok()) << Message(changed.status());
    }
  };
  std::thread first([&] { disable(*this->store_, "x"); });
  std::thread second([&] { disable(*other, "y"); });
  first.join();
  second.join();
  EXPECT_THAT(this->store_->GetList("a")->policy.exceptions.holds(), SizeIs(2 * kRounds));
}

TYPED_TEST(StoreContract, EntriesComeBackWhole) {
  Entry entry = MakeEntry("video", 3);
  entry.hashes[0].time_ms = 5'000'000'000;
  entry.hashes[0].quality = 0;
  entry.hashes.push_back({.type = HashType::kMd5, .value = Value(4, 16)});
  entry.hashes.push_back({.type = HashType::kSha1, .value = Value(4, 20)});
  entry.hashes.push_back({.type = HashType::kSha256, .value = Value(4, 32)});
  entry.hashes.push_back({.type = HashType::kOpaque, .value = Value(4, 144), .opaque_type = "photodna"});
  entry.labels = {"z", "A1", "z"};
  entry.metadata = {{"case", "1;2\n3"}, {"ключ", "值"}, {"empty", ""}};
  entry.expires_at = WallTime(std::chrono::seconds(-1));
  entry.disabled = true;
  const ListInfo list = this->Put(this->Create("a"), {entry});
  lists::Canonicalise(entry);
  EXPECT_THAT(entry.labels, ElementsAre("A1", "z"));
  EXPECT_THAT(this->Read(list), ElementsAre(entry));
  EXPECT_EQ(this->store_->GetEntry(list.list_id, "video").value(), entry);
  EXPECT_EQ(list.entry_count, 0u) << "a disabled entry does not count as matching";
  EXPECT_EQ(this->store_->Versions(list.list_id).value().front().entry_count, 1u);
}

TYPED_TEST(StoreContract, OddIdsAreKeptApartAndInByteOrder) {
  std::vector<std::string> ids{"a", "A",  " a", "a ",        "'; DROP TABLE lists; --", "100%",
                               "_", "ä",  "é",  "e\xcc\x81", "\xf0\x9f\x98\x80",        std::string(256, 'x'),
                               "0", "00", "1e5"};
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < ids.size(); ++i) entries.push_back(MakeEntry(ids[i], i));
  const ListInfo list = this->Put(this->Create("a"), entries);
  std::sort(ids.begin(), ids.end());
  std::vector<std::string> read;
  for (const Entry& entry : this->Read(list)) read.push_back(entry.id);
  EXPECT_EQ(read, ids);
  for (const Entry& entry : entries) EXPECT_EQ(this->store_->GetEntry(list.list_id, entry.id).value(), entry);
}

TYPED_TEST(StoreContract, AChangeMakesOneVersionAndCounts) {
  ListInfo list = this->Create("a");
  list = this->Put(list, {MakeEntry("1"), MakeEntry("2"), MakeEntry("3")});
  EXPECT_EQ(list.version, 1u);
  EXPECT_EQ(list.entry_count, 3u);
  list = this->Put(list, {MakeEntry("2", 22), MakeEntry("3"), MakeEntry("4")});
  EXPECT_EQ(list.version, 2u);
  EXPECT_EQ(list.entry_count, 4u);
  EXPECT_EQ(this->counts_.added, 1u);
  EXPECT_EQ(this->counts_.updated, 1u);
  EXPECT_EQ(this->counts_.unchanged, 1u);
  EXPECT_EQ(this->counts_.removed, 0u);
  list = this->Remove(list, {"1", "1", "nobody"});
  EXPECT_EQ(list.version, 3u);
  EXPECT_EQ(this->counts_.removed, 1u);
  const auto versions = this->store_->Versions(list.list_id).value();
  ASSERT_THAT(versions, SizeIs(3));
  EXPECT_EQ(versions[0].version, 3u);
  EXPECT_EQ(versions[0].change, "remove");
  EXPECT_EQ(versions[0].entry_count, 3u);
  EXPECT_EQ(versions[2].change, "import");
  EXPECT_LE(versions[2].created_at, versions[0].created_at);
}

TYPED_TEST(StoreContract, EveryVersionStaysReadable) {
  ListInfo list = this->Create("a");
  const std::vector<Entry> first{MakeEntry("1"), MakeEntry("2")};
  const std::vector<Entry> second{MakeEntry("1", 9), MakeEntry("2"), MakeEntry("3")};
  const std::vector<Entry> third{MakeEntry("3")};
  for (const auto& contents : {first, second, third}) list = this->Put(list, contents, /*replace=*/true);
  EXPECT_EQ(this->Read(list, 1), first);
  EXPECT_EQ(this->Read(list, 2), second);
  EXPECT_EQ(this->Read(list, 3), third);
  EXPECT_EQ(this->Read(list, 0), third);
  EXPECT_EQ(this->store_->GetEntry(list.list_id, "1").status().code(), StatusCode::kNotFound);
}

TYPED_TEST(StoreContract, TheDigestIsThatOfTheContents) {
  ListInfo one = this->Create("one");
  one = this->Put(one, {MakeEntry("b", 2), MakeEntry("a", 1)});
  EXPECT_EQ(one.digest, this->DigestOf({MakeEntry("a", 1), MakeEntry("b", 2)}));
  // The same contents over another way.
  ListInfo two = this->Create("two");
  two = this->Put(two, {MakeEntry("c", 3)});
  two = this->Put(two, {MakeEntry("a", 7)});
  EXPECT_NE(two.digest, one.digest);
  two = this->Put(two, {MakeEntry("b", 2), MakeEntry("a", 1)}, /*replace=*/true);
  EXPECT_EQ(two.digest, one.digest);
}

TYPED_TEST(StoreContract, NoChangeNoVersion) {
  ListInfo list = this->Put(this->Create("a"), {MakeEntry("1")});
  Entry same = MakeEntry("1");
  same.hashes.push_back(same.hashes[0]);  // the same hash twice is the same entry
  EXPECT_EQ(this->Put(list, {same}).version, 1u);
  EXPECT_EQ(this->counts_.unchanged, 1u);
  EXPECT_EQ(this->Put(list, {}).version, 1u);
  EXPECT_EQ(this->Put(list, {same}, /*replace=*/true).version, 1u);
  EXPECT_EQ(this->Remove(list, {"nobody"}).version, 1u);
  EXPECT_THAT(this->store_->Versions(list.list_id).value(), SizeIs(1));
}

TYPED_TEST(StoreContract, AnUpsertWinsOverItsRemoval) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1")});
  Change change{.what = "import", .upserts = {MakeEntry("1", 5)}, .removals = {"1"}};
  const auto changed = this->store_->Apply(list.list_id, change, false, this->counts_);
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(this->counts_.updated, 1u);
  EXPECT_EQ(this->counts_.removed, 0u);
  EXPECT_THAT(this->Read(list), ElementsAre(MakeEntry("1", 5)));
}

TYPED_TEST(StoreContract, AFaultyChangeChangesNothing) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1")});
  Change change{
      .what = "import", .upserts = {MakeEntry("2"), MakeEntry("3"), MakeEntry("2", 5)}, .removals = {"1"}};
  const auto refused = this->store_->Apply(list.list_id, change, false, this->counts_);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(this->Read(list), ElementsAre(MakeEntry("1")));
  EXPECT_EQ(this->store_->GetList("a")->version, 1u);
}

TYPED_TEST(StoreContract, CountsOnlyWritesNothing) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1"), MakeEntry("2")});
  Change change{.what = "import", .upserts = {MakeEntry("2", 9), MakeEntry("3")}, .replace = true};
  const auto told = this->store_->Apply(list.list_id, change, /*counts_only=*/true, this->counts_);
  ASSERT_TRUE(told.ok()) << Message(told.status());
  EXPECT_EQ(this->counts_.added, 1u);
  EXPECT_EQ(this->counts_.updated, 1u);
  EXPECT_EQ(this->counts_.removed, 1u);
  EXPECT_EQ(told->version, 1u);
  EXPECT_THAT(this->Read(list), ElementsAre(MakeEntry("1"), MakeEntry("2")));
}

TYPED_TEST(StoreContract, AnExpectedVersionMustHold) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1")});
  Change change{.what = "add", .upserts = {MakeEntry("2")}, .expected_version = 0};
  for (const bool counts_only : {true, false}) {
    EXPECT_EQ(this->store_->Apply(list.list_id, change, counts_only, this->counts_).status().code(),
              StatusCode::kAborted);
  }
  change.expected_version = 1;
  EXPECT_EQ(this->store_->Apply(list.list_id, change, false, this->counts_)->version, 2u);
}

TYPED_TEST(StoreContract, RollbackIsANewVersionWithTheOldDigest) {
  ListInfo list = this->Create("a");
  const ListInfo first = list = this->Put(list, {MakeEntry("1"), MakeEntry("2"), MakeEntry("3")});
  list = this->Put(list, {MakeEntry("2", 22), MakeEntry("4")});  // one changed, one came
  list = this->Remove(list, {"1"});                              // one went
  const auto back = this->store_->Rollback(list.list_id, 1);
  ASSERT_TRUE(back.ok()) << Message(back.status());
  EXPECT_EQ(back->version, 4u);
  EXPECT_EQ(back->digest, first.digest);
  EXPECT_EQ(back->entry_count, 3u);
  EXPECT_EQ(this->Read(list), (std::vector{MakeEntry("1"), MakeEntry("2"), MakeEntry("3")}));
  EXPECT_EQ(this->Read(list, 3), (std::vector{MakeEntry("2", 22), MakeEntry("3"), MakeEntry("4")}));
  EXPECT_EQ(this->store_->Versions(list.list_id)->front().change, "rollback to 1");
  // Forth again, and nowhere.
  const auto forth = this->store_->Rollback(list.list_id, 3);
  EXPECT_EQ(forth->version, 5u);
  EXPECT_EQ(this->Read(list), this->Read(list, 3));
  EXPECT_EQ(this->store_->Rollback(list.list_id, 3)->version, 5u) << "the contents are those already";
}

TYPED_TEST(StoreContract, TheDigestDoesNotTellHowTheContentsCameAbout) {
  const ListInfo once = this->Put(this->Create("once"), {MakeEntry("a", 1), MakeEntry("b", 2)});
  ListInfo list = this->Create("often");
  this->Put(list, {MakeEntry("b", 7), MakeEntry("c", 3)});
  this->Put(list, {MakeEntry("a", 1), MakeEntry("d", 4)});
  this->Remove(list, {"c", "d"});
  EXPECT_NE(this->store_->GetList("often")->digest, once.digest);
  list = this->Put(list, {MakeEntry("b", 2)});
  EXPECT_EQ(list.digest, once.digest);
  EXPECT_EQ(list.digest_format, lists::kDigestFormat);
  this->Put(list, {MakeEntry("z", 9)}, /*replace=*/true);
  EXPECT_EQ(this->Put(list, {MakeEntry("b", 2), MakeEntry("a", 1)}, /*replace=*/true).digest, once.digest);
  EXPECT_EQ(this->store_->Versions(list.list_id)->front().digest_format, lists::kDigestFormat);
}

TYPED_TEST(StoreContract, ChangesBetweenVersionsComeInOrderWithBothSides) {
  const ListInfo list = this->Create("l");
  Entry off = MakeEntry("off", 5);
  this->Put(list, {MakeEntry("same", 1), MakeEntry("old", 2), MakeEntry("gone", 3), off});  // 1
  this->Put(list, {MakeEntry("old", 20), MakeEntry("passing", 6)});                         // 2
  this->Remove(list, {"gone", "passing"});                                                  // 3
  off.disabled = true;
  this->Put(list, {off, MakeEntry("new", 4)});  // 4
  this->Put(list, {MakeEntry("same", 10)});     // 5
  this->Put(list, {MakeEntry("same", 1)});      // 6
  const auto changes = [&](std::uint64_t from, std::uint64_t to) {
    std::vector<std::string> seen;
    const Status status = this->store_->ForEachChange(list.list_id, from, to, 100, [&](EntryChange&& change) {
      EXPECT_TRUE(change.before || change.after);
      const std::string& id = change.before ? change.before->id : change.after->id;
      const auto side = [](const std::optional<Entry>& entry) {
        if (!entry) return std::string("-");
        return fmt::format("{}{}", entry->hashes.at(0).value.at(0), entry->disabled ? "!" : "");
      };
      seen.push_back(fmt::format("{} {} {}", id, side(change.before), side(change.after)));
      return OkStatus();
    });
    EXPECT_TRUE(status.ok()) << Message(status);
    return seen;
  };
  const auto first = [](std::uint64_t seed) { return Value(seed).at(0); };
  EXPECT_THAT(
      changes(1, 6),
      ElementsAre(fmt::format("gone {} -", first(3)), fmt::format("new - {}", first(4)),
                  fmt::format("off {0} {0}!", first(5)), fmt::format("old {} {}", first(2), first(20))));
  EXPECT_THAT(changes(4, 5), ElementsAre(fmt::format("same {} {}", first(1), first(10))));
  EXPECT_THAT(changes(0, 2), SizeIs(5));
  EXPECT_THAT(changes(4, 6), IsEmpty());
  EXPECT_THAT(changes(6, 6), IsEmpty());
}

TYPED_TEST(StoreContract, ChangesAreLimitedAndEndWithTheCallback) {
  const ListInfo list = this->Create("l");
  std::vector<Entry> entries;
  for (int i = 0; i < 20; ++i) entries.push_back(MakeEntry(fmt::format("{}", i), 1));
  this->Put(list, entries);
  int calls = 0;
  const auto count = [&](EntryChange&&) {
    ++calls;
    return OkStatus();
  };
  EXPECT_EQ(this->store_->ForEachChange(list.list_id, 0, 1, 19, count).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(this->store_->ForEachChange(list.list_id, 0, 1, 20, count).ok());
  EXPECT_EQ(calls, 20);
  EXPECT_EQ(this->store_->ForEachChange(list.list_id, 0, 2, 20, count).code(), StatusCode::kNotFound);
  EXPECT_EQ(this->store_->ForEachChange("nowhere", 0, 1, 20, count).code(), StatusCode::kNotFound);
  const Status ended = this->store_->ForEachChange(
      list.list_id, 0, 1, 20, [](EntryChange&&) { return MakeError(StatusCode::kCancelled, "enough"); });
  EXPECT_EQ(ended.code(), StatusCode::kCancelled);
}

TYPED_TEST(StoreContract, OldVersionsGoWithWhatOnlyTheyHad) {
  ListInfo list = this->Create("l");
  this->Put(list, {MakeEntry("a", 1), MakeEntry("b", 2)});  // 1
  this->Put(list, {MakeEntry("a", 10)});                    // 2
  this->Put(list, {MakeEntry("a", 100)});                   // 3
  list = this->Put(list, {MakeEntry("c", 3)});              // 4
  EXPECT_EQ(this->store_->DeleteVersionsBefore(list.list_id, 3).value(), 2u);
  EXPECT_THAT(this->store_->Versions(list.list_id).value(), SizeIs(2));
  EXPECT_THAT(this->Read(list, 3), ElementsAre(MakeEntry("a", 100), MakeEntry("b", 2)));
  const auto ignore = [](Entry&&) { return OkStatus(); };
  EXPECT_EQ(this->store_->ForEachEntry(list.list_id, 2, ignore).code(), StatusCode::kNotFound);
  EXPECT_EQ(this->store_->Rollback(list.list_id, 1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(this->store_->Rollback(list.list_id, 3)->version, 5u);
  // The current one stays, whatever is asked for.
  EXPECT_EQ(this->store_->DeleteVersionsBefore(list.list_id, 1000).value(), 2u);
  EXPECT_THAT(this->Read(list), SizeIs(2));
  EXPECT_EQ(this->DigestOf(this->Read(list)), this->store_->GetList("l")->digest);
  EXPECT_EQ(this->store_->DeleteVersionsBefore("nowhere", 1).status().code(), StatusCode::kNotFound);
}

TYPED_TEST(StoreContract, DiffNamesWhatChanged) {
  ListInfo list = this->Create("a");
  list = this->Put(list, {MakeEntry("1"), MakeEntry("2"), MakeEntry("3")});
  list = this->Put(list, {MakeEntry("2", 22), MakeEntry("4")});
  list = this->Remove(list, {"1", "3"});
  list = this->Put(list, {MakeEntry("3")});  // went and came back the same
  const auto diff = this->store_->Diff(list.list_id, 1, 0).value();
  EXPECT_THAT(diff.added_ids, ElementsAre("4"));
  EXPECT_THAT(diff.updated_ids, ElementsAre("2"));
  EXPECT_THAT(diff.removed_ids, ElementsAre("1"));
  EXPECT_EQ(diff.added + diff.updated + diff.removed, 3u);
  const auto reverse = this->store_->Diff(list.list_id, 4, 1).value();
  EXPECT_THAT(reverse.added_ids, ElementsAre("1"));
  EXPECT_THAT(reverse.removed_ids, ElementsAre("4"));
  const auto from_nothing = this->store_->Diff(list.list_id, 0, 2).value();
  EXPECT_THAT(from_nothing.added_ids, ElementsAre("1", "2", "3", "4"));
  const auto same = this->store_->Diff(list.list_id, 2, 2).value();
  EXPECT_EQ(same.added + same.updated + same.removed, 0u);
}

TYPED_TEST(StoreContract, DiffKeepsTheFirstThousandIds) {
  std::vector<Entry> entries;
  for (int i = 0; i < 1500; ++i)
    entries.push_back(MakeEntry(fmt::format("{:05}", i), static_cast<std::uint64_t>(i)));
  const ListInfo list = this->Put(this->Create("a"), entries);
  const auto diff = this->store_->Diff(list.list_id, 0, 0).value();
  EXPECT_EQ(diff.added, 1500u);
  ASSERT_THAT(diff.added_ids, SizeIs(VersionDiff::kMaxIds));
  EXPECT_EQ(diff.added_ids.back(), "00999");
}

TYPED_TEST(StoreContract, DeletingAListTakesAllOfItAndNothingElse) {
  const ListInfo kept = this->Put(this->Create("kept"), {MakeEntry("1")});
  ListInfo gone = this->Put(this->Create("gone"), {MakeEntry("1", 2), MakeEntry("2")});
  gone = this->Remove(gone, {"1"});
  ASSERT_TRUE(this->store_->DeleteList(gone.list_id).ok());
  EXPECT_EQ(this->store_->GetList("gone").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(this->Read(kept), SizeIs(1));
  // A list of the same name begins anew.
  const ListInfo again = this->Create("gone");
  EXPECT_EQ(again.version, 0u);
  EXPECT_THAT(this->Read(again), IsEmpty());
}

TYPED_TEST(StoreContract, AReaderIsToldThatItsListWasDeleted) {
  std::vector<Entry> entries;
  for (int i = 0; i < 5000; ++i) entries.push_back(MakeEntry(fmt::format("{:05}", i)));
  const ListInfo list = this->Put(this->Create("a"), entries);
  std::size_t seen = 0;
  const Status status = this->store_->ForEachEntry(list.list_id, 0, [&](Entry&&) {
    if (++seen == 10) {
      EXPECT_TRUE(this->store_->DeleteList(list.list_id).ok());
    }
    return OkStatus();
  });
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_LT(seen, entries.size());
}

TYPED_TEST(StoreContract, AnErrorOfTheCallbackEndsTheReading) {
  const ListInfo list = this->Put(this->Create("a"), {MakeEntry("1"), MakeEntry("2")});
  int seen = 0;
  const Status status = this->store_->ForEachEntry(list.list_id, 0, [&](Entry&&) {
    ++seen;
    return MakeError(StatusCode::kCancelled, "enough");
  });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(seen, 1);
}

TYPED_TEST(StoreContract, ARestartComesBackWithTheSame) {
  ListInfo list = this->Put(this->Create("a"), {MakeEntry("1"), MakeEntry("2")});
  list = this->Put(list, {MakeEntry("2", 2)});
  this->store_.reset();
  this->store_ = this->backend_.Open();
  ASSERT_NE(this->store_, nullptr);
  const auto after = this->store_->GetList("a");
  ASSERT_TRUE(after.ok()) << Message(after.status());
  EXPECT_EQ(after->version, 2u);
  EXPECT_EQ(after->digest, list.digest);
  EXPECT_EQ(after->updated_at, list.updated_at);
  EXPECT_EQ(this->DigestOf(this->Read(list)), list.digest);
}

TYPED_TEST(StoreContract, FiftyThousandEntries) {
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < 50'000; ++i)
    entries.push_back(MakeEntry(fmt::format("e{}", i * 7919 % 50'000), i));
  ListInfo list = this->Put(this->Create("a"), entries);
  EXPECT_EQ(list.entry_count, 50'000u);
  const auto read = this->Read(list);
  ASSERT_THAT(read, SizeIs(50'000));
  EXPECT_TRUE(std::is_sorted(read.begin(), read.end(), [](auto& a, auto& b) { return a.id < b.id; }));
  EXPECT_EQ(this->DigestOf(read), list.digest);
  list = this->Put(list, {MakeEntry("e5", 1), MakeEntry("new", 2)}, /*replace=*/true);
  EXPECT_EQ(this->counts_.removed, 49'999u);
  EXPECT_EQ(this->store_->Rollback(list.list_id, 1)->digest, this->DigestOf(read));
}

TYPED_TEST(StoreContract, LargeEntriesComeBackInOrderAmongSmallOnes) {
  // More than one page of bytes, in far less than one of entries.
  std::vector<Entry> entries;
  for (int i = 0; i < 60; ++i) {
    Entry& entry = entries.emplace_back(MakeEntry(fmt::format("{:03}", i)));
    if (i % 2 == 0) continue;
    entry.hashes.push_back({.type = lists::HashType::kOpaque,
                            .value = std::vector<std::uint8_t>(1 << 20, static_cast<std::uint8_t>(i)),
                            .opaque_type = "tmkpdqf"});
  }
  const ListInfo list = this->Put(this->Create("a"), entries);
  EXPECT_THAT(this->Read(list), entries);
  this->Put(list, {MakeEntry("001"), entries[3]});
  std::vector<std::string> changed;
  ASSERT_TRUE(this->store_
                  ->ForEachChange(list.list_id, 1, 2, 100,
                                  [&](EntryChange&& change) {
                                    changed.push_back(change.id());
                                    EXPECT_EQ(change.before, entries[1]);
                                    return OkStatus();
                                  })
                  .ok());
  EXPECT_THAT(changed, testing::ElementsAre("001"));
}

TYPED_TEST(StoreContract, ReadersSeeWholeVersionsWhileOneWrites) {
  ListInfo list = this->Create("a");
  constexpr int kEntries = 3000;  // more than one page of a paged reader
  const auto contents = [](std::uint64_t round) {
    std::vector<Entry> entries;
    for (int i = 0; i < kEntries; ++i) entries.push_back(MakeEntry(fmt::format("{:04}", i), round));
    return entries;
  };
  list = this->Put(list, contents(1));
  const std::string list_id = list.list_id;  // the readers must not look at `list` while it is assigned
  std::atomic<bool> is_done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      int rounds = 0;
      do {
        std::set<std::vector<std::uint8_t>> values;
        std::size_t seen = 0;
        const Status status = this->store_->ForEachEntry(list_id, 0, [&](Entry&& entry) {
          values.insert(entry.hashes[0].value);
          ++seen;
          return OkStatus();
        });
        EXPECT_TRUE(status.ok()) << Message(status);
        EXPECT_EQ(values.size(), 1u) << "entries of two versions in one reading";
        EXPECT_EQ(seen, static_cast<std::size_t>(kEntries));
        ++rounds;
      } while (!is_done || rounds < 2);
    });
  }
  for (std::uint64_t round = 2; round <= 6; ++round) list = this->Put(list, contents(round));
  is_done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(list.version, 6u);
}

TYPED_TEST(StoreContract, OfTwoWritersWithTheSameExpectationOneWins) {
  const ListInfo list = this->Create("a");
  constexpr int kRounds = 20;
  auto other = this->backend_.Open();  // a second replica
  ASSERT_NE(other, nullptr);
  std::atomic<int> wins = 0, losses = 0;
  const auto write = [&](Store& store, const std::string& prefix) {
    for (int i = 0; i < kRounds; ++i) {
      const auto now = store.GetList("a");
      ASSERT_TRUE(now.ok()) << Message(now.status());
      Change change{.what = "add", .upserts = {MakeEntry(fmt::format("{}{}", prefix, i))}};
      change.expected_version = now->version;
      ChangeCounts counts;
      const auto changed = store.Apply(list.list_id, change, false, counts);
      if (changed.ok()) {
        ++wins;
      } else {
        EXPECT_EQ(changed.status().code(), StatusCode::kAborted) << Message(changed.status());
        ++losses;
      }
    }
  };
  std::thread first([&] { write(*this->store_, "x"); });
  std::thread second([&] { write(*other, "y"); });
  first.join();
  second.join();
  EXPECT_EQ(wins + losses, 2 * kRounds);
  EXPECT_EQ(this->store_->GetList("a")->version, static_cast<std::uint64_t>(wins));
  EXPECT_THAT(this->Read(list), SizeIs(static_cast<std::size_t>(wins)));
}

TYPED_TEST(StoreContract, ExchangesAreKept) {
  const ListInfo list = this->Create("ncmec");
  ExchangeRow row{.name = "b", .list_id = list.list_id, .settings = "{\"x\":1}", .status = "{}"};
  ASSERT_TRUE(this->store_->CreateExchange(row).ok());
  EXPECT_EQ(this->store_->CreateExchange(row).code(), StatusCode::kAlreadyExists);
  row.name = "a";
  ASSERT_TRUE(this->store_->CreateExchange(row).ok());
  row.list_id = "none";
  row.name = "c";
  EXPECT_EQ(this->store_->CreateExchange(row).code(), StatusCode::kNotFound);

  row = {.name = "b", .settings = "{\"x\":2}", .status = "{\"y\":3}", .checkpoint = "is not taken"};
  ASSERT_TRUE(this->store_->UpdateExchange(row).ok());
  auto rows = this->backend_.Open()->Exchanges();
  ASSERT_TRUE(rows.ok());
  ASSERT_THAT(*rows, SizeIs(2));
  EXPECT_EQ((*rows)[0].name, "a");
  EXPECT_EQ((*rows)[0].settings, "{\"x\":1}");
  EXPECT_EQ((*rows)[1].name, "b");
  EXPECT_EQ((*rows)[1].list_id, list.list_id);
  EXPECT_EQ((*rows)[1].settings, "{\"x\":2}");
  EXPECT_EQ((*rows)[1].status, "{\"y\":3}");
  EXPECT_EQ((*rows)[1].checkpoint, "");
  EXPECT_GT((*rows)[1].created_at.time_since_epoch().count(), 0);

  ASSERT_TRUE(this->store_->DeleteExchange("a").ok());
  EXPECT_EQ(this->store_->DeleteExchange("a").code(), StatusCode::kNotFound);
  EXPECT_EQ(this->store_->UpdateExchange({.name = "a"}).code(), StatusCode::kNotFound);
  ASSERT_TRUE(this->store_->DeleteList(list.list_id).ok());
  EXPECT_THAT(this->store_->Exchanges().value(), IsEmpty()) << "they go with their list";
}

TYPED_TEST(StoreContract, ACheckpointIsWrittenWithItsChange) {
  const ListInfo list = this->Create("ncmec");
  const ListInfo other = this->Create("other");
  ASSERT_TRUE(this->store_->CreateExchange({.name = "x", .list_id = list.list_id}).ok());
  const auto checkpoint = [&] { return this->store_->Exchanges().value().at(0).checkpoint; };
  Change change{.what = "sync", .upserts = {MakeEntry("a")}};
  change.checkpoint = Checkpoint{"x", "one"};
  ASSERT_TRUE(this->store_->Apply(list.list_id, change, false, this->counts_).ok());
  EXPECT_EQ(checkpoint(), "one");

  change.checkpoint->state = "two";  // nothing changes but how far it was read
  ASSERT_EQ(this->store_->Apply(list.list_id, change, false, this->counts_)->version, 1u);
  EXPECT_EQ(checkpoint(), "two");

  change.checkpoint->state = "three";
  change.upserts.push_back(MakeEntry("b"));
  ASSERT_TRUE(this->store_->Apply(list.list_id, change, true, this->counts_).ok());
  EXPECT_EQ(checkpoint(), "two") << "only counted";
  change.expected_version = 7;
  EXPECT_EQ(this->store_->Apply(list.list_id, change, false, this->counts_).status().code(),
            StatusCode::kAborted);
  EXPECT_EQ(checkpoint(), "two") << "all or nothing";
  change.expected_version.reset();
  EXPECT_EQ(this->store_->Apply(other.list_id, change, false, this->counts_).status().code(),
            StatusCode::kNotFound)
      << "it feeds another list";
  change.checkpoint->exchange = "none";
  EXPECT_EQ(this->store_->Apply(list.list_id, change, false, this->counts_).status().code(),
            StatusCode::kNotFound);
  EXPECT_THAT(this->Read(list), SizeIs(1)) << "all or nothing";
  EXPECT_THAT(this->Read(other), IsEmpty());
}

TYPED_TEST(StoreContract, ACheckpointIsNotSetBackByWhoeverReadOnFromAnOlderOne) {
  const ListInfo list = this->Create("ncmec");
  ASSERT_TRUE(this->store_->CreateExchange({.name = "x", .list_id = list.list_id}).ok());
  auto other = this->backend_.Open();
  ASSERT_NE(other, nullptr);
  // Both read from the beginning; the first to write wins, and nothing of the second stays.
  Change fast{.what = "sync", .upserts = {MakeEntry("a"), MakeEntry("b")}};
  fast.checkpoint = Checkpoint{"x", "two", ""};
  ASSERT_TRUE(this->store_->Apply(list.list_id, fast, false, this->counts_).ok());
  Change slow{.what = "sync", .upserts = {MakeEntry("c")}};
  slow.checkpoint = Checkpoint{"x", "one", ""};
  const auto late = other->Apply(list.list_id, slow, false, this->counts_);
  EXPECT_EQ(late.status().code(), StatusCode::kAborted);
  EXPECT_EQ(Reason(late.status()), "CHECKPOINT_MOVED");
  slow.upserts.clear();  // nor if nothing but the checkpoint changes
  EXPECT_EQ(Reason(other->Apply(list.list_id, slow, false, this->counts_).status()), "CHECKPOINT_MOVED");
  EXPECT_EQ(this->store_->Exchanges().value().at(0).checkpoint, "two");
  EXPECT_THAT(this->Read(list), SizeIs(2));
  slow.checkpoint = Checkpoint{"x", "three", "two"};
  ASSERT_TRUE(other->Apply(list.list_id, slow, false, this->counts_).ok());

  // At the same moment: of those that go on from one place, one does.
  constexpr int kRounds = 20;
  std::atomic<int> steps = 0;
  const auto read_on = [&](Store& store, const std::string& prefix) {
    for (int i = 0; i < kRounds; ++i) {
      const std::string from = store.Exchanges().value().at(0).checkpoint;
      Change change{.what = "sync", .upserts = {MakeEntry(fmt::format("{}{}", prefix, i))}};
      change.checkpoint = Checkpoint{"x", from + "+", from};
      ChangeCounts counts;
      const auto changed = store.Apply(list.list_id, change, false, counts);
      if (changed.ok()) ++steps;
      EXPECT_TRUE(changed.ok() || Reason(changed.status()) == "CHECKPOINT_MOVED")
          << Message(changed.status());
    }
  };
  std::thread first([&] { read_on(*this->store_, "x"); });
  std::thread second([&] { read_on(*other, "y"); });
  first.join();
  second.join();
  EXPECT_EQ(this->store_->Exchanges().value().at(0).checkpoint,
            "three" + std::string(static_cast<std::size_t>(steps), '+'));
  EXPECT_THAT(this->Read(list), SizeIs(2 + static_cast<std::size_t>(steps)));
}

TYPED_TEST(StoreContract, AChangeWaitsUntilItIsSettled) {
  const ListInfo list = this->Create("ncmec");
  ASSERT_TRUE(this->store_->CreateExchange({.name = "x", .list_id = list.list_id}).ok());
  EXPECT_EQ(Reason(this->store_->GetPending(list.list_id).status()), "NOTHING_PENDING");
  EXPECT_EQ(Reason(this->store_->DeletePending(list.list_id)), "NOTHING_PENDING");
  EXPECT_EQ(this->store_->PutPending({.list_id = "none"}).code(), StatusCode::kNotFound);

  Change change{.what = "sync", .upserts = {MakeEntry("a", 1), MakeEntry("b", 2)}, .removals = {"c", "d"}};
  change.checkpoint = Checkpoint{"x", std::string("state\0with everything", 21), ""};
  PendingChange pending{.list_id = list.list_id, .why = "first", .body = "old"};
  ASSERT_TRUE(this->store_->PutPending(pending).ok());
  pending = {.list_id = list.list_id,
             .why = "too much",
             .body = EncodeChange(change),
             .counts = {.added = 1, .updated = 2, .removed = 3, .unchanged = 4}};
  ASSERT_TRUE(this->store_->PutPending(pending).ok());

  const auto again = this->backend_.Open();
  const auto waiting = again->PendingChanges();
  ASSERT_TRUE(waiting.ok());
  ASSERT_THAT(*waiting, SizeIs(1));
  EXPECT_EQ((*waiting)[0].list_id, list.list_id);
  EXPECT_EQ((*waiting)[0].why, "too much");
  EXPECT_EQ((*waiting)[0].body, "") << "bodies are large";
  EXPECT_EQ((*waiting)[0].counts.updated, 2u);
  EXPECT_EQ((*waiting)[0].counts.removed, 3u);
  const auto whole = again->GetPending(list.list_id);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->body, pending.body);
  auto decoded = DecodeChange(whole->body);
  ASSERT_TRUE(decoded.ok()) << Message(decoded.status());
  EXPECT_EQ(decoded->upserts, change.upserts);
  EXPECT_EQ(decoded->removals, change.removals);
  EXPECT_EQ(decoded->checkpoint->state, change.checkpoint->state);
  EXPECT_EQ(decoded->checkpoint->previous, "");
  for (std::size_t size = 0; size < whole->body.size(); size += 7) {
    EXPECT_EQ(DecodeChange(whole->body.substr(0, size)).status().code(), StatusCode::kDataLoss) << size;
  }

  decoded->settles_pending = true;
  ASSERT_TRUE(this->store_->Apply(list.list_id, *decoded, false, this->counts_).ok());
  EXPECT_EQ(Reason(this->store_->GetPending(list.list_id).status()), "NOTHING_PENDING");
  EXPECT_EQ(this->store_->Exchanges().value().at(0).checkpoint, change.checkpoint->state);

  // It can be settled once only: the exchange is elsewhere by now.
  EXPECT_EQ(Reason(this->store_->Apply(list.list_id, *decoded, false, this->counts_).status()),
            "CHECKPOINT_MOVED");

  ASSERT_TRUE(this->store_->PutPending(pending).ok());
  ASSERT_TRUE(this->store_->DeletePending(list.list_id).ok());
  ASSERT_TRUE(this->store_->PutPending(pending).ok());
  ASSERT_TRUE(this->store_->DeleteList(list.list_id).ok());
  EXPECT_THAT(this->store_->PendingChanges().value(), IsEmpty()) << "it goes with its list";
}

TYPED_TEST(StoreContract, RecordsComeBackInOrderAndAge) {
  const WallTime start(std::chrono::seconds(1'700'000'000));
  for (const int second : {30, 10, 20, 20}) {
    ScanRecord record;
    record.scan_id = fmt::format("s{}", second);
    record.request_id = "r";
    record.at = start + std::chrono::seconds(second);
    record.verdict = "MATCH";
    record.confidence = 0.97;
    record.labels = {{"user", "ü\xff"}};
    record.hits = {{"list", 3, "entry", 12, true}, {"list", 3, "other", 9, false, "allow", "fine"}};
    ASSERT_TRUE(this->store_->Record(record).ok());
  }
  std::vector<ScanRecord> records;
  const auto collect = [&](ScanRecord&& record) {
    records.push_back(std::move(record));
    return OkStatus();
  };
  ASSERT_TRUE(this->store_->ForEachRecord(start + std::chrono::seconds(20), collect).ok());
  ASSERT_THAT(records, SizeIs(3));
  EXPECT_EQ(records[0].scan_id, "s20");
  EXPECT_EQ(records[2].scan_id, "s30");
  EXPECT_EQ(records[2].at, start + std::chrono::seconds(30));
  EXPECT_EQ(records[2].confidence, 0.97);
  ASSERT_THAT(records[2].hits, SizeIs(2));
  EXPECT_EQ(records[2].hits[0].entry_id, "entry");
  EXPECT_EQ(records[2].hits[0].distance, 12u);
  EXPECT_TRUE(records[2].hits[0].shadow);
  EXPECT_EQ(records[2].hits[0].allow_list_id, "");
  EXPECT_EQ(records[2].hits[1].allow_list_id, "allow");
  EXPECT_EQ(records[2].hits[1].allow_entry_id, "fine");
  EXPECT_EQ(this->store_->DeleteRecordsBefore(start + std::chrono::seconds(20)).value(), 1u);
  EXPECT_EQ(this->store_->DeleteRecordsBefore(start + std::chrono::seconds(31)).value(), 3u);
  records.clear();
  ASSERT_TRUE(this->store_->ForEachRecord(start, collect).ok());
  EXPECT_THAT(records, IsEmpty());
}

TYPED_TEST(StoreContract, CheckIsFineOnAHealthyStore) { EXPECT_TRUE(this->store_->Check().ok()); }

}  // namespace
}  // namespace tamiz::store
