#include "core/lists/catalog.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::uint8_t> Value(std::uint64_t seed, std::size_t bytes = 32) {
  std::vector<std::uint8_t> value(bytes);
  for (auto& byte : value) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::uint8_t>(seed >> 56);
  }
  return value;
}

EntryHash Pdq(std::uint64_t seed, std::uint32_t quality = 100, std::optional<std::uint64_t> time = {}) {
  return {.type = HashType::kPdq, .value = Value(seed), .quality = quality, .time_ms = time};
}

Entry With(std::string id, std::vector<EntryHash> hashes) {
  Entry entry;
  entry.id = std::move(id);
  entry.hashes = std::move(hashes);
  return entry;
}

std::shared_ptr<const ListSnapshot> Build(std::vector<Entry> entries, const ListInfo& info = {}) {
  auto snapshot = BuildListSnapshot(info, std::move(entries), WallTime(std::chrono::seconds(5)));
  EXPECT_TRUE(snapshot.ok()) << Message(snapshot.status());
  return snapshot.ok() ? *snapshot : nullptr;
}

std::vector<std::uint32_t> FindPdq(const ListSnapshot& snapshot, std::uint64_t seed) {
  const auto value = Value(seed);
  const auto query = hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(value));
  std::vector<index::Hit> hits;
  snapshot.FindPdq({&query, 1}, 0, hits);
  std::vector<std::uint32_t> positions;
  for (const auto& hit : hits) positions.push_back(hit.position);
  return positions;
}

TEST(BuildListSnapshot, OfNothingFindsNothing) {
  const auto snapshot = Build({});
  ASSERT_NE(snapshot, nullptr);
  EXPECT_THAT(FindPdq(*snapshot, 1), IsEmpty());
  EXPECT_THAT(snapshot->FindDigest(HashType::kMd5, Value(1, 16)), IsEmpty());
}

TEST(BuildListSnapshot, EveryHashLeadsToItsEntry) {
  const auto snapshot = Build({With("a", {Pdq(1), {.type = HashType::kMd5, .value = Value(2, 16)}}),
                               With("b", {{.type = HashType::kSha1, .value = Value(3, 20)},
                                          {.type = HashType::kSha256, .value = Value(4)}}),
                               With("video", {Pdq(5, 70, 0), Pdq(6, 80, 1000)})});
  ASSERT_NE(snapshot, nullptr);
  ASSERT_THAT(FindPdq(*snapshot, 1), SizeIs(1));
  const PdqRef picture = snapshot->RefAt(FindPdq(*snapshot, 1)[0]);
  EXPECT_EQ(snapshot->IdOf(picture.entry), "a");
  EXPECT_EQ(picture.time_ms, PdqRef::kNoTime);
  EXPECT_EQ(picture.quality, 100);
  const PdqRef frame = snapshot->RefAt(FindPdq(*snapshot, 6).at(0));
  EXPECT_EQ(snapshot->IdOf(frame.entry), "video");
  EXPECT_EQ(frame.time_ms, 1000u);
  EXPECT_EQ(frame.quality, 80);
  EXPECT_THAT(snapshot->FindDigest(HashType::kMd5, Value(2, 16)), ElementsAre(0u));
  EXPECT_THAT(snapshot->FindDigest(HashType::kSha1, Value(3, 20)), ElementsAre(1u));
  EXPECT_THAT(snapshot->FindDigest(HashType::kSha256, Value(4)), ElementsAre(1u));
  EXPECT_THAT(snapshot->FindDigest(HashType::kPdq, Value(1)), IsEmpty());
  EXPECT_EQ(snapshot->VideoFramesOf(0), 0u);
  EXPECT_EQ(snapshot->VideoFramesOf(1), 0u);
  EXPECT_EQ(snapshot->VideoFramesOf(2), 2u);
  EXPECT_EQ(snapshot->loaded_at, WallTime(std::chrono::seconds(5)));
}

TEST(BuildListSnapshot, WhatIsBelowTheFloorIsKeptAndNotSearched) {
  ListInfo info;
  info.policy.quality_floor = 50;
  const auto snapshot = Build({With("a", {Pdq(1, 49)}), With("v", {Pdq(2, 50, 0), Pdq(3, 49, 1000)})}, info);
  EXPECT_EQ(snapshot->pdq_count(), 1u);
  EXPECT_THAT(FindPdq(*snapshot, 1), IsEmpty());
  EXPECT_THAT(FindPdq(*snapshot, 2), SizeIs(1));
  ASSERT_EQ(snapshot->entry_count(), 2u);
  EXPECT_EQ(snapshot->IdOf(0), "a");
  EXPECT_EQ(snapshot->PositionsOf(0), (std::pair{0u, 0u}));
  EXPECT_EQ(snapshot->PositionsOf(1), (std::pair{0u, 1u}));
}

TEST(BuildListSnapshot, DisabledEntriesAndOpaqueHashesAreNotSearched) {
  Entry disabled = With("off", {Pdq(1)});
  disabled.disabled = true;
  const auto snapshot = Build(
      {disabled, With("on", {Pdq(2), {.type = HashType::kOpaque, .value = Value(9), .opaque_type = "x"}})});
  ASSERT_EQ(snapshot->entry_count(), 1u);
  EXPECT_EQ(snapshot->IdOf(0), "on");
  EXPECT_EQ(snapshot->pdq_count(), 1u);
  EXPECT_EQ(snapshot->digest_count(), 0u);
}

TEST(BuildListSnapshot, AnEntryComesBackWithoutItsHashes) {
  Entry entry = With("a", {Pdq(1), {.type = HashType::kMd5, .value = Value(2, 16)}});
  entry.labels = {"A1", "B2"};
  entry.metadata = {{"k", "v"}, {"l", ""}};
  entry.expires_at = WallTime(std::chrono::seconds(7));
  const auto snapshot = Build({With("b", {Pdq(2)}), entry});
  EXPECT_EQ(snapshot->IdOf(0), "a");
  EXPECT_EQ(snapshot->ExpiresAt(0), entry.expires_at);
  EXPECT_EQ(snapshot->ExpiresAt(1), std::nullopt);
  Entry expected = entry;
  expected.hashes.clear();
  EXPECT_EQ(snapshot->EntryAt(0), expected);
  EXPECT_EQ(snapshot->EntryAt(1), With("b", {}));
}

TEST(BuildListSnapshot, TheSameHashManyTimesIsFoundEachTime) {
  std::vector<Entry> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back(With(fmt::format("{}", i), {Pdq(1)}));
  EXPECT_THAT(FindPdq(*Build(std::move(entries)), 1), SizeIs(1000));
}

TEST(BuildListSnapshot, AValueOfTheWrongLengthIsAnError) {
  const auto snapshot =
      BuildListSnapshot({}, {With("a", {{.type = HashType::kPdq, .value = Value(1, 31)}})}, {});
  EXPECT_EQ(snapshot.status().code(), StatusCode::kInternal);
}

TEST(BuildListSnapshot, MemoryGrowsWithTheEntries) {
  const auto small = Build({With("a", {Pdq(1)})});
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Entry entry = With(fmt::format("a longer identifier {}", i), {Pdq(i)});
    entry.metadata = {{"key", "value"}};
    entries.push_back(std::move(entry));
  }
  const std::size_t per_entry = (Build(std::move(entries))->memory_bytes() - small->memory_bytes()) / 1000;
  EXPECT_GT(per_entry, 32u + 30u);
  EXPECT_LT(per_entry, 200u);
}

TEST(Catalog, FindsByNameAndById) {
  ListInfo info;
  info.name = "n";
  info.list_id = "i";
  Catalog catalog;
  catalog.lists.push_back(Build({}, info));
  EXPECT_EQ(catalog.Find("n"), catalog.lists[0].get());
  EXPECT_EQ(catalog.Find("i"), catalog.lists[0].get());
  EXPECT_EQ(catalog.Find("x"), nullptr);
}

}  // namespace
}  // namespace tamiz::lists
