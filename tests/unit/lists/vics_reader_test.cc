#include "core/lists/vics_reader.h"

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

const std::string kMd5 = "98209B11082C0E8C07D19AB9EE33E638";
const std::string kSha1 = "78695987BC9946A9364637543C2F26F0BABA42DE";
const std::string kPhoto = std::string(191, 'A') + "B";

ReadOptions Options() {
  ReadOptions options;
  options.format = "vics";
  options.categories = {{.category = "1", .labels = {"A1"}}, {.category = "2", .labels = {"A2"}}};
  return options;
}

Reading Read(const std::string& media, const ReadOptions& options = Options()) {
  return ReadInPieces("\xef\xbb\xbf{\"@odata.context\":\"x#Media\",\r\n\"value\":[" + media + "]}\r\n",
                      options);
}

TEST(VicsReader, ReadsAMediaObject) {
  const Reading r = Read(fmt::format(
      "{{\"MediaID\":2,\"Category\":1,\"MD5\":\"{}\",\"sha1\":\"{}\",\"MediaSize\":\"91822\",\"PhotoDNA\":\"{"
      "}\","
      "\"VictimIdentified\":\"true\",\"OffenderIdentified\":\"false\",\"IsDistributed\":true,\"SERIES\":"
      "\"s\","
      "\"Tags\":\"x\",\"IsPrecategorized\":\"true\",\"AlternativeHashes\":[{{\"HashName\":\"PhotoDNA\","
      "\"HashValue\":\"{}\"}},{{\"hashname\":\"SHA-256\",\"HASHVALUE\":\"{}\"}},{{\"HashName\":\"Odd\","
      "\"HashValue\":\"abc\"}},3]}}",
      kMd5, kSha1, kPhoto, kPhoto, std::string(64, 'c')));
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_THAT(r.rejections, IsEmpty());
  ASSERT_THAT(r.entries, SizeIs(1));
  Entry entry = r.entries[0].second;
  EXPECT_EQ(r.entries[0].first, 2u);
  EXPECT_THAT(entry.labels, ElementsAre("A1"));
  EXPECT_EQ(entry.metadata, (std::map<std::string, std::string>{{"category", "1"},
                                                                {"media_id", "2"},
                                                                {"series", "s"},
                                                                {"tags", "x"},
                                                                {"victim_identified", "true"},
                                                                {"is_distributed", "true"}}));
  Canonicalise(entry);
  EXPECT_EQ(FaultOf(entry), "");
  ASSERT_THAT(entry.hashes, SizeIs(5)) << "the PhotoDNA that stands there twice is one";
  EXPECT_EQ(entry.hashes[0].type, HashType::kMd5);
  EXPECT_EQ(ToHex(entry.hashes[0].value), "98209b11082c0e8c07d19ab9ee33e638");
}

TEST(VicsReader, CategoryAloneDecides) {
  std::string media;
  for (const char* category :
       {"\"Category\":1", "\"Category\":\"2\"", "\"Category\":0", "\"Category\":null", "\"Category\":3",
        "\"x\":1", "\"category\":1.0", "\"Category\":[1]", "\"Category\":\"\""}) {
    if (!media.empty()) media += ",\n";
    media += fmt::format("{{\"MD5\":\"{}\",\"IsPrecategorized\":true,{}}}", kMd5, category);
  }
  const Reading r = Read(media);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_THAT(r.entries, SizeIs(3));
  EXPECT_EQ(r.categories.at(""), (std::pair{4, 4}));
  EXPECT_EQ(r.categories.at("1"), (std::pair{2, 0}));
  EXPECT_EQ(r.categories.at("3"), (std::pair{1, 1}));
  EXPECT_EQ(r.skipped.at("category 3 is not mapped"), 1);
}

TEST(VicsReader, NeedsACategoryMappingUnlessForAnAllowList) {
  ReadOptions options = Options();
  options.categories.clear();
  EXPECT_EQ(Field(Read("", options).status), "options.categories");
  options.for_allow_list = true;
  options.format = "caid";
  const Reading r =
      Read(fmt::format("{{\"MD5\":\"{0}\"}},{{\"MD5\":\"{0}\",\"Category\":1}}", kMd5), options);
  EXPECT_THAT(r.entries, SizeIs(1)) << "known material is not allowed by mistake";
}

TEST(VicsReader, OneBadObjectIsRejectedWithItsNumber) {
  const Reading r =
      Read(fmt::format("{{\"Category\":1,\"MD5\":\"{0}\"}},\n{{\"Category\":1,\"MD5\":\"zz\"}},\n"
                       "{{\"Category\":1}},\n{{\"Category\":1,\"MD5\":\"{0}\",,}},\n"
                       "{{\"Category\":1,\"MD5\":\"{0}\",\"PhotoDNA\":\"odd\"}}",
                       kMd5));
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_THAT(r.entries, SizeIs(2));
  ASSERT_THAT(r.rejections, SizeIs(3));
  EXPECT_EQ(r.rejections[0].line, 3u);
  EXPECT_THAT(r.rejections[0].reason, HasSubstr("Media object 2: the md5 value"));
  EXPECT_THAT(r.rejections[1].reason, HasSubstr("no hash that can be used"));
  EXPECT_THAT(r.rejections[2].reason, HasSubstr("not valid JSON"));
  EXPECT_THAT(r.dropped, ElementsAre(HasSubstr("photodna")));
}

TEST(VicsReader, ACutFileIsRefused) {
  const std::string text = "{\"value\":[{\"Category\":1,\"MD5\":\"" + kMd5 + "\"},{\"Categ";
  EXPECT_THAT(Message(ReadInPieces(text, Options()).status), HasSubstr("cut off"));
}

}  // namespace
}  // namespace tamiz::lists
