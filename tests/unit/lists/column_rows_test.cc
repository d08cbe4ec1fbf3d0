#include "core/lists/column_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lists/reading.h"

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr const char* kMd5 = "B4FD03C33116686E1C021038AB2728F8";
constexpr const char* kSha1 = "66365BEEEE8CA4476A6328E669520BE8DB5D7AE1";
const std::string kPdq(64, 'c');

ReadOptions DigestColumns() {
  ReadOptions options;
  options.hash_columns = {{.column = "md5", .kind = HashType::kMd5},
                          {.column = "SHA1", .kind = HashType::kSha1}};
  options.derive_ids = true;
  return options;
}

TEST(ColumnRows, OneRowMayHoldSeveralHashes) {
  const Reading r =
      ReadInPieces(fmt::format("MD5,SHA1\n{},{}\n{},\n,\n , \"\"\n", kMd5, kSha1, kMd5), DigestColumns());
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_THAT(r.entries[0].second.hashes, SizeIs(2));
  EXPECT_THAT(r.entries[1].second.hashes, SizeIs(1));
  EXPECT_EQ(r.entries[0].second.id, r.entries[1].second.id) << "derived from the first hash";
}

TEST(ColumnRows, CategoriesDecideAndAreCounted) {
  ReadOptions options = DigestColumns();
  options.columns.category = "Category";
  options.categories = {{.category = "1", .labels = {"A1"}}};
  const Reading r = ReadInPieces(
      fmt::format("MD5,SHA1,Category\n{0},{1},0\n{0},{1},1\n{0},{1},2\n{0},{1},\n{0},{1},1.0\n", kMd5, kSha1),
      options);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_THAT(r.entries[0].second.labels, ElementsAre("A1"));
  EXPECT_EQ(r.categories.at("1"), (std::pair{2, 0}));
  EXPECT_EQ(r.categories.at("2"), (std::pair{1, 1}));
  EXPECT_EQ(r.categories.at(""), (std::pair{2, 2}));
  EXPECT_EQ(r.skipped.at("category 2 is not mapped"), 1);

  options.categories.clear();
  EXPECT_EQ(Field(ReadText("", options).status), "options.categories");
  options.categories = {{.category = "1"}};
  options.columns.category = "kind";
  EXPECT_THAT(Message(ReadText("MD5,SHA1\n", options).status), HasSubstr("'kind'"));
}

TEST(ColumnRows, EncodingsArePerColumn) {
  ReadOptions options;
  options.hash_columns = {
      {.column = "a", .kind = HashType::kMd5, .encoding = HashEncoding::kBase64},
      {.column = "b", .kind = HashType::kMd5, .encoding = HashEncoding::kDecimal},
      {.column = "c", .kind = {HashType::kOpaque, "photodna"}, .encoding = HashEncoding::kBase64}};
  const Reading r = ReadInPieces(
      "entry_id,a,b,c\nx,AP8QoLHC0+T1BhcoOUpbbA==,\"0,255,16,160,177,194,211,228,245,6,23,40,57,74,91,108\","
      "\n"
      "y,AP8QoLHC0+T1BhcoOUpbbA==,,not base64\n",
      options);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_EQ(r.entries[0].second.hashes[0].value, r.entries[0].second.hashes[1].value);
  EXPECT_THAT(r.entries[1].second.hashes, SizeIs(1)) << "a bad opaque value costs itself only";
  EXPECT_THAT(r.dropped, ElementsAre(HasSubstr("not base64")));

  ReadOptions one;
  one.value_encoding = HashEncoding::kBase64;
  one.default_hash_type = HashType::kMd5;
  EXPECT_THAT(ReadInPieces("entry_id,value\nx,AP8QoLHC0+T1BhcoOUpbbA==\n", one).entries, SizeIs(1));
}

TEST(ColumnRows, APdqColumnHasAQuality) {
  ReadOptions options;
  options.hash_columns = {{.column = "pdq", .kind = HashType::kPdq}};
  options.columns.labels = "label";
  options.derive_ids = true;
  const Reading r =
      ReadInPieces(fmt::format("pdq,quality,label\n{},70,x;y\n{},101,z\n", kPdq, kPdq), options);
  ASSERT_THAT(r.entries, SizeIs(1));
  EXPECT_EQ(r.entries[0].second.hashes[0].quality, 70u);
  EXPECT_THAT(r.entries[0].second.labels, ElementsAre("x", "y"));
  EXPECT_THAT(r.rejections, SizeIs(1));
}

TEST(ColumnRows, WithoutAHeaderHashColumnsAreNumbers) {
  ReadOptions options = DigestColumns();
  options.has_header = false;
  EXPECT_EQ(Field(ReadText("", options).status), "options.hash_columns");
  options.hash_columns[0].column = "2";
  options.hash_columns[1].column = "1";
  EXPECT_THAT(ReadInPieces(fmt::format("{},{}\n", kSha1, kMd5), options).entries, SizeIs(1));
}

TEST(ColumnRows, OneHashALine) {
  ReadOptions options;
  options.has_header = false;
  options.derive_ids = true;
  options.default_hash_type = HashType::kMd5;
  options.columns.value = "1";
  const Reading r =
      ReadInPieces(fmt::format("{}\r\n{}\r\n", kMd5, "00112233445566778899aabbccddeeff"), options);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_THAT(r.entries[0].second.id, testing::StartsWith("h-"));
}

TEST(ColumnRows, OpaqueTypesAreKept) {
  const Reading r =
      ReadInPieces(fmt::format("entry_id,hash_type,value\na,photodna,{}\nb,opaque:tmk,xyz\nc,photodna,{}\n",
                               std::string(287, '1') + "2", std::string(288, '1')),
                   {});
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_EQ(r.entries[0].second.hashes[0].opaque_type, "photodna");
  EXPECT_EQ(r.entries[1].second.hashes[0].opaque_type, "tmk");
  ASSERT_THAT(r.rejections, SizeIs(1));
  EXPECT_THAT(r.rejections[0].reason, HasSubstr("junk"));
}

}  // namespace
}  // namespace tamiz::lists
