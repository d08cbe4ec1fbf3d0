#include "core/exchange/ncmec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "core/base/hex.h"
#include "core/exchange/fingerprint.h"
#include "core/exchange/request.h"

namespace tamiz::exchange {
namespace {

using ::testing::ElementsAre;

std::string Shared(const std::string& name) {
  const char* const root = std::getenv("TAMIZ_SHARED_DIR");
  if (root == nullptr || *root == '\0') return {};
  std::ifstream file(std::string(root) + "/testdata/exchanges/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> Kinds(const lists::Entry& entry) {
  std::vector<std::string> kinds;
  for (const lists::EntryHash& hash : entry.hashes) {
    kinds.push_back(hash.opaque_type.empty() ? std::string(lists::ToString(hash.type)) : hash.opaque_type);
  }
  return kinds;
}

TEST(Ncmec, ReadsAPublishedPage) {
  const std::string xml = Shared("ncmec-hashsharing/entries-page1.xml");
  if (xml.empty()) GTEST_SKIP() << "TAMIZ_SHARED_DIR has no sample";
  const auto answer = ReadNcmecAnswer(xml);
  ASSERT_TRUE(answer.ok()) << answer.status();
  std::vector<std::string> ids;
  for (const Item& item : answer->items) ids.push_back(item.id + (item.entry ? "" : " gone"));
  EXPECT_THAT(ids, ElementsAre("42/image/img-0001", "43/image/img-0002", "43/image/shared-id",
                               "42/image/img-0900 gone", "42/video/shared-id", "42/video/vid-0004 gone"));
  const lists::Entry& first = *answer->items[0].entry;
  EXPECT_THAT(Kinds(first), ElementsAre("md5", "sha1", "photodna", "pdq"));
  EXPECT_EQ(first.hashes[2].value.size(), 144u);
  EXPECT_THAT(first.labels, ElementsAre("A1"));
  EXPECT_EQ(first.metadata.at("feedback_negative"), "sha1");
  EXPECT_EQ(first.metadata.at("feedback_affirmative"), "md5");
  EXPECT_EQ(first.metadata.at("member"), "Example Member");
  EXPECT_EQ(answer->items[0].at, *ParseTime("2026-01-01T15:00:00Z"));
  const lists::Entry& second = *answer->items[1].entry;
  EXPECT_THAT(Kinds(second), ElementsAre("md5", "photodna")) << "upper case and base64";
  EXPECT_EQ(second.hashes[1].value.size(), 144u);
  EXPECT_EQ(answer->large.size(), 2u);
  EXPECT_EQ(answer->large[0].type, "tmkpdqf");
  EXPECT_EQ(answer->large[0].href, "/v2/entries/1/fingerprints/TMK_PDQF");
  EXPECT_EQ(
      answer->next,
      "/v2/entries?from=2026-01-01T00%3A00%3A00.000Z&to=2026-01-02T00%3A00%3A00.000Z&start=1001&size=1000&"
      "max=2000");
  EXPECT_EQ(answer->skipped, 0u);
  for (const char* name : {"entries-page2-last.xml", "entries-empty.xml", "entries-npo-takeitdown.xml"}) {
    const auto other = ReadNcmecAnswer(Shared(std::string("ncmec-hashsharing/") + name));
    ASSERT_TRUE(other.ok()) << name;
    EXPECT_EQ(other->next, "");
  }
}

TEST(Ncmec, WhatIsUnknownOrDamagedIsPassedOver) {
  const auto answer = ReadNcmecAnswer(
      "<n:queryResult xmlns:n='x'><n:images>"
      "<n:image><n:id>a</n:id><n:member id='1'/><n:categorizations><n:x/></n:categorizations><n:fingerprints>"
      "<n:md5>zz</n:md5><n:pdq>ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff</n:pdq>"
      "<n:sha1>66365beeee8ca4476a6328e669520be8db5d7ae1</n:sha1><n:new-kind>value</n:new-kind>"
      "</n:fingerprints></n:image>"
      "<n:image><n:id>no member</n:id></n:image><n:image><n:member id='1'/></n:image>"
      "<n:else/></n:images><n:audios/></n:queryResult>");
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->items.size(), 1u);
  EXPECT_THAT(Kinds(*answer->items[0].entry), ElementsAre("sha1", "newkind"));
  EXPECT_EQ(answer->skipped, 4u);
}

TEST(Ncmec, WhatIsNoAnswerIsAnError) {
  for (const char* text :
       {"", "<html>busy</html>", "{}", "<queryResult><images>", "<queryResult>&x;</queryRes"}) {
    const auto answer = ReadNcmecAnswer(text);
    EXPECT_EQ(answer.status().code(), StatusCode::kDataLoss) << text;
    EXPECT_EQ(Reason(answer.status()), "EXCHANGE_ANSWER");
  }
}

TEST(Fingerprint, PhotoDnaInThreeSpellings) {
  std::string decimals;
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 144; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(i * 7));
    decimals += (i == 0 ? "" : ", ") + std::to_string(bytes.back());
  }
  EXPECT_EQ(ReadFingerprint("pdna", ToHex(bytes))->value, bytes);
  EXPECT_EQ(ReadFingerprint("pdna", decimals)->value, bytes);
  EXPECT_FALSE(ReadFingerprint("pdna", decimals + ",1"));
  EXPECT_FALSE(ReadFingerprint("pdna", decimals.substr(0, decimals.size() - 4)));
  EXPECT_FALSE(ReadFingerprint("pdna", decimals + ","));
  EXPECT_FALSE(ReadFingerprint("pdna", "256" + decimals.substr(1)));
  EXPECT_FALSE(ReadFingerprint("pdna", std::string(192, '!')));
  EXPECT_FALSE(ReadFingerprint("md5", ""));
}

TEST(Fingerprint, Identifiers) {
  EXPECT_EQ(EntryId("42/image/x"), "42/image/x");
  EXPECT_TRUE(EntryId("42/image/with space").starts_with("sha256:"));
  EXPECT_TRUE(EntryId(std::string(300, 'x')).starts_with("sha256:"));
  EXPECT_EQ(IdOfValue("pdq", "ABCD"), IdOfValue("pdq", "abcd"));
  EXPECT_NE(IdOfValue("pdq", "abcd"), IdOfValue("md5", "abcd"));
  EXPECT_EQ(NormalType("TMK_PDQF"), NormalType("tmk-pdqf"));
}

TEST(Time, IsReadAndWritten) {
  EXPECT_EQ(ParseTime("1970-01-02T00:00:01Z"), 86401);
  EXPECT_EQ(ParseTime("2026-01-01T00:00:00.123Z"), ParseTime("2026-01-01T00:00:00Z"));
  for (const char* text : {"", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z",
                           "2026-01-01T25:00:00Z", "20x6-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
  EXPECT_EQ(FormatTime(86401), "1970-01-02T00:00:01Z");
}

}  // namespace
}  // namespace tamiz::exchange
