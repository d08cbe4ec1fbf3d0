#include "core/lists/hash_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hex.h"

namespace tamiz::lists {
namespace {

using testing::HasSubstr;
using testing::Not;

const HashKind kPhoto(HashType::kOpaque, "photodna");

std::vector<std::uint8_t> Decode(const HashKind& kind, HashEncoding encoding, std::string_view text) {
  std::vector<std::uint8_t> value;
  EXPECT_EQ(DecodeHash(kind, encoding, text, value), "");
  return value;
}

std::string Fault(const HashKind& kind, HashEncoding encoding, std::string_view text) {
  std::vector<std::uint8_t> value;
  return DecodeHash(kind, encoding, text, value);
}

TEST(HashText, KindsHaveManyNames) {
  EXPECT_EQ(ParseHashKind("MD5"), HashKind(HashType::kMd5));
  EXPECT_EQ(ParseHashKind(" SHA-1 "), HashKind(HashType::kSha1));
  EXPECT_EQ(ParseHashKind("sha_256"), HashKind(HashType::kSha256));
  EXPECT_EQ(ParseHashKind("Pdq"), HashKind(HashType::kPdq));
  EXPECT_EQ(ParseHashKind("PhotoDNA"), kPhoto);
  EXPECT_EQ(ParseHashKind("pdna"), kPhoto);
  EXPECT_EQ(ParseHashKind("Opaque: TMK"), HashKind(HashType::kOpaque, "TMK"));
  for (const char* none : {"", "opaque", "opaque:", "crc32"}) EXPECT_FALSE(ParseHashKind(none)) << none;
}

TEST(HashText, DecodesHexadecimalBase64AndDecimals) {
  const std::vector<std::uint8_t> bytes = *FromHex("00ff10a0b1c2d3e4f5061728394a5b6c");
  EXPECT_EQ(Decode(HashType::kMd5, HashEncoding::kHex, " 00FF10A0B1C2D3E4F5061728394A5B6C "), bytes);
  EXPECT_EQ(Decode(HashType::kMd5, HashEncoding::kBase64, "AP8QoLHC0+T1BhcoOUpbbA=="), bytes);
  EXPECT_EQ(Decode(HashType::kMd5, HashEncoding::kBase64, "AP8QoLHC0+T1BhcoOUpbbA"), bytes);
  const std::string decimals = "0,255,16,160,177,194,211,228,245,6,23,40,57,74,91,108";
  EXPECT_EQ(Decode(HashType::kMd5, HashEncoding::kDecimal, decimals), bytes);
  EXPECT_EQ(Decode(HashType::kMd5, HashEncoding::kDecimal,
                   "0; 255 16 ,160 177;194 211 228 245 6 23 40 57 74 91 108"),
            bytes);
  for (const char* text : {"00ff10a0b1c2d3e4f5061728394a5b6c", "AP8QoLHC0+T1BhcoOUpbbA==",
                           "0,255,16,160,177,194,211,228,245,6,23,40,57,74,91,108"}) {
    EXPECT_EQ(Decode(HashType::kMd5, HashEncoding::kAuto, text), bytes);
  }
}

TEST(HashText, SaysWhatIsWrongAndQuotesNothing) {
  EXPECT_THAT(Fault(HashType::kMd5, HashEncoding::kAuto, "00ff"), HasSubstr("32 hexadecimal digits"));
  EXPECT_THAT(Fault(HashType::kMd5, HashEncoding::kBase64, "AP8QoLHC0+T1BhcoOUpbb*=="),
              HasSubstr("not base64"));
  EXPECT_THAT(Fault(HashType::kMd5, HashEncoding::kBase64, "AP8Q"), HasSubstr("3 bytes; it must have 16"));
  for (const char* bad : {"256", "1,,2", "-1", "1.5", "0x10", "1,2,x", "0001"}) {
    EXPECT_THAT(Fault(kPhoto, HashEncoding::kDecimal, bad), HasSubstr("numbers from 0 to 255")) << bad;
  }
  EXPECT_THAT(Fault(HashType::kMd5, HashEncoding::kHex, "zzff10a0b1c2d3e4f5061728394a5b6c"),
              Not(HasSubstr("ff10")));
}

TEST(HashText, PhotoDnaHasOneLengthAndOtherOpaqueKindsAny) {
  EXPECT_EQ(Decode(kPhoto, HashEncoding::kAuto, std::string(288, 'a')).size(), kPhotoDnaBytes);
  EXPECT_EQ(Decode(kPhoto, HashEncoding::kAuto, std::string(192, 'A')).size(), kPhotoDnaBytes);
  EXPECT_NE(Fault(kPhoto, HashEncoding::kAuto, std::string(190, 'A')), "");
  const HashKind other(HashType::kOpaque, "tmk");
  EXPECT_EQ(Decode(other, HashEncoding::kAuto, "any text").size(), 8u);
  EXPECT_EQ(Decode(other, HashEncoding::kHex, "0102").size(), 2u);
  const std::vector<std::uint8_t> bytes{0x00, 0xff};
  EXPECT_EQ(Decode(other, HashEncoding::kAuto, "hex:00fF"), bytes) << "as exports write it";
  EXPECT_NE(Fault(other, HashEncoding::kAuto, "hex:00f"), "");
  EXPECT_EQ(Decode(kPhoto, HashEncoding::kAuto, "hex:" + std::string(288, 'a')).size(), kPhotoDnaBytes);
  EXPECT_NE(Fault(HashType::kMd5, HashEncoding::kAuto, "hex:00ff10a0b1c2d3e4f5061728394a5b6c"), "");
}

TEST(HashText, DerivedIdsAreStableAndHideTheHash) {
  EntryHash a;
  a.type = HashType::kMd5;
  a.value = *FromHex("00ff10a0b1c2d3e4f5061728394a5b6c");
  EntryHash b = a;
  EXPECT_EQ(DerivedId(a), DerivedId(b));
  EXPECT_THAT(DerivedId(a), Not(HasSubstr("ff10")));
  b.type = HashType::kPdq;
  EXPECT_NE(DerivedId(a), DerivedId(b));
  b = a;
  b.quality = 3;
  EXPECT_EQ(DerivedId(a), DerivedId(b));
}

TEST(HashText, JunkIsWhatIsListedOrFlat) {
  auto junk = JunkHashes::Parse({std::string(286, '1') + "02"});
  ASSERT_TRUE(junk.ok());
  EntryHash hash;
  hash.type = HashType::kOpaque;
  hash.opaque_type = "photodna";
  hash.value.assign(kPhotoDnaBytes, 0x11);
  EXPECT_TRUE(junk->Contains(hash)) << "flat";
  hash.value.back() = 0x02;
  EXPECT_TRUE(junk->Contains(hash)) << "listed";
  EXPECT_FALSE(JunkHashes().Contains(hash));
  hash.value.front() = 0x03;
  EXPECT_FALSE(junk->Contains(hash));
  EXPECT_EQ(Field(JunkHashes::Parse({"nonsense"}).status()), "options.photodna_denylist");
}

}  // namespace
}  // namespace tamiz::lists
