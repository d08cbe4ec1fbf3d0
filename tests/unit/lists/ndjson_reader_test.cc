#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hex.h"
#include "tests/unit/lists/reading.h"

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kMd5 = "00112233445566778899aabbccddeeff";
const std::string kPdq(32, 'a');

Reading Read(const std::string& text, ColumnMapping columns = {}) {
  ReadOptions options;
  options.format = "ndjson";
  options.columns = std::move(columns);
  Reading whole = ReadText(text, options);
  const Reading pieces = ReadText(text, options, 1);
  EXPECT_EQ(pieces.entries, whole.entries);
  EXPECT_EQ(pieces.rejections.size(), whole.rejections.size());
  return whole;
}

TEST(NdjsonReader, ReadsOneHashALine) {
  const Reading r = Read(fmt::format(
      "\xef\xbb\xbf{{\"entry_id\":\"a\",\"hash_type\":\"MD5\",\"value\":\"{}\",\"labels\":\"A1; "
      "B\",\"metadata\":{{\"n\":1,\"t\":true,\"o\":{{\"x\":[1]}},\"s\":\"\\u00e9\"}}}}\r\n\n"
      "{{\"entry_id\":7,\"hash_type\":\"pdq\",\"value\":\"{}{}\",\"quality\":80,\"time_ms\":\"250\","
      "\"labels\":[\"x\",\"\",2]}}",
      kMd5, kPdq, kPdq));
  EXPECT_THAT(r.rejections, IsEmpty());
  ASSERT_THAT(r.entries, SizeIs(2));
  const Entry& a = r.entries[0].second;
  EXPECT_EQ(r.entries[0].first, 1u);
  EXPECT_EQ(ToHex(a.hashes.at(0).value), kMd5);
  EXPECT_THAT(a.labels, ElementsAre("A1", "B"));
  EXPECT_EQ(a.metadata, (std::map<std::string, std::string>{
                            {"n", "1"}, {"t", "true"}, {"o", "{\"x\":[1]}"}, {"s", "é"}}));
  const Entry& b = r.entries[1].second;
  EXPECT_EQ(r.entries[1].first, 3u);
  EXPECT_EQ(b.id, "7");
  EXPECT_EQ(b.hashes.at(0).quality, 80u);
  EXPECT_EQ(b.hashes.at(0).time_ms, 250u);
  EXPECT_THAT(b.labels, ElementsAre("x", "2"));
}

TEST(NdjsonReader, ReadsSeveralHashes) {
  const Reading r = Read(fmt::format(
      "{{\"entry_id\":\"v\",\"disabled\":true,\"hashes\":[{{\"hash_type\":\"md5\",\"value\":\"{0}\"}},"
      "{{\"hash_type\":\"pdq\",\"value\":\"{1}{1}\",\"quality\":60,\"time_ms\":1000}}]}}\n",
      kMd5, kPdq));
  ASSERT_THAT(r.entries, SizeIs(1));
  const Entry& entry = r.entries[0].second;
  EXPECT_TRUE(entry.disabled);
  ASSERT_THAT(entry.hashes, SizeIs(2));
  EXPECT_EQ(entry.hashes[1].quality, 60u);
  EXPECT_EQ(entry.hashes[1].time_ms, 1000u);
}

TEST(NdjsonReader, FieldsMayHaveOtherNames) {
  const Reading r = Read(fmt::format("{{\"id\":\"a\",\"t\":\"md5\",\"h\":\"{}\"}}\n", kMd5),
                         {.entry_id = "id", .hash_type = "t", .value = "h"});
  EXPECT_THAT(r.entries, SizeIs(1));
}

TEST(NdjsonReader, BadLinesAreRejectedWithLineAndReason) {
  const std::string good =
      fmt::format("{{\"entry_id\":\"z\",\"hash_type\":\"md5\",\"value\":\"{}\"}}\n", kMd5);
  const Reading r = Read(
      "{\n[1]\nnull\n{\"hash_type\":\"md5\"}\n{\"entry_id\":\"a\",\"hashes\":[]}\n"
      "{\"entry_id\":\"a\",\"hashes\":[3]}\n{\"entry_id\":\"a\",\"hash_type\":\"md5\",\"value\":null}\n"
      "{\"entry_id\":\"\xff\"}\n" +
      std::string(5 << 20, ' ') + "\n" + good);
  EXPECT_TRUE(r.status.ok());
  ASSERT_THAT(r.rejections, SizeIs(9));
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(r.rejections[i].line, i + 1);
  EXPECT_THAT(r.rejections[3].reason, HasSubstr("no entry id"));
  EXPECT_THAT(r.rejections[6].reason, HasSubstr("no hash value"));
  EXPECT_THAT(r.rejections[8].reason, HasSubstr("longer than"));
  ASSERT_THAT(r.entries, SizeIs(1));
  EXPECT_EQ(r.entries[0].first, 10u);
}

TEST(NdjsonReader, DeepNestingIsRejected) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  const Reading r = ReadText("{\"entry_id\":\"a\",\"x\":" + deep + "}\n", {.format = "ndjson"});
  EXPECT_THAT(r.rejections, SizeIs(1));
}

}  // namespace
}  // namespace tamiz::lists
