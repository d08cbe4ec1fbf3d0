// Formats of other tools: ICSE, NSRL, PhotoDNA, ThreatExchange, vPDQ.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hex.h"
#include "core/lists/icse_rows.h"
#include "core/lists/nsrl_rows.h"
#include "core/lists/photodna_rows.h"
#include "core/lists/threatexchange_reader.h"
#include "core/lists/vpdq_reader.h"
#include "tests/unit/lists/reading.h"

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kMd5 = "00112233445566778899AABBCCDDEEFF";
const std::string kSha1 = "00112233445566778899AABBCCDDEEFF00112233";
const std::string kPdq(64, 'b');
const std::string kPhotoBase64 = std::string(191, 'A') + "B";
const std::string kPhotoHex = std::string(286, '1') + "02";

Reading Read(const char* format, const std::string& text, ReadOptions options = {}) {
  options.format = format;
  return ReadInPieces(text, options);
}

std::vector<std::string> Reasons(const Reading& reading) {
  std::vector<std::string> reasons;
  for (const Rejection& rejection : reading.rejections) reasons.push_back(rejection.reason);
  return reasons;
}

constexpr const char* kIcseHeader =
    "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;Number of "
    "submissions;File Available;Media Type;Baseline\r\n";

TEST(Icse, TakesTheBaselineUnlessARuleSaysMore) {
  const std::string text =
      std::string(kIcseHeader) + fmt::format(
                                     "{0};{1};{2};1000;Yes;No;no;a series;1;Yes;Image;Yes\r\n"
                                     "{0};{1};;1001;No;No;No;;1;Yes;Image;No\r\n"
                                     "{0};{1};nonsense;1002;No;YES;No;;1;Yes;Image;yes \r\n"
                                     "{0};xx;;1003;No;No;No;;1;Yes;Image;Yes\r\n"
                                     ";;;1004;No;No;No;;1;Yes;Image;Yes\r\n"
                                     "{0};;;1005;No;No;No;;1;Yes;Image;\r\n",
                                     kMd5, kSha1, kPhotoBase64);
  Reading r = Read("icse", text);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(2));
  const Entry& first = r.entries[0].second;
  EXPECT_EQ(first.id, "1000");
  EXPECT_THAT(first.hashes, SizeIs(3));
  EXPECT_THAT(first.labels, ElementsAre("baseline"));
  EXPECT_EQ(first.metadata,
            (std::map<std::string, std::string>{{"is_distributed", "true"}, {"series", "a series"}}));
  EXPECT_THAT(r.entries[1].second.hashes, SizeIs(2));
  EXPECT_THAT(r.dropped, SizeIs(1));
  EXPECT_THAT(Reasons(r),
              ElementsAre(HasSubstr("40 hexadecimal digits"), HasSubstr("no hash that can be used")));
  EXPECT_EQ(r.categories.at("non-baseline"), (std::pair{1, 1}));
  EXPECT_EQ(r.categories.at(""), (std::pair{1, 1}));

  r = Read("icse", text,
           {.categories = {{.category = "baseline", .labels = {"B"}},
                           {.category = "non-baseline", .labels = {"N"}}}});
  EXPECT_THAT(r.entries, SizeIs(3));
  EXPECT_THAT(Message(Read("icse", "MD5;SHA1\n").status), HasSubstr("'Baseline'"));
}

TEST(Nsrl, IsKnownGoodAndBelongsOnAnAllowList) {
  const std::string text = fmt::format(
      "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\",\"ProductCode\",\"OpSystemCode\","
      "\"SpecialCode\"\r\n"
      "\"{0}\",\"{1}\",\"64FDC9C0\",\"a.dll\",1000,100,\"362\",\"\"\r\n"
      "\"{0}\",\"{1}\",\"64FDC9C0\",\"caf\xe9.dll\",1000,101,\"362\",\"\"\r\n"
      "\"xx\",\"{1}\",\"64FDC9C0\",\"b.dll\",1000,101,\"362\",\"\"\r\n",
      kSha1, kMd5);
  EXPECT_EQ(Field(Read("nsrl", text).status), "options.format");
  const Reading r = Read("nsrl", text, {.for_allow_list = true});
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_EQ(r.entries[0].second, r.entries[1].second) << "one file of two products is one entry";
  EXPECT_THAT(r.entries[0].second.hashes, SizeIs(2));
  EXPECT_THAT(r.rejections, SizeIs(1));
}

TEST(PhotoDna, ReadsAllThreeEncodings) {
  std::string decimals = "1";
  for (int i = 1; i < 144; ++i) decimals += fmt::format(",{}", i);
  const Reading r =
      Read("photodna", "# a comment, with a comma\na.jpg," + kPhotoBase64 + "\nb.jpg, " + kPhotoHex +
                           " ,,\n" + decimals + "\nc.jpg," + decimals + "\n" + kPhotoHex + "\n" +
                           "d.jpg,short\ne.jpg,x,y\nf.jpg," + std::string(192, 'A') + "\n");
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(5));
  EXPECT_EQ(r.entries[0].second.id, "a.jpg");
  EXPECT_THAT(r.entries[2].second.id, testing::StartsWith("h-"));
  EXPECT_EQ(r.entries[2].second.hashes, r.entries[3].second.hashes);
  EXPECT_EQ(r.entries[1].second.hashes, r.entries[4].second.hashes);
  for (const auto& [line, entry] : r.entries) {
    EXPECT_EQ(entry.hashes.at(0).value.size(), kPhotoDnaBytes);
    EXPECT_EQ(FaultOf(entry), "");
  }
  EXPECT_THAT(r.rejections, SizeIs(2));
  EXPECT_EQ(r.skipped.at("the photodna value is junk"), 1) << "all bytes equal";

  auto junk = JunkHashes::Parse({kPhotoHex});
  ASSERT_TRUE(junk.ok());
  EXPECT_EQ(Read("photodna", "b.jpg," + kPhotoHex + "\n", {.junk = *junk}).skipped.size(), 1u);
}

TEST(ThreatExchange, ReadsSignalTypesAndValues) {
  const Reading r =
      Read("threatexchange", "pdq " + kPdq + "\r\nvideo_md5\t" + kMd5 + "  \n\n" + kMd5 + "\n" +
                                 "url https://example.org/\nraw_text some words\nphotodna " + kPhotoBase64 +
                                 "\npdq 00\n" + kPdq + "\n\"x y\"\n" + "vpdq [\"" + kPdq + ",90,0.5\"]\n");
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(5));
  EXPECT_EQ(r.entries[0].second.hashes[0].type, HashType::kPdq);
  EXPECT_EQ(r.entries[1].second.hashes[0].type, HashType::kMd5);
  EXPECT_EQ(r.entries[1].second.id, r.entries[2].second.id);
  EXPECT_EQ(r.entries[3].second.hashes[0].type, HashType::kOpaque);
  EXPECT_EQ(r.entries[4].second.hashes[0].time_ms, 500u);
  EXPECT_EQ(r.skipped.size(), 2u);
  EXPECT_THAT(Reasons(r), ElementsAre(HasSubstr("64 hexadecimal digits"), HasSubstr("what kind of hash"),
                                      HasSubstr("neither a value")));
}

TEST(ThreatExchange, ReadsTheStateOfPythonThreatexchange) {
  const std::string text =
      kPdq + ",4058061737570000,2025-07-01T18:31:15+0000,tag_a tag_b\n" + kPdq + ",7,,\n";
  Reading r = Read("threatexchange", text, {.default_hash_type = HashType::kPdq});
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_EQ(r.entries[0].second.id, "4058061737570000");
  EXPECT_THAT(r.entries[0].second.labels, ElementsAre("tag_a", "tag_b"));
  r = Read("threatexchange", text);
  EXPECT_THAT(r.rejections, SizeIs(2)) << "64 digits may be PDQ or SHA-256";
}

TEST(Vpdq, IsOneVideo) {
  const std::string text = "[\"" + kPdq + ",100,0.0\", \"" + kPdq + ", 49 ,1.0015\"]\r\n";
  Reading r = Read("vpdq", text, {.entry_id = "clip"});
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(1));
  const Entry& entry = r.entries[0].second;
  EXPECT_EQ(entry.id, "clip");
  ASSERT_THAT(entry.hashes, SizeIs(2));
  EXPECT_EQ(entry.hashes[1].quality, 49u);
  EXPECT_EQ(entry.hashes[1].time_ms, 1002u);
  EXPECT_THAT(Read("vpdq", text).entries.at(0).second.id, testing::StartsWith("h-"));
  const std::pair<std::string, const char*> bad[] = {{"[\"" + kPdq + ",100,0.0\"", "cut off"},
                                                     {"{}", "JSON array"},
                                                     {"[]", "empty"},
                                                     {"[3]", "frame 1"},
                                                     {"[\"" + kPdq + "\"]", "a hash, a quality"},
                                                     {"[\"00,1,1\"]", "64 hexadecimal digits"},
                                                     {"[\"" + kPdq + ",101,1\"]", "quality"},
                                                     {"[\"" + kPdq + ",1,-1\"]", "time"},
                                                     {"[\"" + kPdq + ",1,nan\"]", "time"},
                                                     {"", "JSON array"}};
  for (const auto& [file, why] : bad) {
    const Reading none = Read("vpdq", file);
    EXPECT_THAT(none.entries, IsEmpty());
    EXPECT_THAT(Message(none.status), HasSubstr(why)) << file;
  }
  EXPECT_THAT(Message(ReadText(std::string(17 << 20, ' '), {.format = "vpdq"}).status), HasSubstr("16 MiB"));
}

}  // namespace
}  // namespace tamiz::lists
