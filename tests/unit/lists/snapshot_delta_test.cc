// A snapshot that followed changes must answer as one that was built anew.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "core/lists/list_snapshot.h"

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Few hashes, so that entries share them and queries meet them.
std::vector<std::uint8_t> Value(std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 random(seed * 7919 + bytes);
  std::vector<std::uint8_t> value(bytes);
  for (auto& byte : value) byte = static_cast<std::uint8_t>(random());
  return value;
}

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {}

  // The next version's info and what changed.
  ListInfo Step(std::vector<EntryChange>& changes) {
    std::map<std::string, EntryChange> by_id;
    const std::uint64_t count = random_() % 12;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string id = fmt::format("e{}", random_() % 60);
      if (by_id.contains(id)) continue;
      EntryChange change;
      if (const auto at = entries_.find(id); at != entries_.end()) change.before = at->second;
      if (random_() % 4 != 0) change.after = NewEntry(id);
      if (change.before == change.after) continue;
      if (change.after) {
        entries_[id] = *change.after;
      } else {
        entries_.erase(id);
      }
      by_id.emplace(id, std::move(change));
    }
    changes.clear();
    for (auto& [id, change] : by_id) changes.push_back(std::move(change));
    return Info();
  }

  ListInfo Info() {
    ListInfo info;
    info.name = "l";
    info.version = ++version_;
    ContentDigest digest;
    for (const auto& [id, entry] : entries_) digest.AddCanonical(entry);
    info.digest = digest.Finish();
    info.digest_format = kDigestFormat;
    return info;
  }

  [[nodiscard]] std::vector<Entry> Entries() const {
    std::vector<Entry> all;
    for (const auto& [id, entry] : entries_) all.push_back(entry);
    return all;
  }

 private:
  Entry NewEntry(const std::string& id) {
    Entry entry;
    entry.id = id;
    entry.labels = {fmt::format("L{}", random_() % 3)};
    entry.metadata = {{"k", fmt::format("{}", random_() % 100)}};
    entry.disabled = random_() % 8 == 0;
    if (random_() % 5 == 0) entry.expires_at = WallTime(std::chrono::seconds(random_() % 100));
    const std::uint64_t hashes = 1 + random_() % 4;
    for (std::uint64_t i = 0; i < hashes; ++i) {
      EntryHash hash;
      switch (random_() % 5) {
        case 0:
          hash = {.type = HashType::kMd5, .value = Value(random_() % 20, 16)};
          break;
        case 1:
          hash = {.type = HashType::kSha256, .value = Value(random_() % 20, 32)};
          break;
        case 2:
          hash = {
              .type = HashType::kPdq, .value = Value(random_() % 30, 32), .time_ms = random_() % 5 * 1000};
          break;
        default:
          hash = {.type = HashType::kPdq, .value = Value(random_() % 30, 32)};
          hash.quality = static_cast<std::uint32_t>(30 + random_() % 71);  // some below the floor
      }
      entry.hashes.push_back(std::move(hash));
    }
    Canonicalise(entry);
    return entry;
  }

  std::mt19937_64 random_;
  std::map<std::string, Entry> entries_;
  std::uint64_t version_ = 0;
};

// Everything that a snapshot answers, without its numbers.
std::vector<std::string> AnswersOf(const ListSnapshot& snapshot) {
  std::vector<std::string> answers = {
      fmt::format("{} {} {}", snapshot.entry_count(), snapshot.pdq_count(), snapshot.digest_count())};
  std::vector<hash::Hash256> queries;
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    auto value = Value(seed, 32);
    value[seed] ^= 0x11;
    queries.push_back(hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(value)));
  }
  std::vector<index::Hit> hits;
  snapshot.FindPdq(queries, 31, hits);
  EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), [](const index::Hit& a, const index::Hit& b) {
    return std::tie(a.query, a.distance, a.position) < std::tie(b.query, b.distance, b.position);
  }));
  std::vector<std::string> found;
  for (const index::Hit& hit : hits) {
    const PdqRef ref = snapshot.RefAt(hit.position);
    const auto [first, last] = snapshot.PositionsOf(ref.entry);
    EXPECT_TRUE(first <= hit.position && hit.position < last);
    const Entry entry = snapshot.EntryAt(ref.entry);
    EXPECT_EQ(entry.id, snapshot.IdOf(ref.entry));
    EXPECT_EQ(entry.expires_at, snapshot.ExpiresAt(ref.entry));
    found.push_back(fmt::format("{} {} {} {} {} of {} frames, {} {}", hit.query, hit.distance, entry.id,
                                ref.time_ms, ref.quality, last - first, snapshot.VideoFramesOf(ref.entry),
                                entry.metadata.at("k")));
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const std::uint32_t entry : snapshot.FindDigest(HashType::kMd5, Value(seed, 16)))
      found.push_back(fmt::format("md5 {} {}", seed, snapshot.IdOf(entry)));
    for (const std::uint32_t entry : snapshot.FindDigest(HashType::kSha256, Value(seed, 32)))
      found.push_back(fmt::format("sha256 {} {}", seed, snapshot.IdOf(entry)));
  }
  std::sort(found.begin(), found.end());
  answers.insert(answers.end(), found.begin(), found.end());
  return answers;
}

TEST(SnapshotDelta, AnswersAsOneBuiltAnew) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    History history(seed);
    std::vector<EntryChange> changes;
    for (int i = 0; i < 6; ++i) history.Step(changes);
    auto followed = BuildListSnapshot(history.Info(), history.Entries(), {});
    ASSERT_TRUE(followed.ok());
    for (int i = 0; i < 25; ++i) {
      const ListInfo info = history.Step(changes);
      followed = (*followed)->Updated(info, changes, {});
      ASSERT_TRUE(followed.ok()) << Message(followed.status());
      const auto anew = BuildListSnapshot(info, history.Entries(), {});
      ASSERT_TRUE(anew.ok());
      ASSERT_EQ(AnswersOf(**followed), AnswersOf(**anew)) << "seed " << seed << " step " << i;
    }
    EXPECT_GT((*followed)->delta_entries(), 0u);
  }
}

TEST(SnapshotDelta, WhatWasThereBeforeStaysAsItWas) {
  History history(3);
  std::vector<EntryChange> changes;
  for (int i = 0; i < 6; ++i) history.Step(changes);
  const auto base = BuildListSnapshot(history.Info(), history.Entries(), {});
  const auto before = AnswersOf(**base);
  const auto next = (*base)->Updated(history.Step(changes), changes, {});
  ASSERT_TRUE(next.ok());
  const auto between = AnswersOf(**next);
  ASSERT_TRUE((*next)->Updated(history.Step(changes), changes, {}).ok());
  EXPECT_EQ(AnswersOf(**base), before);
  EXPECT_EQ(AnswersOf(**next), between);
  EXPECT_EQ((*next)->base(), (*base)->base());
}

TEST(SnapshotDelta, ChangesThatDoNotLeadToTheDigestAreRefused) {
  History history(5);
  std::vector<EntryChange> changes;
  for (int i = 0; i < 6; ++i) history.Step(changes);
  const auto base = BuildListSnapshot(history.Info(), history.Entries(), {});
  ListInfo info;
  do info = history.Step(changes);
  while (changes.size() < 2);
  changes.pop_back();
  EXPECT_EQ((*base)->Updated(info, changes, {}).status().code(), StatusCode::kDataLoss);
}

TEST(SnapshotDelta, OfAnEmptyList) {
  ListInfo info;
  const auto empty = BuildListSnapshot(info, {}, {});
  ASSERT_TRUE(empty.ok());
  Entry entry;
  entry.id = "a";
  entry.hashes = {{.type = HashType::kMd5, .value = Value(1, 16)}};
  ContentDigest digest;
  digest.Add(entry);
  info.version = 1;
  info.digest = digest.Finish();
  info.digest_format = kDigestFormat;
  const std::vector<EntryChange> changes = {{.before = std::nullopt, .after = entry}};
  const auto next = (*empty)->Updated(info, changes, {});
  ASSERT_TRUE(next.ok());
  EXPECT_THAT((*next)->FindDigest(HashType::kMd5, Value(1, 16)), ElementsAre(0u));
  EXPECT_THAT((*empty)->FindDigest(HashType::kMd5, Value(1, 16)), IsEmpty());
  EXPECT_GT((*next)->memory_bytes(), (*empty)->memory_bytes());
}

}  // namespace
}  // namespace tamiz::lists
