#include "core/index/digest_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace tamiz::index {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Bytes = std::vector<std::uint8_t>;

TEST(DigestIndex, EmptyFindsNothing) {
  const DigestIndex index;
  EXPECT_THAT(index.Find(1, Bytes(16, 0)), IsEmpty());
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(DigestIndex::Build({}).size(), 0u);
}

TEST(DigestIndex, TypeAndLengthArePartOfTheKey) {
  const Bytes short_value(16, 7);
  const Bytes long_value(20, 7);
  const std::vector<DigestIndex::Item> items = {
      {1, short_value, 10}, {2, short_value, 20}, {1, long_value, 30}};
  const auto index = DigestIndex::Build(items);
  EXPECT_THAT(index.Find(1, short_value), ElementsAre(10));
  EXPECT_THAT(index.Find(2, short_value), ElementsAre(20));
  EXPECT_THAT(index.Find(1, long_value), ElementsAre(30));
  EXPECT_THAT(index.Find(3, short_value), IsEmpty());
  EXPECT_THAT(index.Find(1, Bytes(15, 7)), IsEmpty());
}

TEST(DigestIndex, NumbersAscendAndEachStandsOnce) {
  const Bytes value(32, 0xab);
  const std::vector<DigestIndex::Item> items = {{3, value, 9}, {3, value, 4}, {3, value, 9}, {3, value, 0}};
  const auto index = DigestIndex::Build(items);
  EXPECT_THAT(index.Find(3, value), ElementsAre(0, 4, 9));
  EXPECT_EQ(index.size(), 3u);
}

TEST(DigestIndex, ValuesOfOneByteAndSharedLeadingBytes) {
  std::vector<Bytes> values;
  for (int i = 0; i < 256; ++i) values.push_back({static_cast<std::uint8_t>(i)});
  for (int i = 0; i < 1000; ++i) {
    Bytes value(16, 0x5a);  // all in one bucket of the directory
    value[14] = static_cast<std::uint8_t>(i >> 8);
    value[15] = static_cast<std::uint8_t>(i);
    values.push_back(value);
  }
  std::vector<DigestIndex::Item> items;
  for (std::uint32_t i = 0; i < values.size(); ++i) items.push_back({1, values[i], i});
  const auto index = DigestIndex::Build(items);
  for (std::uint32_t i = 0; i < values.size(); ++i) EXPECT_THAT(index.Find(1, values[i]), ElementsAre(i));
  EXPECT_THAT(index.Find(1, Bytes(16, 0x5a)), IsEmpty());
}

TEST(DigestIndex, AgreesWithAMap) {
  std::mt19937_64 random(1);
  std::vector<Bytes> values;
  std::vector<DigestIndex::Item> items;
  std::map<std::pair<std::uint8_t, Bytes>, std::vector<std::uint32_t>> expected;
  constexpr std::size_t kLengths[] = {16, 20, 32};
  for (int i = 0; i < 20000; ++i) {
    Bytes value(kLengths[random() % 3]);
    for (auto& byte : value) byte = static_cast<std::uint8_t>(random());
    values.push_back(value);
  }
  for (std::uint32_t i = 0; i < 30000; ++i) {
    const Bytes& value = values[random() % values.size()];
    const auto type = static_cast<std::uint8_t>(1 + random() % 3);
    items.push_back({type, value, i});
    expected[{type, value}].push_back(i);
  }
  const auto index = DigestIndex::Build(items);
  EXPECT_EQ(index.size(), items.size());
  for (const Bytes& value : values) {
    for (std::uint8_t type = 1; type <= 3; ++type) {
      EXPECT_EQ(index.Find(type, value), (expected[{type, value}])) << int{type};
    }
  }
}

}  // namespace
}  // namespace tamiz::index
