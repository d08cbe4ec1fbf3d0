#include "core/hash/digests.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "core/base/hex.h"

namespace tamiz::hash {
namespace {

std::span<const std::uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Digests, OfPublishedMessages) {
  const Digests empty = DigestsOf({});
  EXPECT_EQ(ToHex(empty.md5), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(ToHex(empty.sha1), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(ToHex(empty.sha256), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

  const Digests abc = DigestsOf(Bytes("abc"));
  EXPECT_EQ(ToHex(abc.md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(ToHex(abc.sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(abc.sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(Bytes("abc")), abc.sha256);
}

TEST(Digests, OfAMillionTimesA) {
  const std::vector<std::uint8_t> message(1'000'000, 'a');
  const Digests digests = DigestsOf(message);
  EXPECT_EQ(ToHex(digests.md5), "7707d6ae4e027c70eea2a935c2296f21");
  EXPECT_EQ(ToHex(digests.sha1), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(ToHex(digests.sha256), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digests, DoNotDependOnThePieces) {
  std::vector<std::uint8_t> message(70'001);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * i >> 3);
  const Digests whole = DigestsOf(message);
  for (const std::size_t piece : {1U, 63U, 64U, 16'384U, 16'385U, 70'000U}) {
    DigestAccumulator accumulator;
    for (std::size_t at = 0; at < message.size(); at += piece) {
      accumulator.Update(std::span(message).subspan(at, std::min(piece, message.size() - at)));
    }
    accumulator.Update({});
    DigestAccumulator moved = std::move(accumulator);
    EXPECT_EQ(moved.Finish(), whole) << piece;
  }
}

}  // namespace
}  // namespace tamiz::hash
