#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Entry Part(std::string id, std::uint8_t seed) {
  Entry entry;
  entry.id = std::move(id);
  entry.hashes.push_back({.type = HashType::kMd5, .value = std::vector<std::uint8_t>(16, seed)});
  return entry;
}

TEST(EntryCollector, RowsOfOneEntryAddUp) {
  EntryCollector collector;
  Entry first = Part("a", 2), second = Part("a", 1);
  first.labels = {"x", "y"};
  second.labels = {"z", "x"};
  first.metadata = {{"k", "1"}};
  second.metadata = {{"k", "1"}, {"l", "2"}};
  collector.Add(2, std::move(first));
  collector.Add(3, Part("b", 3));
  collector.Add(4, std::move(second));
  collector.Add(5, Part("a", 2));  // the same hash again
  const auto collected = collector.Finish();
  EXPECT_EQ(collected.rows_read, 4u);
  EXPECT_EQ(collected.rows_rejected, 0u);
  ASSERT_THAT(collected.entries, SizeIs(2));
  EXPECT_EQ(collected.entries[0].id, "a") << "in order of first appearance";
  EXPECT_THAT(collected.entries[0].hashes, SizeIs(2));
  EXPECT_THAT(collected.entries[0].labels, ElementsAre("x", "y", "z"));
  EXPECT_THAT(collected.entries[0].metadata, SizeIs(2));
}

TEST(EntryCollector, AContradictionRejectsItsRowOnly) {
  EntryCollector collector;
  Entry first = Part("a", 1), second = Part("a", 2), third = Part("a", 3), fourth = Part("a", 4);
  first.metadata = {{"k", "1"}};
  second.metadata = {{"k", "2"}};
  third.disabled = true;
  collector.Add(2, std::move(first));
  collector.Add(3, std::move(second));
  collector.Add(4, std::move(third));
  collector.Add(5, std::move(fourth));
  const auto collected = collector.Finish();
  EXPECT_EQ(collected.rows_read, 4u);
  EXPECT_EQ(collected.rows_rejected, 2u);
  ASSERT_THAT(collected.rejections, SizeIs(2));
  EXPECT_EQ(collected.rejections[0].line, 3u);
  EXPECT_THAT(collected.rejections[0].reason, HasSubstr("metadata 'k'"));
  EXPECT_EQ(collected.rejections[1].line, 4u);
  EXPECT_THAT(collected.entries[0].hashes, SizeIs(2));
}

TEST(EntryCollector, FaultyEntriesAreRejected) {
  EntryCollector collector;
  collector.Add(7, Part("", 1));
  collector.Add(8, Part("zeros", 0));
  const auto collected = collector.Finish();
  EXPECT_EQ(collected.rows_rejected, 2u);
  EXPECT_TRUE(collected.entries.empty());
  EXPECT_THAT(collected.rejections[1].reason, HasSubstr("all zeros"));
}

TEST(EntryCollector, KeepsTheFirstHundredRejectionsAndCountsAll) {
  EntryCollector collector;
  for (std::uint64_t line = 1; line <= 250; ++line) collector.Reject({line, "no"});
  const auto collected = collector.Finish();
  EXPECT_EQ(collected.rows_read, 250u);
  EXPECT_EQ(collected.rows_rejected, 250u);
  ASSERT_THAT(collected.rejections, SizeIs(100));
  EXPECT_EQ(collected.rejections.back().line, 100u);
}

TEST(EntryCollector, TogetherPartsMayBeTooMuch) {
  EntryCollector collector;
  Entry part;
  part.id = "a";
  for (int half = 0; half < 2; ++half) {
    part.hashes.clear();
    for (int i = 0; i < 60'000; ++i) {
      std::vector<std::uint8_t> value(16, 1);
      value[0] = static_cast<std::uint8_t>(half + 1);
      value[1] = static_cast<std::uint8_t>(i);
      value[2] = static_cast<std::uint8_t>(i >> 8);
      part.hashes.push_back({.type = HashType::kMd5, .value = value});
    }
    collector.Add(2 + static_cast<std::uint64_t>(half), Entry(part));
  }
  const auto collected = collector.Finish();
  EXPECT_TRUE(collected.entries.empty());
  EXPECT_EQ(collected.rows_read, 2u);
  EXPECT_EQ(collected.rows_rejected, 1u);
  EXPECT_EQ(collected.rejections.at(0).line, 2u);
}

}  // namespace
}  // namespace tamiz::lists
