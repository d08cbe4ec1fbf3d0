#include "core/base/hex.h"

#include <gtest/gtest.h>

namespace tamiz {
namespace {

TEST(Hex, RoundTripsInAnyCase) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x9f, 0xa0, 0xff};
  EXPECT_EQ(ToHex(bytes), "009fa0ff");
  EXPECT_EQ(FromHex("009FA0ff"), bytes);
  EXPECT_EQ(FromHex(""), std::vector<std::uint8_t>{});
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (const char* text : {"0", "0g", "0x00", " 00", "00 ", "é0"}) EXPECT_FALSE(FromHex(text)) << text;
}

}  // namespace
}  // namespace tamiz
