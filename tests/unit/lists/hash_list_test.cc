#include "core/lists/hash_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/hex.h"

namespace tamiz::lists {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Entry Sound() {
  Entry entry;
  entry.id = "e";
  entry.hashes.push_back({.type = HashType::kMd5, .value = *FromHex("00112233445566778899aabbccddeeff")});
  return entry;
}

std::string FaultOfHash(HashType type, const std::string& hex) {
  Entry entry = Sound();
  entry.hashes[0].type = type;
  entry.hashes[0].value = *FromHex(hex);
  return FaultOf(entry);
}

TEST(HashType, NamesGoThereAndBack) {
  for (const HashType type :
       {HashType::kMd5, HashType::kSha1, HashType::kSha256, HashType::kPdq, HashType::kOpaque}) {
    EXPECT_EQ(ParseHashType(ToString(type)), type);
  }
  EXPECT_EQ(ParseHashType(" SHA-256 "), HashType::kSha256);
  EXPECT_EQ(ParseHashType("Md5"), HashType::kMd5);
  EXPECT_EQ(ParseHashType("sha512"), std::nullopt);
  EXPECT_EQ(ParseHashType(""), std::nullopt);
}

TEST(FaultOf, NothingIsWrongWithASoundEntry) { EXPECT_THAT(FaultOf(Sound()), IsEmpty()); }

TEST(FaultOf, ChecksTheId) {
  Entry entry = Sound();
  entry.id = "";
  EXPECT_THAT(FaultOf(entry), HasSubstr("no id"));
  entry.id = std::string(256, 'x');
  EXPECT_THAT(FaultOf(entry), IsEmpty());
  entry.id = std::string(257, 'x');
  EXPECT_THAT(FaultOf(entry), HasSubstr("257 bytes"));
  entry.id = "a\nb";
  EXPECT_THAT(FaultOf(entry), HasSubstr("control"));
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    entry.id = bad;
    EXPECT_THAT(FaultOf(entry), HasSubstr("UTF-8")) << ToHex({reinterpret_cast<const std::uint8_t*>(bad), 1});
  }
  for (const char* good : {"é", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    entry.id = good;
    EXPECT_THAT(FaultOf(entry), IsEmpty());
  }
}

TEST(FaultOf, ChecksTheHashes) {
  Entry entry = Sound();
  entry.hashes[0].quality = 101;
  EXPECT_THAT(FaultOf(entry), HasSubstr("quality is 101"));
  entry = Sound();
  entry.hashes[0].type = HashType::kSha1;
  EXPECT_THAT(FaultOf(entry), HasSubstr("sha1 value has 16 bytes; it must have 20"));
  entry.hashes.clear();
  EXPECT_THAT(FaultOf(entry), HasSubstr("no hash"));
  entry = Sound();
  entry.hashes[0].time_ms = 1ull << 40;
  EXPECT_THAT(FaultOf(entry), HasSubstr("time"));
  entry = Sound();
  entry.hashes[0].type = HashType::kOpaque;
  EXPECT_THAT(FaultOf(entry), HasSubstr("name of its kind"));
  entry.hashes[0].opaque_type = "photodna";
  EXPECT_THAT(FaultOf(entry), IsEmpty());
  entry.hashes.assign(100'001, Sound().hashes[0]);
  EXPECT_THAT(FaultOf(entry), HasSubstr("100001 hashes"));
}

TEST(FaultOf, RefusesPlaceholders) {
  EXPECT_THAT(FaultOfHash(HashType::kPdq, std::string(64, '0')), HasSubstr("all zeros"));
  EXPECT_THAT(FaultOfHash(HashType::kPdq, std::string(64, 'f')), HasSubstr("all ones"));
  EXPECT_THAT(FaultOfHash(HashType::kMd5, std::string(32, '0')), HasSubstr("all zeros"));
  EXPECT_THAT(FaultOfHash(HashType::kMd5, "d41d8cd98f00b204e9800998ecf8427e"), HasSubstr("empty file"));
  EXPECT_THAT(FaultOfHash(HashType::kSha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
              HasSubstr("empty file"));
  EXPECT_THAT(
      FaultOfHash(HashType::kSha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      HasSubstr("empty file"));
  EXPECT_THAT(FaultOfHash(HashType::kMd5, "d41d8cd98f00b204e9800998ecf8427f"), IsEmpty());
  EXPECT_THAT(FaultOfHash(HashType::kPdq, std::string(63, '0') + "1"), IsEmpty());
}

TEST(FaultOf, ChecksLabelsAndMetadata) {
  Entry entry = Sound();
  entry.labels = {""};
  EXPECT_THAT(FaultOf(entry), HasSubstr("label"));
  entry.labels.assign(257, "x");
  EXPECT_THAT(FaultOf(entry), HasSubstr("257 labels"));
  entry = Sound();
  entry.metadata["k"] = "any\ntext";
  EXPECT_THAT(FaultOf(entry), IsEmpty());
  entry.metadata["k"] = "\xff";
  EXPECT_THAT(FaultOf(entry), HasSubstr("UTF-8"));
  entry.metadata["k"] = std::string(65'536, 'x');
  EXPECT_THAT(FaultOf(entry), HasSubstr("65537 bytes"));
}

TEST(FaultOf, NeverQuotesAValue) {
  const std::string fault = FaultOfHash(HashType::kSha256, "deadbeefdeadbeef");
  EXPECT_THAT(fault, Not(HasSubstr("dead")));
}

TEST(ListPolicy, DefaultsAreValid) { EXPECT_TRUE(ListPolicy{}.Validate().ok()); }

TEST(ListPolicy, NamesTheFieldAtFault) {
  const auto field_at_fault = [](const auto& edit) {
    ListPolicy policy;
    edit(policy);
    const Status status = policy.Validate();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return Field(status);
  };
  EXPECT_EQ(field_at_fault([](auto& p) { p.radius = 65; }), "policy.radius");
  EXPECT_EQ(field_at_fault([](auto& p) { p.review_radius = 30; }), "policy.review_radius");
  EXPECT_EQ(field_at_fault([](auto& p) { p.review_radius = 65; }), "policy.review_radius");
  EXPECT_EQ(field_at_fault([](auto& p) { p.quality_floor = 101; }), "policy.quality_floor");
  EXPECT_EQ(field_at_fault([](auto& p) { p.min_reference_coverage = 1.01; }),
            "policy.min_reference_coverage");
  EXPECT_EQ(field_at_fault([](auto& p) { p.min_query_coverage = std::numeric_limits<double>::quiet_NaN(); }),
            "policy.min_query_coverage");
  EXPECT_EQ(field_at_fault([](auto& p) { p.mode = ListMode{9}; }), "policy.mode");
  EXPECT_EQ(field_at_fault([](auto& p) { p.action_hint = std::string(257, 'x'); }), "policy.action_hint");
}

TEST(ListPolicy, TakesTheEndsOfItsRanges) {
  ListPolicy policy;
  policy.radius = 64;
  policy.review_radius = 64;
  policy.quality_floor = 100;
  policy.min_reference_coverage = 0;
  policy.min_query_coverage = 1;
  policy.action_hint = std::string(256, 'x');
  EXPECT_TRUE(policy.Validate().ok());
}

TEST(ValidateListName, TakesPlainNames) {
  for (const char* good : {"a", "NCMEC.v2_x-1", "0"}) EXPECT_TRUE(ValidateListName(good).ok()) << good;
  EXPECT_TRUE(ValidateListName(std::string(64, 'a')).ok());
  for (const char* bad : {"", "a b", "ä", "a/b", "a\n"}) EXPECT_FALSE(ValidateListName(bad).ok()) << bad;
  EXPECT_FALSE(ValidateListName(std::string(65, 'a')).ok());
}

TEST(Canonicalise, OrdersAndDropsWhatStandsTwice) {
  Entry entry = Sound();
  EntryHash worse = entry.hashes[0];
  worse.quality = 20;
  EntryHash frame{.type = HashType::kPdq, .value = std::vector<std::uint8_t>(32, 7), .time_ms = 1000};
  EntryHash later = frame;
  later.time_ms = 2000;
  EntryHash picture = frame;
  picture.time_ms.reset();
  entry.hashes = {later, worse, frame, entry.hashes[0], picture, frame};
  entry.labels = {"b", "a", "b"};
  Canonicalise(entry);
  ASSERT_EQ(entry.hashes.size(), 4u);
  EXPECT_EQ(entry.hashes[0], Sound().hashes[0]) << "the better quality stays";
  EXPECT_EQ(entry.hashes[1], picture);
  EXPECT_EQ(entry.hashes[2], frame);
  EXPECT_EQ(entry.hashes[3], later);
  EXPECT_THAT(entry.labels, testing::ElementsAre("a", "b"));
  Entry twice = entry;
  Canonicalise(twice);
  EXPECT_EQ(twice, entry);
}

}  // namespace
}  // namespace tamiz::lists
