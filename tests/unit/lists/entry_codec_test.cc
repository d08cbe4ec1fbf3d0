#include "core/lists/entry_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/base/hex.h"
#include "core/lists/content_digest.h"

namespace tamiz::lists {
namespace {

std::span<const std::uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Entry Rich() {
  Entry entry;
  entry.id = "id";
  entry.hashes = {{.type = HashType::kMd5, .value = std::vector<std::uint8_t>(16, 1)},
                  {.type = HashType::kPdq,
                   .value = std::vector<std::uint8_t>(32, 2),
                   .quality = 7,
                   .time_ms = 0x0102030405},
                  {.type = HashType::kOpaque, .value = {9}, .opaque_type = "x"}};
  entry.labels = {"A1", "B"};
  entry.metadata = {{"k", "v"}, {"l", ""}};
  entry.expires_at = WallTime(std::chrono::nanoseconds(-5));
  entry.disabled = true;
  return entry;
}

TEST(EntryCodec, GivesBackWhatItTook) {
  for (const Entry& entry : {Rich(), Entry{.id = "bare"}}) {
    std::string body;
    EncodeBody(entry, body);
    const auto decoded = DecodeBody(entry.id, Bytes(body));
    ASSERT_TRUE(decoded.ok()) << Message(decoded.status());
    EXPECT_EQ(*decoded, entry);
    EXPECT_EQ(IsDisabledBody(Bytes(body)), entry.disabled);
  }
}

// The bytes are stored and digested: this test holds them fast. See docs/adr/0008-list-versions.md.
TEST(EntryCodec, FormatOneStaysAsItIs) {
  std::string body;
  EncodeBody(Rich(), body);
  EXPECT_EQ(ToHex(Bytes(body)),
            "01"
            "03"
            "fbffffffffffffff"
            "02000000"
            "02000000"
            "4131"
            "01000000"
            "42"
            "02000000"
            "01000000"
            "6b"
            "01000000"
            "76"
            "01000000"
            "6c"
            "00000000"
            "03000000"
            "01"
            "64"
            "00"
            "10000000"
            "01010101010101010101010101010101"
            "04"
            "07"
            "01"
            "0504030201000000"
            "20000000"
            "0202020202020202020202020202020202020202020202020202020202020202"
            "05"
            "64"
            "00"
            "01000000"
            "78"
            "01000000"
            "09");
}

TEST(EntryCodec, EveryTruncationIsAnError) {
  std::string body;
  EncodeBody(Rich(), body);
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(DecodeBody("id", Bytes(body).first(size)).status().code(), StatusCode::kDataLoss) << size;
  }
  EXPECT_FALSE(DecodeBody("id", Bytes(body + '\0')).ok());
}

TEST(EntryCodec, DamageNeverCrashes) {
  std::string body;
  EncodeBody(Rich(), body);
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto decoded = DecodeBody("id", Bytes(damaged));
      if (decoded.ok()) {
        EXPECT_NE(*decoded, Rich()) << at;
      }
    }
  }
  // A count that promises more than there is room for must not reserve it.
  EXPECT_FALSE(DecodeBody("id", Bytes(std::string("\x01\x00\xff\xff\xff\xff", 6))).ok());
}

std::string DigestOf(const std::vector<Entry>& entries) {
  ContentDigest digest;
  for (const Entry& entry : entries) digest.Add(entry);
  return digest.Finish();
}

TEST(ContentDigest, OfNothingIsThatOfTheHeader) {
  // (printf 'tamiz list 2\n'; head -c 2056 /dev/zero) | sha256sum
  EXPECT_EQ(DigestOf({}), "53d7c9c119605d28324a5703953bb62e0db876a3d25875efa44e7925129ee57e");
  // printf 'tamiz list 1\n' | sha256sum
  EXPECT_EQ(BodyDigest().Finish(), "1894f9a78bfcf72c3958940475e2b0398b4145dc5133058d61e01c90f33e02c1");
}

// Made from the description of the format, with the openssl program and 20 lines of Python.
TEST(ContentDigest, IsTheOneDescribed) {
  Entry entry;
  entry.labels = {"A1"};
  entry.hashes = {{.type = HashType::kSha256, .value = std::vector<std::uint8_t>(32, 5)}};
  Entry other = entry;
  entry.id = "a";
  other.id = "b";
  EXPECT_EQ(DigestOf({other, entry}), "8e9e6f0cea51804c3d03b50805a2c9a7184b502d8ed142ec5f82ef1d6a3dcc20");
}

TEST(ContentDigest, GoesOnFromItsStateAndTakesAway) {
  Entry a = Rich(), b = Rich();
  a.id = "a", b.id = "b";
  Canonicalise(a);
  Canonicalise(b);
  ContentDigest first;
  first.AddCanonical(a);
  const std::string state = first.State();
  EXPECT_EQ(state.size(), ContentDigest::kStateBytes);
  auto later = ContentDigest::FromState(Bytes(state));
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(later->Finish(), first.Finish());
  later->AddCanonical(b);
  EXPECT_EQ(later->Finish(), DigestOf({b, a}));
  ContentDigest sum;
  sum.AddCanonical(b);
  sum.AddAll(first);
  EXPECT_EQ(sum.Finish(), later->Finish());
  later->RemoveCanonical(a);
  EXPECT_EQ(later->Finish(), DigestOf({b}));
  EXPECT_FALSE(ContentDigest::FromState(Bytes(state.substr(1))).ok());
}

TEST(ContentDigest, OrderWithinAnEntryDoesNotCount) {
  Entry a = Rich(), b = Rich();
  std::swap(b.hashes[0], b.hashes[2]);
  std::swap(b.labels[0], b.labels[1]);
  b.labels.push_back("B");
  EXPECT_EQ(DigestOf({a}), DigestOf({b}));
}

TEST(ContentDigest, EverythingElseCounts) {
  std::vector<Entry> variants(13, Rich());
  variants[1].id = "ie";
  variants[2].hashes[0].value[3] ^= 1;
  variants[3].hashes[1].quality = 8;
  variants[4].hashes[1].time_ms.reset();
  variants[5].hashes[1].time_ms = 0;
  variants[6].hashes[2].opaque_type = "y";
  variants[7].labels = {"A", "1B"};
  variants[8].metadata = {{"kv", ""}, {"l", ""}};
  variants[9].expires_at.reset();
  variants[10].disabled = false;
  variants[11].hashes.pop_back();
  variants[12].labels = {"A1B"};
  std::set<std::string> digests;
  for (const Entry& entry : variants) digests.insert(DigestOf({entry}));
  EXPECT_EQ(digests.size(), variants.size());
}

TEST(ContentDigest, TextCannotMoveBetweenEntries) {
  Entry a, b, c, d;
  a.id = "a", b.id = "bc", c.id = "ab", d.id = "c";
  EXPECT_NE(DigestOf({a, b}), DigestOf({c, d}));
  EXPECT_NE(DigestOf({a}), DigestOf({a, b}));
}

TEST(ContentDigest, ManyEntriesThroughTheBuffer) {
  ContentDigest whole, canonical;
  Entry entry = Rich();
  for (int i = 0; i < 2000; ++i) {
    entry.id = std::to_string(100'000 + i);
    whole.Add(entry);
    canonical.AddCanonical(entry);
  }
  EXPECT_EQ(whole.Finish(), canonical.Finish());
}

}  // namespace
}  // namespace tamiz::lists
