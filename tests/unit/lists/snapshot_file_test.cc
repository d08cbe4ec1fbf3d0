#include "core/lists/snapshot_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <random>

namespace tamiz::lists {
namespace {

std::vector<std::uint8_t> Value(std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 random(seed * 7919 + bytes);
  std::vector<std::uint8_t> value(bytes);
  for (auto& byte : value) byte = static_cast<std::uint8_t>(random());
  return value;
}

class SnapshotFile : public testing::Test {
 protected:
  SnapshotFile() {
    std::string name = (std::filesystem::temp_directory_path() / "tamiz-snapshot-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~SnapshotFile() override { std::filesystem::remove_all(folder_); }

  // More than a scan is used for, so that the index has all its parts; hash 5 many times.
  static std::shared_ptr<const ListSnapshot> Make(std::size_t entries) {
    ListInfo info;
    info.list_id = "0b5e7f9e-0000-4000-8000-000000000001";
    info.name = "l";
    info.version = 3;
    info.digest_format = kDigestFormat;
    info.entry_count = entries;
    std::vector<Entry> all;
    ContentDigest digest;
    for (std::size_t i = 0; i < entries; ++i) {
      Entry entry;
      entry.id = fmt::format("e{:06}", i);
      entry.labels = {"A1"};
      entry.metadata = {{"case", fmt::format("{}", i)}};
      entry.hashes.push_back({.type = HashType::kPdq, .value = Value(i % 50 == 0 ? 5 : i, 32)});
      if (i % 3 == 0) entry.hashes.push_back({.type = HashType::kMd5, .value = Value(i, 16)});
      if (i % 7 == 0)
        entry.hashes.push_back({.type = HashType::kPdq, .value = Value(i + 1'000'000, 32), .time_ms = i});
      Canonicalise(entry);
      digest.AddCanonical(entry);
      all.push_back(std::move(entry));
    }
    info.digest = digest.Finish();
    auto made = BuildListSnapshot(info, std::move(all), {});
    EXPECT_TRUE(made.ok());
    return *made;
  }

  static std::vector<std::string> AnswersOf(const ListSnapshot& snapshot) {
    std::vector<std::string> answers = {fmt::format("{} {} {} {} {}", snapshot.entry_count(),
                                                    snapshot.pdq_count(), snapshot.digest_count(),
                                                    snapshot.suspects().shared, snapshot.info.digest)};
    for (const std::uint64_t seed : {0, 5, 7, 14, 99, 4321, 1'000'007}) {
      const auto value = Value(seed, 32);
      const auto query = hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(value));
      std::vector<index::Hit> hits;
      snapshot.FindPdq({&query, 1}, 31, hits);
      for (const index::Hit& hit : hits) {
        const PdqRef ref = snapshot.RefAt(hit.position);
        const Entry entry = snapshot.EntryAt(ref.entry);
        answers.push_back(fmt::format("{} {} {} {} {}", seed, entry.id, ref.time_ms, ref.quality,
                                      entry.metadata.at("case")));
      }
      for (const std::uint32_t entry : snapshot.FindDigest(HashType::kMd5, Value(seed, 16)))
        answers.push_back(fmt::format("md5 {} {}", seed, snapshot.IdOf(entry)));
    }
    return answers;
  }

  StatusOr<std::shared_ptr<const ListSnapshot>> Load(const ListInfo& info) const {
    return LoadSnapshot(path(), info, {}, 2);
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "l.snapshot"; }

  std::filesystem::path folder_;
};

TEST_F(SnapshotFile, AnswersAsWhatWasSaved) {
  for (const std::size_t entries : {0, 10, 20'000}) {
    const auto saved = Make(entries);
    const Status status = SaveSnapshot(*saved, path());
    ASSERT_TRUE(status.ok()) << Message(status);
    struct stat file {};
    ASSERT_EQ(::stat(path().c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u);
    ListInfo now = saved->info;
    now.version = 9;
    now.digest = "of later";
    now.policy.radius = 5;
    const auto loaded = Load(now);
    ASSERT_TRUE(loaded.ok()) << Message(loaded.status());
    EXPECT_EQ((*loaded)->info.version, 3u);
    EXPECT_EQ((*loaded)->info.policy.radius, 5u);
    EXPECT_EQ(AnswersOf(**loaded), AnswersOf(*saved));
    EXPECT_EQ((*loaded)->base_contents().Finish(), saved->info.digest);
    // What is only read for answers takes no memory of its own.
    EXPECT_LE((*loaded)->memory_bytes(), saved->memory_bytes() + 256);
    if (entries > 1000) {
      EXPECT_LT((*loaded)->memory_bytes(), saved->memory_bytes() * 9 / 10);
    }
    const auto mapped = MapAnswers(*saved, path());
    ASSERT_TRUE(mapped.ok()) << Message(mapped.status());
    EXPECT_EQ(AnswersOf(**mapped), AnswersOf(*saved));
    // A mapping outlives its file.
    std::filesystem::remove(path());
    EXPECT_EQ(AnswersOf(**loaded), AnswersOf(*saved));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SnapshotFile, GoesOnWithChanges) {
  const auto saved = Make(50);
  ASSERT_TRUE(SaveSnapshot(*saved, path()).ok());
  const auto loaded = Load(saved->info);
  ASSERT_TRUE(loaded.ok());
  Entry entry;
  entry.id = "new";
  entry.hashes.push_back({.type = HashType::kMd5, .value = Value(77, 16)});
  ContentDigest digest = saved->base_contents();
  digest.AddCanonical(entry);
  ListInfo info = saved->info;
  info.version = 4;
  info.digest = digest.Finish();
  const std::vector<EntryChange> changes = {{.before = std::nullopt, .after = entry}};
  const auto next = (*loaded)->Updated(info, changes, {});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ((*next)->FindDigest(HashType::kMd5, Value(77, 16)).size(), 1u);
  // What is saved is the base.
  ASSERT_TRUE(SaveSnapshot(**next, path()).ok());
  EXPECT_EQ((*Load(info))->info.version, 3u);
}

TEST_F(SnapshotFile, WhatDoesNotFitIsNotUsed) {
  const auto saved = Make(20);
  EXPECT_EQ(Load(saved->info).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(SaveSnapshot(*saved, path()).ok());
  ListInfo other = saved->info;
  other.list_id = "another";
  EXPECT_EQ(Load(other).status().code(), StatusCode::kFailedPrecondition);
  other = saved->info;
  other.policy.quality_floor = 20;
  EXPECT_EQ(Load(other).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Load(saved->info).ok());
  // Where it cannot be written, that is said, and nothing is left behind.
  EXPECT_EQ(SaveSnapshot(*saved, folder_ / "nowhere" / "l.snapshot").code(), StatusCode::kUnavailable);
}

TEST_F(SnapshotFile, DamageIsNoticed) {
  const auto saved = Make(200);
  ASSERT_TRUE(SaveSnapshot(*saved, path()).ok());
  std::string whole;
  {
    std::ifstream file(path(), std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto with = [&](const std::string& bytes) {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
    return Load(saved->info);
  };
  ASSERT_TRUE(with(whole).ok());
  // One bit, anywhere: header, arrays, directory, digests.
  std::mt19937_64 random(1);
  std::vector<std::size_t> places = {0, 8, 12, 16, 20, 24, 32, 39, whole.size() - 1, whole.size() - 33};
  for (int i = 0; i < 300; ++i) places.push_back(random() % whole.size());
  for (const std::size_t at : places) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    EXPECT_FALSE(with(damaged).ok()) << "at " << at << " of " << whole.size();
  }
  // Cut short or longer.
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{39}, std::size_t{64},
                                 whole.size() / 2, whole.size() - 32, whole.size() - 1}) {
    EXPECT_FALSE(with(whole.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(with(whole + "x").ok());
  EXPECT_FALSE(with(std::string(whole.size(), '\0')).ok());
  EXPECT_FALSE(with(std::string(whole.size(), '\xff')).ok());
  EXPECT_TRUE(with(whole).ok());
}

}  // namespace
}  // namespace tamiz::lists
